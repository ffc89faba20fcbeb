"""Crossing of two exponential averages."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.model.errors import ConfigError
from tutti.model.opinion import ContextBlock, RegimeBlock
from tutti.policy.ema_cross import EmaCross
from tutti.policy.sizing import Sizing, SizingMethod

if TYPE_CHECKING:
    from tests.unit.policy.conftest import MakeFeatures, MakeMarket

    from tutti.model.arrays import Signals
    from tutti.model.market import FloatArray, MarketBlock

pytestmark = pytest.mark.kernels

_ONE_UNIT = Sizing(method=SizingMethod.FIXED_QUANTITY, quantity=1.0)


def _signals(policy: EmaCross, market: MarketBlock, make_features: MakeFeatures) -> Signals:
    shape = market.close.shape
    nothing = np.full(shape, np.nan)
    none = np.full(shape, -1)
    return policy.signals(
        market,
        make_features(shape),
        ContextBlock(nothing, nothing, none),
        RegimeBlock(none, nothing),
    )


def _averages(close: FloatArray, span: int) -> list[float]:
    """Return the average by its definition, one close at a time."""
    found = [float(close[0])]
    for price in close[1:].tolist():
        found.append(found[-1] + 2 / (span + 1) * (price - found[-1]))
    return found


def test_ema_cross_is_long_while_the_fast_average_is_above(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    close = 100 + np.cumsum(np.random.default_rng(7).normal(size=(200, 1)), axis=0)
    signals = _signals(EmaCross(5, 20, _ONE_UNIT, 1), make_market(close), make_features)
    fast, slow = _averages(close[:, 0], 5), _averages(close[:, 0], 20)
    expected = [
        1.0 if t >= 20 and quick > calm else 0.0
        for t, (quick, calm) in enumerate(zip(fast, slow, strict=True))
    ]
    assert signals.score[:, 0].tolist() == expected
    assert 0 < sum(expected) < 180
    assert (signals.confidence == 1.0).all()
    assert (signals.lead == -1).all()
    assert (signals.size == close).all()


def test_ema_cross_that_may_short_is_short_otherwise(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    close = np.linspace(100.0, 50.0, 30).reshape(-1, 1)
    policy = EmaCross(3, 10, _ONE_UNIT, 1, long_only=False)
    score = _signals(policy, make_market(close), make_features).score[:, 0]
    assert score.tolist() == [0.0] * 10 + [-1.0] * 20


def test_ema_cross_missing_bar_has_no_view_and_moves_nothing(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    whole = 100 + np.cumsum(np.random.default_rng(7).normal(size=(100, 1)), axis=0)
    gaps = np.insert(whole, [10, 50, 50], np.nan, axis=0)
    score = _signals(EmaCross(5, 20, _ONE_UNIT, 1), make_market(gaps), make_features).score
    assert np.isnan(score[[10, 51, 52]]).all()
    present = score[~np.isnan(score[:, 0])]
    alone = _signals(EmaCross(5, 20, _ONE_UNIT, 1), make_market(whole), make_features).score
    assert np.array_equal(present, alone)


def test_ema_cross_in_blocks_gives_the_same_bits_as_at_once(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    close = 100 + np.cumsum(np.random.default_rng(7).normal(size=(120, 2)), axis=0)
    close[30:35, 1] = np.nan
    market = make_market(close)
    at_once = _signals(EmaCross(5, 20, _ONE_UNIT, 2), market, make_features).score
    policy = EmaCross(5, 20, _ONE_UNIT, 2)
    cuts = [0, 1, 2, 33, 34, 90, 120]
    blocks = [
        _signals(policy, market.rows(a, b), make_features).score
        for a, b in itertools.pairwise(cuts)
    ]
    assert np.array_equal(np.concatenate(blocks), at_once, equal_nan=True)


@pytest.mark.parametrize(("fast", "slow"), [(0, 10), (10, 10), (20, 10)])
def test_ema_cross_spans_out_of_order_are_refused(fast: int, slow: int) -> None:
    with pytest.raises(ConfigError, match="needs 1 <= fast < slow"):
        EmaCross(fast, slow, _ONE_UNIT, 1)


def test_ema_cross_takes_features_and_units_from_its_sizing() -> None:
    policy = EmaCross(5, 20, Sizing(method=SizingMethod.VOLATILITY_TARGET), 1)
    assert policy.needs == ("volatility_100",)
    assert policy.sizes_are_fractions
    assert not EmaCross(5, 20, _ONE_UNIT, 1).sizes_are_fractions
    assert policy.explain(0, 0) == "5-bar against 20-bar average"
    assert math.isfinite(policy.slow)
