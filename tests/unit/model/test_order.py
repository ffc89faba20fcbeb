"""Orders, their sides and states, and the codes of reasons."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    Order,
    OrderStatus,
    OrderType,
    OrderUnanswered,
    OrderUnsent,
    Reason,
    Side,
)


@pytest.mark.parametrize(("side", "sign"), [(Side.BUY, 1), (Side.SELL, -1)])
def test_side_sign_is_the_direction_of_the_position(side: Side, sign: int) -> None:
    assert side.sign == sign


def test_statuses_that_are_final_are_those_after_which_nothing_happens() -> None:
    final = {status.value for status in OrderStatus if status.is_final}
    assert final == {"filled", "cancelled", "rejected", "expired", "failed"}


@pytest.mark.parametrize("status", [OrderStatus.SENT, OrderStatus.UNRESOLVED])
def test_status_of_an_order_with_unknown_fate_is_not_final(status: OrderStatus) -> None:
    assert not status.is_final


@pytest.mark.parametrize("reason", list(Reason))
def test_reason_from_its_code_is_itself(reason: Reason) -> None:
    assert Reason.of(reason.code) is reason


def test_reason_none_is_code_zero() -> None:
    assert Reason.NONE.code == 0


def test_order_remaining_is_what_is_not_filled() -> None:
    order = Order(
        id="1",
        instrument=InstrumentId("A", "X"),
        side=Side.BUY,
        quantity=Decimal("1.5"),
        type=OrderType.MARKET,
        price=None,
        status=OrderStatus.PARTIALLY_FILLED,
        created_at=0,
        updated_at=1,
        filled=Decimal("0.4"),
    )
    assert order.remaining == Decimal("1.1")


def test_order_that_did_not_leave_may_be_tried_again_at_once_unless_the_venue_asks_to_wait() -> (
    None
):
    assert OrderUnsent(order_id="1", ts=2, detail="no route").retry_after_s == 0.0
    asked = OrderUnsent(order_id="1", ts=2, detail="slow down", retry_after_s=1.5)
    assert asked.retry_after_s == 1.5


def test_unanswered_order_says_nothing_of_trying_again() -> None:
    event = OrderUnanswered(order_id="1", ts=2, detail="timed out")
    assert not hasattr(event, "retry_after_s")
