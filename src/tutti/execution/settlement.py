"""What a person's word for an order that nobody can tell of means, as events like a venue's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.model.errors import ConfigError
from tutti.model.order import (
    OrderCancelled,
    OrderEvent,
    OrderFilled,
    OrderRefused,
    OrderStatus,
    Settlement,
)

if TYPE_CHECKING:
    from decimal import Decimal

    from tutti.execution.port import VenueOrderReport
    from tutti.model.order import Order

_FILLED, _CANCELLED, _REJECTED = OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED
OUTCOMES = (_FILLED, _CANCELLED, _REJECTED)
"""What an order may be settled as."""


def settlement_of(  # noqa: PLR0913 - what a person says, and who
    order: Order,
    outcome: OrderStatus,
    *,
    filled: Decimal | None,
    price: Decimal | None,
    fee: Decimal,
    step: Decimal,
    by: str,
    reason: str,
) -> Settlement:
    """Return what somebody says of ``order``, checked against what is known of it.

    Parameters
    ----------
    filled : Decimal or None
        Base units filled in all; None for all of it where it is FILLED, else for what is booked.
    price : Decimal or None
        Average of what was not booked before.
    fee : Decimal
        Of the same, quote currency.
    step : Decimal
        Quantities are multiples of it.

    Raises
    ------
    ConfigError
        If the order is not unresolved, or the figures can't be true of it.
    """
    if order.status is not OrderStatus.UNRESOLVED:
        raise ConfigError(f"order {order.id} is {order.status}: only an unresolved one is settled")
    if outcome not in OUTCOMES:
        raise ConfigError(f"an order is settled as {', '.join(OUTCOMES)}; {outcome} was asked for")
    total = filled
    if total is None:
        total = order.quantity if outcome is _FILLED else order.filled
    _refuse_impossible(order, outcome, total, step)
    new = total - order.filled
    if new and (price is None or not price > 0):
        raise ConfigError(f"--price must be what {new} of {order.instrument} were filled at")
    if not new and (price is not None or fee):
        raise ConfigError("--price and --fee are of what is filled; nothing new is")
    return Settlement(
        order_id=order.id, outcome=outcome, filled=total, price=price, fee=fee, by=by, reason=reason
    )


def events_of(order: Order, settlement: Settlement, ts: int) -> tuple[OrderEvent, ...]:
    """Return what a settlement does to its order, in the words of a venue."""
    detail = f"settled by {settlement.by}: {settlement.reason}"
    events: list[OrderEvent] = []
    if new := settlement.filled - order.filled:
        assert settlement.price is not None
        events.append(
            OrderFilled(
                order_id=order.id,
                ts=ts,
                fill_id=f"settled-{order.id}",
                quantity=new,
                price=settlement.price,
                fee=settlement.fee,
                is_maker=False,
            )
        )
    if settlement.outcome is _CANCELLED:
        events.append(OrderCancelled(order_id=order.id, ts=ts, detail=detail))
    elif settlement.outcome is _REJECTED:
        events.append(OrderRefused(order_id=order.id, ts=ts, detail=detail))
    return tuple(events)


def agrees(report: VenueOrderReport, settlement: Settlement) -> bool:
    """Tell whether a venue says the same of an order."""
    return (report.status, report.filled) == (settlement.outcome, settlement.filled)


def _refuse_impossible(order: Order, outcome: OrderStatus, total: Decimal, step: Decimal) -> None:
    known = f"order {order.id} is of {order.quantity}, {order.filled} of it booked"
    if not order.filled <= total <= order.quantity:
        raise ConfigError(f"--filled can't be {total}: {known}")
    if total % step:
        raise ConfigError(f"--filled must be a multiple of {step}, was {total}")
    if outcome is _FILLED and total != order.quantity:
        raise ConfigError(f"{known}; filled in part it is cancelled: say --as cancelled")
    if outcome is _CANCELLED and total == order.quantity:
        raise ConfigError(f"{known}; with all of it filled say --as filled")
    if outcome is _REJECTED and total:
        raise ConfigError(f"{known}; with {total} filled it was not rejected: say --as cancelled")
