"""Hands a running account over to a session with other symbols or other agents."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import structlog

from tutti.app.build import analysis_of
from tutti.app.feed import in_columns
from tutti.app.live_market import LiveMarket
from tutti.app.markets import open_market
from tutti.app.paper import plan_for
from tutti.app.symbols import last_closes
from tutti.model.errors import ConfigError, VenueError
from tutti.model.order import OrderStatus
from tutti.universe.symbols import compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.app.build import Plan
    from tutti.app.feed import Market
    from tutti.app.paper import PaperAccount
    from tutti.app.settings import Config
    from tutti.app.symbols import SymbolsFile
    from tutti.app.symbols_watch import SymbolsWatch
    from tutti.app.venues_live import LiveVenues
    from tutti.kernel.clock import Clock
    from tutti.ledger.fold import LedgerState
    from tutti.model.instrument import InstrumentId
    from tutti.universe.symbols import SymbolList

_log = structlog.stdlib.get_logger(__name__)

_LOOK_S = 0.5
_AGAIN_S = 5.0


class Holder(Protocol):
    """Service whose account is handed over.

    Attributes
    ----------
    account : PaperAccount
    config : Config
        In force.
    state : LedgerState
        What the ledger adds up to, not later than now.
    at_rest : asyncio.Lock
        Held by whoever works with the account, between two ticks.
    live : LiveMarket or None
        The market that is followed; None where it isn't live.
    symbols_refused, agents_refused : str
        What is wrong with the list, to be shown.
    """

    account: PaperAccount
    config: Config
    live: LiveMarket | None
    state: LedgerState
    at_rest: asyncio.Lock
    symbols_refused: str
    agents_refused: str

    @property
    def equity(self) -> float:
        """Quote currency."""
        ...

    @property
    def is_ending(self) -> bool:
        """True once everything is being closed, or the service was asked to stop."""
        ...

    @property
    def is_open(self) -> bool:
        """False from the end of a session to the beginning of the next."""
        ...

    def take_over(self, config: Config, market: Market, why: str) -> None:
        """End the session, and begin one with another configuration on another market."""
        ...


class HandOver:
    """Follows the file of symbols; what it lists is in force once the service was handed over.

    Parameters
    ----------
    holder : Holder
    watch : SymbolsWatch
    feed : str
        Of the service.
    venues : LiveVenues or None
        Where real money is traded.
    agree : callable
        Told the configuration that is to come; raises ConfigError where it would cost too much.
    """

    def __init__(
        self,
        holder: Holder,
        watch: SymbolsWatch,
        *,
        feed: str,
        venues: LiveVenues | None,
        clock: Clock,
        agree: Callable[[Config], None],
    ) -> None:
        self._holder = holder
        self._watch = watch
        self._feed = feed
        self._venues = venues
        self._clock = clock
        self._agree = agree

    async def follow(self) -> None:
        """Hand over whenever the list changes, or what left it is flat; runs until cancelled."""
        watch, holder = self._watch, self._holder
        while True:
            await asyncio.sleep(_LOOK_S)
            if holder.is_ending:
                continue
            watch.look()
            file, why = self._due()
            holder.symbols_refused = watch.refused
            if not why or self._is_sending(file.listed):
                continue
            try:
                await self._change(file, why)
            except (ConfigError, VenueError) as error:
                if not holder.is_open:  # too late to go on as before
                    raise
                watch.refuse(error)
                if isinstance(error, VenueError):  # it is asked again, but not at once
                    await asyncio.sleep(_AGAIN_S)
            else:
                watch.accept(file)
            holder.symbols_refused = watch.refused

    def _due(self) -> tuple[SymbolsFile, str]:
        """Return the list to hand over to, and why; an empty word where there is no reason."""
        watch = self._watch
        if watch.wanted is not None:
            return watch.wanted, f"symbols: {compare(watch.file.listed, watch.wanted.listed)}"
        gone = self._gone(watch.file.listed)
        return watch.file, f"symbols: {', '.join(map(str, gone))} flat, and gone" if gone else ""

    def _gone(self, listed: SymbolList) -> tuple[InstrumentId, ...]:
        """Return what is traded, not on the list any more, and flat."""
        traded = [each.id for each in self._holder.account.plan.instruments]
        left = listed.leaving(traded)
        busy = busy_in_session(self._holder.account) if left else ()
        return tuple(each for each in left if each not in busy)

    def _is_sending(self, listed: SymbolList) -> bool:
        """Tell whether an order is at several venues whose route is to change, or on its way."""
        kept = {each.ids for each in listed.symbols}
        routes = [each.ids for each in self._watch.file.listed.symbols if each.ids not in kept]
        touched = {each for ids in routes if len(ids) > 1 for each in ids}
        if self._venues is not None and is_sending(self._holder.account):
            return True
        orders = self._holder.account.session.account.orders.open()
        return any(each.instrument in touched for each in orders)

    async def _change(self, file: SymbolsFile, why: str) -> None:
        live, joined, venues = self._holder.live, None, self._venues
        try:
            if live is not None:
                wanted = (*file.listed.ids, *file.listed.leaving(live.past.instruments))
                config = self._watch.configured(file, wanted)
                if venues is not None:
                    venues.refuse_other_venues(file.listed)
                joined = await live.joined_by(config, wanted)
                if venues is not None:
                    new = plan_for(config, joined).instruments
                    await venues.follow([i for i in new if i.id not in live.past.instruments])
            async with self._holder.at_rest:
                if not self._holder.is_ending:
                    self._hand_over(file, why, joined)
        finally:
            if joined is not None and self._holder.live is not None:
                traded = set(self._holder.live.past.instruments)
                if venues is not None:
                    venues.leave([each for each in joined.past.instruments if each not in traded])
                await joined.leave_all_but(traded)

    def _hand_over(self, file: SymbolsFile, why: str, joined: LiveMarket | None) -> None:
        # from here to the end nothing else runs; until the old session is stopped, a refusal
        # leaves everything as it was
        busy, live = busy_in_session(self._holder.account), self._holder.live
        config = self._watch.configured(file, busy)
        self._refuse_costlier(file)
        market: Market
        if live is not None and joined is not None:
            ids = [*file.listed.ids, *file.listed.leaving(busy)]
            joined = live.up_to_now(joined)
            market = joined = replace(joined, past=in_columns(joined.past, ids))
        else:
            market = open_market(config, self._feed, [], self._holder.state, self._clock.now())
        plan = plan_for(config, market)
        refuse_small_caps(file, plan, market, self._holder.equity)
        go_on_with(self._holder, config, market, why)
        _log.info("symbols changed", what=why, action="symbols")

    def _refuse_costlier(self, file: SymbolsFile) -> None:
        # agents are asked about each symbol; those that are to go are not there for long
        try:
            self._agree(self._watch.configured(file, ()))
        except ConfigError as error:
            known = {each.symbol for each in self._watch.file.listed.symbols}
            new = (k for k, each in enumerate(file.listed.symbols) if each.symbol not in known)
            k = next(new, 0)
            place = file.document.where(("symbols", k))
            raise ConfigError(f"{place}: symbols[{k}]: too much for {error}") from error


class NewPanel:
    """Hands over to a session with other agents, on the market as it is.

    Parameters
    ----------
    holder : Holder
    symbols : SymbolsWatch or None
        What is traded, where that may change, too.
    feed : str
        Of the service.
    bars : list of str
        Files that it replays.
    agree : callable
        Told the configuration that is to come; raises ConfigError where it would cost too much.
    """

    def __init__(
        self,
        holder: Holder,
        symbols: SymbolsWatch | None,
        *,
        feed: str,
        bars: list[str],
        clock: Clock,
        agree: Callable[[Config], None],
    ) -> None:
        self._holder = holder
        self._symbols = symbols
        self._feed = feed
        self._bars = bars
        self._clock = clock
        self._agree = agree

    def __call__(self, config: Config, why: str) -> None:
        """End the session and begin one with ``config``, but for its symbols.

        Raises
        ------
        ConfigError
            If the configuration can't be used; everything is as it was then.
        """
        holder, symbols = self._holder, self._symbols
        before = config if symbols is None else symbols.base
        try:
            if symbols is not None:
                symbols.file.refuse_missing_agents([each.name for each in config.agents])
                symbols.base = config
                config = symbols.configured(symbols.file, busy_in_session(holder.account))
            self._agree(config)
            market: Market
            if holder.live is not None:
                market = holder.live.up_to_now(holder.live)
            else:
                market = open_market(
                    config, self._feed, self._bars, holder.state, self._clock.now()
                )
            go_on_with(holder, config, market, why)
        except ConfigError:
            if symbols is not None and holder.is_open:
                symbols.base = before
            raise


def go_on_with(holder: Holder, config: Config, market: Market, why: str) -> None:
    """Begin a session with ``config`` on ``market`` in place of the one that runs.

    Raises
    ------
    ConfigError
        If the configuration can't be used; nothing has changed then.
    """
    analysis_of(config, plan_for(config, market).instruments)
    live = holder.live
    holder.take_over(config, market, why)
    if live is not None and isinstance(market, LiveMarket):
        live.turn_to(market)
        holder.live = market


def is_sending(account: PaperAccount) -> bool:
    """Tell whether an order is on its way to a venue, which has not said yet that it has it."""
    return any(each.status is OrderStatus.SENT for each in account.session.account.orders.open())


def busy_in_session(account: PaperAccount) -> set[InstrumentId]:
    """Return what an account holds more than dust of, or has an order of at work."""
    session, instruments = account.session, account.plan.instruments
    held = {each.instrument for each in session.account.portfolio.positions()}
    held -= {instruments[i].id for i in session.commands.dust()}
    return held | {each.instrument for each in session.account.orders.open()}


def refuse_small_caps(
    file: SymbolsFile, plan: Plan, market: Market, equity: float | None = None
) -> None:
    """Check that what each symbol may hold is enough for its smallest order.

    Parameters
    ----------
    equity : float or None
        Quote currency; None for the plan's balances.

    Raises
    ------
    ConfigError
        With file, line, key, and what to write instead.
    """
    cash = float(sum(plan.balances.values())) if equity is None else equity
    file.refuse_small_caps(plan, last_closes(market.sample().close), cash)
