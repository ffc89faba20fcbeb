"""Contract terms as arrays."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tutti.execution.terms import terms_of
from tutti.model.errors import ConfigError
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind


def _instrument(symbol: str, venue: str, kind: InstrumentKind) -> Instrument:
    return Instrument(
        id=InstrumentId(symbol, venue),
        kind=kind,
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.002"),
        min_quantity=Decimal("0.003"),
        min_notional=Decimal(5),
        max_leverage=Decimal(20),
        maintenance_margin=Decimal("0.005"),
    )


def test_terms_of_instruments_are_one_column_each_with_the_index_of_their_venue() -> None:
    spot = _instrument("BTC-USD", "A", InstrumentKind.SPOT)
    perpetual = _instrument("BTC-USD-PERP", "B", InstrumentKind.PERPETUAL)
    terms = terms_of([spot, perpetual], ["B", "A"])
    assert terms.venue.tolist() == [1, 0]
    assert terms.is_perpetual.tolist() == [0, 1]
    assert terms.lot.tolist() == [0.002, 0.002]
    assert terms.tick.tolist() == [0.01, 0.01]
    assert terms.min_notional.tolist() == [5.0, 5.0]
    assert terms.max_leverage.tolist() == [20.0, 20.0]


def test_terms_of_a_minimum_between_two_steps_take_the_larger() -> None:
    terms = terms_of([_instrument("BTC-USD", "A", InstrumentKind.SPOT)], ["A"])
    assert terms.min_lots.tolist() == [2]


def test_terms_of_an_instrument_at_an_unknown_venue_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"BTC-USD\.A trades at no venue"):
        terms_of([_instrument("BTC-USD", "A", InstrumentKind.SPOT)], ["B"])
