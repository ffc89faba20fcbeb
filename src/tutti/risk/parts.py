"""An approved order in parts: what was approved as a whole is approved at each venue it is split to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from tutti.model.errors import InvariantBroken
from tutti.model.order import ApprovedOrder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.order import ChildOrder, OrderIntent

_NOTHING = Decimal(0)


def approved_parts(
    approved: ApprovedOrder, children: Sequence[ChildOrder], taken: Decimal = _NOTHING
) -> tuple[ApprovedOrder, ...]:
    """Return the approval of each child; side and type are the order's, a limit is no worse.

    Parameters
    ----------
    taken : Decimal
        Base units that other children have filled, or may still.

    Raises
    ------
    InvariantBroken
        If the children are not the order's, come to more than was approved, or at a worse limit.
    """
    intent = approved.intent
    total = taken
    for child in children:
        if child.parent != intent.id or child.quantity <= 0 or _is_worse(child, intent):
            raise InvariantBroken(f"{child!r} is no part of order {intent.id}")
        total += child.quantity
    if total > intent.quantity:
        raise InvariantBroken(
            f"order {intent.id} of {intent.quantity} was split into {total}: more than was approved"
        )
    return tuple(
        ApprovedOrder(
            intent=msgspec.structs.replace(
                intent,
                id=child.id,
                instrument=child.instrument,
                quantity=child.quantity,
                price=child.price,
            ),
            approved_at=approved.approved_at,
            rules=approved.rules,
        )
        for child in children
    )


def _is_worse(child: ChildOrder, intent: OrderIntent) -> bool:
    if intent.price is None or child.price is None:
        return intent.price is not child.price
    return (child.price - intent.price) * intent.side.sign > 0 or child.price <= 0
