"""Runs a paper account as a service: paced by the clock, shown live, ended gracefully."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client import CollectorRegistry

from tutti.adapters.feeds.replay import paced
from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.access import api_token
from tutti.app.account_folder import keep_configuration
from tutti.app.agents_watch import AgentsFollower, watched_agents
from tutti.app.asking import Asking
from tutti.app.desk import Desk
from tutti.app.feed import in_columns
from tutti.app.hand_over import HandOver, NewPanel, refuse_small_caps
from tutti.app.kill_switch import KillSwitch, refuse_killed
from tutti.app.markets import open_market
from tutti.app.metrics import Metrics
from tutti.app.model_use import ModelUse, refuse_costlier
from tutti.app.paper import LIVE, PAPER, Opening, PaperAccount
from tutti.app.plugins import API_SERVER, resolve
from tutti.app.process_signals import hear_signals
from tutti.app.reading import Reading
from tutti.app.remembering import Remembering, open_memory
from tutti.app.seats import seats_of
from tutti.app.settling import settle_running
from tutti.app.state import AgentsState, ServiceSummary, SymbolRow, SymbolsState
from tutti.app.symbols_watch import SymbolsWatch, busy_in, watched
from tutti.app.voices import no_models, voices_of
from tutti.app.weight_steps import WeightSteps
from tutti.app.wires import Wires
from tutti.kernel.clock import SECOND, iso
from tutti.kernel.collector import unhurried_collector
from tutti.kernel.supervisor import OnFailure, Policy, Supervisor
from tutti.ledger.fold import fold
from tutti.ledger.kinds import Command
from tutti.model.errors import ConfigError, TuttiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tutti.app.feed import Market
    from tutti.app.live_market import LiveMarket
    from tutti.app.settings import Config
    from tutti.app.settling import Claim
    from tutti.app.state import LiveView
    from tutti.app.venues_live import LiveVenues
    from tutti.app.voices import Models
    from tutti.kernel.clock import Clock
    from tutti.ledger.store import Head
    from tutti.model.market import MarketBlock
    from tutti.model.order import Order

_VIEW_S = 0.25
_ATTEND_S = 0.1
_CHECKPOINT_TICKS = 500
_KILL_TICKS = 3


class PaperService(Reading):
    """Running paper account; see `tutti.app.serve`."""

    def __init__(  # noqa: PLR0913, PLR0915 - the parts and the choices that it joins
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
        models: Models = no_models,
        use: ModelUse | None = None,
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
        self.live = market
        self._venues = venues
        metrics = metrics or Metrics(CollectorRegistry())
        desk = Desk(metrics, config.agents)
        self._wires = wires = Wires()
        self._memory = open_memory(config)
        self._remembering: Remembering | None = None
        desk.listen(wires)
        self._symbols = symbols or watched(config)
        self._agents = watched_agents(config)
        self._bars = bars
        self.at_rest = asyncio.Lock()
        self.is_open = True
        with ExitStack() as undo:
            self._store = undo.enter_context(SqliteLedger(out, Durability.EACH_COMMIT))
            self.state = fold(self._store)
            refuse_killed(self.state, out)
            killed, ended = self.state.killed, self.state.last_ts
            if self._symbols is not None:
                config = self._symbols.configured(self._symbols.file, busy_in(self.state))
            keep_configuration(config, out)
            opened: Market = market or open_market(config, feed, bars, self.state, clock.now())
            kind = PAPER if venues is None else LIVE
            seats = seats_of(config)
            ids = opened.sample().instruments
            voices = voices_of(config, seats, ids, models, self._memory)
            opening = Opening(
                run_id=f"{kind}-{iso(clock.now())[:19].replace(':', '')}",
                venues=None if venues is None else venues.venues,
                balances=None if venues is None else venues.balances(),
                state=self.state,
                seats=seats,
            )
            account = PaperAccount(config, opened, self._store, opening, wires)
            if self._symbols is not None:
                refuse_small_caps(self._symbols.file, account.plan, opened)
            # a made-up market goes on from where the ledger began, whoever opens it again
            self.state = fold(self._store, self.state)
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
        self._models = models
        self._use = use or ModelUse()
        if self._memory is not None:
            horizon = round(config.memory.horizon_s * SECOND)
            self._remembering = Remembering(self._memory, horizon)
            self._remembering.resume(self._store, ended)
            wires.decisions.subscribe(self._remembering.decided)
        self._asking = Asking(
            voices, account.plan, config.panel, told=self.state.opinions.values(), metrics=metrics
        )
        super().__init__(config, account, desk, metrics, feed=feed, speed=speed, clock=clock)
        self._recalls: Callable[[], Awaitable[None]] | None = None
        if account.is_resumed:
            self._recalls = partial(
                self.recall, out, self._watch.hold(), step=opened.step, until=account.as_of,
                last_seq=self.state.last_seq,
            )  # fmt: skip

    def shutdown(self, reason: str) -> None:
        """Ask for a graceful stop; return at once."""
        self._stopped_by = self._stopped_by or reason
        self._stop.set()

    @property
    def equity(self) -> float:
        """Quote currency."""
        return self._equity()

    @property
    def is_ending(self) -> bool:
        """True once everything is being closed, or the service was asked to stop."""
        return self._kill.is_pulled or self._stop.is_set()

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

    async def settle(self, claim: Claim) -> Order:
        """Settle an order that stays unresolved; see `tutti.app.settling.settle_running`."""
        return await settle_running(
            lambda: self.account.session, self.at_rest, claim, self._market_time
        )

    def symbols(self) -> SymbolsState:
        """Return what is traded, and how the file of it stands."""
        traded = [each.id for each in self.account.plan.instruments]
        if self._symbols is not None:
            return self._symbols.state(traded)
        rows = [SymbolRow(symbol=i.symbol, exchanges=(i.venue,), strategy="") for i in traded]
        return SymbolsState(symbols=tuple(rows), traded=tuple(map(str, traded)))

    def agents_file(self) -> AgentsState:
        """Return who is on the panel, and how the file of them stands."""
        rows = tuple(self.agents())
        return AgentsState(agents=rows) if self._agents is None else self._agents.state(rows)

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
                await self._asking.close()
                if self.is_open:
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
            hand_over = HandOver(
                self, self._symbols, feed=self.feed, venues=self._venues, clock=self._clock,
                agree=self._agree,
            )  # fmt: skip
            supervisor.add("symbols", hand_over.follow, Policy(on_failure=OnFailure.END_ALL))
        if self._agents is not None:
            begin = NewPanel(
                self, self._symbols, feed=self.feed, bars=self._bars, clock=self._clock,
                agree=self._agree,
            )  # fmt: skip
            follower = AgentsFollower(self, self._agents, begin, is_live=self._venues is not None)
            supervisor.add("agents", follower.follow, Policy(on_failure=OnFailure.END_ALL))
            if self.config.worth.follows:
                steps = WeightSteps(self, self._agents, self._out)
                supervisor.add("weights", steps.follow, Policy(on_failure=OnFailure.RESTART))
        if self._recalls is not None:
            supervisor.add("past", self._recalls, Policy(on_failure=OnFailure.IGNORE))
        supervisor.add("halt file", self._kill.watch, Policy(on_failure=OnFailure.RESTART))
        hear_signals(self.shutdown, self.kill)
        return supervisor

    async def _trade(self) -> None:
        while await self._trade_on(self.account):
            pass  # another session has taken the account up: its ticks are others

    async def _trade_on(self, account: PaperAccount) -> bool:
        async for heard in self._ticks():
            await self._ask(heard, account)
            async with self.at_rest:
                tick = heard
                if self.live is not None:
                    tick = in_columns(heard, self.live.past.instruments)
                elif self.account is not account:
                    return True
                if not self.is_open:
                    return False
                self._take(tick)
                if self.ticks % _CHECKPOINT_TICKS == 0:
                    await asyncio.to_thread(self._put_by)
            if self._stop.is_set():
                return False
        self.shutdown("end of data")
        return False

    async def _ask(self, heard: MarketBlock, account: PaperAccount) -> None:
        # agents take their time: meanwhile the account may be worked with, or handed over
        if self._asking.is_silent:
            return
        async with self.at_rest:
            gone = self.live is None and self.account is not account
            if self.is_ending or gone or not self.is_open:
                return
            tick = heard if self.live is None else in_columns(heard, self.live.past.instruments)
            self._asking.look(self.account.session, tick)
        await self._asking.ask(int(heard.known_at[-1]))

    def _put_by(self) -> None:
        self._store.checkpoint()
        # so that a session that follows has few rows left to read
        with SqliteLedgerReader(self._out) as reader:
            self.state = fold(reader, self.state)

    def _agree(self, coming: Config) -> None:
        refuse_costlier(self.config, coming, self._use)

    def take_over(self, config: Config, market: Market, why: str) -> None:
        """End the session, and begin one with another configuration on another market.

        Raises
        ------
        ConfigError
            If an agent can't be made; nothing has changed then.
        """
        old = self.account
        seats = seats_of(config)
        ids = market.sample().instruments
        voices = voices_of(config, seats, ids, self._models, self._memory, self._asking.growing)
        self.is_open = False
        old.stop(why)
        keep_configuration(config, self._out)
        self._store = SqliteLedger(self._out, Durability.EACH_COMMIT)
        self.state = fold(self._store, self.state)
        opening = Opening(run_id=old.session.run_id, state=self.state, seats=seats)
        if self._venues is not None:
            kept = set(market.sample().instruments)
            self._venues.leave([i.id for i in old.plan.instruments if i.id not in kept])
            opening = replace(
                opening,
                venues=self._venues.venues,
                balances=self._venues.balances(),
                settles=False,
            )
        account = PaperAccount(config, market, self._store, opening, self._wires)
        self.is_open = True
        self._asking.over_to(voices, account.plan)
        self._kill.over_to(account.session.commands)
        self.over_to(config, account)

    async def _end_killed(self) -> None:
        left = await self._kill.run()
        outcome = f", {len(left)} not closed" if left else ", all closed"
        self.shutdown(f"kill by {self._kill.by}{outcome}")

    def _market_time(self) -> int:
        # between the ticks of a made-up or recorded market no time goes by
        return self.account.as_of if self.live is None else self._clock.now()

    @staticmethod
    def _deadline_s(config: Config, step: int, speed: float) -> float:
        # what trades on bars is closed at the next one
        return max(config.kill.deadline_s, _KILL_TICKS * step / SECOND / speed)

    def _ticks(self) -> AsyncIterator[MarketBlock]:
        if self.live is not None:
            return self.live.stream()
        return paced(self.account.ticks, self._clock, self._speed)

    async def _attend(self) -> None:
        # between ticks: fills are booked when they are heard of, retries leave when they are due
        while self._venues is not None:
            await self._venues.something_new(_ATTEND_S)
            async with self.at_rest:
                self.account.session.attend(self._clock.now())

    def _take(self, tick: MarketBlock) -> None:
        answers, ts = self._asking.take(), int(tick.known_at[-1])
        with self.metrics.loop_duration.time():
            self.account.session.tell(ts, answers)
            self.account.process(tick)
        self._desk.heard(answers, ts)
        if self._remembering is not None:
            self._remembering.passed(tick)
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


def _first(group: BaseExceptionGroup) -> TuttiError:
    for error in group.exceptions:
        if isinstance(error, TuttiError):
            return error
        if isinstance(error, BaseExceptionGroup):
            return _first(error)
    raise group
