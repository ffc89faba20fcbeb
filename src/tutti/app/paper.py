"""A paper account on a ledger: opened or taken up again, fed a tick at a time, stopped or killed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.app.backtest import terms_overrides
from tutti.app.build import plan_of
from tutti.app.seats import Seats
from tutti.app.session import Session, TradingVenue
from tutti.app.symbols import closing
from tutti.engine.run import Reconciling
from tutti.kernel.clock import SECOND
from tutti.ledger.fold import LedgerState, fold
from tutti.model.errors import ConfigError
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.adapters.stores.sqlite_ledger import SqliteLedger
    from tutti.app.build import Plan
    from tutti.app.feed import Market
    from tutti.app.settings import Config
    from tutti.engine.decide import Trace
    from tutti.engine.run import EngineListener
    from tutti.ledger.store import Head
    from tutti.model.market import MarketBlock

PAPER, LIVE = "paper", "live"
"""What the id of a run begins with."""

_SEGMENT_TICKS = 64
"""Ticks of opinions that a kill may cost: they can be worked out again, but why have to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a session on the account begins.

    Parameters
    ----------
    run_id : str
        Of the ledger; a new account takes this one, an old one keeps its own.
    versions : dict of str to str or None
        What the first row says of the software; None for what runs.
    venues : mapping of str to TradingVenue or None
        Where it trades; None for simulated venues.
    balances : dict of str to Decimal or None
        Cash at each venue at the start; None for what the configuration says.
    settles : bool
        Hold the account against its venues first. Where a session follows another at venues that
        stay open there is nothing to find but what is on its way.
    state : LedgerState or None
        What the ledger adds up to, where that is known; it isn't changed.
    seats : Seats or None
        The agents of the configuration, where they were made already.
    """

    run_id: str
    versions: dict[str, str] | None = None
    venues: Mapping[str, TradingVenue] | None = None
    balances: dict[str, Decimal] | None = None
    settles: bool = True
    state: LedgerState | None = None
    seats: Seats | None = None


class PaperAccount:
    """Trades a market on paper, with everything on a ledger.

    Features and signals are worked out anew from the market's history when an account is taken up
    again, so a restart decides as an uninterrupted run would have.

    Parameters
    ----------
    config : Config
    market : Market
    store : SqliteLedger
        New, or left by an earlier session.
    opening : Opening
    listener : EngineListener, optional

    Raises
    ------
    ConfigError
        If the ledger is of another kind of run, or holds what the configuration doesn't trade.
    """

    def __init__(
        self,
        config: Config,
        market: Market,
        store: SqliteLedger,
        opening: Opening,
        listener: EngineListener | None = None,
    ) -> None:
        if config.worth.follows and not config.agents_file:
            raise ConfigError(
                "worth.follows: in a running account weights follow in its file of agents; name "
                "one with agents_file, or set worth.follows to false"
            )
        state = fold(store) if opening.state is None else opening.state.copy()
        is_new = state.started is None
        _refuse_other_money(state.run_id, opening.run_id)
        self.is_resumed = not is_new
        # a live market's past reaches to now: what went by meanwhile is not decided on
        seen = max(market.start + config.feed.warm_up_bars * market.step, state.last_ts)
        history = market.history(seen)
        self.ticks = market.ticks()
        first = next(self.ticks, None) if history is None else None
        if first is None and history is None:
            raise ConfigError("the market has no bars to trade on")
        self.plan = plan_for(config, market)
        if opening.balances is not None:
            self.plan = replace(self.plan, balances=opening.balances)
        if state.started is not None and not config.feed.symbols:
            _check(state, self.plan)
        self.as_of = seen if history is not None else market.start
        self.session = Session(
            config,
            self.plan,
            store,
            run_id=state.run_id or opening.run_id,
            start=self.as_of,
            data=market.files,
            listener=listener,
            versions=opening.versions,
            venues=opening.venues,
            state=None if is_new else state,
            seats=opening.seats,
        )
        if history is not None:
            self.session.remember(history)
        if opening.settles:
            self.session.settle(self.as_of)
        if closing(config):
            self.session.commands.go_on(self.as_of)
        if first is not None:
            self.ticks = _put_back(first, self.ticks)

    def process(self, tick: MarketBlock) -> Trace:
        """Work through one tick, and go on closing where everything has to go."""
        trace = self.session.process(tick)
        self.as_of = int(tick.known_at[-1])
        self.session.commands.go_on(self.as_of)
        return trace

    def abandon(self) -> None:
        """Leave off where a kill would: what waits is written, but nothing says why it ended."""
        self.session.abandon()

    def stop(self, reason: str) -> Head:
        """Write down why it ended; return the last row's number and hash."""
        return self.session.stop(self.as_of, reason)


def _refuse_other_money(before: str, now: str) -> None:
    if {before.partition("-")[0], now.partition("-")[0]} == {PAPER, LIVE}:
        raise ConfigError(
            f"the ledger in this folder is that of {before}; an account on paper and one with real "
            "money don't go on from each other: choose another --out"
        )


def plan_for(config: Config, market: Market) -> Plan:
    """Return what the configuration makes of an account on a market.

    Raises
    ------
    ConfigError
        If something in the configuration doesn't fit the instruments.
    """
    block = market.sample()
    given = terms_overrides(config, block.instruments)
    # what the venue tells, and over that what the configuration says
    terms = {name: {**market.terms.get(name, {}), **own} for name, own in given.items()}
    universe = Universe.of_block(block, terms)
    plan = plan_of(config, universe.instruments, block.step)
    setup = replace(
        plan.setup,
        segment_ticks=min(plan.setup.segment_ticks, _SEGMENT_TICKS),
        keeps_account=True,
        reconciling=_reconciling(config),
    )
    return replace(plan, setup=setup)


def _reconciling(config: Config) -> Reconciling:
    settings = config.reconcile
    return Reconciling(
        every_ns=round(settings.every_s * SECOND),
        patience_ns=round(settings.patience_s * SECOND),
        adopts=settings.unknown == "adopt",
        currency=config.quote_currency,
        balance_tolerance=Decimal(repr(settings.balance_tolerance)),
    )


def _check(state: LedgerState, plan: Plan) -> None:
    started = state.started
    if started is None:
        return
    traded = tuple(str(each.id) for each in plan.instruments)
    if set(started.instruments) - set(traded):
        missing = ", ".join(sorted(set(started.instruments) - set(traded)))
        raise ConfigError(
            f"this account trades {missing}, which the feed doesn't have; use the feed it was "
            "opened with, or another --out"
        )


def _put_back(first: MarketBlock, rest: Iterator[MarketBlock]) -> Iterator[MarketBlock]:
    yield first
    yield from rest
