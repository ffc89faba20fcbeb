"""Instruments are named SYMBOL.VENUE and refuse terms that can't be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind


def _instrument(**changes: Any) -> Instrument:
    terms: dict[str, Any] = {
        "id": InstrumentId("BTC-USDT", "BINANCE"),
        "kind": InstrumentKind.SPOT,
        "price_step": Decimal("0.01"),
        "quantity_step": Decimal("0.001"),
    }
    return Instrument(**{**terms, **changes})


def test_id_written_and_parsed_is_the_same() -> None:
    instrument = InstrumentId("BTC-USDT-PERP", "BINANCE_USDM")
    assert str(instrument) == "BTC-USDT-PERP.BINANCE_USDM"
    assert InstrumentId.parse(str(instrument)) == instrument


def test_id_with_a_dot_in_the_symbol_splits_at_the_last_one() -> None:
    assert InstrumentId.parse("BRK.B.NYSE") == InstrumentId("BRK.B", "NYSE")


def test_ids_sort_by_symbol_then_venue() -> None:
    ids = [InstrumentId("B", "X"), InstrumentId("A", "Y"), InstrumentId("A", "X")]
    assert [str(i) for i in sorted(ids)] == ["A.X", "A.Y", "B.X"]


@pytest.mark.parametrize("text", ["BTC", "", ".BINANCE", "BTC."])
def test_id_without_symbol_or_venue_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must look like SYMBOL\.VENUE"):
        InstrumentId.parse(text)


def test_id_with_a_dot_in_the_venue_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must look like SYMBOL\.VENUE"):
        InstrumentId("BTC", "BIN.ANCE")


@pytest.mark.parametrize("name", ["price_step", "quantity_step", "max_leverage"])
@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity"])
def test_instrument_steps_that_are_not_positive_are_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive"):
        _instrument(**{name: Decimal(value)})


@pytest.mark.parametrize("name", ["min_quantity", "min_notional", "maintenance_margin"])
@pytest.mark.parametrize("value", ["-0.1", "NaN"])
def test_instrument_minima_that_are_negative_are_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not be negative"):
        _instrument(**{name: Decimal(value)})


@pytest.mark.parametrize("name", ["maker_fee", "taker_fee"])
@pytest.mark.parametrize("value", ["0.1", "-0.1", "5", "NaN"])
def test_instrument_fee_given_in_percent_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is a fraction below 0.1"):
        _instrument(**{name: Decimal(value)})


def test_instrument_with_a_rebate_is_accepted() -> None:
    assert _instrument(maker_fee=Decimal("-0.0001")).maker_fee < 0


def test_instrument_perpetual_is_told_by_its_kind() -> None:
    assert _instrument(kind=InstrumentKind.PERPETUAL).is_perpetual
    assert not _instrument().is_perpetual
