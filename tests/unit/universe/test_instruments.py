"""Terms assumed of instruments, and the universe they form."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.model.errors import ConfigError
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import FloatArray, MarketBlock
from tutti.universe.instruments import (
    SAMPLE_BARS,
    Universe,
    diff,
    infer_instrument,
    price_step,
    quantity_step,
)

if TYPE_CHECKING:
    from pathlib import Path

_PRICES = [np.array([60_000.1, 60_123.4, 59_990.0])]


def _infer(name: str, *prices: FloatArray, **overrides: object) -> Instrument:
    return infer_instrument(InstrumentId.parse(name), prices or _PRICES, overrides)


def test_perpetual_is_told_by_its_symbol() -> None:
    perpetual = _infer("BTC-USDT-PERP.BINANCE_USDM")
    assert perpetual.kind is InstrumentKind.PERPETUAL
    assert perpetual.max_leverage == 20
    assert perpetual.maintenance_margin == Decimal("0.005")
    spot = _infer("BTC-USDT.BINANCE")
    assert spot.kind is InstrumentKind.SPOT
    assert spot.max_leverage == 1
    assert spot.maintenance_margin == 0


@pytest.mark.parametrize(
    ("venue", "maker", "taker", "min_notional"),
    [
        ("BINANCE", "0.001", "0.001", 5),
        ("BINANCE_USDM", "0.0002", "0.0005", 5),
        ("HYPERLIQUID", "0.00015", "0.00045", 5),
        ("COINBASE", "0.004", "0.006", 5),
        ("BYBIT_LINEAR", "0.0002", "0.00055", 5),
        ("ELSEWHERE", "0.001", "0.001", 5),
        ("YAHOO", "0", "0.0001", 0),
        ("POLYGON_2025", "0", "0.0001", 0),
        ("LOCAL", "0.001", "0.001", 0),
    ],
)
def test_fees_and_smallest_order_are_those_of_the_venue(
    venue: str, maker: str, taker: str, min_notional: int
) -> None:
    instrument = _infer(f"X-USD.{venue}")
    assert instrument.maker_fee == Decimal(maker)
    assert instrument.taker_fee == Decimal(taker)
    assert instrument.min_notional == min_notional


@pytest.mark.parametrize(
    ("prices", "step"),
    [
        ([60_000.0, 59_123.0], "1"),
        ([60_000.1, 59_123.0], "0.1"),
        ([23_144.37, 1.0], "0.01"),
        ([0.12345, 0.2], "0.00001"),
        ([0.00001234], "0.00000001"),
        ([1 / 3], "0.00000001"),
        ([1.23456789012e-6], "0.00000000001"),
        ([0.25, 0.26], "0.0001"),
        ([], "1"),
    ],
)
def test_price_step_is_the_coarsest_that_holds_all_prices_and_moves_none(
    prices: list[float], step: str
) -> None:
    assert price_step(np.array(prices)) == Decimal(step)


@pytest.mark.parametrize(
    ("price", "step"),
    [
        (60_000.0, "0.000001"),
        (100.0, "0.001"),
        (1.0, "0.1"),
        (0.1, "1"),
        (0.00001, "1"),
        (1e9, "0.00000001"),
    ],
)
def test_quantity_step_is_worth_little(price: float, step: str) -> None:
    assert quantity_step(price) == Decimal(step)


@given(st.floats(min_value=1e-6, max_value=1e7))
def test_any_quantity_step_is_worth_at_most_a_tenth(price: float) -> None:
    step = float(quantity_step(price))
    assert step * price <= 0.1 * (1 + 1e-6)
    assert step in (1.0, 1e-8) or step * price > 0.01 * (1 - 1e-6)


def test_only_the_first_bars_tell_the_steps() -> None:
    prices = np.full(3 * SAMPLE_BARS, 100.5)
    poisoned = prices.copy()
    poisoned[SAMPLE_BARS:] = 1e6 / 3
    first, second = (_infer("A.X", each) for each in (prices, poisoned))
    assert first == second
    assert first.price_step == Decimal("0.1")


def test_instrument_that_lists_late_is_told_by_its_own_first_bars() -> None:
    prices = np.full(500, np.nan)
    prices[400:] = 0.25
    assert _infer("A.X", prices).price_step == Decimal("0.0001")
    assert _infer("A.X", np.full(5, np.nan)).price_step == 1
    assert infer_instrument(InstrumentId("A", "X"), []).quantity_step == Decimal("0.1")


def test_terms_known_better_replace_what_is_assumed() -> None:
    instrument = _infer(
        "BTC.X",
        kind="perpetual",
        price_step="0.5",
        quantity_step=0.001,
        max_leverage=5,
        min_notional=None,
        maker_fee=Decimal("-0.0001"),
    )
    assert instrument.is_perpetual
    assert instrument.price_step == Decimal("0.5")
    assert instrument.quantity_step == Decimal("0.001")
    assert instrument.max_leverage == 5
    assert instrument.maintenance_margin == Decimal("0.005")
    assert instrument.min_notional == 5
    assert instrument.maker_fee == Decimal("-0.0001")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"tick": 1}, r"instruments.BTC.X.tick: no such term; there are kind, price_step"),
        ({"id": "A.B"}, "no such term"),
        ({"kind": "future"}, "must be spot or perpetual, was 'future'"),
        ({"price_step": "small"}, "must be a number, was 'small'"),
        ({"price_step": 0}, r"instruments.BTC.X: price_step must be positive"),
        ({"min_notional": -5}, "min_notional must not be negative"),
        ({"taker_fee": 5}, "taker_fee is a fraction"),
        ({"max_leverage": 3}, "set kind: perpetual"),
    ],
)
def test_impossible_term_is_refused_with_its_key(
    overrides: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        _infer("BTC.X", **overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"price_step": "1e-16"},
            r"price_step: must lie between 1e-13 and 1e\+02 at prices around",
        ),
        ({"price_step": 1000}, "price_step: must lie between"),
        ({"quantity_step": "1e-30"}, "quantity_step: must be at least 1e-12 at prices around 100"),
    ],
)
def test_step_that_can_not_count_prices_or_quantities_is_refused(
    overrides: dict[str, object], message: str
) -> None:
    prices = [np.full(5, 100.0)]
    with pytest.raises(ConfigError, match=message):
        infer_instrument(InstrumentId("BTC", "X"), prices, overrides)


@pytest.mark.parametrize("step", ["1e-8", 0.3, 100])
def test_step_that_some_venue_might_have_is_taken(step: object) -> None:
    made = infer_instrument(InstrumentId("BTC", "X"), [np.full(5, 100.0)], {"price_step": step})
    assert made.price_step == Decimal(str(step))


def _block(*names: str) -> MarketBlock:
    shape = (3, len(names))
    prices = np.full(shape, 100.25)
    return MarketBlock(
        instruments=tuple(map(InstrumentId.parse, names)),
        ts=np.arange(3, dtype=np.int64),
        step=1,
        open=prices,
        high=prices,
        low=prices,
        close=prices,
        volume=prices,
        funding=np.zeros(shape),
    )


_NAMES = ("BTC-PERP.A", "ETH.B", "SOL-PERP.A")


def test_universe_of_a_block_has_its_columns_in_order() -> None:
    universe = Universe.of_block(_block(*_NAMES), {"ETH.B": {"price_step": "0.5"}})
    assert list(map(str, universe.ids)) == list(_NAMES)
    assert len(universe) == 3
    assert universe.venues == ("A", "B")
    assert universe.index(InstrumentId("SOL-PERP", "A")) == 2
    assert universe.at_venue("A") == (0, 2)
    assert [str(each.price_step) for each in universe.instruments] == ["0.01", "0.5", "0.01"]


def test_override_of_an_instrument_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"instruments.DOGE.A: no such instrument in the data"):
        Universe.of_block(_block(*_NAMES), {"DOGE.A": {}})


def test_universe_of_nothing_or_of_one_thing_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="no instrument to trade"):
        Universe(instruments=())
    with pytest.raises(ConfigError, match=r"ETH.B is named twice"):
        Universe.of_block(_block("ETH.B", "ETH.B"))


def test_instrument_that_does_not_trade_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"X.Y does not trade here; there are BTC-PERP.A"):
        Universe.of_block(_block(*_NAMES)).index(InstrumentId("X", "Y"))


def test_difference_of_universes_names_what_comes_goes_and_changes() -> None:
    old = Universe.of_block(_block("A.X", "B.X", "C.X"))
    assert not diff(old, Universe(instruments=old.instruments[::-1]))
    dearer = replace(old.instruments[1], taker_fee=Decimal("0.01"))
    new = Universe.of_block(_block("D.X", "C.X"))
    change = diff(old, Universe(instruments=(*new.instruments, dearer)))
    assert change
    assert list(map(str, change.added)) == ["D.X"]
    assert list(map(str, change.removed)) == ["A.X"]
    assert change.changed == (dearer,)


@pytest.mark.data
def test_steps_of_recorded_perpetuals_are_those_of_the_venue(market_data: Path) -> None:
    from tutti.adapters.feeds.bars import read_bars

    folder = market_data / "crypto/ohlcv/binance_usdm"
    known = {"BTC": "0.1", "ETH": "0.01", "XRP": "0.0001", "DOGE": "0.00001", "SOL": "0.001"}
    paths = [folder / f"{coin}-USDT-PERP_1h.parquet" for coin in known]
    universe = Universe.of_block(read_bars(paths).block)
    assert [each.price_step for each in universe.instruments] == list(map(Decimal, known.values()))
