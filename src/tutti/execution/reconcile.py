"""Compare what we believe with what the venue knows: at start, on demand, on a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.model.difference import Difference, DifferenceKind, Resolution
from tutti.model.errors import VenueError
from tutti.model.order import (
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderRefused,
    OrderStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tutti.execution.port import Venue, VenueOrderReport
    from tutti.model.instrument import InstrumentId
    from tutti.model.order import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What the venue's answers mean for our orders.

    Parameters
    ----------
    events : tuple of OrderEvent
        To be applied like any other; fills that were seen before are among them.
    unresolved : tuple of str
        Ids of orders to be marked :func:`~tutti.execution.lifecycle.unanswered`.
    waiting : tuple of str
        Ids of orders that the venue may yet report; ask again.
    differences : tuple of Difference
        What the events don't explain; a person has to look.
    applied : tuple of Difference
        What they do: states and fills that we had not heard of.
    """

    events: tuple[OrderEvent, ...]
    unresolved: tuple[str, ...]
    waiting: tuple[str, ...]
    differences: tuple[Difference, ...]
    applied: tuple[Difference, ...] = ()


def reconcile_orders(
    orders: Iterable[Order], venue: Venue, ts: int, *, patience_ns: int
) -> Reconciliation:
    """Ask ``venue`` about each of our open orders.

    Parameters
    ----------
    orders : iterable of Order
        Ours at this venue. Orders that were never sent, and those that are final, are passed over.
    ts : int
        Now, ns UTC.
    patience_ns : int
        How long after its last change an order that the venue doesn't report may still turn up.

    Notes
    -----
    An absent order is REJECTED (or, where the venue had it once, CANCELLED) only on the word of a
    venue whose answer is authoritative. On any other word it becomes UNRESOLVED.
    """
    events: list[OrderEvent] = []
    unresolved: list[str] = []
    waiting: list[str] = []
    differences: list[Difference] = []
    applied: list[Difference] = []
    for order in orders:
        if order.status is OrderStatus.CREATED or order.status.is_final:
            continue
        is_due = ts - order.updated_at >= patience_ns
        try:
            report = venue.find(order.id)
        except VenueError:
            # not being able to ask says nothing about an order that the venue is known to have
            if is_due and order.status is OrderStatus.SENT:
                unresolved.append(order.id)
            else:
                waiting.append(order.id)
            continue
        if report is not None and report.status is OrderStatus.SENT:
            waiting.append(order.id)
        elif report is not None:
            events += _explained(order, report)
            differences += _unexplained(order, report, venue.name)
            applied += _news(order, report.status, report.filled, venue.name)
        elif not is_due:
            waiting.append(order.id)
        elif venue.is_authoritative:
            absent = _absent(order, ts)
            events.append(absent)
            refused = isinstance(absent, OrderRefused)
            end = OrderStatus.REJECTED if refused else OrderStatus.CANCELLED
            applied += _news(order, end, order.filled, venue.name)
        elif order.status is not OrderStatus.UNRESOLVED:
            unresolved.append(order.id)
    return Reconciliation(
        events=tuple(events),
        unresolved=tuple(unresolved),
        waiting=tuple(waiting),
        differences=tuple(differences),
        applied=tuple(applied),
    )


def compare_positions(ours: Mapping[InstrumentId, Decimal], venue: Venue) -> tuple[Difference, ...]:
    """Return where our positions at ``venue`` (signed base units) differ from its own."""
    theirs = venue.positions()
    nothing = Decimal(0)
    return tuple(
        _noted(venue.name, DifferenceKind.POSITION, str(instrument), mine, its)
        for instrument in sorted(ours.keys() | theirs.keys())
        if (mine := ours.get(instrument, nothing)) != (its := theirs.get(instrument, nothing))
    )


def compare_cash(
    ours: Decimal,
    venue: Venue,
    *,
    currency: str,
    quotes: Iterable[str],
    tolerance: Decimal,
) -> tuple[Difference, ...]:
    """Return whether our cash at ``venue`` differs from its own by more than ``tolerance``.

    Parameters
    ----------
    ours : Decimal
        Our cash there.
    currency : str
        The account's; what a difference is about.
    quotes : iterable of str
        What our instruments there are traded in. All of it is cash, and counts alike; what else
        lies in the account is a position, or none of our business.
    tolerance : Decimal
        Quote currency.
    """
    told = venue.balances()
    theirs = sum((told.get(each, Decimal(0)) for each in {currency, *quotes}), Decimal(0))
    if abs(ours - theirs) <= tolerance:
        return ()
    return (_noted(venue.name, DifferenceKind.BALANCE, currency, ours, theirs),)


def _explained(order: Order, report: VenueOrderReport) -> list[OrderEvent]:
    events: list[OrderEvent] = []
    if report.status is not OrderStatus.REJECTED:
        accepted = OrderAccepted(
            order_id=order.id, ts=report.ts, venue_order_id=report.venue_order_id
        )
        events.append(accepted)
    quantity = report.quantity
    if quantity is not None and (quantity, report.price) != (order.quantity, order.price):
        events.append(
            OrderAmended(order_id=order.id, ts=report.ts, quantity=quantity, price=report.price)
        )
    events += report.fills
    if report.status is OrderStatus.REJECTED:
        events.append(OrderRefused(order_id=order.id, ts=report.ts, detail=report.detail))
    elif report.status is OrderStatus.CANCELLED:
        events.append(OrderCancelled(order_id=order.id, ts=report.ts, detail=report.detail))
    elif report.status is OrderStatus.EXPIRED:
        events.append(OrderExpired(order_id=order.id, ts=report.ts, detail=report.detail))
    return events


def _unexplained(order: Order, report: VenueOrderReport, venue: str) -> list[Difference]:
    listed = sum((fill.quantity for fill in report.fills), Decimal(0))
    if listed == report.filled and order.filled <= report.filled:
        return []
    ours = max(order.filled, listed)
    return [_noted(venue, DifferenceKind.FILLED, order.id, ours, report.filled)]


def _news(order: Order, status: OrderStatus, filled: Decimal, venue: str) -> list[Difference]:
    asked = order.status is OrderStatus.CANCEL_SENT and not status.is_final
    if (status is order.status or asked) and filled <= order.filled:
        return []
    return [
        Difference(
            venue=venue,
            kind=DifferenceKind.ORDER,
            subject=order.id,
            ours=f"{order.status}, filled {order.filled}",
            theirs=f"{status}, filled {filled}",
            resolution=Resolution.APPLIED,
        )
    ]


def _noted(
    venue: str, kind: DifferenceKind, subject: str, ours: Decimal, theirs: Decimal
) -> Difference:
    return Difference(
        venue=venue,
        kind=kind,
        subject=subject,
        ours=str(ours),
        theirs=str(theirs),
        resolution=Resolution.NOTED,
    )


def _absent(order: Order, ts: int) -> OrderEvent:
    if order.venue_order_id or order.filled:
        return OrderCancelled(order_id=order.id, ts=ts, detail="no longer at the venue")
    return OrderRefused(order_id=order.id, ts=ts, detail="never reached the venue")
