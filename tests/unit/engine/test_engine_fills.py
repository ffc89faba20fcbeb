"""What is decided at a close fills at the next open, with spread and fee, and only where it can."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tutti.kernel.clock import HOUR
from tutti.model.instrument import InstrumentId
from tutti.model.order import Fill, Order, OrderIntent, OrderStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

ETH = InstrumentId("ETH-USDT-PERP", "SIM")
BTC = InstrumentId("BTC-USDT-PERP", "SIM")
NAN = math.nan

pytestmark = pytest.mark.kernels


def test_order_decided_at_a_close_fills_at_the_next_open_with_spread_and_fee(
    stage: Make, make_bars: Make, make_terms: Make
) -> None:
    block = make_bars([[100.0], [103.0], [110.0]], opens=[[100.0], [101.0], [104.0]])
    played = stage(
        block,
        [1.0, NAN, NAN],
        instruments=[make_terms(BTC, taker_fee=Decimal("0.0005"))],
        venues__default__half_spread_bps=10.0,
    )
    trace = played.play()
    (fill,) = played.all(Fill)
    # a tenth of 10,000 at the close of 100, at the open of 101 with a tenth of a percent, in cents
    assert fill.quantity == Decimal("10.000")
    assert fill.price == Decimal("101.11")  # 101.101, rounded against us
    assert fill.fee == Decimal("1011.10") * Decimal("0.0005")
    assert fill.ts == block.ts[1]
    assert not fill.is_maker
    assert fill.slippage_bps == pytest.approx(111.0)
    cash = 10_000 - 1011.1 - 0.50555
    assert trace.equity.tolist() == pytest.approx([10_000, cash + 10 * 103, cash + 10 * 110])
    assert trace.gross.tolist() == pytest.approx([0, 1030, 1100])


def test_sale_gets_less_than_the_open(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0], [100.0], [100.0]], opens=[[100.0], [99.0], [100.0]])
    played = stage(block, [-1.0, NAN, NAN], venues__default__half_spread_bps=10.0)
    played.play()
    (fill,) = played.all(Fill)
    assert fill.price == Decimal("98.90")
    assert played.lots() == -10_000


def test_decision_on_the_last_bar_never_fills(stage: Make, make_bars: Make) -> None:
    played = stage(make_bars([[100.0], [100.0]]), [NAN, 1.0])
    played.play()
    assert played.all(Fill) == []
    (order,) = played.orders().values()
    assert order.status is OrderStatus.ACCEPTED


def test_order_waits_while_bars_are_missing(stage: Make, make_bars: Make) -> None:
    block = make_bars(
        [[100.0, 10.0], [NAN, 10.0], [NAN, 10.0], [120.0, 10.0]],
        ids=(BTC, ETH),
        opens=[[100.0, 10.0], [NAN, 10.0], [NAN, 10.0], [118.0, 10.0]],
    )
    played = stage(block, [[1.0, NAN]] * 4)
    played.play()
    (fill,) = played.all(Fill)
    assert fill.ts == block.ts[3]
    assert fill.price == Decimal("118.00")
    # the signal stood all the while, and nothing was ordered on top
    assert len(played.all(OrderIntent)) == 1


def test_nothing_is_decided_about_a_missing_bar(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0, 10.0], [NAN, 10.0], [101.0, 10.0]], ids=(BTC, ETH))
    played = stage(block, [[NAN, NAN], [1.0, 1.0], [NAN, NAN]])
    played.play()
    assert {intent.instrument for intent in played.all(OrderIntent)} == {ETH}


def test_held_instrument_without_a_bar_keeps_its_last_mark(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0, 10.0], [110.0, 10.0], [NAN, 10.0]], ids=(BTC, ETH))
    played = stage(block, [[1.0, NAN], [NAN, NAN], [-1.0, NAN]])
    trace = played.play()
    assert trace.equity.tolist() == pytest.approx([10_000, 10_100, 10_100])
    assert trace.gross[2] == pytest.approx(1100)


@pytest.mark.parametrize(("latency_ms", "row"), [(0, 1), (1, 2), (3_600_000, 2), (3_600_001, 3)])
def test_latency_delays_the_fill_to_the_first_bar_that_opens_after_arrival(
    stage: Make, make_bars: Make, latency_ms: int, row: int
) -> None:
    block = make_bars([[100.0 + t] for t in range(5)])
    played = stage(block, [1.0, NAN, NAN, NAN, NAN], venues__default__latency_ms=latency_ms)
    played.play()
    (fill,) = played.all(Fill)
    assert fill.ts == block.ts[row]
    assert fill.price == Decimal(f"{block.open[row, 0]:.2f}")


def test_order_fills_over_as_many_bars_as_their_volume_takes(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0]] * 5, volume=[[1.0], [40.0], [0.0], [40.0], [90.0]])
    played = stage(block, [1.0, NAN, NAN, NAN, NAN], venues__default__participation=0.1)
    played.play()
    assert [(fill.ts, fill.quantity) for fill in played.all(Fill)] == [
        (block.ts[1], Decimal("4.000")),
        (block.ts[3], Decimal("4.000")),
        (block.ts[4], Decimal("2.000")),
    ]
    states = [order.status for order in played.all(Order)]
    assert states == ["sent", "accepted", "partially_filled", "partially_filled", "filled"]


def test_large_order_pays_impact(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0]] * 2, high=[[101.0]] * 2, low=[[99.0]] * 2, volume=[[1000.0]] * 2)
    played = stage(block, [1.0, NAN], venues__default__impact_coefficient=0.5)
    played.play()
    (fill,) = played.all(Fill)
    # Parkinson's sigma of the bar, times the root of 10 in 1000, times a half
    sigma = math.log(101 / 99) / (2 * math.sqrt(math.log(2)))
    exact = 100 * (1 + 0.5 * sigma * math.sqrt(0.01))
    assert fill.price == Decimal(f"{math.ceil(exact * 100) / 100:.2f}")


def test_limit_order_rests_until_the_price_trades_through_it(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0]] * 5, low=[[100.0], [100.0], [99.9], [99.8], [100.0]])
    played = stage(
        block, [1.0, NAN, NAN, NAN, NAN],
        execution__order_type="limit", execution__limit_offset_bps=10.0,
        execution__time_in_force_bars=10,
    )  # fmt: skip
    played.play()
    (fill,) = played.all(Fill)
    assert (fill.ts, fill.price, fill.is_maker) == (block.ts[3], Decimal("99.90"), True)


@pytest.mark.parametrize(("offset_bps", "sent"), [(10.0, 0), (-10.0, 5), (0.0, 5)])
def test_entry_too_small_at_its_limit_price_is_not_asked_for(
    stage: Make, make_bars: Make, make_terms: Make, offset_bps: float, sent: int
) -> None:
    # ten units are worth the smallest order at the close, and less a little below it
    played = stage(
        make_bars([[100.0]] * 6, low=[[100.0]] * 6),
        [1.0] + [NAN] * 5 if sent == 0 else [1.0] * 6,
        instruments=[make_terms(BTC, min_notional=Decimal(1_000))],
        execution__order_type="limit", execution__limit_offset_bps=offset_bps,
    )  # fmt: skip
    played.play()
    assert played.engine.halted == ""
    assert (len(played.all(OrderIntent)) > 0) == (sent > 0)
    assert OrderStatus.REJECTED not in {order.status for order in played.all(Order)}


def test_close_of_a_perpetual_is_sent_however_small_at_its_limit(
    stage: Make, make_bars: Make, make_terms: Make
) -> None:
    closes = [[100.0]] * 4 + [[40.0]] * 4
    played = stage(
        make_bars(closes), [1.0] * 3 + [0.0] * 5,
        instruments=[make_terms(BTC, min_notional=Decimal(1_000))],
        execution__order_type="limit", execution__limit_offset_bps=-10.0,
        execution__time_in_force_bars=10, risk__max_bar_move=None,
    )  # fmt: skip
    played.play(0, 3)
    assert played.lots() == 10_000
    played.play(3, 8)
    assert played.lots() == 0


def test_limit_order_is_cancelled_when_its_time_is_over(stage: Make, make_bars: Make) -> None:
    block = make_bars([[100.0]] * 4, low=[[100.0], [100.0], [100.0], [90.0]])
    played = stage(
        block, [1.0, NAN, NAN, NAN],
        execution__order_type="limit", execution__limit_offset_bps=10.0,
        execution__time_in_force_bars=2,
    )  # fmt: skip
    played.play()
    assert played.all(Fill) == []
    states = [(order.status.value, order.updated_at) for order in played.all(Order)]
    decided = int(block.known_at[0])
    assert states == [
        ("sent", decided),
        ("accepted", decided),
        ("cancel_sent", decided + 2 * HOUR),
        ("cancelled", decided + 2 * HOUR),
    ]
    assert played.account.book.working[0] == 0


def test_partially_filled_limit_order_keeps_what_it_has_when_cancelled(
    stage: Make, make_bars: Make
) -> None:
    block = make_bars(
        [[100.0]] * 5,
        low=[[100.0], [99.0], [100.0], [100.0], [99.0]],
        volume=[[30.0]] * 5,
    )
    played = stage(
        block, [1.0, NAN, NAN, NAN, NAN],
        execution__order_type="limit", execution__limit_offset_bps=10.0,
        execution__time_in_force_bars=2, venues__default__participation=0.1,
    )  # fmt: skip
    played.play()
    (fill,) = played.all(Fill)
    assert fill.quantity == Decimal("3.000")
    (order,) = played.orders().values()
    assert (order.status, order.filled) == (OrderStatus.CANCELLED, Decimal("3.000"))
    assert played.lots() == 3000
    assert played.account.book.working[0] == 0
