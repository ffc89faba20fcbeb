"""Our own orders."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tutti.execution.book_of_orders import OpenOrders
from tutti.execution.lifecycle import unanswered
from tutti.model.errors import InvariantBroken
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    Order,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderStatus,
    OrderType,
    Side,
)

_BTC = InstrumentId("BTC-USD", "V")
_ETH = InstrumentId("ETH-USD", "V")


def _order(
    order_id: str,
    instrument: InstrumentId = _BTC,
    side: Side = Side.BUY,
    status: OrderStatus = OrderStatus.SENT,
) -> Order:
    return Order(
        id=order_id,
        instrument=instrument,
        side=side,
        quantity=Decimal(10),
        type=OrderType.MARKET,
        price=None,
        status=status,
        created_at=0,
        updated_at=0,
    )


def _fill(order_id: str, quantity: int, fill_id: str = "f") -> OrderFilled:
    return OrderFilled(
        order_id=order_id,
        ts=1,
        fill_id=fill_id,
        quantity=Decimal(quantity),
        price=Decimal(100),
        fee=Decimal(0),
        is_maker=False,
    )


def _accepted(order_id: str) -> OrderAccepted:
    return OrderAccepted(order_id=order_id, ts=1, venue_order_id="v")


def _cancelled(order_id: str) -> OrderCancelled:
    return OrderCancelled(order_id=order_id, ts=1, detail="")


def test_order_is_open_until_it_ends_and_known_after() -> None:
    orders = OpenOrders()
    orders.add(_order("a"))
    orders.add(_order("b"))
    orders.add(_order("c", _ETH))
    assert [order.id for order in orders.open()] == ["a", "b", "c"]
    assert len(orders) == 3
    orders.apply(_fill("a", 10))
    orders.apply(_cancelled("c"))
    assert [order.id for order in orders.open()] == ["b"]
    assert [order.id for order in orders.of(_BTC)] == ["b"]
    assert orders.of(_ETH) == ()
    found = orders.get("a")
    assert found is not None
    assert found.status is OrderStatus.FILLED


def test_order_is_added_once() -> None:
    orders = OpenOrders()
    orders.add(_order("a"))
    with pytest.raises(InvariantBroken, match="already"):
        orders.add(_order("a"))


def test_fill_counts_once_however_often_it_arrives() -> None:
    orders = OpenOrders()
    orders.add(_order("a"))
    assert orders.apply(_fill("a", 4)) is not None
    assert orders.apply(_fill("a", 4)) is None
    assert orders.apply(_fill("a", 6, "g")) is not None
    assert orders.apply(_fill("a", 6, "g")) is None
    order = orders.get("a")
    assert order is not None
    assert order.filled == 10


def test_fill_that_breaks_is_not_remembered_as_seen() -> None:
    orders = OpenOrders()
    orders.add(_order("a"))
    for _ in range(2):
        with pytest.raises(InvariantBroken):
            orders.apply(_fill("a", 11))


def test_fills_in_an_order_that_comes_back_after_a_restart_are_not_taken_again() -> None:
    orders = OpenOrders()
    orders.add(_order("a"), seen=["f"])
    assert orders.apply(_fill("a", 4, "f")) is None
    assert orders.apply(_fill("a", 4, "g")) is not None


def test_answer_that_says_nothing_new_gives_none() -> None:
    orders = OpenOrders()
    orders.add(_order("a"))
    assert orders.apply(_accepted("a")) is not None
    assert orders.apply(_accepted("a")) is None


def test_late_fill_of_an_ended_order_is_taken_without_reopening_it() -> None:
    orders = OpenOrders()
    orders.add(_order("a"))
    orders.apply(_cancelled("a"))
    late = orders.apply(_fill("a", 4))
    assert late is not None
    assert (late.status, late.filled) == (OrderStatus.CANCELLED, Decimal(4))
    assert orders.open() == ()


def test_working_is_the_signed_rest_of_the_open_orders() -> None:
    orders = OpenOrders()
    orders.add(_order("a"))
    orders.add(_order("b", side=Side.SELL))
    orders.add(_order("c", _ETH))
    orders.apply(_fill("a", 4))
    assert orders.working(_BTC) == Decimal(6 - 10)
    orders.apply(_cancelled("b"))
    assert orders.working(_BTC) == Decimal(6)


def test_instrument_is_locked_while_the_fate_of_an_order_is_unknown() -> None:
    orders = OpenOrders()
    order = _order("a")
    orders.add(order)
    assert not orders.is_locked(_BTC)
    orders.replace(unanswered(order, 5))
    assert orders.is_locked(_BTC)
    assert not orders.is_locked(_ETH)
    orders.apply(_accepted("a"))
    assert not orders.is_locked(_BTC)


def test_order_is_at_work_from_the_time_it_was_sent_until_it_ends() -> None:
    orders = OpenOrders()
    orders.add(_order("parent", status=OrderStatus.CREATED))
    assert not orders.is_at_work(_BTC)
    orders.add(_order("a"))
    assert orders.is_at_work(_BTC)
    assert not orders.is_at_work(_ETH)
    orders.apply(_cancelled("a"))
    assert not orders.is_at_work(_BTC)


def test_answer_to_an_order_that_is_not_ours_breaks() -> None:
    orders = OpenOrders()
    with pytest.raises(InvariantBroken, match="not ours"):
        orders.apply(_accepted("a"))
    with pytest.raises(InvariantBroken, match="not ours"):
        orders.replace(_order("a"))


def test_ended_orders_are_forgotten_oldest_first() -> None:
    orders = OpenOrders(keep_final=2)
    orders.add(_order("a", status=OrderStatus.CANCELLED), seen=["f"])
    for name in ("b", "c"):
        orders.add(_order(name))
        orders.apply(_fill(name, 10))
    assert orders.get("a") is None
    assert orders.get("b") is not None
    orders.add(_order("d"))
    orders.apply(_cancelled("d"))
    assert orders.get("b") is None


def test_newest_terms_hold_in_whatever_order_they_arrive() -> None:
    orders = OpenOrders(keep_final=1)
    orders.add(_order("a"))
    newest = OrderAmended(order_id="a", ts=9, quantity=Decimal(6), price=None)
    oldest = OrderAmended(order_id="a", ts=8, quantity=Decimal(8), price=None)
    after = orders.apply(newest)
    assert after is not None
    assert after.quantity == Decimal(6)
    assert orders.apply(oldest) is None
    assert orders.apply(newest) is None
    assert orders.working(_BTC) == Decimal(6)


def test_filled_order_that_was_enlarged_is_open_again() -> None:
    orders = OpenOrders(keep_final=1)
    orders.add(_order("a"))
    orders.add(_order("b"))
    orders.apply(_fill("a", 10))
    orders.apply(OrderAmended(order_id="a", ts=9, quantity=Decimal(12), price=None))
    assert [each.id for each in orders.open()] == ["b", "a"]
    assert orders.working(_BTC) == Decimal(12)
    orders.apply(_fill("b", 10))
    orders.apply(_fill("a", 2, "f2"))
    assert orders.is_idle
    assert orders.get("b") is None  # forgotten: "a" ended after it
