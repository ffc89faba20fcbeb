"""Every pair of state and answer."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tutti.execution.lifecycle import (
    apply,
    cancel_sent,
    created,
    created_and_sent,
    failed,
    fill_of,
    forced_fill_of,
    noted,
    sent,
    unanswered,
)
from tutti.model.errors import InvariantBroken
from tutti.model.instrument import InstrumentId
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
    OrderIntent,
    OrderRefused,
    OrderStatus,
    OrderType,
    Reason,
    Side,
)

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


def _approval(side: Side = Side.BUY) -> ApprovedOrder:
    intent = OrderIntent(
        id="1",
        instrument=InstrumentId("BTC-USD", "V"),
        as_of=5,
        side=side,
        quantity=Decimal(10),
        type=OrderType.LIMIT,
        price=Decimal(100),
        reference_price=Decimal(100),
        reason=Reason.ENTRY,
        lead="trend",
        reduces=False,
    )
    return ApprovedOrder(intent=intent, approved_at=6, rules=("cap",))


def _in(status: OrderStatus, filled: int = 0) -> Order:
    order = created(_approval(), 10)
    return Order(
        id=order.id,
        instrument=order.instrument,
        side=order.side,
        quantity=order.quantity,
        type=order.type,
        price=order.price,
        status=status,
        created_at=10,
        updated_at=20,
        filled=Decimal(filled),
        average_price=Decimal(100 if filled else 0),
    )


def _fill(quantity: int, price: str = "100", ts: int = 30) -> OrderFilled:
    return OrderFilled(
        order_id="1",
        ts=ts,
        fill_id=f"f{quantity}",
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal("0.1"),
        is_maker=False,
    )


_ACCEPTS = OrderAccepted(order_id="1", ts=30, venue_order_id="v1")
_REFUSES = OrderRefused(order_id="1", ts=30, detail="no")
_CANCELS = OrderCancelled(order_id="1", ts=30, detail="as asked")
_EXPIRES = OrderExpired(order_id="1", ts=30, detail="over")

# status before; filled before; then the status after each answer, None for "can't be"
_TABLE = [
    #  before      filled  accepts      refuses    cancels     expires    fills part    fills rest
    (_CREATED, 0, None, None, None, None, None, None),
    (_SENT, 0, _ACCEPTED, _REJECTED, _CANCELLED, _EXPIRED, _PARTIAL, _FILLED),
    (_ACCEPTED, 0, _ACCEPTED, _REJECTED, _CANCELLED, _EXPIRED, _PARTIAL, _FILLED),
    (_PARTIAL, 4, _PARTIAL, None, _CANCELLED, _EXPIRED, _PARTIAL, _FILLED),
    (_CANCEL_SENT, 0, _CANCEL_SENT, _REJECTED, _CANCELLED, _EXPIRED, _CANCEL_SENT, _FILLED),
    (_CANCEL_SENT, 4, _CANCEL_SENT, None, _CANCELLED, _EXPIRED, _CANCEL_SENT, _FILLED),
    (_UNRESOLVED, 0, _ACCEPTED, _REJECTED, _CANCELLED, _EXPIRED, _PARTIAL, _FILLED),
    (_UNRESOLVED, 4, _PARTIAL, None, _CANCELLED, _EXPIRED, _PARTIAL, _FILLED),
    (_FILLED, 10, _FILLED, None, _FILLED, _FILLED, None, None),
    (_CANCELLED, 4, _CANCELLED, None, _CANCELLED, _CANCELLED, _CANCELLED, _FILLED),
    (_EXPIRED, 4, _EXPIRED, None, _EXPIRED, _EXPIRED, _EXPIRED, _FILLED),
    (_REJECTED, 0, None, _REJECTED, _REJECTED, _REJECTED, None, None),
    (_FAILED, 0, None, None, None, None, None, None),
]
_CASES = [
    pytest.param(_in(row[0], row[1]), event, after, id=f"{row[0]} {row[1]} {name}")
    for row in _TABLE
    for name, event, after in (
        ("accepts", _ACCEPTS, row[2]),
        ("refuses", _REFUSES, row[3]),
        ("cancels", _CANCELS, row[4]),
        ("expires", _EXPIRES, row[5]),
        ("fills part", _fill(3), row[6]),
        ("fills rest", _fill(10 - row[1] or 1), row[7]),
    )
]


@pytest.mark.parametrize(("order", "event", "after"), _CASES)
def test_answer_leads_to_the_state_of_the_table_or_breaks(
    order: Order, event: OrderEvent, after: OrderStatus | None
) -> None:
    if after is None:
        with pytest.raises(InvariantBroken, match="order 1"):
            apply(order, event)
    else:
        assert apply(order, event).status is after


def test_table_names_every_status() -> None:
    assert {row[0] for row in _TABLE} == set(OrderStatus)


@pytest.mark.parametrize("event", [_ACCEPTS, _CANCELS, _EXPIRES])
def test_answer_that_says_nothing_new_leaves_the_same_order(event: OrderEvent) -> None:
    once = apply(_in(_SENT), event)
    assert apply(once, event) is once


def test_acceptance_that_comes_after_the_fill_still_tells_the_venue_order_id() -> None:
    order = apply(apply(_in(_SENT), _fill(10)), _ACCEPTS)
    assert (order.status, order.venue_order_id) == (_FILLED, "v1")


def test_answer_from_the_past_does_not_turn_back_the_clock() -> None:
    order = _in(_ACCEPTED)
    assert apply(order, _fill(3, ts=15)).updated_at == 20
    assert apply(order, OrderCancelled(order_id="1", ts=15, detail="")).updated_at == 20
    assert apply(order, _CANCELS).updated_at == 30


def test_end_of_an_order_keeps_what_the_venue_said() -> None:
    assert apply(_in(_SENT), _REFUSES).detail == "no"
    assert apply(_in(_SENT), _EXPIRES).detail == "over"


def test_fills_add_up_to_their_average_price() -> None:
    order = apply(apply(_in(_ACCEPTED), _fill(4, "100")), _fill(6, "105"))
    assert order.filled == order.quantity
    assert order.remaining == 0
    assert order.average_price == Decimal(103)


@pytest.mark.parametrize("quantity", [7, 0, -1])
def test_fill_of_more_than_is_left_or_of_nothing_breaks(quantity: int) -> None:
    with pytest.raises(InvariantBroken, match="has 4 filled"):
        apply(_in(_PARTIAL, 4), _fill(quantity))


def test_order_begins_with_what_was_approved_and_is_sent_once() -> None:
    approved = _approval()
    order = created(approved, 10)
    assert (order.id, order.quantity, order.price) == ("1", Decimal(10), Decimal(100))
    assert order.status is _CREATED
    assert sent(order, 10) == created_and_sent(approved, 10)
    with pytest.raises(InvariantBroken, match="must not be sent again"):
        sent(sent(order, 10), 11)


@pytest.mark.parametrize("status", OrderStatus)
def test_cancellation_is_asked_for_working_orders_only(status: OrderStatus) -> None:
    if status in {_ACCEPTED, _PARTIAL}:
        assert cancel_sent(_in(status), 40).status is _CANCEL_SENT
    else:
        with pytest.raises(InvariantBroken, match="can't be cancelled"):
            cancel_sent(_in(status), 40)


@pytest.mark.parametrize("status", OrderStatus)
def test_failure_to_leave_needs_that_the_venue_said_nothing(status: OrderStatus) -> None:
    if status in {_CREATED, _SENT}:
        order = failed(_in(status), 40, "no route")
        assert (order.status, order.detail, order.updated_at) == (_FAILED, "no route", 40)
    else:
        with pytest.raises(InvariantBroken, match="can't have failed to leave"):
            failed(_in(status), 40, "no route")


@pytest.mark.parametrize("status", OrderStatus)
def test_fate_is_unknown_only_of_orders_that_left_and_have_not_ended(status: OrderStatus) -> None:
    if status in {_SENT, _ACCEPTED, _PARTIAL, _CANCEL_SENT, _UNRESOLVED}:
        assert unanswered(_in(status)).status is _UNRESOLVED
    else:
        with pytest.raises(InvariantBroken, match="its fate is known"):
            unanswered(_in(status))


def test_note_changes_nothing_but_the_detail() -> None:
    order = noted(_in(_SENT), 40, "no answer")
    assert (order.status, order.detail) == (_SENT, "no answer")


@pytest.mark.parametrize(("side", "slippage"), [(Side.BUY, 100.0), (Side.SELL, -100.0)])
def test_slippage_of_a_fill_is_positive_where_it_is_worse(side: Side, slippage: float) -> None:
    order = created_and_sent(_approval(side), 10)
    fill = fill_of(order, _fill(3, "101"), Decimal(100))
    assert fill.slippage_bps == pytest.approx(slippage)
    assert (fill.id, fill.order_id, fill.side) == ("f3", "1", side)
    assert (fill.quantity, fill.price, fill.fee) == (Decimal(3), Decimal(101), Decimal("0.1"))


def test_forced_close_is_a_fill_of_no_order_without_slippage() -> None:
    btc = InstrumentId("BTC-PERP", "SIM")
    event = Liquidated(
        instrument=btc, ts=50, fill_id="l1", side=Side.SELL, quantity=Decimal(3),
        price=Decimal(90), fee=Decimal("0.2"),
    )  # fmt: skip
    assert forced_fill_of(event) == Fill(
        id="l1", order_id="", instrument=btc, ts=50, side=Side.SELL, quantity=Decimal(3),
        price=Decimal(90), fee=Decimal("0.2"), is_maker=False, slippage_bps=0.0,
    )  # fmt: skip


@pytest.mark.parametrize("status", [_SENT, _UNRESOLVED])
def test_doubt_about_an_order_ends_with_the_venues_first_word(status: OrderStatus) -> None:
    order = noted(_in(status), 40, "timed out")
    assert apply(order, OrderAccepted(order_id="1", ts=50, venue_order_id="v")).detail == ""
    assert apply(order, _fill(3)).detail == ""
    assert apply(order, OrderCancelled(order_id="1", ts=50, detail="gone")).detail == "gone"


# ---- terms that somebody changed at the venue ----


def _amended(quantity: int, price: str | None = "100") -> OrderAmended:
    return OrderAmended(
        order_id="1",
        ts=40,
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_SENT, _ACCEPTED),
        (_ACCEPTED, _ACCEPTED),
        (_CANCEL_SENT, _CANCEL_SENT),
        (_UNRESOLVED, _ACCEPTED),
        (_CANCELLED, _CANCELLED),
        (_EXPIRED, _EXPIRED),
    ],
)
def test_order_works_on_under_its_new_terms(before: OrderStatus, after: OrderStatus) -> None:
    order = apply(_in(before), _amended(6, "101"))
    assert (order.status, order.quantity, order.price) == (after, Decimal(6), Decimal(101))
    assert order.updated_at == 40


def test_terms_that_are_the_same_are_no_news() -> None:
    order = apply(_in(_ACCEPTED), _amended(6))
    assert apply(order, _amended(6)) is order


@pytest.mark.parametrize("before", [_PARTIAL, _UNRESOLVED, _CANCEL_SENT])
def test_order_cut_to_what_is_filled_is_filled(before: OrderStatus) -> None:
    order = apply(_in(before, 4), _amended(4))
    assert (order.status, order.remaining) == (_FILLED, Decimal(0))
    assert apply(order, _amended(4)) is order


def test_filled_order_that_was_enlarged_works_again() -> None:
    order = apply(_in(_FILLED, 10), _amended(12))
    assert (order.status, order.remaining) == (_PARTIAL, Decimal(2))
    assert apply(order, _fill(2)).status is _FILLED


def test_order_filled_in_part_stays_so_under_new_terms() -> None:
    assert apply(_in(_PARTIAL, 4), _amended(6)).status is _PARTIAL
    assert apply(_in(_UNRESOLVED, 4), _amended(6)).status is _PARTIAL


@pytest.mark.parametrize(
    ("status", "filled", "quantity"),
    [
        (_CREATED, 0, 6),
        (_REJECTED, 0, 6),
        (_FAILED, 0, 6),
        (_FILLED, 10, 9),
        (_PARTIAL, 4, 3),
        (_ACCEPTED, 0, 0),
    ],
)
def test_terms_that_can_not_be_break(status: OrderStatus, filled: int, quantity: int) -> None:
    with pytest.raises(InvariantBroken, match="yet the venue says"):
        apply(_in(status, filled), _amended(quantity))
