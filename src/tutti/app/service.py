"""Runs a paper account as a service: paced by the clock, shown live, ended gracefully."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import structlog
from prometheus_client import CollectorRegistry

from tutti.adapters.feeds.replay import paced
from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.agents.board import OpinionBoard
from tutti.app.access import api_token
from tutti.app.backtest import read_source
from tutti.app.build import analysis_of
from tutti.app.config import config_hash, resolved
from tutti.app.desk import Desk
from tutti.app.feed import in_columns, made_up, recorded
from tutti.app.kill_switch import KillSwitch, refuse_killed
from tutti.app.late import LateAgents
from tutti.app.live_market import live_market
from tutti.app.metrics import Metrics
from tutti.app.paper import LIVE, PAPER, Opening, PaperAccount, plan_for
from tutti.app.plugins import API_SERVER, resolve
from tutti.app.reading import Reading
from tutti.app.state import ServiceSummary, SymbolRow, SymbolsState
from tutti.app.symbols import last_closes
from tutti.app.symbols_watch import SymbolsWatch, busy_in, busy_on, watched
from tutti.app.venues_live import LiveVenues
from tutti.app.wires import Wires
from tutti.kernel.clock import SECOND, LiveClock, iso
from tutti.kernel.collector import unhurried_collector
from tutti.kernel.supervisor import OnFailure, Policy, Supervisor
from tutti.ledger.fold import fold
from tutti.ledger.kinds import Command
from tutti.model.errors import ConfigError, TuttiError, VenueError
from tutti.model.order import OrderStatus
from tutti.sandbox.result import write_atomically
from tutti.universe.symbols import compare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from typing import IO

    from tutti.app.build import Plan
    from tutti.app.feed import Market
    from tutti.app.live_market import LiveMarket
    from tutti.app.settings import Config
    from tutti.app.state import LiveView
    from tutti.app.symbols import SymbolsFile
    from tutti.app.venues_live import Keys
    from tutti.kernel.clock import Clock
    from tutti.ledger.store import Head
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import MarketBlock
    from tutti.model.order import Order
    from tutti.universe.symbols import SymbolList

_log = structlog.stdlib.get_logger(__name__)

CONFIGURATIONS = "configurations"
"""Folder beside the ledger: each configuration that a session ran with, by its hash."""

_VIEW_S = 0.25
_ATTEND_S = 0.1
_LOOK_S = 0.5
_AGAIN_S = 5.0
_CHECKPOINT_TICKS = 500
_KILL_TICKS = 3


async def run_service(  # noqa: PLR0913 - one parameter for each choice of the caller
    config: Config,
    *,
    feed: str,
    bars: list[str],
    speed: float,
    seconds: float | None,
    out: Path,
    view: LiveView | None,
    clock: Clock | None = None,
    keys: Keys | None = None,
) -> ServiceSummary:
    """Trade until the time is over, the data ends, or somebody asks to stop.

    Parameters
    ----------
    feed : str
        ``sim``, ``replay`` or ``live``.
    bars : list of str
        Files or globs to replay.
    speed : float
        Market seconds in one second of the clock; a live market has its own pace.
    seconds : float or None
        Length of the session; None for no end.
    out : Path
        Folder of the account; one that holds a ledger is taken up again.
    view : LiveView or None
        Shown the state four times a second.
    keys : mapping of str to (mapping of str to SecretStr), optional
        Of each venue of the live feed: real money is traded there. None trades on paper.

    Raises
    ------
    ConfigError, DataError
        If the configuration, the files or the folder can't be used.
    VenueError
        If a venue can't be reached.
    LedgerError
        If the ledger can't be written; nothing is sent after that.
    """
    clock = clock or LiveClock()
    metrics = Metrics(CollectorRegistry())
    base, symbols = config, watched(config)
    if symbols is not None:
        config = symbols.configured(symbols.file, busy_on(out))
    async with AsyncExitStack() as closing:
        market = venues = None
        if feed == "live":
            opening = live_market(config, clock, metrics)
            try:
                market = await closing.enter_async_context(opening)
            except ConfigError as error:
                raise error if symbols is None else symbols.file.about(error) from error
        if keys is not None and market is not None:
            venues = LiveVenues(config, keys, clock=clock, meter=metrics, market=market)
            closing.push_async_callback(venues.close)
            await venues.open(plan_for(config, market).instruments, left_open(out))
        service = PaperService(
            base, feed=feed, bars=bars, speed=speed, seconds=seconds, out=out, view=view,
            clock=clock, metrics=metrics, market=market, venues=venues, symbols=symbols,
        )  # fmt: skip
        return await service.run()


class PaperService(Reading):
    """Running paper account; see `run_service`."""

    def __init__(  # noqa: PLR0913 - the same
        self,
        config: Config,
        *,
        feed: str,
        bars: list[str],
        speed: float,
        seconds: float | None,
        out: Path,
        view: LiveView | None,
        clock: Clock,
        metrics: Metrics | None = None,
        market: LiveMarket | None = None,
        venues: LiveVenues | None = None,
        symbols: SymbolsWatch | None = None,
    ) -> None:
        if not speed > 0.0:
            raise ConfigError(f"speed must be positive, was {speed!r}; 1 is the market's own")
        self._clock = clock
        self._view = view
        self._speed = speed
        self._seconds = seconds
        self._out = out
        self._stopped_by = ""
        self._stop = asyncio.Event()
        self._live = market
        self._venues = venues
        metrics = metrics or Metrics(CollectorRegistry())
        desk = Desk(metrics, [agent for agent in config.agents if agent.enabled])
        self._wires = wires = Wires()
        desk.listen(wires)
        self._symbols = symbols or watched(config)
        self._at_rest = asyncio.Lock()
        self._is_open = True
        with ExitStack() as undo:
            self._store = undo.enter_context(SqliteLedger(out, Durability.EACH_COMMIT))
            before = fold(self._store)
            refuse_killed(before, out)
            killed = before.killed
            if self._symbols is not None:
                config = self._symbols.configured(self._symbols.file, busy_in(before))
            keep_configuration(config, out)
            opened: Market = market or open_market(config, feed, bars, self._store, clock.now())
            kind = PAPER if venues is None else LIVE
            opening = Opening(
                run_id=f"{kind}-{iso(clock.now())[:19].replace(':', '')}",
                venues=None if venues is None else venues.venues,
                balances=None if venues is None else venues.balances(),
            )
            account = PaperAccount(config, opened, self._store, opening, wires)
            if self._symbols is not None:
                _refuse_small_caps(self._symbols.file, account.plan, opened)
            undo.pop_all()
        session = account.session
        self._kill = KillSwitch(
            commands=session.commands,
            folder=out,
            clock=clock,
            now=self._market_time,
            deadline_s=self._deadline_s(config, opened.step, speed),
        )
        if killed is not None:
            self._kill.take_up(killed)
        self._late = late_agents(account, metrics)
        super().__init__(config, account, desk, metrics, feed=feed, speed=speed, clock=clock)

    def shutdown(self, reason: str) -> None:
        """Ask for a graceful stop; return at once."""
        self._stopped_by = self._stopped_by or reason
        self._stop.set()

    def kill(self, by: str, reason: str) -> None:
        """Cancel every order, close every position and stop; return at once."""
        self._kill.pull(by, reason)

    def command(self, name: str, by: str, reason: str) -> None:
        """Pause, resume or flatten.

        Raises
        ------
        ConfigError
            If there is no such command, or the account is being killed.
        """
        if self.account.session.commands.is_killed:
            raise ConfigError("everything is being closed and stopped; resume after the next start")
        self.account.session.commands.apply(
            Command(name=name, by=by, detail=reason), self._market_time()
        )

    def symbols(self) -> SymbolsState:
        """Return what is traded, and how the file of it stands."""
        traded = [each.id for each in self.account.plan.instruments]
        if self._symbols is not None:
            return self._symbols.state(traded)
        rows = [SymbolRow(symbol=i.symbol, exchanges=(i.venue,), strategy="") for i in traded]
        return SymbolsState(symbols=tuple(rows), traded=tuple(map(str, traded)))

    async def run(self) -> ServiceSummary:
        """Serve until something ends it; everything is on disk when it returns."""
        began = self._clock.now()
        with unhurried_collector():
            try:
                await self._supervisor().run()
            # not except*: some Pythons wrap what is raised in there in a group once more
            except ExceptionGroup as group:
                _, foreign = group.split(TuttiError)
                if foreign is not None:
                    self._stopped_by = f"failed: {type(foreign.exceptions[0]).__name__}"
                    raise
                self._stopped_by = f"failed: {_first(group)}"
                raise _first(group) from group
            finally:
                if self._is_open:
                    self.account.stop(self._stopped_by or "cancelled")
        return self._summary(self.account.session.head, (self._clock.now() - began) / SECOND)

    def _supervisor(self) -> Supervisor:
        supervisor = Supervisor(self._clock, np.random.default_rng(self.config.seed))
        supervisor.add("market", self._trade, Policy(on_failure=OnFailure.END_ALL))
        if self._venues is not None:
            supervisor.add("venues", self._attend, Policy(on_failure=OnFailure.END_ALL))
        self._serve(supervisor)
        if self._view is not None:
            supervisor.add("view", self._show, Policy(on_failure=OnFailure.IGNORE))
        if self._seconds is not None:
            supervisor.add("time", self._run_out, Policy(on_failure=OnFailure.END_ALL))

        async def end() -> None:
            await self._stop.wait()
            supervisor.stop()

        supervisor.add("end", end, Policy(on_failure=OnFailure.END_ALL))
        supervisor.add("kill", self._end_killed, Policy(on_failure=OnFailure.END_ALL))
        if self._symbols is not None:
            supervisor.add("symbols", self._follow_symbols, Policy(on_failure=OnFailure.END_ALL))
        supervisor.add("halt file", self._kill.watch, Policy(on_failure=OnFailure.RESTART))
        self._hear_signals()
        return supervisor

    async def _trade(self) -> None:
        while await self._trade_on(self.account):
            pass  # another session has taken the account up: its ticks are others

    async def _trade_on(self, account: PaperAccount) -> bool:
        async for heard in self._ticks():
            async with self._at_rest:
                tick = heard
                if self._live is not None:
                    tick = in_columns(heard, self._live.past.instruments)
                elif self.account is not account:
                    return True
                if not self._is_open:
                    return False
                if self._late is not None:
                    await self._late.ask(int(tick.known_at[-1]))
                self._take(tick)
                if self.ticks % _CHECKPOINT_TICKS == 0:
                    await asyncio.to_thread(self._store.checkpoint)
            if self._stop.is_set():
                return False
        self.shutdown("end of data")
        return False

    async def _follow_symbols(self) -> None:
        while self._symbols is not None:
            await asyncio.sleep(_LOOK_S)
            if self._kill.is_pulled or self._stop.is_set():
                continue
            watch = self._symbols
            watch.look()
            file, why = watch.file, ""
            if watch.wanted is not None:
                change = compare(file.listed, watch.wanted.listed)
                file, why = watch.wanted, f"symbols: {change}"
            elif gone := self._gone(file.listed):
                why = f"symbols: {', '.join(map(str, gone))} flat, and gone"
            self.symbols_refused = watch.refused
            if not why or self._is_sending(file.listed):
                continue
            try:
                await self._change(file, why)
            except (ConfigError, VenueError) as error:
                if not self._is_open:  # too late to go on as before
                    raise
                watch.refuse(error)
                if isinstance(error, VenueError):  # it is asked again, but not at once
                    await asyncio.sleep(_AGAIN_S)
            else:
                watch.accept(file)
            self.symbols_refused = watch.refused

    def _busy(self) -> set[InstrumentId]:
        session, instruments = self.account.session, self.account.plan.instruments
        held = {each.instrument for each in session.account.portfolio.positions()}
        held -= {instruments[i].id for i in session.commands.dust()}
        return held | {each.instrument for each in session.account.orders.open()}

    def _gone(self, listed: SymbolList) -> tuple[InstrumentId, ...]:
        """Return what is traded, not on the list any more, and flat."""
        traded = [each.id for each in self.account.plan.instruments]
        left = listed.leaving(traded)
        busy = self._busy() if left else ()
        return tuple(each for each in left if each not in busy)

    async def _change(self, file: SymbolsFile, why: str) -> None:
        live, joined, venues = self._live, None, self._venues
        assert self._symbols is not None
        try:
            if live is not None:
                wanted = (*file.listed.ids, *file.listed.leaving(live.past.instruments))
                config = self._symbols.configured(file, wanted)
                if venues is not None:
                    venues.refuse_other_venues(file.listed)
                joined = await live.joined_by(config, wanted)
                if venues is not None:
                    new = plan_for(config, joined).instruments
                    await venues.follow([i for i in new if i.id not in live.past.instruments])
            async with self._at_rest:
                if not self._kill.is_pulled:
                    self._hand_over(file, why, joined)
        finally:
            if joined is not None and self._live is not None:
                traded = set(self._live.past.instruments)
                if venues is not None:
                    venues.leave([each for each in joined.past.instruments if each not in traded])
                await joined.leave_all_but(traded)

    def _hand_over(self, file: SymbolsFile, why: str, joined: LiveMarket | None) -> None:
        # from here to the end nothing else runs; until the old session is stopped, a refusal
        # leaves everything as it was
        assert self._symbols is not None
        busy = self._busy()
        config = self._symbols.configured(file, busy)
        market: Market
        if self._live is not None and joined is not None:
            ids = [*file.listed.ids, *file.listed.leaving(busy)]
            joined = self._live.up_to_now(joined)
            market = joined = replace(joined, past=in_columns(joined.past, ids))
        else:
            market = open_market(config, self.feed, [], self._store, self._clock.now())
        plan = plan_for(config, market)
        analysis_of(config, plan.instruments)
        _refuse_small_caps(file, plan, market, self._equity())
        old = self.account
        self._is_open = False
        old.stop(why)
        keep_configuration(config, self._out)
        self._store = SqliteLedger(self._out, Durability.EACH_COMMIT)
        opening = Opening(run_id=old.session.run_id)
        if self._venues is not None:
            kept = {each.id for each in plan.instruments}
            self._venues.leave([i.id for i in old.plan.instruments if i.id not in kept])
            opening = replace(
                opening,
                venues=self._venues.venues,
                balances=self._venues.balances(),
                settles=False,
            )
        account = PaperAccount(config, market, self._store, opening, self._wires)
        self._is_open = True
        self._late = late_agents(account, self.metrics)
        self._kill.over_to(account.session.commands)
        self.over_to(config, account)
        if self._live is not None and joined is not None:
            self._live.turn_to(joined)
            self._live = joined
        _log.info("symbols changed", what=why, action="symbols")

    def _is_sending(self, listed: SymbolList) -> bool:
        """Tell whether an order is at several venues whose route is to change, or on its way."""
        assert self._symbols is not None
        kept = {each.ids for each in listed.symbols}
        routes = [each.ids for each in self._symbols.file.listed.symbols if each.ids not in kept]
        touched = {each for ids in routes if len(ids) > 1 for each in ids}
        orders = self.account.session.account.orders.open()
        if self._venues is not None and any(each.status is OrderStatus.SENT for each in orders):
            return True
        return any(each.instrument in touched for each in orders)

    async def _end_killed(self) -> None:
        left = await self._kill.run()
        outcome = f", {len(left)} not closed" if left else ", all closed"
        self.shutdown(f"kill by {self._kill.by}{outcome}")

    def _market_time(self) -> int:
        # between the ticks of a made-up or recorded market no time goes by
        return self.account.as_of if self._live is None else self._clock.now()

    @staticmethod
    def _deadline_s(config: Config, step: int, speed: float) -> float:
        # what trades on bars is closed at the next one
        return max(config.kill.deadline_s, _KILL_TICKS * step / SECOND / speed)

    def _ticks(self) -> AsyncIterator[MarketBlock]:
        if self._live is not None:
            return self._live.stream()
        return paced(self.account.ticks, self._clock, self._speed)

    async def _attend(self) -> None:
        # between ticks: fills are booked when they are heard of, retries leave when they are due
        while self._venues is not None:
            await self._venues.something_new(_ATTEND_S)
            async with self._at_rest:
                self.account.session.attend(self._clock.now())

    def _take(self, tick: MarketBlock) -> None:
        with self.metrics.loop_duration.time():
            self.account.process(tick)
        self.noted(tick)

    def _serve(self, supervisor: Supervisor) -> None:
        settings = self.config.api
        if not settings.enabled:
            return
        server = resolve(API_SERVER)(
            self,
            settings=settings,
            token=api_token(self._out),
            registry=self.metrics.registry,
            max_data_age_s=max(self.config.risk.max_data_age_s, 1.0),
        )
        self.api_url = server.url
        supervisor.add("api", server.run, Policy(on_failure=OnFailure.IGNORE))

    async def _show(self) -> None:
        while self._view is not None:
            self._view.update(self.status())
            await asyncio.sleep(_VIEW_S)

    async def _run_out(self) -> None:
        await self._clock.sleep_until(self._clock.now() + round((self._seconds or 0.0) * SECOND))
        self.shutdown(f"its {self._seconds:g} s are over")

    def _hear_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._hear(number, self.shutdown, f"signal {number.name}")
        self._hear(signal.SIGUSR1, self.kill, "a signal", signal.SIGUSR1.name)

    @staticmethod
    def _hear(number: signal.Signals, act: Callable[..., None], *said: str) -> None:
        # not in a thread other than the main one, where a test may run
        try:
            asyncio.get_running_loop().add_signal_handler(number, act, *said)
        except (ValueError, NotImplementedError, RuntimeError):
            _log.info("signals are not heard here", signal=number.name)

    def _summary(self, head: Head, seconds: float) -> ServiceSummary:
        state = self.status()
        counts = self.counts()
        return ServiceSummary(
            run_id=self.account.session.run_id,
            ledger_hash=head.hash,
            feed=self.feed,
            folder=str(self._out),
            stopped_by=self._stopped_by,
            seconds=seconds,
            ticks=state.ticks,
            start_equity=state.start_equity,
            final_equity=state.equity,
            n_decisions=counts.decisions,
            n_orders=counts.orders,
            n_fills=counts.fills,
            n_refusals=counts.refusals,
            open_positions=state.positions,
            not_closed=tuple(map(str, self.account.session.commands.left)),
            written=(str(self._out / "ledger.sqlite"),),
        )


def open_market(
    config: Config, feed: str, bars: list[str], store: SqliteLedger, now: int
) -> Market:
    """Return the market that an account follows, from where its ledger began.

    Raises
    ------
    ConfigError
        If the feed is of no known kind.
    """
    state = fold(store)
    match feed:
        case "sim":
            step = round(config.feed.tick_s * SECOND)
            start = now // step * step - config.feed.warm_up_bars * step
            if state.started is not None:
                start = _first_start(store) - config.feed.warm_up_bars * step
            return made_up(config, start)
        case "replay":
            settings = config.feed
            source = read_source(
                bars, None, None, repair=settings.repair, timeframe=settings.timeframe,
                funding=list(settings.funding) or None,
            )  # fmt: skip
            return recorded(source)
        case _:
            raise ConfigError(f"feed must be sim, replay or live, was {feed!r}")


def late_agents(account: PaperAccount, metrics: Metrics) -> LateAgents | None:
    """Return those of an account's agents that have to be awaited, None where there are none."""
    session = account.session
    board = session.analysis.late
    if not isinstance(board, OpinionBoard):
        return None
    instruments = [each.id for each in account.plan.instruments]
    return LateAgents(session.seats.late, board, instruments, metrics)


def _refuse_small_caps(
    file: SymbolsFile, plan: Plan, market: Market, equity: float | None = None
) -> None:
    cash = float(sum(plan.balances.values())) if equity is None else equity
    file.refuse_small_caps(plan, last_closes(market.sample().close), cash)


def left_open(folder: Path) -> tuple[Order, ...]:
    """Return the orders that an earlier session on a folder may have left at the venues."""
    if not (folder / "ledger.sqlite").exists():
        return ()
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    try:
        return tuple(fold(store).open_orders.values())
    finally:
        store.close()


def keep_configuration(config: Config, out: Path) -> None:
    """Keep the configuration beside the ledger, under the hash that the ledger names."""
    folder = out / CONFIGURATIONS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{config_hash(config)}.json"

    def write(file: IO[bytes]) -> None:
        file.write(json.dumps(resolved(config), indent=2).encode())

    if not path.exists():
        write_atomically(path, write)


def _first_start(store: SqliteLedger) -> int:
    return next(iter(store.rows(kinds=("started",)))).ts


def _first(group: BaseExceptionGroup) -> TuttiError:
    for error in group.exceptions:
        if isinstance(error, TuttiError):
            return error
        if isinstance(error, BaseExceptionGroup):
            return _first(error)
    raise group
