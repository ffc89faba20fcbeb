"""What ccxt is given for an order of ours."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tutti.adapters.venues.by_ccxt.contracts import Contract
from tutti.adapters.venues.by_ccxt.dialects import DIALECTS, dialect_of
from tutti.adapters.venues.by_ccxt.reading import Tracked
from tutti.adapters.venues.by_ccxt.sending import Request, arguments_of
from tutti.kernel.clock import parse_instant
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import OrderIntent, OrderType, Reason, Side

_ID = "0190a1b2c3d4000001deadbeef012345"
_DEADLINE = parse_instant("2024-05-06T07:08:09")


def _arguments(
    venue: str,
    *,
    type_: OrderType = OrderType.MARKET,
    price: str | None = None,
    side: Side = Side.BUY,
    reduces: bool = False,
    size: str = "1",
) -> tuple[Any, ...]:
    dialect = dialect_of(venue)
    is_perpetual = bool(dialect.is_perpetual)
    name = InstrumentId("BTC-USD-PERP" if is_perpetual else "BTC-USD", venue)
    kind = InstrumentKind.PERPETUAL if is_perpetual else InstrumentKind.SPOT
    instrument = Instrument(
        id=name, kind=kind, price_step=Decimal("0.5"), quantity_step=Decimal("0.00000001")
    )
    contract = Contract(
        id=name, symbol="BTC/USD", base="BTC", quote="USD", size=Decimal(size), terms={}
    )
    intent = OrderIntent(
        id=_ID, instrument=name, as_of=0, side=side, quantity=Decimal("0.12345670"), type=type_,
        price=None if price is None else Decimal(price), reference_price=Decimal(100),
        reason=Reason.ENTRY, lead="x", reduces=reduces,
    )  # fmt: skip
    tracked = Tracked(
        order_id=_ID, client_id=dialect.client_ids.encode(_ID), contract=contract, side=side,
        quantity=intent.quantity, asked_at=0,
    )  # fmt: skip
    request = Request(
        intent=intent, tracked=tracked, instrument=instrument, quantity=intent.quantity, began=0
    )
    return arguments_of(request, dialect, _DEADLINE)


@pytest.mark.parametrize("venue", DIALECTS)
def test_order_carries_its_client_id_where_the_venue_looks_for_it(venue: str) -> None:
    dialect = DIALECTS[venue]
    params = _arguments(venue)[5]
    assert params[dialect.client_id_key] == dialect.client_ids.encode(_ID)


def test_quantities_and_prices_are_text_without_exponents() -> None:
    symbol, kind, side, amount, price, _ = _arguments(
        "BINANCE", type_=OrderType.LIMIT, price="0.00000100"
    )
    assert (symbol, kind, side, amount, price) == (
        "BTC/USD", "limit", "buy", "0.1234567", "0.000001",
    )  # fmt: skip


def test_quantity_is_counted_in_contracts() -> None:
    assert _arguments("BINANCE_USDM", size="0.0000001")[3] == "1234567"


def test_market_purchase_at_coinbase_is_a_bounded_order_of_the_approved_quantity() -> None:
    _, kind, _, amount, price, params = _arguments("COINBASE")
    assert (kind, amount, price, params["timeInForce"]) == ("limit", "0.1234567", "101.5", "IOC")
    assert _arguments("COINBASE", side=Side.SELL)[1:5] == ("market", "sell", "0.1234567", None)


def test_market_order_at_hyperliquid_tells_the_price_it_was_decided_at() -> None:
    assert _arguments("HYPERLIQUID")[4] == "100"
    assert _arguments("BINANCE")[4] is None


def test_stop_is_a_market_order_with_a_trigger() -> None:
    _, kind, _, _, price, params = _arguments("BINANCE", type_=OrderType.STOP, price="90")
    assert (kind, price, params["triggerPrice"]) == ("market", None, "90")


def test_order_that_reduces_a_perpetual_says_so() -> None:
    assert _arguments("BINANCE_USDM", reduces=True)[5]["reduceOnly"] is True
    assert "reduceOnly" not in _arguments("BINANCE", reduces=True)[5]


def test_order_at_kraken_is_refused_there_when_it_arrives_late() -> None:
    assert _arguments("KRAKEN")[5]["deadline"] == "2024-05-06T07:08:09.000Z"
    assert "deadline" not in _arguments("BINANCE")[5]
