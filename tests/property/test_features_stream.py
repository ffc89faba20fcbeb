"""What holds for the features of any market, however it is cut into blocks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tutti.features import FEATURES, FeatureBlock, FeaturePipeline
from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, MarketBlock

# every family, most of them warm within the history below
_NAMES = (
    *FEATURES,
    "rsi_3",
    "adx_2",
    "plus_di_3",
    "minus_di_2",
    "atr_3",
    "ema_distance_5",
    "close_z_4",
    "sma_distance_7",
    "bollinger_position_4",
    "momentum_3",
    "volatility_6",
    "volume_z_5",
    "vpin_4",
    "channel_high_7",
    "channel_low_3",
    "volatility_rank_6",
    "bollinger_width_rank_9",
    "cvar_95_6",
)
_STEP = 60_000_000_000


def _block(close: FloatArray, high: FloatArray, low: FloatArray, volume: FloatArray) -> MarketBlock:
    return MarketBlock(
        instruments=tuple(InstrumentId(f"COIN{i}", "TEST") for i in range(close.shape[1])),
        ts=np.arange(len(close), dtype=np.int64) * _STEP,
        step=_STEP,
        open=close,
        high=high,
        low=low,
        close=close,
        volume=volume,
        funding=np.zeros_like(close),
    )


@st.composite
def markets(draw: st.DrawFn) -> MarketBlock:
    """Random walks with holes, frozen stretches, jumps, and volumes of very different size."""
    ticks, instruments = draw(st.integers(1, 350)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (ticks, instruments)
    moves = rng.standard_normal(shape) * draw(st.sampled_from([1e-6, 0.01, 0.5]))
    moves[rng.random(shape) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = 0.0
    close = draw(st.sampled_from([1e-6, 1.0, 60_000.0])) * np.exp(np.cumsum(moves, axis=0))
    spread = draw(st.sampled_from([0.0, 0.01]))
    high = close * (1.0 + spread * rng.random(shape))
    low = close * (1.0 - spread * rng.random(shape))
    volume = rng.lognormal(sigma=draw(st.sampled_from([0.5, 5.0])), size=shape)
    volume[rng.random(shape) < draw(st.sampled_from([0.0, 0.5, 1.0]))] = 0.0
    missing = rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.7]))
    for array in (close, high, low, volume):
        array[missing] = np.nan
    return _block(close, high, low, volume)


def _features(block: MarketBlock) -> FeatureBlock:
    return FeaturePipeline(_NAMES, block.close.shape[1]).advance(block)


@given(market=markets(), cuts=st.lists(st.integers(0, 350), max_size=8))
def test_features_any_cut_into_blocks_gives_the_same_bits(
    market: MarketBlock, cuts: list[int]
) -> None:
    pipeline = FeaturePipeline(_NAMES, market.close.shape[1])
    edges = sorted({0, len(market), *(cut for cut in cuts if cut < len(market))})
    pieces = [pipeline.advance(market.rows(start, stop)).values for start, stop in pairwise(edges)]
    assert np.concatenate(pieces, axis=1).tobytes() == _features(market).values.tobytes()


@given(market=markets())
def test_features_one_tick_at_a_time_give_the_same_bits(market: MarketBlock) -> None:
    pipeline = FeaturePipeline(_NAMES, market.close.shape[1])
    ticks = [pipeline.advance(market.rows(t, t + 1)).values for t in range(len(market))]
    assert np.concatenate(ticks, axis=1).tobytes() == _features(market).values.tobytes()


@given(
    market=markets(),
    where=st.floats(0.0, 1.0),
    poison=st.sampled_from([np.nan, 0.0, -1.0, 1e300, np.inf]),
)
def test_features_of_the_past_do_not_know_the_future(
    market: MarketBlock, where: float, poison: float
) -> None:
    now = int(where * len(market))
    poisoned = replace(
        market,
        **{name: getattr(market, name).copy() for name in ("high", "low", "close", "volume")},
    )
    for array in (poisoned.high, poisoned.low, poisoned.close, poisoned.volume):
        array[now:] = poison
    past = _features(poisoned).values[:, :now]
    assert past.tobytes() == _features(market).values[:, :now].tobytes()


@given(market=markets())
def test_features_missing_bars_are_as_if_they_did_not_exist(market: MarketBlock) -> None:
    features = _features(market).values
    for i in range(market.close.shape[1]):
        present = ~np.isnan(market.close[:, i])
        alone = _features(
            _block(
                *(
                    array[present, i : i + 1]
                    for array in (market.close, market.high, market.low, market.volume)
                )
            )
        )
        assert alone.values[:, :, 0].tobytes() == features[:, present, i].tobytes()
        assert np.isnan(features[:, ~present, i]).all()


@given(market=markets())
def test_features_stay_in_their_ranges(market: MarketBlock) -> None:
    block = _features(market)
    for name in _NAMES:
        values = block[name][~np.isnan(block[name])]
        if name.startswith(("rsi", "adx", "plus", "minus")):
            assert ((values >= 0.0) & (values <= 100.0 + 1e-9)).all(), name
        elif "rank" in name or name.startswith("vpin"):
            assert ((values >= 0.0) & (values <= 1.0 + 1e-9)).all(), name
        elif name.startswith(("volatility", "atr", "bollinger_width")):
            assert (values >= 0.0).all(), name
        assert np.isfinite(values).all(), name
