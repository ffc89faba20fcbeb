"""What is approved as a whole is approved in parts, and never more of it."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from tutti.model.errors import InvariantBroken
from tutti.model.instrument import InstrumentId
from tutti.model.order import ApprovedOrder, ChildOrder, OrderIntent, OrderType, Reason, Side
from tutti.risk.parts import approved_parts

_APPROVED = ApprovedOrder(
    intent=OrderIntent(
        id="p",
        instrument=InstrumentId("BTC", "A"),
        as_of=5,
        side=Side.SELL,
        quantity=Decimal(10),
        type=OrderType.LIMIT,
        price=Decimal(99),
        reference_price=Decimal(100),
        reason=Reason.FLIP,
        lead="trend",
        reduces=True,
    ),
    approved_at=6,
    rules=("price", "quantity"),
)


def _child(quantity: int, parent: str = "p", price: str = "99") -> ChildOrder:
    return ChildOrder(
        id=f"c{quantity}",
        parent=parent,
        instrument=InstrumentId("BTC", "B"),
        quantity=Decimal(quantity),
        expected_price=None,
        price=Decimal(price),
    )


def test_part_is_the_order_at_another_venue_and_smaller() -> None:
    first, second = approved_parts(_APPROVED, [_child(4), _child(6)])
    assert (first.intent.id, first.intent.quantity) == ("c4", Decimal(4))
    assert second.intent.quantity == Decimal(6)
    assert first.intent.instrument == InstrumentId("BTC", "B")
    for part in (first, second):
        assert (part.approved_at, part.rules) == (6, ("price", "quantity"))
        assert (part.intent.side, part.intent.price) == (Side.SELL, Decimal(99))
        assert (part.intent.reference_price, part.intent.lead) == (Decimal(100), "trend")


def test_part_may_have_a_better_limit() -> None:
    (part,) = approved_parts(_APPROVED, [_child(4, price="99.5")])
    assert part.intent.price == Decimal("99.5")


def test_part_of_a_market_order_is_one() -> None:
    market = msgspec.structs.replace(
        _APPROVED, intent=msgspec.structs.replace(_APPROVED.intent, price=None)
    )
    child = msgspec.structs.replace(_child(4), price=None)
    assert approved_parts(market, [child])[0].intent.price is None
    with pytest.raises(InvariantBroken, match="is no part"):
        approved_parts(market, [_child(4)])


def test_parts_of_more_than_was_approved_break() -> None:
    assert len(approved_parts(_APPROVED, [_child(4)], Decimal(6))) == 1
    with pytest.raises(InvariantBroken, match="split into 11: more than was approved"):
        approved_parts(_APPROVED, [_child(4)], Decimal(7))


@pytest.mark.parametrize(
    "child",
    [
        _child(4, "other"),
        _child(0),
        _child(-1),
        _child(4, price="98.99"),
        msgspec.structs.replace(_child(4), price=None),
    ],
    ids=["another's", "nothing", "less than nothing", "worse limit", "no limit"],
)
def test_what_is_no_part_of_the_order_breaks(child: ChildOrder) -> None:
    with pytest.raises(InvariantBroken, match="is no part of order p"):
        approved_parts(_APPROVED, [child])
