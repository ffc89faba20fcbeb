"""A run in the words of its result."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tutti.app.recorder import Recorder
from tutti.ledger.kinds import Decision
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    Fill,
    FundingPaid,
    Order,
    OrderIntent,
    OrderStatus,
    OrderType,
    Reason,
    Refusal,
    Side,
)
from tutti.portfolio.positions import Portfolio

BTC, ETH = InstrumentId("BTC-USDT-PERP", "SIM"), InstrumentId("ETH-USDT-PERP", "SIM")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder({BTC: 0, ETH: 1})


def _intent(reason: Reason = Reason.ENTRY, number: int = 1) -> OrderIntent:
    return OrderIntent(
        id=f"{number:032x}", instrument=ETH, as_of=1, side=Side.BUY, quantity=Decimal(2),
        type=OrderType.MARKET, price=None, reference_price=Decimal(100), reason=reason,
        lead="vpin", reduces=False,
    )  # fmt: skip


def _fill(side: Side, ts: int, **changes: Any) -> Fill:
    values: dict[str, Any] = {
        "id": str(ts), "order_id": "o", "instrument": ETH, "ts": ts, "side": side,
        "quantity": Decimal(2), "price": Decimal(100), "fee": Decimal("0.1"), "is_maker": False,
        "slippage_bps": 1.5,
    }  # fmt: skip
    return Fill(**(values | changes))


def test_refusals_are_counted_by_rule(recorder: Recorder) -> None:
    decision = Decision(as_of=1, equity=1.0, mode="trading", items=())
    for rule in ("halt", "price", "halt"):
        recorder.decided(
            decision, [Refusal(intent=_intent(), refused_at=1, rule=rule, reason="no")]
        )
    assert recorder.refusals == {"halt": 2, "price": 1}


def test_order_is_kept_as_it_ended_in_the_order_it_was_made(recorder: Recorder) -> None:
    for number, status in ((1, OrderStatus.SENT), (2, OrderStatus.SENT), (1, OrderStatus.FILLED)):
        order = Order(
            id=f"{number:032x}", instrument=ETH, side=Side.BUY, quantity=Decimal(2),
            type=OrderType.MARKET, price=None, status=status, created_at=number,
            updated_at=number,
        )  # fmt: skip
        recorder.order_changed(order, _intent(number=number))
    first, second = recorder.orders()
    assert (first.status, first.instrument, first.side) == ("filled", 1, 1)
    assert (second.status, second.reason, second.lead) == ("sent", "entry", "vpin")


def test_fills_and_trades_say_why(recorder: Recorder) -> None:
    portfolio = Portfolio({"SIM": Decimal(1000)})
    for fill, reason in (
        (_fill(Side.BUY, 1), Reason.ENTRY),
        (_fill(Side.SELL, 2, price=Decimal(90)), Reason.STOP_LOSS),
        (_fill(Side.SELL, 3), Reason.FLIP),
        (_fill(Side.BUY, 4, price=Decimal(110)), None),
    ):
        portfolio.apply(fill, "vpin")
        recorder.filled(fill, None if reason is None else _intent(reason))
    recorder.funded(FundingPaid(instrument=ETH, ts=4, rate=0.1, amount=Decimal(1)))
    assert [fill.reason for fill in recorder.fills()] == [
        "entry", "stop_loss", "flip", "liquidation",
    ]  # fmt: skip
    assert [
        (trade.reason, trade.side, trade.pnl) for trade in recorder.trades(portfolio.trades)
    ] == [
        ("stop_loss", 1, Decimal("-20.2")),
        ("liquidation", -1, Decimal("-20.2")),
    ]
