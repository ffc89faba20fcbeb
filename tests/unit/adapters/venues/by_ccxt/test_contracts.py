"""A venue's own contract terms as our instruments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tutti.adapters.venues.by_ccxt.contracts import Contract, contract_of, decimal_of
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId, InstrumentKind

_SPOT: dict[str, Any] = {
    "base": "BTC",
    "quote": "USDT",
    "active": True,
    "precision": {"price": 0.01, "amount": 0.00001},
    "limits": {"amount": {"min": 0.0001}, "cost": {"min": 5.0}},
    "maker": 0.001,
    "taker": 0.002,
}
_SWAP: dict[str, Any] = {
    **_SPOT,
    "linear": True,
    "contractSize": 0.001,
    "precision": {"price": 0.1, "amount": 1},
    "limits": {"amount": {"min": 1}, "cost": {}, "leverage": {"max": 50}},
}
_MARKETS = {
    "BTC/USDT": _SPOT,
    "BTC/USDT:USDT": _SWAP,
    "OLD/USDT": {**_SPOT, "base": "OLD", "active": False},
    "BTC/USD:BTC": {**_SWAP, "quote": "USD"},
    "INV/USD:USD": {**_SWAP, "base": "INV", "linear": False},
}


def _contract(name: str, venue: str = "OKX") -> Contract:
    return contract_of(InstrumentId(name, venue), _MARKETS, dialect_of(venue))


def test_spot_has_the_steps_minimums_and_fees_of_its_market() -> None:
    instrument = _contract("BTC-USDT").instrument()
    assert instrument.kind is InstrumentKind.SPOT
    assert (instrument.price_step, instrument.quantity_step) == (
        Decimal("0.01"),
        Decimal("0.00001"),
    )
    assert (instrument.min_quantity, instrument.min_notional) == (Decimal("0.0001"), Decimal("5.0"))
    assert (instrument.maker_fee, instrument.taker_fee) == (Decimal("0.001"), Decimal("0.002"))
    assert instrument.max_leverage == 1


def test_perpetual_counts_in_base_units_whatever_a_contract_holds() -> None:
    contract = _contract("BTC-USDT-PERP")
    instrument = contract.instrument()
    assert contract.symbol == "BTC/USDT:USDT"
    assert contract.size == Decimal("0.001")
    assert instrument.is_perpetual
    assert instrument.quantity_step == instrument.min_quantity == Decimal("0.001")
    assert instrument.max_leverage == 50


def test_terms_of_the_configuration_go_before_the_venues() -> None:
    instrument = _contract("BTC-USDT").instrument({"taker_fee": Decimal("0.0005")})
    assert instrument.taker_fee == Decimal("0.0005")
    assert instrument.maker_fee == Decimal("0.001")


@pytest.mark.parametrize(
    ("name", "venue", "message"),
    [
        ("XYZ-USDT", "OKX", "okx trades no XYZ/USDT"),
        ("BTC-EUR", "OKX", "of BTC there are BTC/USD:BTC"),
        ("OLD-USDT", "OKX", "has stopped trading"),
        ("INV-USD-PERP", "OKX", "no linear contract"),
        ("BTC", "OKX", "write it as BASE-QUOTE.VENUE"),
        ("BTC-USDT", "BINANCE_USDM", "stands for perpetuals"),
        ("BTC-USDT-PERP", "BINANCE", "stands for spot"),
    ],
)
def test_instrument_that_can_not_be_traded_is_refused(name: str, venue: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _contract(name, venue)


def test_step_that_the_venue_does_not_tell_has_to_be_configured() -> None:
    markets = {"BTC/USDT": {**_SPOT, "precision": {}}}
    name = InstrumentId("BTC-USDT", "OKX")
    contract = contract_of(name, markets, dialect_of("OKX"))
    with pytest.raises(ConfigError, match=r"set instruments\.BTC-USDT\.OKX\.price_step"):
        contract.instrument()
    steps = {"price_step": Decimal("0.01"), "quantity_step": Decimal("0.001")}
    assert contract.instrument(steps).price_step == Decimal("0.01")
    with pytest.raises(ConfigError, match="instruments"):
        contract.instrument({**steps, "price_step": Decimal(-1)})


def test_precision_may_be_a_number_of_decimals_or_none_that_can_be_read() -> None:
    markets = {"BTC/USDT": {**_SPOT, "precision": {"price": 2, "amount": 5}}}
    name = InstrumentId("BTC-USDT", "OKX")
    places = contract_of(name, markets, dialect_of("OKX"), 2).terms
    assert (places["price_step"], places["quantity_step"]) == (Decimal("0.01"), Decimal("0.00001"))
    assert "price_step" not in contract_of(name, markets, dialect_of("OKX"), 3).terms


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1, Decimal("0.1")),
        ("60000.10", Decimal("60000.10")),
        (1e-8, Decimal("1E-8")),
        (None, None),
        ("", None),
        (True, None),
        (float("nan"), None),
    ],
)
def test_number_of_ccxt_is_read_as_it_was_written(value: object, expected: Decimal | None) -> None:
    assert decimal_of(value) == expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("0.30000000000000004", "0.3"), ("0.299999999999", "0.3"), ("0.123456", "0.123456")],
)
def test_quantity_loses_what_floats_added_and_nothing_else(quantity: str, expected: str) -> None:
    assert _contract("BTC-USDT").rounded(Decimal(quantity)) == Decimal(expected)
