"""Our orders, from the row that says they were sent to the last thing a venue says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, assert_never

import numpy as np

from tutti.execution.lifecycle import cancel_sent, created_and_sent, fill_of, unanswered
from tutti.execution.reconcile import compare_positions, reconcile_orders
from tutti.execution.submission import RetryLater, attempt
from tutti.kernel.clock import SECOND
from tutti.kernel.jit import bound
from tutti.ledger.kinds import Approval, Reconciled
from tutti.model.errors import InvariantBroken, OrderRejected, Transient
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
    VenueEvent,
)
from tutti.portfolio.accounting import apply_fill, pay_funding
from tutti.risk.breakers import UNLOCKED, UNRESOLVED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tutti.engine.run import Account, Counts, EngineListener, Setup
    from tutti.execution.port import Venue
    from tutti.ledger.journal import Journal
    from tutti.model.market import FloatArray, IntArray


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

    Attributes
    ----------
    locks : ndarray of int64, shape (n,)
        ``UNRESOLVED`` where an order's fate is unknown: nothing may be sent.
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
    ) -> None:
        self.locks: IntArray = np.full(len(setup.instruments), UNLOCKED, np.int64)
        self._setup = setup
        self._account = account
        self._venues = dict(venues)
        self._journal = journal
        self._random = random
        self._listener = listener
        self._counts = counts
        self._leads = leads
        self._make_durable = make_durable
        self._columns = {each.id: i for i, each in enumerate(setup.instruments)}
        self._names = [str(each.id) for each in setup.instruments]
        self._steps = [each.quantity_step for each in setup.instruments]
        self._tickets: dict[str, _Ticket] = {}
        self._deferred: list[_Deferred] = []
        self._to_cancel: set[str] = set()
        self._apply_fill = bound(apply_fill, account.book, setup.terms, 0, 0, 0.0, 0.0, 0, 0)

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
        for order in orders.open():
            if order.id in self._to_cancel:
                self._cancel(order, ts)
        self.drain()

    def handle(self, event: VenueEvent, closes: FloatArray | None = None) -> None:
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
                self._fund(event, closes)
            case Liquidated():
                self._liquidated(event)
            case _:
                assert_never(event)

    def drain(self, closes: FloatArray | None = None) -> None:
        """Apply everything that the venues have to say."""
        for venue in self._venues.values():
            for event in venue.events():
                self.handle(event, closes)

    def open(self, approved: ApprovedOrder, as_of: int, i: int, lots: int, lead: int) -> None:
        """Put an approved order on record as sent; nothing leaves yet.

        Parameters
        ----------
        i, lots, lead : int
            Column, signed lots, and index of the lead (-1 for the policy).
        """
        intent = approved.intent
        order = created_and_sent(approved, as_of)
        self._journal.append("approval", as_of, Approval.of(approved), intent.id)
        self._journal.append("order", as_of, order, order.id)
        self._account.orders.add(order)
        self._tickets[order.id] = _Ticket(intent, i, lead)
        self._account.book.working[i] += lots
        self._counts.orders += 1
        self._listener.order_changed(order, intent)

    def send(self, approved: ApprovedOrder, ts: int, failures: int = 0) -> None:
        """Hand an order that is on record to its venue; put it off where it certainly didn't leave."""
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
            asked = cancel_sent(order, ts)
            self._account.orders.replace(asked)
            self._changed(asked, ts)
            self._make_durable(ts)
            self._cancel(asked, ts)

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
        if not is_counted or self.locks[i] != UNLOCKED:
            self._count_working(order, i)
        self._listener.order_changed(order, ticket.intent)
        # a cancelled or lapsed order may still see a late fill
        if (
            status is OrderStatus.FILLED
            or status is OrderStatus.REJECTED
            or status is OrderStatus.FAILED
        ):
            del self._tickets[order.id]

    def _fill(self, order: Order, event: OrderFilled, *, was_open: bool) -> None:
        ticket = self._tickets.get(order.id)
        if ticket is None:
            raise InvariantBroken(f"order {order.id} was filled after its end was final; reconcile")
        i, book = ticket.column, self._account.book
        fill = fill_of(order, event, ticket.intent.reference_price)
        position = self._account.portfolio.apply(fill, ticket.intent.lead)
        lots = int(event.quantity / self._steps[i]) * order.side.sign
        self._apply_fill(
            book, self._setup.terms, i, lots, float(event.price), float(event.fee), event.ts,
            ticket.lead,
        )  # fmt: skip
        if was_open:
            book.working[i] -= lots
        self._counts.fills += 1
        self._journal.append("fill", event.ts, fill, order.id)
        self._journal.append("position", event.ts, position, self._names[i])
        self._listener.filled(fill, ticket.intent)

    def _fund(self, event: FundingPaid, closes: FloatArray | None) -> None:
        i = self._columns[event.instrument]
        book = self._account.book
        price = book.mark[i]
        if closes is not None and not np.isnan(closes[i]):
            price = closes[i]
        self._account.portfolio.fund(event)
        pay_funding(book, self._setup.terms, i, event.rate, float(price))
        self._journal.append("funding", event.ts, event, str(event.instrument))
        self._listener.funded(event)

    def _liquidated(self, event: Liquidated) -> None:
        i = self._columns[event.instrument]
        position = self._account.portfolio.liquidated(event)
        lots = int(event.quantity / self._steps[i]) * event.side.sign
        apply_fill(
            self._account.book, self._setup.terms, i, lots, float(event.price), float(event.fee),
            event.ts, -1,
        )  # fmt: skip
        self._counts.fills += 1
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
        book.working[i] = int(orders.working(order.instrument) / self._steps[i])
        locked = order.status is OrderStatus.UNRESOLVED or self.locks[i] == UNRESOLVED
        if locked:
            is_locked = orders.is_locked(order.instrument)
            self.locks[i] = UNRESOLVED if is_locked else UNLOCKED
