"""ccxt's orders, trades and positions in our words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tutti.adapters.venues.by_ccxt.contracts import Contract
from tutti.adapters.venues.by_ccxt.reading import (
    Tracked,
    contracts_cost,
    events_of,
    fill_of,
    positions_of,
    report_of,
    spot_of,
    stamp,
    status_of,
    unrealised,
)
from tutti.model.instrument import InstrumentId
from tutti.model.order import OrderAmended, OrderFilled, OrderStatus, Side

_ID = "0190a1b2c3d4000001deadbeef012345"
_RATE = Decimal("0.001")


def _contract(base: str = "BTC", size: str = "1", quote: str = "USDT") -> Contract:
    return Contract(
        id=InstrumentId(f"{base}-{quote}", "BINANCE"),
        symbol=f"{base}/{quote}",
        base=base,
        quote=quote,
        size=Decimal(size),
        terms={"quantity_step": Decimal("0.001")},
    )


def _tracked(quantity: str = "1", size: str = "1") -> Tracked:
    return Tracked(
        order_id=_ID, client_id=_ID, contract=_contract(size=size), side=Side.BUY,
        quantity=Decimal(quantity), asked_at=0,
    )  # fmt: skip


def _trade(**more: Any) -> dict[str, Any]:
    return {
        "id": "7",
        "price": 100.0,
        "amount": 0.5,
        "timestamp": 5,
        "takerOrMaker": "maker",
    } | more


def _fill(trade: dict[str, Any], tracked: Tracked | None = None) -> OrderFilled | None:
    prices = {("BNB", "USDT"): Decimal(600)}
    return fill_of(trade, tracked or _tracked(), _RATE, lambda a, b: prices.get((a, b)), 9)


@pytest.mark.parametrize(
    ("fee", "expected"),
    [
        ({"cost": 0.05, "currency": "USDT"}, "0.05"),
        ({"cost": -0.05, "currency": "USDT"}, "-0.05"),
        ({"cost": 0.0005, "currency": "BTC"}, "0.05"),
        ({"cost": 0.0001, "currency": "BNB"}, "0.06"),
        ({"cost": 3.0, "currency": "POINTS"}, "0.05"),
        ({"cost": None, "currency": "USDT"}, "0.05"),
        (None, "0.05"),
    ],
    ids=["quote", "rebate", "base", "coin", "unknown", "no cost", "none"],
)
def test_fee_is_counted_in_quote_currency(fee: dict[str, Any] | None, expected: str) -> None:
    fill = _fill(_trade(fee=fee))
    assert fill is not None
    assert fill.fee == Decimal(expected)


def test_fees_of_two_currencies_add_up() -> None:
    fees = [{"cost": 0.01, "currency": "USDT"}, {"cost": 0.0001, "currency": "BTC"}]
    fill = _fill(_trade(fees=fees))
    assert fill is not None
    assert fill.fee == Decimal("0.02")


def test_fill_carries_our_id_and_the_venues() -> None:
    fill = _fill(_trade())
    assert fill is not None
    assert fill.fill_id == f"{_ID}-7"
    assert (fill.ts, fill.is_maker) == (5_000_000, True)
    later = _fill(_trade(timestamp=None, takerOrMaker=None))
    assert later is not None
    assert (later.ts, later.is_maker) == (9, False)


def test_fill_of_contracts_is_counted_in_base_units() -> None:
    fill = _fill(_trade(amount=30), _tracked(size="0.01"))
    assert fill is not None
    assert fill.quantity == Decimal("0.3")


@pytest.mark.parametrize("lacks", ["id", "price", "amount"])
def test_trade_that_lacks_what_a_fill_needs_is_none(lacks: str) -> None:
    assert _fill(_trade(**{lacks: None})) is None


@pytest.mark.parametrize(
    ("status", "filled", "expected"),
    [
        ("open", 0, OrderStatus.ACCEPTED),
        (None, 0, OrderStatus.ACCEPTED),
        ("open", 0.4, OrderStatus.PARTIALLY_FILLED),
        ("canceling", 0, OrderStatus.ACCEPTED),
        ("closed", 1, OrderStatus.FILLED),
        ("closed", 0.4, OrderStatus.CANCELLED),
        ("closed", 0, OrderStatus.CANCELLED),
        ("canceled", 0.4, OrderStatus.CANCELLED),
        ("canceled", 1, OrderStatus.FILLED),
        ("expired", 0, OrderStatus.EXPIRED),
        ("rejected", 0, OrderStatus.REJECTED),
        ("rejected", 0.4, OrderStatus.CANCELLED),
    ],
)
def test_status_says_what_became_of_the_order(
    status: str | None, filled: float, expected: OrderStatus
) -> None:
    assert status_of({"status": status, "filled": filled}, _tracked()) is expected


def test_end_is_told_only_after_all_fills() -> None:
    tracked = _tracked()
    order = {"id": "55", "status": "canceled", "filled": 0.5, "timestamp": 3}
    early = events_of(report_of(order, [], tracked, 1), tracked)
    assert [type(each).__name__ for each in early] == ["OrderAccepted"]
    fill = _fill(_trade(), tracked)
    assert fill is not None
    late = events_of(report_of(order, [fill], tracked, 1), tracked)
    assert [type(each).__name__ for each in late] == ["OrderFilled", "OrderCancelled"]
    assert events_of(report_of(order, [fill], tracked, 1), tracked) == []
    assert tracked.is_over


def test_refusal_after_the_fact_is_told_once() -> None:
    tracked = _tracked()
    order = {"id": "55", "status": "rejected", "filled": 0}
    first = events_of(report_of(order, [], tracked, 1), tracked)
    assert [type(each).__name__ for each in first] == ["OrderRefused"]
    assert events_of(report_of(order, [], tracked, 1), tracked) == []


def test_amended_order_shows_its_new_size_while_it_works() -> None:
    order = {"id": "55", "status": "open", "filled": 0, "amount": 0.7, "price": 99.0}
    report = report_of(order, [], _tracked(), 1)
    assert (report.quantity, report.price) == (Decimal("0.7"), Decimal("99.0"))
    ended = report_of(order | {"status": "canceled"}, [], _tracked(), 1)
    assert ended.quantity is None


def test_fills_beyond_what_was_ordered_show_that_the_order_was_enlarged() -> None:
    tracked = _tracked()
    fills = [_fill(_trade(id=each, amount=0.5), tracked) for each in ("1", "2", "3")]
    order = {"id": "55", "status": "closed", "filled": 1.0, "amount": 1.0}
    told = events_of(report_of(order, [each for each in fills[:2] if each], tracked, 1), tracked)
    assert [type(each).__name__ for each in told] == ["OrderAccepted", "OrderFilled", "OrderFilled"]
    assert tracked.is_over
    enlarged = order | {"status": "open", "filled": 1.5, "amount": 2.0}
    told = events_of(report_of(enlarged, [each for each in fills if each], tracked, 1), tracked)
    assert [type(each).__name__ for each in told] == ["OrderAmended", "OrderFilled"]
    assert isinstance(told[0], OrderAmended)
    assert told[0].quantity == tracked.quantity == Decimal(2)
    assert (tracked.filled, len(tracked.fill_ids)) == (Decimal("1.5"), 3)


def test_time_is_the_newest_that_the_venue_tells() -> None:
    told = {"timestamp": 1, "lastUpdateTimestamp": 2, "lastTradeTimestamp": 3}
    assert stamp(told) == 3_000_000
    assert stamp({}, 8) == 8


def test_positions_are_signed_and_in_base_units() -> None:
    contracts = {"BTC/USDT": _contract(size="0.01"), "ETH/USDT": _contract("ETH")}
    told = [
        {"symbol": "BTC/USDT", "contracts": 30, "side": "short", "entryPrice": 100,
         "unrealizedPnl": 1.5},
        {"symbol": "ETH/USDT", "contracts": 0, "side": None},
        {"symbol": "XYZ/USDT", "contracts": 4, "side": "long", "unrealizedPnl": None},
    ]  # fmt: skip
    assert positions_of(told, contracts) == {contracts["BTC/USDT"].id: Decimal("-0.30")}
    assert contracts_cost(told, contracts) == Decimal("-30.00")
    assert unrealised(told) == Decimal("1.5")


def test_balance_of_a_currency_is_the_holding_of_its_first_instrument() -> None:
    contracts = [_contract(), _contract(quote="USD"), _contract("ETH")]
    balance = {"total": {"BTC": 2.0, "ETH": 0, "USDT": 100}}
    assert spot_of(balance, contracts) == {contracts[0].id: Decimal("2.0")}
