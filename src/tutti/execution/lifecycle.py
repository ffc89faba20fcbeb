"""Life of an order: which event may follow which state, and what the order is then.

::

    CREATED -> SENT -> ACCEPTED -> PARTIALLY_FILLED -> FILLED
                 |         `-> CANCEL_SENT -> CANCELLED | EXPIRED | FILLED
                 |-> REJECTED   the venue definitively does not have it
                 |-> FAILED     it certainly never left
                 `-> UNRESOLVED nobody knows; reconciliation may still find it

Somebody may change an order's terms at the venue: it is the same order on other terms.

Answers may come twice, late and in any order. What a race can cause is taken; what would need the
venue to contradict itself, or more to be filled than was ordered, is :class:`InvariantBroken`.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tutti.model.errors import InvariantBroken
from tutti.model.order import (
    ApprovedOrder,
    Fill,
    Liquidated,
    Order,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRefused,
    OrderStatus,
)

_NONE = Decimal(0)
_CREATED = OrderStatus.CREATED
_SENT = OrderStatus.SENT
_ACCEPTED = OrderStatus.ACCEPTED
_PARTIAL = OrderStatus.PARTIALLY_FILLED
_CANCEL_SENT = OrderStatus.CANCEL_SENT
_UNRESOLVED = OrderStatus.UNRESOLVED
_FILLED = OrderStatus.FILLED
_CANCELLED = OrderStatus.CANCELLED
_REJECTED = OrderStatus.REJECTED
_EXPIRED = OrderStatus.EXPIRED
_FAILED = OrderStatus.FAILED

_ENDED = {_FILLED: _FILLED, _CANCELLED: _CANCELLED, _EXPIRED: _EXPIRED}
# what nobody knew of these is known with the venue's first word
_DOUBTFUL = (_SENT, _UNRESOLVED)
_ALIVE = (_SENT, _ACCEPTED, _PARTIAL, _CANCEL_SENT, _UNRESOLVED)

# Status after each answer other than a fill; absent: the venue contradicts itself.
_NEXT: dict[type, dict[OrderStatus, OrderStatus]] = {
    OrderAccepted: {
        _SENT: _ACCEPTED,
        _ACCEPTED: _ACCEPTED,
        _PARTIAL: _PARTIAL,
        _CANCEL_SENT: _CANCEL_SENT,
        _UNRESOLVED: _ACCEPTED,
        **_ENDED,
    },
    OrderRefused: {
        _SENT: _REJECTED,
        _ACCEPTED: _REJECTED,
        _CANCEL_SENT: _REJECTED,
        _UNRESOLVED: _REJECTED,
        _REJECTED: _REJECTED,
    },
    OrderCancelled: {
        **dict.fromkeys(_ALIVE, _CANCELLED),
        **_ENDED,
        _REJECTED: _REJECTED,
    },
    OrderExpired: {
        **dict.fromkeys(_ALIVE, _EXPIRED),
        **_ENDED,
        _REJECTED: _REJECTED,
    },
}

# Status after new terms; an order that has ended keeps them for the record, but one that was filled
# works again if it was enlarged.
_AMENDING = {
    _SENT: _ACCEPTED,
    _ACCEPTED: _ACCEPTED,
    _PARTIAL: _PARTIAL,
    _CANCEL_SENT: _CANCEL_SENT,
    _UNRESOLVED: _ACCEPTED,
    _FILLED: _PARTIAL,
    _CANCELLED: _CANCELLED,
    _EXPIRED: _EXPIRED,
}

# Status after a fill that leaves something open; a late fill does not reopen an order.
_FILLING = {
    _SENT: _PARTIAL,
    _ACCEPTED: _PARTIAL,
    _PARTIAL: _PARTIAL,
    _UNRESOLVED: _PARTIAL,
    _CANCEL_SENT: _CANCEL_SENT,
    _CANCELLED: _CANCELLED,
    _EXPIRED: _EXPIRED,
}


def created(approved: ApprovedOrder, ts: int) -> Order:
    """Return the order for an approval, not sent yet."""
    return _from(approved, ts, _CREATED)


def created_and_sent(approved: ApprovedOrder, ts: int) -> Order:
    """Return what ``sent(created(approved, ts), ts)`` would, in one step."""
    return _from(approved, ts, _SENT)


def sent(order: Order, ts: int) -> Order:
    """Return the order as it goes on the wire; from here on the venue may have it.

    Raises
    ------
    InvariantBroken
        If it was sent before: an order is never sent twice.
    """
    if order.status is not _CREATED:
        raise InvariantBroken(f"order {order.id} is {order.status} and must not be sent again")
    return _changed(order, _SENT, ts, order.detail)


def failed(order: Order, ts: int, detail: str) -> Order:
    """Return the order as one that certainly never reached the venue.

    Raises
    ------
    InvariantBroken
        If the venue has answered to it.
    """
    if order.status is not _SENT and order.status is not _CREATED:
        raise InvariantBroken(f"order {order.id} is {order.status} and can't have failed to leave")
    return _changed(order, _FAILED, ts, detail)


def cancel_sent(order: Order, ts: int) -> Order:
    """Return the order with its cancellation asked for.

    Raises
    ------
    InvariantBroken
        If the venue does not work the order.
    """
    if order.status is not _ACCEPTED and order.status is not _PARTIAL:
        raise InvariantBroken(f"order {order.id} is {order.status} and can't be cancelled")
    return _changed(order, _CANCEL_SENT, ts, order.detail)


def unanswered(order: Order, ts: int = 0, detail: str = "the venue could not tell") -> Order:
    """Return the order as one whose fate is unknown; its instrument stays locked.

    Raises
    ------
    InvariantBroken
        If the order never left, or its fate is known.
    """
    if order.status not in _ALIVE:
        raise InvariantBroken(f"order {order.id} is {order.status}: its fate is known")
    return _changed(order, _UNRESOLVED, ts, detail)


def noted(order: Order, ts: int, detail: str) -> Order:
    """Return the order in the same state, with ``detail`` on it."""
    return _changed(order, order.status, ts, detail)


def apply(order: Order, event: OrderEvent) -> Order:
    """Return the order after what the venue said; the same object where it said nothing new.

    A fill is taken as new: dropping those seen before is for :class:`OpenOrders`.

    Raises
    ------
    InvariantBroken
        If the event can't follow the order's state, or fills more than was ordered.
    """
    if isinstance(event, OrderFilled):
        return _filled(order, event)
    if isinstance(event, OrderAmended):
        return _amended(order, event)
    before = order.status
    after = _NEXT[type(event)].get(before)
    if after is None or (after is _REJECTED and order.filled):
        raise InvariantBroken(f"order {order.id} is {before}, yet the venue says {event!r}")
    if isinstance(event, OrderAccepted):
        if after is _ACCEPTED and order.filled:
            after = _PARTIAL
        if after is before and order.venue_order_id:
            return order
        detail = "" if before in _DOUBTFUL else order.detail
        return _changed(order, after, event.ts, detail, event.venue_order_id)
    if after is before:
        return order
    return _changed(order, after, event.ts, event.detail)


def fill_of(order: Order, event: OrderFilled, reference_price: Decimal) -> Fill:
    """Return the execution that ``event`` reports, with its slippage.

    Parameters
    ----------
    reference_price : Decimal
        Price at which the order was decided; positive.
    """
    slippage = (float(event.price) / float(reference_price) - 1.0) * 1e4
    return Fill(
        id=event.fill_id,
        order_id=order.id,
        instrument=order.instrument,
        ts=event.ts,
        side=order.side,
        quantity=event.quantity,
        price=event.price,
        fee=event.fee,
        is_maker=event.is_maker,
        slippage_bps=slippage * order.side.sign,
    )


def forced_fill_of(event: Liquidated) -> Fill:
    """Return the execution of a forced close: of no order, with no price that it was decided at."""
    return Fill(
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


def _filled(order: Order, event: OrderFilled) -> Order:
    quantity = event.quantity
    filled = order.filled + quantity
    after = _FILLING.get(order.status)
    if after is None:
        raise InvariantBroken(f"order {order.id} is {order.status}, yet the venue says {event!r}")
    if filled > order.quantity or quantity <= 0:
        raise InvariantBroken(
            f"order {order.id} of {order.quantity} has {order.filled} filled; {event!r} can't be"
        )
    price = event.price
    if order.filled:
        price = (order.filled * order.average_price + quantity * price) / filled
    return Order(
        id=order.id,
        instrument=order.instrument,
        side=order.side,
        quantity=order.quantity,
        type=order.type,
        price=order.price,
        status=_FILLED if filled == order.quantity else after,
        created_at=order.created_at,
        updated_at=max(order.updated_at, event.ts),
        filled=filled,
        average_price=price,
        venue_order_id=order.venue_order_id,
        detail="" if order.status in _DOUBTFUL else order.detail,
        parent=order.parent,
    )


def _amended(order: Order, event: OrderAmended) -> Order:
    after = _AMENDING.get(order.status)
    if after is None or event.quantity < order.filled or event.quantity <= 0:
        raise InvariantBroken(f"order {order.id} is {order.status}, yet the venue says {event!r}")
    if order.filled:
        if event.quantity == order.filled:
            after = _FILLED
        elif after is _ACCEPTED:
            after = _PARTIAL
    if (after, event.quantity, event.price) == (order.status, order.quantity, order.price):
        return order
    return msgspec.structs.replace(
        order,
        quantity=event.quantity,
        price=event.price,
        status=after,
        updated_at=max(order.updated_at, event.ts),
    )


def _from(approved: ApprovedOrder, ts: int, status: OrderStatus) -> Order:
    intent = approved.intent
    return Order(
        id=intent.id,
        instrument=intent.instrument,
        side=intent.side,
        quantity=intent.quantity,
        type=intent.type,
        price=intent.price,
        status=status,
        created_at=ts,
        updated_at=ts,
    )


def _changed(
    order: Order, status: OrderStatus, ts: int, detail: str, venue_order_id: str = ""
) -> Order:
    # spelled out: dataclasses.replace takes three times as long, and this runs for every event
    return Order(
        id=order.id,
        instrument=order.instrument,
        side=order.side,
        quantity=order.quantity,
        type=order.type,
        price=order.price,
        status=status,
        created_at=order.created_at,
        updated_at=max(order.updated_at, ts),
        filled=order.filled,
        average_price=order.average_price,
        venue_order_id=order.venue_order_id or venue_order_id,
        detail=detail,
        parent=order.parent,
    )
