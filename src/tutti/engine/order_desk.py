"""Our orders, from the row that says they were sent to the last thing a venue says of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import TYPE_CHECKING, NamedTuple, assert_never

import msgspec
import numpy as np

from tutti.engine.booking import Booking
from tutti.engine.reconciler import Reconciler
from tutti.engine.splitting import Splitter
from tutti.execution.lifecycle import cancel_sent, created_and_sent, unanswered
from tutti.execution.settlement import events_of
from tutti.execution.submission import RetryLater, attempt, not_answered, not_sent
from tutti.kernel.clock import SECOND
from tutti.ledger.kinds import Approval
from tutti.model.difference import Difference, DifferenceKind, Resolution
from tutti.model.errors import InvariantBroken, OrderRejected, Transient
from tutti.model.order import (
    ApprovedOrder,
    FundingPaid,
    Liquidated,
    Order,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRefused,
    OrderStatus,
    OrderType,
    OrderUnanswered,
    OrderUnsent,
    VenueEvent,
)
from tutti.risk.breakers import HALTED, UNLOCKED, UNRESOLVED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tutti.engine.routing import Router
    from tutti.engine.run import Account, Counts, EngineListener, Setup
    from tutti.execution.port import Venue
    from tutti.ledger.journal import Journal
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import FloatArray, IntArray
    from tutti.model.order import Settlement


_NO_MORE = frozenset({OrderStatus.REJECTED, OrderStatus.FAILED})
_KEEP_TICKETS = 10_000


class _Ticket(NamedTuple):
    """What is needed again and again about an order: its intent, its column, its lead's index.

    ``approved`` is None for an order that an earlier process sent.
    """

    intent: OrderIntent
    column: int
    lead: int
    approved: ApprovedOrder | None


@dataclass(frozen=True, slots=True)
class _Deferred:
    approved: ApprovedOrder
    due: int
    failures: int


class OrderDesk:
    """Opens, sends and cancels orders and books what venues say, each on record before it acts.

    Parameters
    ----------
    setup : Setup
    account : Account
    venues : mapping of str to Venue
        By the venue part of the instruments' ids.
    journal : Journal
    random : Generator
        Jitter of retries.
    listener : EngineListener
    counts : Counts
        Orders and fills are counted there.
    leads : mapping of str to int
        Agent to its index.
    make_durable : callable
        Called with the time (ns UTC) before a cancellation leaves: puts all rows on the disk.
    router : Router or None
        Splits orders of routed instruments; None where nothing is routed.
    near : frozenset of str
        Venues that live in this process, and end with it: what they are told need not be durable
        before the tick is over, and a kill leaves all of the tick undone, or nothing.

    Attributes
    ----------
    locks : ndarray of int64, shape (n,)
        ``UNRESOLVED`` where an order's fate is unknown, or what the venue holds unexplained: nothing
        may be sent. ``HALTED`` after `halt`: only what reduces may be.
    is_closing : bool
        Everything is being closed: what a venue says that can't be is noted, and ends nothing.
    """

    def __init__(  # noqa: PLR0913 (where all of these meet)
        self,
        *,
        setup: Setup,
        account: Account,
        venues: Mapping[str, Venue],
        journal: Journal,
        random: np.random.Generator,
        listener: EngineListener,
        counts: Counts,
        leads: Mapping[str, int],
        make_durable: Callable[[int], None],
        router: Router | None = None,
        near: frozenset[str] = frozenset(),
    ) -> None:
        self.locks: IntArray = np.full(len(setup.instruments), UNLOCKED, np.int64)
        self.is_closing = False
        self._setup = setup
        self._account = account
        self._venues = dict(venues)
        self._journal = journal
        self._random = random
        self._listener = listener
        self._counts = counts
        self._leads = leads
        self._make_durable = make_durable
        self._near = near
        self._tickets: dict[str, _Ticket] = {}
        self._deferred: list[_Deferred] = []
        self._failures: dict[str, int] = {}
        self._to_cancel: set[str] = set()
        self._unwanted: set[str] = set()
        self._quarantined: set[int] = set()
        self._settled: dict[str, bool] = {}
        self._kept: deque[str] = deque()
        self._unlocked = UNLOCKED
        self._booking = Booking(setup, account, journal, counts, listener, router)
        self._split = None if router is None else Splitter(router, account, journal)
        self._reconciler = Reconciler(
            setup, account, self._venues, journal, counts, self, self._booking
        )

    def adopt(self, intents: Mapping[str, OrderIntent]) -> None:
        """Take over the intents of orders that were open when an earlier process ended."""
        for order_id, intent in intents.items():
            i = self._booking.column(self._booking.columns[intent.instrument])
            lead = self._leads.get(intent.lead, -1)
            self._tickets[order_id] = _Ticket(intent, i, lead, None)
        for order in self._account.orders.open():
            ticket = self._tickets[order.id]
            if order.status is OrderStatus.CREATED and self._split is not None:
                self._split.adopt(order, ticket.column, ticket.lead)
            if order.status is OrderStatus.CANCEL_SENT:
                # nobody knows whether the request left: asking twice does no harm
                self._to_cancel.add(order.id)
            self._count_working(order, ticket.column)

    def halt(self) -> None:
        """Let nothing be sent from here on but what reduces a position."""
        self._unlocked = HALTED
        self.locks[self.locks == UNLOCKED] = HALTED

    def resume(self) -> None:
        """End a halt."""
        self._unlocked = UNLOCKED
        self.locks[self.locks == HALTED] = UNLOCKED

    def reconcile_if_due(self, ts: int) -> bool:
        """Compare with the venues when it is time, see `Reconciling`; return whether any differs."""
        if not self._reconciler.is_due(ts):
            return False
        return self.reconcile(ts, patience_ns=self._setup.reconciling.patience_ns)

    def reconcile(self, ts: int, *, patience_ns: int = 0) -> bool:
        """Compare our open orders, holdings and cash with the venues' answers, and apply them.

        What differs is on record with what was done about it; an order that nobody knows of stays
        unresolved, and its instrument locked. Without patience nothing is taken to be on its way.
        Returns whether anything differed that was not known to.
        """
        found = self._reconciler.reconcile(ts, patience_ns=patience_ns)
        for order in self._account.orders.open():
            is_old = ts - order.updated_at >= patience_ns
            # a venue that never took the request works the order on
            if order.id in self._to_cancel or (is_old and order.status is OrderStatus.CANCEL_SENT):
                self._cancel(order, ts)
        self.drain()
        return found

    def doubtful(self) -> dict[str, list[str]]:
        """Return ids of the orders, by venue, that a venue should be asked about anew."""
        asked: dict[str, list[str]] = {}
        for order in self._account.orders.open():
            if order.status is OrderStatus.UNRESOLVED or order.status is OrderStatus.SENT:
                asked.setdefault(order.instrument.venue, []).append(order.id)
        return asked

    def handle(self, event: VenueEvent, closes: FloatArray | None = None) -> None:
        """Apply what a venue said, once however often it says it.

        Raises
        ------
        InvariantBroken
            If it can't be: an unknown order, an overfill, a contradiction.
        """
        match event:
            case (
                OrderFilled()
                | OrderAccepted()
                | OrderRefused()
                | OrderCancelled()
                | OrderExpired()
                | OrderAmended()
            ):
                if event.order_id in self._settled:
                    self._settled_otherwise(event)
                else:
                    self._order_event(event)
            case OrderUnsent() | OrderUnanswered():
                self._submission_failed(event)
            case FundingPaid():
                self._booking.fund(event, closes)
            case Liquidated():
                self._booking.liquidated(event)
            case _:
                assert_never(event)

    def drain(self, closes: FloatArray | None = None) -> None:
        """Apply everything that the venues have to say; split anew what they would not take."""
        self._hear(closes)
        if self._split is not None:
            while children := self._split.split_again(self):
                ts = children[0][1]
                if not self._near.issuperset(c.intent.instrument.venue for c, _ in children):
                    self._make_durable(ts)
                for child, _ in children:
                    self.send(child, ts)
                self._hear(closes)

    def open(self, approved: ApprovedOrder, as_of: int, i: int, lots: int, lead: int) -> None:
        """Put an approved order, or the children it is split into, on record as sent.

        Nothing leaves yet.

        Parameters
        ----------
        i, lots, lead : int
            Column, signed lots, and index of the lead (-1 for the policy).
        """
        intent = approved.intent
        self._journal.append("approval", as_of, Approval.of(approved), intent.id)
        self._account.book.working[i] += lots
        if self._split is None or i not in self._split.router.routes:
            self.record(approved, as_of, i, lead)
        else:
            self._tickets[intent.id] = _Ticket(intent, i, lead, approved)
            self._split.open(approved, as_of, i, lead, self)

    def record(self, approved: ApprovedOrder, ts: int, i: int, lead: int, parent: str = "") -> None:
        """Write an order down as sent and take it among the open ones."""
        intent = approved.intent
        order = created_and_sent(approved, ts)
        if parent:
            order = msgspec.structs.replace(order, parent=parent)
        self._journal.append("order", ts, order, order.id)
        self._account.orders.add(order)
        self._tickets[order.id] = _Ticket(intent, i, lead, approved)
        self._counts.orders += 1
        self._listener.order_changed(order, intent)

    def send(self, approved: ApprovedOrder, ts: int, failures: int = 0) -> None:
        """Hand an order that is on record to its venue; put it off where it certainly didn't leave."""
        if self._split is not None and self._split.is_split(approved.intent.id):
            for child in self._split.to_send(approved.intent.id):
                self.send(child, ts)
            return
        order = self._account.orders.get(approved.intent.id)
        if order is None or order.status.is_final:
            return
        if failures:
            self._failures[order.id] = failures
        venue = self._venues[order.instrument.venue]
        outcome = attempt(venue, approved, order, ts, self._setup.retry, self._random, failures)
        self._settle(order, outcome, approved, ts)

    def send_deferred(self, ts: int) -> bool:
        """Send again what did not leave and is due; return whether there was any."""
        if not self._deferred:
            return False
        due = [each for each in self._deferred if each.due <= ts]
        self._deferred = [each for each in self._deferred if each.due > ts]
        for each in due:
            self.send(each.approved, ts, each.failures)
        return bool(due)

    def cancel_overdue(self, ts: int) -> None:
        """Ask to cancel limit orders that have worked for longer than they may."""
        lifetime = self._setup.style.lifetime_ns
        for order in self._account.orders.open():
            if order.id in self._to_cancel:
                self._cancel(order, ts)
                continue
            is_working = order.status in {OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED}
            if (
                order.type is not OrderType.LIMIT
                or not is_working
                or ts - order.created_at < lifetime
            ):
                continue
            self.cancel(order, ts)

    def cancel(self, order: Order, ts: int) -> None:
        """Ask to cancel an order, on record before the request leaves.

        One that was asked for already is asked for again; so is one that the venue has not answered
        to, which changes nothing about it but what the venue makes of the request. One that was split
        is nowhere: its children are, and what is refused of them goes to no other venue.
        """
        if order.status is OrderStatus.CREATED:
            if self._split is not None:
                self._split.keep_from_others(order.id)
            return
        if order.status is OrderStatus.SENT:
            self._unwanted.add(order.id)
            if any(each.approved.intent.id == order.id for each in self._deferred):
                self._drop(order, ts)
                return
        if order.status is OrderStatus.ACCEPTED or order.status is OrderStatus.PARTIALLY_FILLED:
            asked = cancel_sent(order, ts)
            self._account.orders.replace(asked)
            self._changed(order, asked, ts)
            if order.instrument.venue not in self._near:
                self._make_durable(ts)
        self._cancel(order, ts)

    def _cancel(self, order: Order, ts: int) -> None:
        self._to_cancel.discard(order.id)
        try:
            self._venues[order.instrument.venue].cancel(order.id, ts)
        except OrderRejected:
            return  # it ended meanwhile: the venue's events will say how
        except Transient:
            self._to_cancel.add(order.id)

    def _drop(self, order: Order, ts: int) -> None:
        # it certainly did not leave, and now it never will
        self._unwanted.discard(order.id)
        self._deferred = [each for each in self._deferred if each.approved.intent.id != order.id]
        self._order_event(
            OrderCancelled(order_id=order.id, ts=ts, detail="cancelled before it left")
        )

    def lose(self, order: Order, ts: int) -> None:
        """Take an order for one whose fate nobody knows; its instrument stays locked."""
        lost = unanswered(order, ts)
        self._account.orders.replace(lost)
        self._changed(order, lost, ts)

    def settle(self, settlement: Settlement, ts: int) -> Order:
        """Take a person's word for what became of an order that is unresolved; let go of its lock.

        Where that booked a fill or ruled every one out, what its venue tells of the order later is
        noted and changes nothing: positions are compared anyway.
        """
        order = self._account.orders.get(settlement.order_id)
        assert order is not None
        self._journal.append("settlement", ts, settlement, order.id)
        if order.parent and self._split is not None:
            self._split.keep_from_others(order.parent)
        for event in events_of(order, settlement, ts):
            self._order_event(event)
        settled = self._account.orders.get(order.id)
        assert settled is not None
        if settlement.price is not None or settlement.outcome is not OrderStatus.CANCELLED:
            self._settled[order.id] = False
        return settled

    def _settled_otherwise(self, event: OrderEvent) -> None:
        order = self._account.orders.get(event.order_id)
        if order is None or self._settled[event.order_id]:
            return  # it was said once
        self._settled[event.order_id] = True
        ours = f"{order.status}, filled {order.filled}, as a person said"
        self._note(order.instrument.venue, event, ours)

    def _note(self, venue: str, event: VenueEvent, ours: str) -> None:
        if isinstance(event, FundingPaid | Liquidated):
            subject = str(event.instrument)
        else:
            subject = event.order_id
        difference = Difference(
            venue=venue,
            kind=DifferenceKind.ORDER,
            subject=subject,
            ours=ours,
            theirs=_told(event),
            resolution=Resolution.NOTED,
        )
        self._journal.append("difference", event.ts, difference, subject)
        self._counts.differences[venue] = self._counts.differences.get(venue, 0) + 1

    def quarantine(self, instrument: InstrumentId, *, is_locked: bool) -> None:
        """Lock an instrument whose holdings are not explained, or let it go."""
        i = self._booking.column(self._booking.columns[instrument])
        (self._quarantined.add if is_locked else self._quarantined.discard)(i)
        self._lock(i, self._setup.instruments[i].id)

    def _hear(self, closes: FloatArray | None) -> None:
        for name, venue in self._venues.items():
            for event in venue.events():
                try:
                    self.handle(event, closes)
                except InvariantBroken as error:
                    if not self.is_closing:
                        raise
                    self._note(name, event, str(error))

    def _order_event(self, event: OrderEvent) -> None:
        before = self._account.orders.get(event.order_id)
        order = self._account.orders.apply(event)
        if order is None or before is None:
            return
        if isinstance(event, OrderFilled):
            self._fill(order, event, was_open=not before.status.is_final)
        self._changed(before, order, event.ts)

    def _submission_failed(self, event: OrderUnsent | OrderUnanswered) -> None:
        order, ticket = (
            self._account.orders.get(event.order_id),
            self._tickets.get(event.order_id),
        )
        if order is None or ticket is None or ticket.approved is None:
            return  # it has ended meanwhile, or an earlier process sent it: reconciliation tells
        if isinstance(event, OrderUnanswered):
            outcome: Order | RetryLater = not_answered(order, event)
        else:
            failures = self._failures.get(order.id, 0)
            outcome = not_sent(order, event, self._setup.retry, self._random, failures)
        self._settle(order, outcome, ticket.approved, event.ts)

    def _settle(
        self, order: Order, outcome: Order | RetryLater, approved: ApprovedOrder, ts: int
    ) -> None:
        if isinstance(outcome, RetryLater):
            if order.id in self._unwanted:
                self._drop(order, ts)
                return
            due = ts + round(outcome.wait_s * SECOND)
            self._deferred.append(_Deferred(approved, due, outcome.failures))
        elif outcome is not order:
            self._account.orders.replace(outcome)
            self._changed(order, outcome, ts)

    def _changed(self, before: Order, order: Order, ts: int) -> None:
        self._journal.append("order", ts, order, order.id)
        if order.parent and self._split is not None:
            self._split.heard(before, order, ts)
        ticket = self._tickets.get(order.id)
        if order.status.is_final:
            self._unwanted.discard(order.id)
        if ticket is None:
            return  # its end was final: a late word adds to the record, and to nothing else
        i, status = ticket.column, order.status
        is_counted = status is OrderStatus.FILLED or status is OrderStatus.ACCEPTED
        if (
            not is_counted
            or self.locks[i] == UNRESOLVED
            or order.quantity is not before.quantity
            or order.parent
        ):
            self._count_working(order, i)
        self._listener.order_changed(order, ticket.intent)
        if status.is_final:
            self._ended(order)

    def _ended(self, order: Order) -> None:
        # a cancelled or lapsed order may still see a late fill, and one that is filled and out of
        # sight may have been enlarged
        is_near = order.instrument.venue in self._near
        self._failures.pop(order.id, None)
        if order.status in _NO_MORE or (order.status is OrderStatus.FILLED and is_near):
            del self._tickets[order.id]
            return
        self._kept.append(order.id)
        if len(self._kept) > _KEEP_TICKETS:
            self._tickets.pop(self._kept.popleft(), None)

    def _fill(self, order: Order, event: OrderFilled, *, was_open: bool) -> None:
        ticket = self._tickets.get(order.id)
        if ticket is None:
            raise InvariantBroken(f"order {order.id} was filled after its end was final; reconcile")
        i = ticket.column
        lots = self._booking.fill(order, event, ticket.intent, i, ticket.lead)
        if not was_open:
            return
        if abs(lots) * self._booking.steps[i] == event.quantity:
            self._account.book.working[i] -= lots
        else:
            self._count_working(order, i)

    def _count_working(self, order: Order, i: int) -> None:
        if self._split is None or i not in self._split.router.routes:
            working = self._account.orders.working(order.instrument)
        else:
            working = self._split.working(i)
        lots = working / self._booking.steps[i]
        # a part of a lot is at work as well
        away = ROUND_CEILING if lots > 0 else ROUND_FLOOR
        self._account.book.working[i] = int(lots.to_integral_value(away))
        if order.status is OrderStatus.UNRESOLVED or self.locks[i] == UNRESOLVED:
            self._lock(i, order.instrument)

    def _lock(self, i: int, instrument: InstrumentId) -> None:
        is_locked = i in self._quarantined or self._account.orders.is_locked(instrument)
        if self._split is not None:
            is_locked = is_locked or self._split.is_locked(i)
        self.locks[i] = UNRESOLVED if is_locked else self._unlocked


def _told(event: VenueEvent) -> str:
    if isinstance(event, OrderFilled):
        return f"filled {event.quantity} at {event.price}"
    return type(event).__name__.removeprefix("Order").lower()
