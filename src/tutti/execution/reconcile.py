"""Compare what we believe with what the venue knows: at start, on demand, on a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.model.errors import VenueError
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderRefused,
    OrderStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tutti.execution.port import Venue, VenueOrderReport


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledDiffers:
    """Order of which the venue's executions don't add up to what it, or we, have as filled."""

    order_id: str
    ours: Decimal
    theirs: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionDiffers:
    """Instrument that we and the venue hold a different quantity of (signed base units)."""

    instrument: InstrumentId
    ours: Decimal
    theirs: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceDiffers:
    """Currency that we and the venue have a different amount of."""

    currency: str
    ours: Decimal
    theirs: Decimal


Difference = FilledDiffers | PositionDiffers | BalanceDiffers


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
    """

    events: tuple[OrderEvent, ...]
    unresolved: tuple[str, ...]
    waiting: tuple[str, ...]
    differences: tuple[Difference, ...]


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
        if report is not None:
            events += _explained(order, report)
            differences += _unexplained(order, report)
        elif not is_due:
            waiting.append(order.id)
        elif venue.is_authoritative:
            events.append(_absent(order, ts))
        elif order.status is not OrderStatus.UNRESOLVED:
            unresolved.append(order.id)
    return Reconciliation(
        events=tuple(events),
        unresolved=tuple(unresolved),
        waiting=tuple(waiting),
        differences=tuple(differences),
    )


def compare_positions(
    ours: Mapping[InstrumentId, Decimal], venue: Venue
) -> tuple[PositionDiffers, ...]:
    """Return where our positions at ``venue`` (signed base units) differ from its own."""
    theirs = venue.positions()
    nothing = Decimal(0)
    return tuple(
        PositionDiffers(instrument=instrument, ours=mine, theirs=its)
        for instrument in sorted(ours.keys() | theirs.keys())
        if (mine := ours.get(instrument, nothing)) != (its := theirs.get(instrument, nothing))
    )


def compare_balances(
    ours: Mapping[str, Decimal], venue: Venue, *, tolerance: Decimal
) -> tuple[BalanceDiffers, ...]:
    """Return where our cash at ``venue`` differs from its own by more than ``tolerance``."""
    theirs = venue.balances()
    nothing = Decimal(0)
    return tuple(
        BalanceDiffers(currency=currency, ours=mine, theirs=its)
        for currency in sorted(ours.keys() | theirs.keys())
        if abs((mine := ours.get(currency, nothing)) - (its := theirs.get(currency, nothing)))
        > tolerance
    )


def _explained(order: Order, report: VenueOrderReport) -> list[OrderEvent]:
    events: list[OrderEvent] = []
    if report.status is not OrderStatus.REJECTED:
        accepted = OrderAccepted(
            order_id=order.id, ts=report.ts, venue_order_id=report.venue_order_id
        )
        events.append(accepted)
    events += report.fills
    if report.status is OrderStatus.REJECTED:
        events.append(OrderRefused(order_id=order.id, ts=report.ts, detail=report.detail))
    elif report.status is OrderStatus.CANCELLED:
        events.append(OrderCancelled(order_id=order.id, ts=report.ts, detail=report.detail))
    elif report.status is OrderStatus.EXPIRED:
        events.append(OrderExpired(order_id=order.id, ts=report.ts, detail=report.detail))
    return events


def _unexplained(order: Order, report: VenueOrderReport) -> list[FilledDiffers]:
    listed = sum((fill.quantity for fill in report.fills), Decimal(0))
    if listed == report.filled and order.filled <= report.filled:
        return []
    return [FilledDiffers(order_id=order.id, ours=max(order.filled, listed), theirs=report.filled)]


def _absent(order: Order, ts: int) -> OrderEvent:
    if order.venue_order_id or order.filled:
        return OrderCancelled(order_id=order.id, ts=ts, detail="no longer at the venue")
    return OrderRefused(order_id=order.id, ts=ts, detail="never reached the venue")
