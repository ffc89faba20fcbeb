"""One stretch of a run on a ledger: from the row that says it started to the one that says why it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tutti import __version__
from tutti.agents.board import OpinionBoard
from tutti.app.build import analysis_of, venues_of
from tutti.app.config import config_hash
from tutti.app.restore import fresh_account, moved_cash, restored_account
from tutti.app.seats import seats_of
from tutti.app.snapshots import observers
from tutti.app.symbols import closing
from tutti.engine.close_out import CloseOut
from tutti.engine.commands import Commands
from tutti.engine.engine import Engine
from tutti.engine.rows import tradable
from tutti.execution.port import AsyncVenue
from tutti.kernel.ids import IdSource
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import DataSource, Started, Stopped
from tutti.model.arrays import EQUITY
from tutti.model.order import OrderStatus
from tutti.sandbox.venue import SimulatedVenue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.adapters.venues.by_ccxt.venue import CcxtVenue
    from tutti.agents.timeline import OpinionTimeline
    from tutti.app.build import Plan
    from tutti.app.seats import Seats
    from tutti.app.settings import Config
    from tutti.engine.decide import Trace
    from tutti.engine.run import EngineListener
    from tutti.ledger.fold import LedgerState
    from tutti.ledger.store import Head, JournalStore
    from tutti.model.market import MarketBlock
    from tutti.model.opinion import Abstention, Opinion


TradingVenue: TypeAlias = "SimulatedVenue | CcxtVenue"
"""Where orders can go."""

_ANALYSED = 65_536
"""Symbol-bars analysed in one go."""


class Session:
    """An engine on a ledger, with everything that it needs.

    Parameters
    ----------
    config : Config
    plan : Plan
    store : JournalStore
        Where the ledger is kept.
    run_id : str
        Enters the first hash and every order id.
    start : int
        Market time at which the account begins, ns UTC.
    data : sequence of DataSource
        Files that are read.
    listener : EngineListener, optional
    versions : dict of str to str, optional
        What the first row says of the software; a replay passes what was recorded.
    state : LedgerState, optional
        What an earlier session on the same ledger left: the account goes on from there.
    venues : mapping of str to TradingVenue, optional
        Where it trades; else simulated venues on the plan's costs.
    opinions : OpinionTimeline, optional
        What agents say that have to be awaited, all of it known ahead; else they are told tick by
        tick, and hang on a board.
    seats : Seats, optional
        The agents of the configuration, where they were made already.
    """

    def __init__(  # noqa: PLR0913 - what it joins
        self,
        config: Config,
        plan: Plan,
        store: JournalStore,
        *,
        run_id: str,
        start: int,
        data: Sequence[DataSource] = (),
        listener: EngineListener | None = None,
        versions: dict[str, str] | None = None,
        state: LedgerState | None = None,
        venues: Mapping[str, TradingVenue] | None = None,
        opinions: OpinionTimeline | None = None,
        seats: Seats | None = None,
    ) -> None:
        setup = plan.setup
        self.run_id = run_id
        self._is_resumed = state is not None
        self.plan = plan
        self.seats = seats or seats_of(config)
        self.board = OpinionBoard(self.seats.awaited, [each.id for each in plan.instruments])
        self.analysis = analysis_of(
            config, plan.instruments, self.seats, opinions or self.board,
            follows=not setup.keeps_account,
        )  # fmt: skip
        self._opinions = opinions
        if state is not None:
            self.board.post_all(
                each
                for each in state.opinions.values()
                if self.board.has_place_for(each.agent, each.instrument)
            )
        self.venues: dict[str, TradingVenue] = dict(
            venues_of(config, plan) if venues is None else venues
        )
        self._simulated = tuple(
            each for each in self.venues.values() if isinstance(each, SimulatedVenue)
        )
        names = self.analysis.agent_names
        # venues in this process have what we say; what others have, they tell
        moved = () if state is None or venues is not None else moved_cash(plan, state, start)
        self.account = (
            fresh_account(plan, names, start)
            if state is None
            # of what was taken off a list of symbols, only dust is left
            else restored_account(
                plan, names, state, start, leaves_behind=bool(config.feed.symbols)
            )
        )
        self._journal = Journal(store, run_id)
        ids = IdSource(run_id, 0 if state is None else state.next_id)
        self.engine = Engine(
            setup=setup,
            analysis=self.analysis,
            account=self.account,
            venues=self.venues,
            market_venues=self._simulated,
            journal=self._journal,
            ids=ids,
            random=np.random.default_rng(config.seed),
            listener=listener,
        )
        self.commands = Commands(
            engine=self.engine,
            book=self.account.book,
            close_out=CloseOut(
                setup=setup,
                account=self.account,
                desk=self.engine.desk,
                journal=self._journal,
                ids=ids,
                counts=self.engine.counts,
                agents=self.account.agents,
            ),
            journal=self._journal,
            leaving=frozenset(
                i for i, each in enumerate(plan.instruments) if str(each.id) in closing(config)
            ),
        )
        started = Started(
            run_id=run_id,
            configuration=config_hash(config),
            seed=config.seed,
            versions={"tutti": __version__} if versions is None else versions,
            instruments=tuple(str(each.id) for each in plan.instruments),
            agents=names,
            balances=dict(plan.balances),
            data=tuple(data),
        )
        self._journal.append("started", start, started)
        for each in moved:
            self._journal.append("transfer", start, each)
        if state is not None:
            self._take_up(state)
        else:
            # a restart is on record together with what was found at the venues: see `settle`
            self._journal.commit()

    def process(self, market: MarketBlock) -> Trace:
        """Work through the next ticks, and what awaited agents say that counts from them on."""
        if self._opinions is not None:
            for ts, answer in self._opinions.between(
                int(market.known_at[0]), int(market.known_at[-1])
            ):
                self.engine.tell(ts, [answer])
        return self.engine.process(market)

    def tell(self, ts: int, answers: Sequence[Opinion | Abstention]) -> None:
        """Take in what awaited agents said that counts from the tick ``ts`` on (ns UTC)."""
        self.board.post_all(answers)
        self.engine.tell(ts, answers)

    def remember(self, history: MarketBlock) -> None:
        """Let the analysis learn from bars that lie behind, and mark what is held at their close.

        Nothing is decided on them.
        """
        length = max(1, _ANALYSED // len(history.instruments))
        for begin in range(0, len(history), length):
            self.analysis.advance(history.rows(begin, min(begin + length, len(history))))
        for observer in observers(agent for _, agent in self.seats.late):
            observer.observe(history)
        book = self.account.book
        for i in range(len(history.instruments)):
            known = np.flatnonzero(np.isfinite(history.close[:, i]))
            if len(known):
                book.mark[i] = history.close[known[-1], i]
                book.marked_at[i] = history.known_at[known[-1]]
        bars, none = tradable(history), tradable(history.rows(len(history), len(history)))
        for venue in self._simulated:
            venue.enter(bars)
            # now all of it is past, and what is closed before the next bar has a price
            venue.enter(none)

    def settle(self, ts: int) -> None:
        """Hold the account against its venues before anything is decided.

        Needed where one of them may know what we don't: after a restart, or behind a network.
        """
        if self._is_resumed or any(isinstance(each, AsyncVenue) for each in self.venues.values()):
            self.engine.desk.drain()
            self.engine.desk.reconcile(ts)
            self._journal.commit()

    def attend(self, ts: int) -> None:
        """Take in what venues say between two ticks, and send again what did not leave.

        Parameters
        ----------
        ts : int
            Now, ns UTC.
        """
        before = self._journal.head()
        self.engine.hear(ts)
        if self._journal.head() != before:
            if self.plan.setup.keeps_account:
                self.engine.record_account(ts)
            self._journal.commit()

    def _take_up(self, state: LedgerState) -> None:
        # venues in this process remember nothing: they are told, then asked like any other
        orders = self.account.orders.open()
        for name, venue in self.venues.items():
            venue.restore(
                {
                    position.instrument: position.quantity
                    for position in self.account.portfolio.positions()
                    if position.instrument.venue == name
                },
                self.account.portfolio.cash[name],
                [
                    order
                    for order in orders
                    if order.instrument.venue == name and order.status is not OrderStatus.CREATED
                ],
            )
        # those of instruments that were taken off have ended, and nothing of theirs is left
        known = {each.id for each in self.plan.instruments}
        self.engine.desk.adopt(
            {name: each for name, each in state.intents.items() if each.instrument in known}
        )

    @property
    def head(self) -> Head:
        """Number and hash of the newest row."""
        return self._journal.head()

    def abandon(self) -> None:
        """Close the ledger as it is: unfinished segments are lost, as with a kill."""
        self._journal.close()

    def stop(self, ts: int, reason: str) -> Head:
        """Write down what is left and why it ended; return the last row's number and hash."""
        self.engine.close_segment()
        if self.plan.setup.keeps_account:
            self.engine.record_account(ts)
        counts = self.engine.counts
        stopped = Stopped(
            reason=reason,
            totals={
                "ticks": counts.ticks,
                "decisions": counts.decisions,
                "orders": counts.orders,
                "fills": counts.fills,
                "refusals": counts.refusals,
            },
            equity=float(self.account.book.account[EQUITY]),
            deployment_status="stopped" if self.commands.is_killed else "",
            not_closed=tuple(map(str, self.commands.left)) if self.commands.is_killed else (),
        )
        self._journal.append("stopped", ts, stopped)
        self._journal.close()
        return self._journal.head()
