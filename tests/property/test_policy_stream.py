"""Policies block by block and at once, and what the future may change: nothing."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.features.block import FeatureBlock
from tutti.model.arrays import Signals
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.model.opinion import ContextBlock, RegimeBlock
from tutti.policy.ema_cross import EmaCross
from tutti.policy.hybrid import HybridPolicy
from tutti.policy.sizing import Sizing, SizingMethod

if TYPE_CHECKING:
    from tutti.policy.port import Policy

_T, _N = 80, 3
_MINUTE = 60 * 10**9
_NAMES = tuple(InstrumentId.parse(f"{coin}-USDT-PERP.SIM") for coin in ("BTC", "ETH", "SOL"))


def _make(name: str) -> Policy:
    if name == "hybrid":
        sizing = Sizing(method=SizingMethod.FRACTIONAL_KELLY)
        return HybridPolicy(_NAMES, sizing, pair_window=10, pair_correlation=-1.0)
    sizing = Sizing(method=SizingMethod.FIXED_QUANTITY)
    return EmaCross(3, 8, sizing, _N, long_only=False)


class _World:
    """Everything that a policy is told, over ``_T`` ticks."""

    def __init__(self, seed: int, needs: tuple[str, ...]) -> None:
        rng = np.random.default_rng(seed)
        shape = (_T, _N)
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, shape), axis=0))
        close[rng.random(shape) < 0.1] = np.nan
        self.needs = needs
        self.market = MarketBlock(
            instruments=_NAMES,
            ts=np.arange(_T) * _MINUTE,
            step=_MINUTE,
            open=close,
            high=close,
            low=close,
            close=close,
            volume=np.ones(shape),
            funding=np.zeros(shape),
        )
        self.features = rng.normal(size=(len(needs), *shape))
        self.context = ContextBlock(
            rng.uniform(-1, 1, shape), rng.uniform(0, 1, shape), rng.integers(-1, 7, shape)
        )
        self.context.bias[rng.random(shape) < 0.1] = np.nan
        self.regime = RegimeBlock(rng.integers(-1, 5, shape), rng.uniform(0, 1, shape))

    def show(self, policy: Policy, start: int, stop: int) -> Signals:
        cut = slice(start, stop)
        return policy.signals(
            self.market.rows(start, stop),
            FeatureBlock(self.needs, self.features[:, cut]),
            ContextBlock(
                self.context.bias[cut], self.context.confidence[cut], self.context.lead[cut]
            ),
            RegimeBlock(self.regime.code[cut], self.regime.confidence[cut]),
        )

    def poison(self, start: int) -> None:
        self.market.close[start:] *= 7.0
        self.features[:, start:] += 3.0
        self.context.bias[start:] *= -1.0
        self.regime.code[start:] = 4


def _same(one: Signals, other: Signals, stop: int = _T) -> None:
    for a, b in zip(one, other, strict=True):
        assert np.array_equal(a[:stop], b[:stop], equal_nan=True)


@pytest.mark.parametrize("name", ["hybrid", "ema_cross"])
@given(seed=st.integers(0, 1000), cuts=st.sets(st.integers(1, _T - 1)))
def test_signals_for_any_cutting_into_blocks_are_the_same_bits(
    name: str, seed: int, cuts: set[int]
) -> None:
    world = _World(seed, _make(name).needs)
    at_once = world.show(_make(name), 0, _T)
    edges = [0, *sorted(cuts), _T]
    policy = _make(name)
    blocks = [world.show(policy, a, b) for a, b in itertools.pairwise(edges)]
    joined = [np.concatenate(arrays) for arrays in zip(*blocks, strict=True)]
    _same(at_once, Signals(*joined))


@pytest.mark.parametrize("name", ["hybrid", "ema_cross"])
@given(seed=st.integers(0, 1000), when=st.integers(1, _T - 1))
def test_signals_before_a_poisoned_future_are_the_same_bits(
    name: str, seed: int, when: int
) -> None:
    world = _World(seed, _make(name).needs)
    clean = world.show(_make(name), 0, _T)
    world.poison(when)
    _same(clean, world.show(_make(name), 0, _T), stop=when)


@pytest.mark.parametrize("name", ["hybrid", "ema_cross"])
@given(seed=st.integers(0, 1000))
def test_signals_are_in_range_and_absent_where_there_is_no_bar(name: str, seed: int) -> None:
    world = _World(seed, _make(name).needs)
    signals = world.show(_make(name), 0, _T)
    missing = np.isnan(world.market.close)
    assert np.isnan(signals.score[missing]).all()
    known = ~np.isnan(signals.score)
    assert known.any()
    assert (np.abs(signals.score[known]) <= 1.0).all()
    assert (signals.confidence[known] >= 0.0).all()
    assert (signals.confidence[known] <= 1.0).all()
    assert not (signals.size[known] <= 0.0).any()
