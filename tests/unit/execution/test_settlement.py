"""A person's word for an order is checked, and then applied like a venue's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.execution.lifecycle import apply
from tutti.execution.port import VenueOrderReport
from tutti.execution.settlement import OUTCOMES, agrees, events_of, settlement_of
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.order import Order, OrderFilled, OrderStatus, OrderType, Settlement, Side

_FILLED, _CANCELLED, _REJECTED = OUTCOMES


def _order(filled: int = 0, status: OrderStatus = OrderStatus.UNRESOLVED) -> Order:
    return Order(
        id="0a1",
        instrument=InstrumentId("BTC-USD", "V"),
        side=Side.BUY,
        quantity=Decimal(10),
        type=OrderType.MARKET,
        status=status,
        created_at=1,
        updated_at=2,
        filled=Decimal(filled),
        average_price=Decimal(100 if filled else 0),
    )


def _said(
    order: Order, outcome: OrderStatus, filled: int | str | None = None, **more: Any
) -> Settlement:
    given: dict[str, Any] = {
        "price": None, "fee": Decimal(0), "step": Decimal("0.5"), "by": "me", "reason": "its page",
    }  # fmt: skip
    return settlement_of(
        order, outcome, filled=None if filled is None else Decimal(filled), **(given | more)
    )


@pytest.mark.parametrize(
    ("before", "outcome", "filled", "price", "after"),
    [
        (0, _FILLED, None, 101, (_FILLED, 10)),
        (4, _FILLED, None, 101, (_FILLED, 10)),
        (0, _CANCELLED, None, None, (_CANCELLED, 0)),
        (4, _CANCELLED, None, None, (_CANCELLED, 4)),
        (0, _CANCELLED, 6, 101, (_CANCELLED, 6)),
        (4, _CANCELLED, 6, 101, (_CANCELLED, 6)),
        (0, _REJECTED, None, None, (_REJECTED, 0)),
    ],
)
def test_order_ends_as_it_is_said(
    before: int, outcome: OrderStatus, filled: int | None, price: int | None, after: Any
) -> None:
    order = _order(before)
    settlement = _said(order, outcome, filled, price=None if price is None else Decimal(price))
    for event in events_of(order, settlement, 9):
        order = apply(order, event)
    assert (order.status, order.filled) == after


@pytest.mark.parametrize(
    ("before", "outcome", "filled", "price", "why"),
    [
        (0, _FILLED, None, None, "--price must be what 10"),
        (0, _FILLED, None, -1, "--price must be what 10"),
        (0, _FILLED, 6, 100, "say --as cancelled"),
        (0, _FILLED, 11, 100, "can't be 11"),
        (4, _CANCELLED, 3, None, "can't be 3"),
        (0, _CANCELLED, 10, 100, "say --as filled"),
        (0, _CANCELLED, "0.7", 100, "a multiple of 0.5"),
        (4, _REJECTED, None, None, "say --as cancelled"),
        (0, _CANCELLED, None, 100, "nothing new is"),
        (0, OrderStatus.EXPIRED, None, None, "settled as filled, cancelled, rejected"),
    ],
)
def test_word_that_can_not_be_true_is_refused(
    before: int, outcome: OrderStatus, filled: int | str | None, price: int | None, why: str
) -> None:
    given = None if price is None else Decimal(price)
    with pytest.raises(ConfigError, match=why):
        _said(_order(before), outcome, filled, price=given)


@pytest.mark.parametrize("status", [s for s in OrderStatus if s is not OrderStatus.UNRESOLVED])
def test_order_whose_fate_is_known_is_not_settled(status: OrderStatus) -> None:
    with pytest.raises(ConfigError, match="only an unresolved one"):
        _said(_order(status=status), _CANCELLED)


def test_fill_by_word_carries_price_fee_and_an_id_of_its_own() -> None:
    order = _order(4)
    settlement = _said(order, _FILLED, price=Decimal(101), fee=Decimal("0.2"))
    (fill,) = events_of(order, settlement, 9)
    assert isinstance(fill, OrderFilled)
    assert (fill.quantity, fill.price, fill.fee) == (Decimal(6), Decimal(101), Decimal("0.2"))
    assert fill.fill_id == "settled-0a1"


def test_venue_agrees_that_says_the_same() -> None:
    settlement = _said(_order(4), _CANCELLED)
    report = VenueOrderReport(
        order_id="0a1", venue_order_id="v", status=_CANCELLED, filled=Decimal(4), fills=(), ts=3
    )
    assert agrees(report, settlement)
    assert not agrees(report, _said(_order(4), _FILLED, price=Decimal(1)))


@given(
    before=st.integers(0, 19),  # one that is filled whole is known to be
    outcome=st.sampled_from(OUTCOMES),
    filled=st.none() | st.integers(-1, 25),
    price=st.none() | st.integers(0, 3),
)
def test_whatever_is_said_is_refused_or_leads_to_that_very_end(
    before: int, outcome: OrderStatus, filled: int | None, price: int | None
) -> None:
    half = Decimal("0.5")
    order = _order()
    order = type(order)(
        **{name: getattr(order, name) for name in order.__struct_fields__}
        | {"filled": before * half, "average_price": Decimal(100 if before else 0)}
    )
    try:
        settlement = settlement_of(
            order, outcome, filled=None if filled is None else filled * half,
            price=None if price is None else Decimal(price), fee=Decimal(0), step=half,
            by="me", reason="its page",
        )  # fmt: skip
    except ConfigError:
        return
    for event in events_of(order, settlement, 9):
        order = apply(order, event)
    assert order.status is outcome
    assert before * half <= order.filled == settlement.filled <= order.quantity
