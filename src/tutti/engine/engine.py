"""The event tier: one writer that takes bars and venue events in order and leaves rows behind."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, Protocol, assert_never

import numpy as np

from tutti.engine.analysis import Analysis, AnalysisBlock
from tutti.engine.decide import (
    END,
    VENUE,
    Rules,
    Style,
    Trace,
    begin_day,
    empty_trace,
    empty_wishes,
    order_terms,
    scan,
)
from tutti.engine.records import DecisionWriter, QuietTicks, agent_pnl
from tutti.engine.rows import tradable
from tutti.engine.watch import RiskWatch
from tutti.execution.book_of_orders import OpenOrders
from tutti.execution.cost import Costs
from tutti.execution.lifecycle import cancel_sent, created_and_sent, fill_of, unanswered
from tutti.execution.matching import LIMIT, MARKET
from tutti.execution.reconcile import compare_positions, reconcile_orders
from tutti.execution.submission import RetryLater, RetryRules, attempt
from tutti.kernel.clock import DAY, SECOND
from tutti.kernel.jit import bound
from tutti.ledger.kinds import AccountState, Approval, Decision, ModeChange, Objection, Reconciled
from tutti.model.arrays import (
    DAY_NUMBER,
    DAY_START_EQUITY,
    EQUITY,
    FEES_PAID,
    FUNDING_RECEIVED,
    MODE,
    PEAK_EQUITY,
    TURNOVER,
    Book,
    Terms,
    Tradable,
)
from tutti.model.errors import InvariantBroken, OrderRejected, Transient
from tutti.model.instrument import Instrument
from tutti.model.market import IntArray, MarketBlock
from tutti.model.order import (
    ApprovedOrder,
    Fill,
    FundingPaid,
    Liquidated,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRefused,
    OrderStatus,
    OrderType,
    Reason,
    Refusal,
    Side,
    VenueEvent,
)
from tutti.portfolio.accounting import apply_fill, pay_funding
from tutti.portfolio.positions import Portfolio
from tutti.risk.breakers import UNLOCKED, UNRESOLVED, ErrorBreaker
from tutti.risk.review import Proposals, objections, review

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.execution.port import Venue
    from tutti.kernel.ids import IdSource
    from tutti.ledger.journal import Journal

MODES = ("trading", "reduce_only", "flatten")
"""Names of the codes in ``Book.account[MODE]``."""


HALTED_MODE = "halted"
"""Mode after too many errors in a row: nothing is sent until the next start."""

_REFUSED = frozenset({OrderStatus.REJECTED, OrderStatus.FAILED})
_CELLS = 65_536
"""Symbol-bars analysed in one go: more would fall out of the processor's cache."""
_RISK_TICKS = 240
"""Ticks for which an assessment of the portfolio's risk stands."""
_TICKS = 8192
"""Ticks analysed in one go, at most."""


class MarketListener(Protocol):
    """Venue that lives off the same bars: it matches, funds and liquidates by them."""

    def enter(self, bars: Tradable) -> None:
        """Go over to the next block of bars; it need not observe each of them."""
        ...

    def observe(self, bars: Tradable, t: int) -> None:
        """Take in bar ``t``; what comes of it waits in ``events``."""
        ...


class EngineListener(Protocol):
    """Somebody who is told what the engine did; must not change anything."""

    def decided(self, decision: Decision, answers: Sequence[ApprovedOrder | Refusal]) -> None:
        """Hear that a tick led to intents."""
        ...

    def order_changed(self, order: Order, intent: OrderIntent) -> None:
        """Hear that an order is new or in another state."""
        ...

    def filled(self, fill: Fill, intent: OrderIntent | None) -> None:
        """Hear of a fill; it has no intent when the venue closed by force."""
        ...

    def funded(self, event: FundingPaid) -> None:
        """Hear of a funding payment."""
        ...


class Silent:
    """Listener that isn't interested."""

    def decided(self, decision: Decision, answers: Sequence[ApprovedOrder | Refusal]) -> None:
        """Ignore it."""

    def order_changed(self, order: Order, intent: OrderIntent) -> None:
        """Ignore it."""

    def filled(self, fill: Fill, intent: OrderIntent | None) -> None:
        """Ignore it."""

    def funded(self, event: FundingPaid) -> None:
        """Ignore it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What stays the same over a run.

    Parameters
    ----------
    instruments : tuple of Instrument
        The columns.
    policy_name : str
        What positions are booked to where no agent leads.
    segment_ticks : int
        Ticks whose contexts and opinions are kept in one file; 0 keeps none.
    keeps_account : bool
        Write the state of the account after every tick that leaves a row: a restart after a kill
        then goes on from the very tick. A backtest has no use for it.
    """

    instruments: tuple[Instrument, ...]
    terms: Terms
    costs: Costs
    rules: Rules
    style: Style
    policy_name: str
    retry: RetryRules
    segment_ticks: int = 4096
    keeps_account: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What changes: the book of arrays, the same in decimals, and our orders."""

    book: Book
    portfolio: Portfolio
    orders: OpenOrders


@dataclass(slots=True)
class Counts:
    """What has happened so far."""

    ticks: int = 0
    decisions: int = 0
    orders: int = 0
    fills: int = 0
    refusals: int = 0


class _Ticket(NamedTuple):
    """What is needed again and again about an order: its intent, its column, its lead's index."""

    intent: OrderIntent
    column: int
    lead: int


@dataclass(frozen=True, slots=True)
class _Deferred:
    approved: ApprovedOrder
    due: int
    failures: int


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
    halted : str
        Why nothing is sent any more; empty while trading goes on.

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
        self._errors = ErrorBreaker(setup.rules.limits.max_consecutive_errors)
        self.last_thought: AnalysisBlock | None = None
        self._setup = setup
        self._analysis = analysis
        self._account = account
        self._venues = dict(venues)
        self._market_venues = tuple(market_venues)
        self._journal = journal
        self._ids = ids
        self._random = random
        self._listener: EngineListener = listener or Silent()
        self._columns = {each.id: i for i, each in enumerate(setup.instruments)}
        self._writer = DecisionWriter(analysis, tuple(self._columns), setup.policy_name)
        n = len(setup.instruments)
        n_agents = len(analysis.agent_names)
        self._leads = {name: a for a, name in enumerate(analysis.agent_names)}
        self._wishes = empty_wishes(n)
        self._mode = float(account.book.account[MODE])
        self._locks: IntArray = np.full(n, UNLOCKED, np.int64)
        self._tickets: dict[str, _Ticket] = {}
        self._deferred: list[_Deferred] = []
        self._to_cancel: set[str] = set()
        self._quiet = QuietTicks(setup.segment_ticks, n_agents, n) if setup.segment_ticks else None
        some = np.zeros(1, np.int64)
        self._objections = bound(
            objections, Proposals(some, some, some), account.book, setup.terms,
            setup.rules.limits, self._locks, 0,
        )  # fmt: skip
        self._apply_fill = bound(apply_fill, account.book, setup.terms, 0, 0, 0.0, 0.0, 0, 0)
        self._most_ticks = max(1, min(_TICKS, _CELLS // n))
        self._names = [str(each.id) for each in setup.instruments]
        self._steps = [(each.quantity_step, each.price_step) for each in setup.instruments]

    @property
    def writer(self) -> DecisionWriter:
        """Puts decisions into words."""
        return self._writer

    def adopt(self, intents: Mapping[str, OrderIntent]) -> None:
        """Take over the intents of orders that were open when an earlier process ended."""
        for order_id, intent in intents.items():
            i = self._columns[intent.instrument]
            self._tickets[order_id] = _Ticket(intent, i, self._leads.get(intent.lead, -1))
        for order in self._account.orders.open():
            self._count_working(order, self._tickets[order.id].column)
            if order.status is OrderStatus.CANCEL_SENT:
                # nobody knows whether the request left: asking twice does no harm
                self._to_cancel.add(order.id)

    def reconcile(self, ts: int) -> None:
        """Compare our open orders and holdings with the venues' answers, and apply them.

        What can't be explained is on record as a difference; an order that nobody knows of stays
        unresolved, and its instrument locked.
        """
        orders, portfolio = self._account.orders, self._account.portfolio
        for name, venue in self._venues.items():
            ours = [order for order in orders.open() if order.instrument.venue == name]
            found = reconcile_orders(ours, venue, ts, patience_ns=0)
            for event in found.events:
                self.handle(event)
            for order_id in found.unresolved:
                order = orders.get(order_id)
                if order is not None:
                    lost = unanswered(order, ts)
                    orders.replace(lost)
                    self._changed(lost, ts)
            held = {
                position.instrument: position.quantity
                for position in portfolio.positions()
                if position.instrument.venue == name
            }
            differences = (*found.differences, *compare_positions(held, venue))
            record = Reconciled(
                venue=name, checked=len(ours), differences=tuple(map(str, differences))
            )
            self._journal.append("reconciled", ts, record)

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

    def handle(self, event: VenueEvent, now: _Now | None = None) -> None:
        """Apply what a venue said, once however often it says it.

        Raises
        ------
        InvariantBroken
            If it can't be: an unknown order, an overfill, a contradiction.
        """
        match event:
            case (
                OrderFilled() | OrderAccepted() | OrderRefused() | OrderCancelled() | OrderExpired()
            ):
                self._order_event(event)
            case FundingPaid():
                self._fund(event, now)
            case Liquidated():
                self._liquidated(event)
            case _:
                assert_never(event)

    def drain(self, now: _Now | None = None) -> None:
        """Apply everything that the venues have to say."""
        for venue in self._venues.values():
            for event in venue.events():
                self.handle(event, now)

    def close_segment(self) -> None:
        """Write down the quiet ticks collected so far, and the state of the account."""
        if self._quiet is not None and (taken := self._quiet.take()) is not None:
            ts, arrays = taken
            self._journal.segment(ts, arrays)
            self.record_account(int(ts[-1]))
        self._journal.commit()

    def _run(self, market: MarketBlock, trace: Trace) -> None:
        setup, account = self._setup, self._account
        thought = self._analysis.advance(market)
        self.last_thought = thought
        bars = tradable(market)
        self._watch.enter(market)
        for venue in self._market_venues:
            venue.enter(bars)
        scan_block = bound(
            scan, 0, 0, False, 0, bars, setup.terms, setup.costs, thought.signals,  # noqa: FBT003
            account.book, setup.rules, self._wishes, trace,
        )  # fmt: skip
        # the last tick that the venues have seen
        t, seen = 0, -1
        while t < len(market):
            if seen != t and not account.orders.is_idle:
                # what scan would say, without asking it
                ts = int(bars.ts[t])
                if ts // DAY != account.book.account[DAY_NUMBER]:
                    begin_day(account.book, ts)
                self._ask_venues(_Now(market, bars, thought, t, ts + market.step))
                seen = t
            code, t, n_intents = scan_block(
                t, len(market), seen == t, market.step, bars, setup.terms, setup.costs,
                thought.signals, account.book, setup.rules, self._wishes, trace,
            )  # fmt: skip
            if code == END:
                break
            now = _Now(market, bars, thought, t, int(bars.ts[t]) + market.step)
            if code == VENUE:
                self._ask_venues(now)
                seen = t
                continue
            self._act(now, n_intents, is_seen=seen == t)
            t += 1
        self.counts.ticks += len(market)
        if self._quiet is not None:
            self._quiet.add(market, thought, trace)
            if not self._quiet.room:
                self.close_segment()

    def _act(self, now: _Now, n_intents: int, *, is_seen: bool) -> None:
        self._note_mode(now)
        if self._setup.keeps_account:
            # with the decision, in one commit: after a kill both are there, or neither
            self.record_account(now.as_of)
        if n_intents and not self._errors.tripped:
            if not is_seen:
                # nothing came of the bar there, but they judge orders by its close
                for venue in self._market_venues:
                    venue.observe(now.bars, now.t)
            self._decide(now, n_intents)
        if self._setup.keeps_account:
            self._journal.commit()

    def _ask_venues(self, now: _Now) -> None:
        # a new day may have ended yesterday's restriction
        self._note_mode(now)
        for venue in self._market_venues:
            venue.observe(now.bars, now.t)
        self.drain(now)
        if self._setup.style.order_type == LIMIT:
            self._cancel_overdue(now)
        if self._deferred:
            due = [each for each in self._deferred if each.due <= now.as_of]
            self._deferred = [each for each in self._deferred if each.due > now.as_of]
            for each in due:
                self._send(each.approved, now.as_of, each.failures)
            self.drain(now)

    def _decide(self, now: _Now, n_intents: int) -> None:
        as_of = now.as_of
        columns = self._wishes.sequence[:n_intents]
        leads = now.thought.signals.lead[now.t][columns]
        lots = self._wishes.lots[columns]
        findings = self._objections(
            Proposals(lots, columns, leads),
            self._account.book, self._setup.terms, self._setup.rules.limits, self._locks, as_of,
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
                self._open(answer, as_of, *proposed[k])
        # what a venue is about to hear of is on disk first
        journal.commit()
        self._listener.decided(decision, answers)
        for each in approved:
            self._send(each, as_of, 0)
            self.drain(now)
            self._judge(each.intent.id, as_of)

    def _judge(self, order_id: str, ts: int) -> None:
        # an order that no venue takes is an error; so many in a row, and something is wrong with us
        order = self._account.orders.get(order_id)
        if order is None or order.status not in _REFUSED:
            self._errors.succeeded()
        elif self._errors.failed(f"{order.instrument}: {order.detail}") and not self.halted:
            self.halted = f"{self._errors.count} orders in a row failed, the last: {order.detail}"
            self._journal.append("mode", ts, ModeChange(mode=HALTED_MODE, reason=self.halted))
            self._journal.commit()

    def _open(self, approved: ApprovedOrder, as_of: int, i: int, lots: int, lead: int) -> None:
        intent = approved.intent
        order = created_and_sent(approved, as_of)
        self._journal.append("approval", as_of, Approval.of(approved), intent.id)
        self._journal.append("order", as_of, order, order.id)
        self._account.orders.add(order)
        self._tickets[order.id] = _Ticket(intent, i, lead)
        self._account.book.working[i] += lots
        self.counts.orders += 1
        self._listener.order_changed(order, intent)

    def _send(self, approved: ApprovedOrder, ts: int, failures: int) -> None:
        order = self._account.orders.get(approved.intent.id)
        if order is None or order.status.is_final:
            return
        venue = self._venues[order.instrument.venue]
        outcome = attempt(venue, approved, order, ts, self._setup.retry, self._random, failures)
        if isinstance(outcome, RetryLater):
            due = ts + round(outcome.wait_s * SECOND)
            self._deferred.append(_Deferred(approved, due, outcome.failures))
        elif outcome is not order:
            self._account.orders.replace(outcome)
            self._changed(outcome, ts)

    def _cancel_overdue(self, now: _Now) -> None:
        lifetime = self._setup.style.lifetime_ns
        for order in self._account.orders.open():
            if order.id in self._to_cancel:
                self._cancel(order, now.as_of)
                continue
            is_working = order.status in {OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED}
            if (
                order.type is not OrderType.LIMIT
                or not is_working
                or now.as_of - order.created_at < lifetime
            ):
                continue
            asked = cancel_sent(order, now.as_of)
            self._account.orders.replace(asked)
            self._changed(asked, now.as_of)
            if self._setup.keeps_account:
                self.record_account(now.as_of)
            self._journal.commit()
            self._cancel(asked, now.as_of)
        self.drain(now)

    def _cancel(self, order: Order, ts: int) -> None:
        self._to_cancel.discard(order.id)
        try:
            self._venues[order.instrument.venue].cancel(order.id, ts)
        except OrderRejected:
            return  # it ended meanwhile: the venue's events will say how
        except Transient:
            self._to_cancel.add(order.id)

    def _order_event(self, event: OrderEvent) -> None:
        before = self._account.orders.get(event.order_id)
        order = self._account.orders.apply(event)
        if order is None:
            return
        if isinstance(event, OrderFilled):
            self._fill(order, event, was_open=before is not None and not before.status.is_final)
        self._changed(order, event.ts)

    def _changed(self, order: Order, ts: int) -> None:
        self._journal.append("order", ts, order, order.id)
        ticket = self._tickets.get(order.id)
        if ticket is None:
            return  # its end was final: a late word adds to the record, and to nothing else
        i, status = ticket.column, order.status
        is_counted = status is OrderStatus.FILLED or status is OrderStatus.ACCEPTED
        if not is_counted or self._locks[i] != UNLOCKED:
            self._count_working(order, i)
        self._listener.order_changed(order, ticket.intent)
        # a cancelled or lapsed order may still see a late fill
        if status is OrderStatus.FILLED or status in {OrderStatus.REJECTED, OrderStatus.FAILED}:
            del self._tickets[order.id]

    def _fill(self, order: Order, event: OrderFilled, *, was_open: bool) -> None:
        ticket = self._tickets.get(order.id)
        if ticket is None:
            raise InvariantBroken(f"order {order.id} was filled after its end was final; reconcile")
        i, book = ticket.column, self._account.book
        fill = fill_of(order, event, ticket.intent.reference_price)
        position = self._account.portfolio.apply(fill, ticket.intent.lead)
        lots = int(event.quantity / self._steps[i][0]) * order.side.sign
        self._apply_fill(
            book, self._setup.terms, i, lots, float(event.price), float(event.fee), event.ts,
            ticket.lead,
        )  # fmt: skip
        if was_open:
            book.working[i] -= lots
        self.counts.fills += 1
        self._journal.append("fill", event.ts, fill, order.id)
        self._journal.append("position", event.ts, position, self._names[i])
        self._listener.filled(fill, ticket.intent)

    def _fund(self, event: FundingPaid, now: _Now | None) -> None:
        i = self._columns[event.instrument]
        book = self._account.book
        price = book.mark[i]
        if now is not None and not np.isnan(now.bars.close[now.t, i]):
            price = now.bars.close[now.t, i]
        self._account.portfolio.fund(event)
        pay_funding(book, self._setup.terms, i, event.rate, float(price))
        self._journal.append("funding", event.ts, event, str(event.instrument))
        self._listener.funded(event)

    def _liquidated(self, event: Liquidated) -> None:
        i = self._columns[event.instrument]
        position = self._account.portfolio.liquidated(event)
        lots = int(event.quantity / self._steps[i][0]) * event.side.sign
        apply_fill(
            self._account.book, self._setup.terms, i, lots, float(event.price), float(event.fee),
            event.ts, -1,
        )  # fmt: skip
        self.counts.fills += 1
        self._journal.append("liquidation", event.ts, event, str(event.instrument))
        self._journal.append("position", event.ts, position, str(event.instrument))
        fill = Fill(
            id=event.fill_id,
            order_id="",
            instrument=event.instrument,
            ts=event.ts,
            side=event.side,
            quantity=event.quantity,
            price=event.price,
            fee=event.fee,
            is_maker=False,
            slippage_bps=0.0,
        )
        self._listener.filled(fill, None)

    def _count_working(self, order: Order, i: int) -> None:
        orders = self._account.orders
        book = self._account.book
        book.working[i] = int(orders.working(order.instrument) / self._steps[i][0])
        locked = order.status is OrderStatus.UNRESOLVED or self._locks[i] == UNRESOLVED
        if locked:
            is_locked = orders.is_locked(order.instrument)
            self._locks[i] = UNRESOLVED if is_locked else UNLOCKED

    def _intent(self, now: _Now, i: int, lots: int, lead: int, *, reduces: bool) -> OrderIntent:
        quantity_step, price_step = self._steps[i]
        close = float(now.bars.close[now.t, i])
        reason = int(self._wishes.reasons[i])
        kind, ticks = MARKET, 0
        if self._setup.style.order_type != MARKET:
            kind, ticks = order_terms(i, lots, reason, close, self._setup.terms, self._setup.style)
        is_limit = kind == LIMIT
        return OrderIntent(
            id=self._ids.new(now.as_of),
            instrument=self._setup.instruments[i].id,
            as_of=now.as_of,
            side=Side.BUY if lots > 0 else Side.SELL,
            quantity=abs(lots) * quantity_step,
            type=OrderType.LIMIT if is_limit else OrderType.MARKET,
            price=ticks * price_step if is_limit else None,
            reference_price=Decimal(repr(close)),
            reason=Reason.of(reason),
            lead=self._writer.lead(lead),
            reduces=reduces,
        )

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
        self._mode = float(account[MODE])
        mode = MODES[int(account[MODE])]
        fall = 1.0 - account[EQUITY] / account[PEAK_EQUITY]
        loss = account[DAY_START_EQUITY] - account[EQUITY]
        reason = f"drawdown {fall:.2%}, loss since 00:00 UTC {loss:,.2f}"
        self._journal.append("mode", now.as_of, ModeChange(mode=mode, reason=reason))

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
            agent_day=agent_pnl(self._account.book, self._analysis.agent_names),
        )
        self._journal.append("account", ts, state)
