"""The mixture of strategies and context."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.features.block import FeatureBlock
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import ContextBlock, Regime, RegimeBlock
from tutti.policy.hybrid import HybridPolicy, HybridWeights
from tutti.policy.sizing import Sizing, SizingMethod
from tutti.policy.strategies import squash

if TYPE_CHECKING:
    from tests.unit.policy.conftest import MakeFeatures, MakeMarket

    from tutti.model.arrays import Signals
    from tutti.model.market import FloatArray, IntArray

pytestmark = pytest.mark.kernels

_BTC = InstrumentId.parse("BTC-USDT-PERP.SIM")
_ONLY = {"momentum": 0.0, "mean_reversion": 0.0, "pairs": 0.0, "context": 0.0}
_CALM = {"close_z_50": 0.0, "rsi_14": 50.0, "bollinger_position_20": 0.5}


def _momentum(vote: float) -> dict[str, float]:
    """Return the features of which each horizon votes so."""
    strength = vote / math.sqrt(1.0 - vote * vote)
    moves = {f"momentum_{bars}": strength * 0.01 * math.sqrt(bars) for bars in (15, 60, 240)}
    return moves | {"volatility_100": 0.01}


def _signals(
    policy: HybridPolicy,
    make_market: MakeMarket,
    make_features: MakeFeatures,
    *,
    features: dict[str, float] | None = None,
    bias: float = math.nan,
    confidence: float = math.nan,
    regime: int = -1,
    close: float = 100.0,
) -> Signals:
    """Return the signals of one tick of one instrument."""
    values = _momentum(0.0) | _CALM | (features or {})
    return policy.signals(
        make_market(np.full((1, 1), close), symbols=(str(_BTC),)),
        make_features((1, 1), **values),
        ContextBlock(np.full((1, 1), bias), np.full((1, 1), confidence), np.full((1, 1), 3)),
        RegimeBlock(np.full((1, 1), regime), np.full((1, 1), 1.0)),
    )


def _policy(full: float = 0.5, **weights: float) -> HybridPolicy:
    return HybridPolicy([_BTC], Sizing(), weights=HybridWeights(**(_ONLY | weights)), full=full)


def test_hybrid_score_is_the_weighted_mean_of_the_votes(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    signals = _signals(
        _policy(momentum=1.0, context=3.0),
        make_market,
        make_features,
        features=_momentum(0.4),
        bias=0.1,
        confidence=0.8,
    )
    assert signals.score[0, 0] == pytest.approx((0.4 + 3 * 0.8) / 4)
    assert signals.confidence[0, 0] == 1.0


def test_hybrid_confidence_falls_with_conviction(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    policy = _policy(momentum=1.0, context=1.0)
    signals = _signals(
        policy, make_market, make_features, features=_momentum(0.2), bias=1.0, confidence=0.3
    )
    assert signals.confidence[0, 0] == pytest.approx(0.25 / 0.5)


def test_hybrid_confidence_falls_with_disagreement(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    policy = _policy(momentum=1.0, context=1.0)
    signals = _signals(
        policy, make_market, make_features, features=_momentum(-0.3), bias=1.0, confidence=0.9
    )
    assert signals.score[0, 0] == pytest.approx(0.3)
    assert signals.confidence[0, 0] == pytest.approx(0.5)


def test_hybrid_votes_that_are_all_nothing_have_no_confidence(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    signals = _signals(
        _policy(momentum=1.0, context=1.0), make_market, make_features, bias=0.0, confidence=0.9
    )
    assert (signals.score[0, 0], signals.confidence[0, 0]) == (0.0, 0.0)


def test_hybrid_mean_reversion_leans_against_an_extreme(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    stretched = {"close_z_50": 3.0, "rsi_14": 80.0, "bollinger_position_20": 1.2}
    policy = _policy(mean_reversion=1.0)
    signals = _signals(policy, make_market, make_features, features=stretched)
    expected = ((2 + squash(2.0)) / 3 - 0.6) / 0.4
    assert signals.score[0, 0] == pytest.approx(-expected)


# ---- who has a view ----


def test_hybrid_part_without_a_view_is_left_out(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    policy = _policy(momentum=1.0, pairs=0.5, context=0.5)
    signals = _signals(policy, make_market, make_features, features=_momentum(0.4))
    assert signals.score[0, 0] == pytest.approx(0.4)


def test_hybrid_with_less_than_half_of_its_weight_has_no_view(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    policy = _policy(momentum=1.0, context=1.1)
    signals = _signals(policy, make_market, make_features, features=_momentum(0.4))
    assert math.isnan(signals.score[0, 0])
    assert math.isnan(signals.confidence[0, 0])
    assert math.isnan(signals.size[0, 0])


def test_hybrid_without_a_bar_has_no_view(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    policy = _policy(context=1.0)
    sure = partial(_signals, policy, make_market, make_features, bias=1.0, confidence=1.0)
    assert math.isnan(sure(close=math.nan).score[0, 0])
    assert sure().score[0, 0] == 1.0


def test_hybrid_whose_parts_the_regime_silences_has_no_view(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    silent: dict[Regime, dict[str, float]] = {Regime.RANGE_BOUND: {"context": 0.0}}
    policy = HybridPolicy(
        [_BTC],
        Sizing(),
        weights=HybridWeights(**(_ONLY | {"context": 1.0})),
        regime_factors=silent,
    )
    sure = partial(_signals, policy, make_market, make_features, bias=1.0, confidence=1.0)
    assert math.isnan(sure(regime=0).score[0, 0])
    assert sure(regime=1).score[0, 0] == 1.0


# ---- regime and lead ----


@pytest.mark.parametrize(
    ("regime", "momentum_share"),
    [
        (-1, 1.0),
        (Regime.RANGE_BOUND, 0.5),
        (Regime.BULL_TRENDING, 1.5),
        (Regime.BEAR_TRENDING, 1.5),
        (Regime.BEAR_VOLATILE, 1.0),
    ],
)
def test_hybrid_regime_reweights_the_parts(
    make_market: MakeMarket, make_features: MakeFeatures, regime: int, momentum_share: float
) -> None:
    signals = _signals(
        _policy(momentum=1.0, context=1.0),
        make_market,
        make_features,
        features=_momentum(0.6),
        bias=1.0,
        confidence=0.2,
        regime=regime,
    )
    expected = (0.6 * momentum_share + 0.2) / (momentum_share + 1)
    assert signals.score[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("bias", "lead"),
    [(1.0, 3), (-1.0, -1), (0.0, -1), (math.nan, -1)],
    ids=["context agrees", "context disagrees", "context is torn", "no context"],
)
def test_hybrid_position_is_booked_to_the_contexts_lead_only_when_it_agrees(
    make_market: MakeMarket, make_features: MakeFeatures, bias: float, lead: int
) -> None:
    signals = _signals(
        _policy(momentum=1.0, context=0.5),
        make_market,
        make_features,
        features=_momentum(0.6),
        bias=bias,
        confidence=0.1,
    )
    assert signals.score[0, 0] > 0
    assert signals.lead[0, 0] == lead


def test_hybrid_explains_what_each_part_voted(
    make_market: MakeMarket, make_features: MakeFeatures
) -> None:
    policy = _policy(momentum=1.0)
    _signals(policy, make_market, make_features, features=_momentum(0.4), bias=-1.0, confidence=0.2)
    said = policy.explain(0, 0)
    assert said == "momentum +0.40, mean reversion +0.00, pairs none, context -0.20"


# ---- whole blocks ----


def test_hybrid_in_blocks_gives_the_same_bits_as_at_once(make_market: MakeMarket) -> None:
    rng = np.random.default_rng(7)
    shape = (90, 3)
    common = rng.normal(0, 0.01, (90, 1))
    close = 100 * np.exp(np.cumsum(common + rng.normal(0, 0.003, shape), axis=0))
    close[40:42, 1] = np.nan
    market = make_market(close)
    sizing = Sizing(method=SizingMethod.VOLATILITY_TARGET)
    policy = HybridPolicy(market.instruments, sizing, pair_window=12)
    values = rng.normal(size=(len(policy.needs), *shape))
    context = ContextBlock(
        rng.uniform(-1, 1, shape), rng.uniform(0, 1, shape), rng.integers(-1, 7, shape)
    )
    regime = RegimeBlock(rng.integers(-1, 5, shape), rng.uniform(0, 1, shape))

    def run(policy: HybridPolicy, cuts: list[int]) -> list[FloatArray | IntArray]:
        blocks = [
            policy.signals(
                market.rows(a, b),
                FeatureBlock(policy.needs, values[:, a:b]),
                ContextBlock(context.bias[a:b], context.confidence[a:b], context.lead[a:b]),
                RegimeBlock(regime.code[a:b], regime.confidence[a:b]),
            )
            for a, b in itertools.pairwise(cuts)
        ]
        return [np.concatenate(arrays) for arrays in zip(*blocks, strict=True)]

    at_once = run(policy, [0, 90])
    again = HybridPolicy(market.instruments, sizing, pair_window=12)
    in_blocks = run(again, [0, 1, 2, 30, 31, 60, 90])
    for whole, cut in zip(at_once, in_blocks, strict=True):
        assert np.array_equal(whole, cut, equal_nan=True)
    score, confidence = at_once[0], at_once[1]
    known = ~np.isnan(score)
    assert known.any()
    assert (np.abs(score[known]) <= 1).all()
    assert ((confidence[known] >= 0) & (confidence[known] <= 1)).all()


# ---- settings ----


def test_hybrid_needs_what_its_strategies_and_its_sizing_read() -> None:
    policy = HybridPolicy([_BTC], Sizing(method=SizingMethod.CVAR_BUDGET))
    assert set(policy.needs) > {"momentum_240", "volatility_100", "rsi_14", "cvar_95_250"}
    assert policy.sizes_are_fractions


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"momentum": -0.1}, r"policy\.weights\.momentum must not be negative"),
        ({"pairs": math.nan}, r"policy\.weights\.pairs"),
        (_ONLY, "all 0"),
    ],
)
def test_hybrid_weights_that_make_no_sense_are_refused(
    weights: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        HybridWeights(**weights)


def test_hybrid_parameters_out_of_range_name_the_key() -> None:
    with pytest.raises(ConfigError, match=r"policy\.pair_window must be at least 10 bars, was 5"):
        HybridPolicy([_BTC], Sizing(), pair_window=5)
    with pytest.raises(ConfigError, match=r"policy\.pair_correlation must be in \[-1, 1\]"):
        HybridPolicy([_BTC], Sizing(), pair_correlation=2.0)
    with pytest.raises(ConfigError, match=r"policy\.full must be in \(0, 1\], was 0"):
        HybridPolicy([_BTC], Sizing(), full=0)
    with pytest.raises(ConfigError, match=r"names 'luck'; there are momentum"):
        HybridPolicy([_BTC], Sizing(), regime_factors={Regime.RANGE_BOUND: {"luck": 1.0}})
    with pytest.raises(ConfigError, match=r"regime_factors\.RANGE_BOUND\.pairs must not be neg"):
        HybridPolicy([_BTC], Sizing(), regime_factors={Regime.RANGE_BOUND: {"pairs": -1.0}})
