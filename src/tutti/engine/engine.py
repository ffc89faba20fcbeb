"""The event tier: one writer that takes bars and venue events in order and leaves rows behind."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tutti.engine.analysis import Analysis, AnalysisBlock
from tutti.engine.decide import (
    END,
    VENUE,
    Trace,
    begin_day,
    empty_trace,
    empty_wishes,
    only_closing,
    order_terms,
    scan,
)
from tutti.engine.order_desk import OrderDesk
from tutti.engine.records import DecisionWriter, QuietTicks, agent_pnl
from tutti.engine.routing import Router
from tutti.engine.rows import tradable
from tutti.engine.run import (
    MODES,
    Account,
    Counts,
    EngineListener,
    MarketListener,
    Setup,
    Silent,
)
from tutti.engine.watch import RiskWatch
from tutti.execution.matching import LIMIT, MARKET
from tutti.kernel.clock import DAY
from tutti.kernel.jit import bound
from tutti.ledger.kinds import HALTED_MODE, AccountState, Decision, ModeChange, Objection, Told
from tutti.model.arrays import (
    DAY_NUMBER,
    DAY_START_EQUITY,
    EQUITY,
    FEES_PAID,
    FUNDING_RECEIVED,
    MODE,
    PEAK_EQUITY,
    TURNOVER,
    Signals,
    Tradable,
)
from tutti.model.market import MarketBlock
from tutti.model.order import (
    ApprovedOrder,
    OrderIntent,
    OrderStatus,
    OrderType,
    Reason,
    Refusal,
    Side,
)
from tutti.risk.breakers import ErrorBreaker
from tutti.risk.review import Proposals, no_exposure, no_findings, object_to, review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tutti.execution.port import Venue
    from tutti.kernel.ids import IdSource
    from tutti.ledger.journal import Journal
    from tutti.model.opinion import Abstention, Opinion

_REFUSED = frozenset({OrderStatus.REJECTED, OrderStatus.FAILED})
_UNDECIDED = frozenset({OrderStatus.CREATED, OrderStatus.SENT, OrderStatus.UNRESOLVED})
_CELLS = 65_536
"""Symbol-bars analysed in one go: more would fall out of the processor's cache."""
_RISK_TICKS = 240
"""Ticks for which an assessment of the portfolio's risk stands."""
_TICKS = 8192
"""Ticks analysed in one go, at most."""


class _Now(NamedTuple):
    """The block that is being worked through."""

    market: MarketBlock
    bars: Tradable
    thought: AnalysisBlock
    t: int
    as_of: int


class Engine:
    """Takes blocks of bars in time order and does everything that follows from them.

    Parameters
    ----------
    setup : Setup
    analysis : Analysis
    account : Account
        Fresh, or folded from a ledger after a restart.
    venues : mapping of str to Venue
        By the venue part of the instruments' ids.
    market_venues : sequence of MarketListener
        Those of them that are simulated on the same bars.
    journal : Journal
    ids : IdSource
    random : Generator
        Jitter of retries.
    listener : EngineListener

    Attributes
    ----------
    desk : OrderDesk
        Our orders, and what venues say of them.
    halted : str
        Why nothing is opened any more; empty while trading goes on.

    Notes
    -----
    Handlers run to their end; nothing here waits. A row is handed to the journal before what it
    records is acted on, and the rows of a tick's orders are committed before a venue hears of them.
    """

    def __init__(
        self,
        *,
        setup: Setup,
        analysis: Analysis,
        account: Account,
        venues: Mapping[str, Venue],
        market_venues: Sequence[MarketListener],
        journal: Journal,
        ids: IdSource,
        random: np.random.Generator,
        listener: EngineListener | None = None,
    ) -> None:
        self.counts = Counts()
        self.halted = ""
        self._watch = RiskWatch(_RISK_TICKS)
        self._unjudged: list[str] = []
        self._told: deque[tuple[int, Told]] = deque()
        self._scans: dict[tuple[tuple[int, int], ...], Callable[..., Any]] = {}
        self._errors = ErrorBreaker(setup.rules.limits.max_consecutive_errors)
        self.last_thought: AnalysisBlock | None = None
        self._setup = setup
        self._analysis = analysis
        self._account = account
        self._market_venues = tuple(market_venues)
        # these live in this process: what they have taken in they accept, if not at once
        near = {id(each) for each in self._market_venues}
        self._near = frozenset(name for name, each in venues.items() if id(each) in near)
        self._journal = journal
        self._ids = ids
        self._listener: EngineListener = listener or Silent()
        self._columns = {each.id: i for i, each in enumerate(setup.instruments)}
        self._writer = DecisionWriter(analysis, tuple(self._columns), setup.policy_name)
        n = len(setup.instruments)
        n_agents = len(analysis.agent_names)
        self._wishes = empty_wishes(n)
        self._mode = float(account.book.account[MODE])
        self._router = Router(setup, account, venues, setup.routes) if setup.routes else None
        # legs of a route are nothing to the arrays: their venues have to see every bar
        self._scans_alone = self._router is None
        self.desk = OrderDesk(
            setup=setup,
            account=account,
            venues=venues,
            journal=journal,
            random=random,
            listener=self._listener,
            counts=self.counts,
            leads={name: a for a, name in enumerate(account.agents)},
            make_durable=self._make_durable,
            router=self._router,
            near=self._near,
        )
        self._quiet = QuietTicks(setup.segment_ticks, n_agents, n) if setup.segment_ticks else None
        self._exposure = no_exposure(n, len(account.book.cash))
        some = np.zeros(1, np.int64)
        self._object_to = bound(
            object_to, 1, Proposals(some, some, some), account.book, setup.terms,
            setup.rules.limits, self.desk.locks, 0, self._exposure, no_findings(1),
        )  # fmt: skip
        self._most_ticks = max(1, min(_TICKS, _CELLS // n))
        self._steps = [(each.quantity_step, each.price_step) for each in setup.instruments]

    @property
    def writer(self) -> DecisionWriter:
        """Puts decisions into words."""
        return self._writer

    def process(self, market: MarketBlock) -> Trace:
        """Work through the next ticks; return the account after each of them."""
        trace = empty_trace(len(market))
        start = 0
        while start < len(market):
            stop = min(len(market), start + self._most_ticks)
            if self._quiet is not None:
                stop = min(stop, start + self._quiet.room)
            part = market.rows(start, stop)
            self._run(part, Trace(*(array[start:stop] for array in trace)))
            start = stop
        return trace

    def tell(self, ts: int, answers: Iterable[Opinion | Abstention]) -> None:
        """Take note of what awaited agents said that counts from the tick ``ts`` on (ns UTC).

        It is written down with that tick, in one commit; to be called before the tick is processed,
        in the order of the ticks.
        """
        self._told.extend((ts, Told.of(answer)) for answer in answers)

    def hear(self, ts: int) -> None:
        """Between ticks: take in what venues say, send what is due, compare with them when due.

        What comes of it waits in the journal: whoever calls commits it.

        Parameters
        ----------
        ts : int
            Now, ns UTC.
        """
        self.desk.drain()
        if self.desk.send_deferred(ts):
            self.desk.drain()
        self._judge_again(ts)
        self.desk.reconcile_if_due(ts)

    def close_segment(self) -> None:
        """Write down the quiet ticks collected so far, and the state of the account."""
        if self._quiet is not None and (taken := self._quiet.take()) is not None:
            ts, arrays = taken
            self._journal.segment(ts, arrays)
            self.record_account(int(ts[-1]))

    def _run(self, market: MarketBlock, trace: Trace) -> None:
        setup, account = self._setup, self._account
        thought = self._analysis.advance(market)
        self.last_thought = thought
        bars = tradable(market)
        if self._router is not None:
            self._router.silence(thought.signals)
        self._watch.enter(market)
        for venue in self._market_venues:
            venue.enter(bars)
        scan_block = self._scan_for(bars, thought.signals, trace)
        # the last tick that the venues have seen
        t, seen = 0, -1
        while t < len(market):
            if seen != t and not (self._scans_alone and account.orders.is_idle):
                # what scan would say, without asking it
                ts = int(bars.ts[t])
                if ts // DAY != account.book.account[DAY_NUMBER]:
                    begin_day(account.book, ts)
                self._ask_venues(_Now(market, bars, thought, t, ts + market.step))
                seen = t
            stop = len(market) if self._scans_alone else t + 1
            code, t, n_intents = scan_block(
                t, stop, seen == t, market.step, bars, setup.terms, setup.costs,
                thought.signals, account.book, setup.rules, setup.style, self._wishes, trace,
            )  # fmt: skip
            if code == END:
                continue
            now = _Now(market, bars, thought, t, int(bars.ts[t]) + market.step)
            if code == VENUE:
                self._ask_venues(now)
                seen = t
                continue
            self._act(now, n_intents, is_seen=seen == t)
            t += 1
        self._finish(market, thought, trace)

    def _scan_for(self, bars: Tradable, signals: Signals, trace: Trace) -> Callable[..., Any]:
        # binding looks at the type of every array, for longer than a tick is scanned: blocks whose
        # arrays lie in memory alike are scanned by the same compiled form
        arrays = (*bars, *signals, *trace)
        layout = tuple([(each.dtype.num, each.flags.num) for each in arrays])
        found = self._scans.get(layout)
        if found is None:
            setup = self._setup
            found = self._scans[layout] = bound(
                scan, 0, 0, False, 0, bars, setup.terms, setup.costs, signals,  # noqa: FBT003
                self._account.book, setup.rules, setup.style, self._wishes, trace,
            )  # fmt: skip
        return found

    def _write_told(self, ts: int) -> bool:
        wrote = False
        while self._told and self._told[0][0] <= ts:
            at, told = self._told.popleft()
            self._journal.append("opinion", at, told, str(told.instrument))
            wrote = True
        return wrote

    def _finish(self, market: MarketBlock, thought: AnalysisBlock, trace: Trace) -> None:
        self.counts.ticks += len(market)
        if self._told and self._write_told(int(market.known_at[-1])):
            self._journal.commit()
        if self.desk.reconcile_if_due(int(market.known_at[-1])):
            # with a row of this tick's own time: a restart goes on after it
            self._journal.commit()
        if self._quiet is not None:
            self._quiet.add(market, thought, trace)
            if not self._quiet.room:
                self.close_segment()
                self._journal.commit()

    def _act(self, now: _Now, n_intents: int, *, is_seen: bool) -> None:
        if self._told:
            self._write_told(now.as_of)
        self._note_mode(now)
        if self._setup.keeps_account:
            # with the decision, in one commit: after a kill both are there, or neither
            self.record_account(now.as_of)
        if n_intents and self._errors.tripped:
            n_intents = only_closing(n_intents, self._account.book, self._wishes)
        if n_intents and self._router is not None:
            n_intents = self._fitting(self._router, n_intents, now)
        if n_intents:
            if not is_seen:
                # nothing came of the bar there, but they judge orders by its close
                for venue in self._market_venues:
                    venue.observe(now.bars, now.t)
            self._decide(now, n_intents)
        if self._setup.keeps_account:
            self._journal.commit()

    def _ask_venues(self, now: _Now) -> None:
        if self._told:
            self._write_told(now.as_of)
        # a new day may have ended yesterday's restriction
        self._note_mode(now)
        for venue in self._market_venues:
            venue.observe(now.bars, now.t)
        if self._router is not None:
            self._router.see(now.bars, now.t)
        closes = now.bars.close[now.t]
        self.desk.drain(closes)
        if self._setup.style.order_type == LIMIT:
            self.desk.cancel_overdue(now.as_of)
        if self.desk.send_deferred(now.as_of) or self._setup.style.order_type == LIMIT:
            self.desk.drain(closes)
        self._judge_again(now.as_of)

    def _fitting(self, router: Router, n_intents: int, now: _Now) -> int:
        """Leave of what is wanted only what some venue of a route can take."""
        wishes = self._wishes
        kept = 0
        for i in wishes.sequence[:n_intents].tolist():
            lots = int(wishes.lots[i])
            if i not in router.routes or router.children(i, "", lots, self._limit(now, i, lots)):
                wishes.sequence[kept] = i
                kept += 1
        return kept

    def _decide(self, now: _Now, n_intents: int) -> None:
        as_of = now.as_of
        columns = self._wishes.sequence[:n_intents]
        leads = now.thought.signals.lead[now.t].take(columns)
        lots = self._wishes.lots.take(columns)
        findings = no_findings(n_intents)
        self._object_to(
            n_intents, Proposals(lots, columns, leads), self._account.book, self._setup.terms,
            self._setup.rules.limits, self.desk.locks, as_of, self._exposure, findings,
        )  # fmt: skip
        proposed = list(zip(columns.tolist(), lots.tolist(), leads.tolist(), strict=True))
        reduces = findings.reduces.tolist()
        intents = [
            self._intent(now, i, lots, lead, reduces=reduces[k] != 0)
            for k, (i, lots, lead) in enumerate(proposed)
        ]
        decision = self._record_decision(now, [i for i, _, _ in proposed])
        journal = self._journal
        for intent in intents:
            journal.append("intent", as_of, intent, intent.id)
        answers = review(intents, findings, as_of)
        approved: list[ApprovedOrder] = []
        for k, answer in enumerate(answers):
            if isinstance(answer, Refusal):
                self.counts.refusals += 1
                journal.append("refusal", as_of, Objection.of(answer), answer.intent.id)
            else:
                approved.append(answer)
                self.desk.open(answer, as_of, *proposed[k])
        # what a venue is about to hear of is on disk first
        journal.commit()
        self._listener.decided(decision, answers)
        for each in approved:
            self.desk.send(each, as_of)
            self.desk.drain(now.bars.close[now.t])
            self._judge(each.intent.id, as_of)

    def _make_durable(self, ts: int) -> None:
        if self._setup.keeps_account:
            self.record_account(ts)
        self._journal.commit()

    def _judge_again(self, ts: int) -> None:
        if self._unjudged:
            asked, self._unjudged = self._unjudged, []
            for order_id in asked:
                self._judge(order_id, ts)

    def _judge(self, order_id: str, ts: int) -> None:
        # an order that no venue takes is an error; so many in a row, and something is wrong with us
        order = self._account.orders.get(order_id)
        if order is None:
            return
        near = order.status is OrderStatus.SENT and order.instrument.venue in self._near
        if order.status in _UNDECIDED and not near:
            self._unjudged.append(order_id)
            return
        if order.status not in _REFUSED:
            self._errors.succeeded()
            return
        if self._errors.failed(f"{order.instrument}: {order.detail}") and not self.halted:
            self.desk.halt()
            self.halted = f"{self._errors.count} orders in a row failed, the last: {order.detail}"
            self._journal.append("mode", ts, ModeChange(mode=HALTED_MODE, reason=self.halted))
            self._journal.commit()

    def _intent(self, now: _Now, i: int, lots: int, lead: int, *, reduces: bool) -> OrderIntent:
        close = float(now.bars.close[now.t, i])
        reason = int(self._wishes.reasons[i])
        limit = None
        if self._setup.style.order_type != MARKET:
            limit = self._limit(now, i, lots)
        return OrderIntent(
            id=self._ids.new(now.as_of),
            instrument=self._setup.instruments[i].id,
            as_of=now.as_of,
            side=Side.BUY if lots > 0 else Side.SELL,
            quantity=abs(lots) * self._steps[i][0],
            type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            price=limit,
            reference_price=Decimal(repr(close)),
            reason=Reason.of(reason),
            lead=self._writer.lead(lead),
            reduces=reduces,
        )

    def _limit(self, now: _Now, i: int, lots: int) -> Decimal | None:
        style, reason = self._setup.style, int(self._wishes.reasons[i])
        close = float(now.bars.close[now.t, i])
        kind, ticks = order_terms(i, lots, reason, close, self._setup.terms, style)
        return ticks * self._steps[i][1] if kind == LIMIT else None

    def _record_decision(self, now: _Now, columns: Sequence[int]) -> Decision:
        account = self._account.book.account
        decision = Decision(
            as_of=now.as_of,
            equity=float(account[EQUITY]),
            mode=MODES[int(account[MODE])],
            items=tuple(
                self._writer.item(now.t, i, now.market, now.thought, self._wishes) for i in columns
            ),
            flags=self._watch.flags_at(now.t, self._account.book, self._setup.terms),
        )
        self.counts.decisions += 1
        self._journal.append("decision", now.as_of, decision)
        return decision

    def _note_mode(self, now: _Now) -> None:
        account = self._account.book.account
        if account[MODE] == self._mode:
            return
        fall = 1.0 - account[EQUITY] / account[PEAK_EQUITY]
        loss = account[DAY_START_EQUITY] - account[EQUITY]
        self.note_mode(now.as_of, f"drawdown {fall:.2%}, loss since 00:00 UTC {loss:,.2f}")

    def note_mode(self, ts: int, reason: str) -> None:
        """Write down what the account may do, where that is another than it was."""
        mode = float(self._account.book.account[MODE])
        if mode != self._mode:
            self._mode = mode
            change = ModeChange(mode=MODES[int(mode)], reason=reason)
            self._journal.append("mode", ts, change)

    def resume(self, ts: int) -> None:
        """Go on after a halt, at an operator's word; errors count from here."""
        self._errors.reset()
        if self.halted:
            mode = MODES[int(self._account.book.account[MODE])]
            self._journal.append("mode", ts, ModeChange(mode=mode, reason="the halt was ended"))
        self.halted = ""
        self.desk.resume()
        self.record_account(ts)

    def record_account(self, ts: int) -> None:
        """Write down the figures of the account that can't be added up from other rows."""
        account = self._account.book.account
        state = AccountState(
            equity=float(account[EQUITY]),
            peak_equity=float(account[PEAK_EQUITY]),
            day=int(account[DAY_NUMBER]),
            day_start_equity=float(account[DAY_START_EQUITY]),
            fees=float(account[FEES_PAID]),
            funding=float(account[FUNDING_RECEIVED]),
            turnover=float(account[TURNOVER]),
            agent_day=agent_pnl(self._account.book, self._account.agents),
        )
        self._journal.append("account", ts, state)
