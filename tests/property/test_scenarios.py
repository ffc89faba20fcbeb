"""Whatever a scenario does, its bars could be true, and know nothing that comes after them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tutti.kernel.clock import HOUR
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.scenarios.conditions import conditions
from tutti.sandbox.scenarios.effects import (
    Depeg,
    Effect,
    Funding,
    Outage,
    Shock,
    Spread,
    Volatility,
    Volume,
)
from tutti.sandbox.scenarios.scenario import Scenario
from tutti.sandbox.scenarios.span import Span
from tutti.sandbox.scenarios.tape import StressedTape
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from tutti.model.market import MarketBlock

_START = 1_704_067_200_000_000_000
_BARS = 120
_FIELDS = ("open", "high", "low", "close", "volume", "funding")
_SPANS = st.sampled_from(["0", "7m", "1h", "90m", "5h", "1d", "3 bars"]).map(Span)
_LONGER = st.sampled_from(["30m", "1h", "7h", "1d", "3d"]).map(Span)
_FACTORS = st.floats(0.05, 8.0)
_ON = st.sampled_from([("*",), ("*.X",), ("B-*",)])

_EFFECTS: st.SearchStrategy[Effect] = st.one_of(
    st.builds(
        Shock, size=st.floats(-0.95, 3.0), over=_SPANS, hold=_SPANS, recover=st.floats(0.0, 1.0),
        recovery=_SPANS, after=_SPANS, on=_ON,
    ),
    st.builds(Volatility, factor=st.floats(0.0, 8.0), lasts=_LONGER, after=_SPANS, on=_ON),
    st.builds(Spread, factor=_FACTORS, lasts=_LONGER),
    st.builds(Volume, factor=_FACTORS, lasts=_LONGER, after=_SPANS, on=_ON),
    st.builds(
        Outage, lasts=_LONGER, after=_SPANS, venue=st.sampled_from(["X", "Y"]),
        prices=st.sampled_from(["missing", "shown"]),
    ),
    st.builds(Depeg, low=st.floats(0.05, 0.99), over=_SPANS, recover=st.floats(0.0, 1.0)),
    st.builds(Funding, rate=st.floats(-0.5, 0.5), lasts=_LONGER, every=st.just(Span("1h"))),
)  # fmt: skip
_MANY = st.lists(_EFFECTS, min_size=1, max_size=4).map(tuple)


def _market(seed: int, *, holes: bool) -> MarketBlock:
    names = (("A-USDT-PERP", "X"), ("B-USDT", "X"), ("B-USD-PERP", "Y"))
    block = SimulatedMarket(
        [
            MarketSpec(instrument=InstrumentId(*name), volatility=2.0, funding_rate=0.0001)
            for name in names
        ],
        seed=seed, step=HOUR, start=_START,
    ).next_block(_BARS)  # fmt: skip
    if not holes:
        return block
    gone = np.random.default_rng(seed).random(block.close.shape) < 0.15
    gone[:5] = gone[gone.all(axis=1)] = False
    sides: dict[str, Any] = {
        name: np.where(gone, np.nan, getattr(block, name)) for name in _FIELDS[:5]
    }
    return replace(block, **sides)


def _tape(block: MarketBlock, effects: tuple[Effect, ...]) -> StressedTape:
    instruments = Universe.of_block(block).instruments
    scenario = Scenario(name="any", about="", effects=effects)
    return StressedTape(
        conditions(scenario, instruments, _START + 40 * HOUR, block.step), instruments
    )


@given(effects=_MANY, seed=st.integers(0, 99), holes=st.booleans())
def test_bars_under_any_scenario_hold_together(
    effects: tuple[Effect, ...],
    seed: int,
    holes: bool,
) -> None:
    block = _market(seed, holes=holes)
    after = _tape(block, effects).advance(block)
    there = np.isfinite(after.close)
    for name in _FIELDS[:5]:
        assert (np.isfinite(getattr(after, name)) == there).all()
    top = np.maximum(after.open, after.close)[there]
    bottom = np.minimum(after.open, after.close)[there]
    assert (after.high[there] >= top).all()
    assert (after.low[there] <= bottom).all()
    assert (after.low[there] > 0.0).all()
    assert (after.volume[there] > 0.0).all()
    assert np.isfinite(after.funding).all()
    assert (np.diff(after.ts) > 0).all()
    # a bar that was not there is not made up
    rows = np.searchsorted(block.ts, after.ts)
    assert not (there & np.isnan(block.close[rows])).any()


@given(effects=_MANY, seed=st.integers(0, 99), cut=st.integers(1, _BARS - 1))
def test_bars_under_any_scenario_are_the_same_however_they_are_cut(
    effects: tuple[Effect, ...], seed: int, cut: int
) -> None:
    block = _market(seed, holes=True)
    whole = _tape(block, effects).advance(block)
    tape = _tape(block, effects)
    parts = [tape.advance(block.rows(0, cut)), tape.advance(block.rows(cut, _BARS))]
    for name in ("ts", *_FIELDS):
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert np.array_equal(joined, getattr(whole, name), equal_nan=True)
