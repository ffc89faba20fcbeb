"""Opinions as one, against figures worked out by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from tutti.agents.aggregation import Aggregation, aggregate, effective_weights, voices
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import (
    Abstention,
    AggregatedContext,
    ContextBlock,
    Opinion,
    Regime,
    RegimeBlock,
    Voice,
)

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

pytestmark = pytest.mark.kernels

_NAN = math.nan
_BTC = InstrumentId("BTC-USDT", "SIM")
_ETH = InstrumentId("ETH-USDT", "SIM")


def _pooled(
    bias: list[float],
    confidence: list[float],
    method: Aggregation = Aggregation.WEIGHTED_AVERAGE,
    weights: list[float] | None = None,
) -> tuple[float, float, int]:
    n = len(bias)
    pooled = aggregate(
        np.array(bias).reshape(n, 1, 1),
        np.array(confidence).reshape(n, 1, 1),
        np.full((1, 1), -1, np.int64),
        np.ones(n) if weights is None else np.array(weights),
        np.ones((5, n)),
        np.ones((n, 1), np.int64),
        method,
    )
    return float(pooled.bias[0, 0]), float(pooled.confidence[0, 0]), int(pooled.lead[0, 0])


def test_weighted_average_weighs_biases_by_weight_and_confidence() -> None:
    bias, confidence, lead = _pooled([0.8, -0.4, 0.0], [0.5, 1.0, 0.0], weights=[2.0, 0.5, 1.0])
    # 2 x 0.5 x 0.8 - 0.5 x 1 x 0.4 = 0.6, over 2 x 0.5 + 0.5 x 1
    assert bias == pytest.approx(0.4)
    # conviction 1.5 / 3.5, agreement 0.6 / 1.0
    assert confidence == pytest.approx(1.5 / 3.5 * 0.6)
    assert lead == 0


def test_weighted_average_counts_a_confident_hold_against_bias_and_confidence() -> None:
    alone = _pooled([0.6], [0.5])
    with_hold = _pooled([0.6, 0.0], [0.5, 0.5])
    assert alone == pytest.approx((0.6, 0.5, 0))
    assert with_hold == pytest.approx((0.3, 0.25, 0))


def test_weighted_average_of_opposites_is_undecided() -> None:
    assert _pooled([0.3, 0.6, -0.9], [0.7, 0.7, 0.7]) == (0.0, 0.0, -1)
    # in floating point 0.1 + 0.2 - 0.3 is not 0, and its sign depends on the order
    assert _pooled([0.1, 0.2, -0.3], [1.0, 1.0, 1.0]) == (0.0, 0.0, -1)


@pytest.mark.parametrize("method", list(Aggregation))
def test_pool_of_holds_is_a_hold(method: Aggregation) -> None:
    assert _pooled([0.0, 0.0], [0.0, 0.9], method) == (0.0, 0.0, -1)


@pytest.mark.parametrize("method", list(Aggregation))
def test_pool_where_everybody_abstains_abstains(method: Aggregation) -> None:
    bias, confidence, lead = _pooled([_NAN, 0.5, 0.5], [_NAN, _NAN, 0.4], method, [1.0, 1.0, 0.0])
    assert math.isnan(bias)
    assert math.isnan(confidence)
    assert lead == -1


@pytest.mark.parametrize("method", list(Aggregation))
def test_pool_leaves_out_who_abstains(method: Aggregation) -> None:
    with_mute = _pooled([_NAN, 0.8, -0.3], [0.9, 0.6, 0.4], method, [1.0, 2.0, 1.0])
    assert with_mute[:2] == _pooled([0.8, -0.3], [0.6, 0.4], method, [2.0, 1.0])[:2]


def test_majority_vote_counts_weights_whatever_the_size_of_the_bias() -> None:
    bias, confidence, lead = _pooled(
        [0.1, 0.9, -1.0, 0.0], [0.8, 0.4, 1.0, 0.0], Aggregation.MAJORITY_VOTE, [1.0, 1.0, 1.5, 0.5]
    )
    assert bias == pytest.approx((2.0 - 1.5) / 4.0)
    assert confidence == pytest.approx((0.8 + 0.4) / 4.0)
    assert lead == 1


def test_majority_vote_for_a_fall_is_negative() -> None:
    assert _pooled([-0.5, -0.2, 0.9], [1.0, 0.5, 1.0], Aggregation.MAJORITY_VOTE) == pytest.approx(
        (-1 / 3, 0.5, 0)
    )


def test_majority_vote_tied_is_undecided() -> None:
    assert _pooled([0.9, -0.1], [1.0, 0.1], Aggregation.MAJORITY_VOTE) == (0.0, 0.0, -1)


def test_bayesian_pool_of_one_keeps_its_probability() -> None:
    # p = (1 + 0.8 x 0.5) / 2 = 0.7, back to 2 p - 1
    assert _pooled([0.8], [0.5], Aggregation.BAYESIAN_POOL, [3.0]) == pytest.approx((0.4, 0.4, 0))


def test_bayesian_pool_adds_log_odds_over_the_root_of_squared_weights() -> None:
    bias, confidence, lead = _pooled(
        [0.8, 1.0, -0.5], [0.5, 0.2, 0.2], Aggregation.BAYESIAN_POOL, [1.0, 2.0, 2.0]
    )
    odds = math.log(0.7 / 0.3) + 2 * math.log(0.6 / 0.4) + 2 * math.log(0.45 / 0.55)
    p = 1 / (1 + math.exp(-odds / 3))
    assert bias == pytest.approx(2 * p - 1)
    assert confidence == bias
    assert lead == 0


def test_bayesian_pool_of_the_certain_stays_finite() -> None:
    bias, confidence, _ = _pooled([1.0, -1.0, 1.0], [1.0, 1.0, 1.0], Aggregation.BAYESIAN_POOL)
    assert 0.9 < bias < 1.0
    assert confidence == bias


def test_bayesian_pool_of_opposites_is_undecided() -> None:
    assert _pooled([0.7, -0.7], [0.9, 0.9], Aggregation.BAYESIAN_POOL) == (0.0, 0.0, -1)


def test_lead_is_the_strongest_voice_on_the_winning_side() -> None:
    assert _pooled([-0.2, -0.9, 0.9], [0.9, 0.6, 0.2])[2] == 1
    assert _pooled([0.5, 0.5, -0.1], [0.9, 0.9, 0.2])[2] == 0


def test_regime_and_restrictions_change_who_weighs_what_where() -> None:
    bias = np.stack([np.full((1, 4), 0.8), np.full((1, 4), -0.4)])
    confidence = np.full((2, 1, 4), 0.5)
    regime = np.array([[0, 1, -1, 1]])
    regime_weights = np.ones((5, 2))
    regime_weights[0] = (0.0, 1.0)
    regime_weights[1] = (3.0, 1.0)
    active = np.array([[1, 1, 1, 0], [1, 1, 1, 1]])
    pooled = aggregate(bias, confidence, regime, np.ones(2), regime_weights, active)
    np.testing.assert_allclose(pooled.bias, [[-0.4, 0.5, 0.2, -0.4]])
    assert pooled.lead.tolist() == [[1, 0, 0, 1]]


def test_effective_weights_are_those_that_the_pool_used() -> None:
    regime_weights = np.array([[0.5, 2.0]] * 5)
    active = np.array([1, 0])
    assert effective_weights(np.array([3.0, 1.0]), regime_weights, 2, active).tolist() == [1.5, 0]
    assert effective_weights(np.array([3.0, 1.0]), regime_weights, -1, active).tolist() == [3, 0]


@pytest.mark.parametrize("wrong", [-1.0, _NAN, math.inf])
def test_weights_that_make_no_sense_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        _pooled([0.5, 0.5], [0.5, 0.5], weights=[1.0, wrong])


@pytest.mark.parametrize("name", ["confidence", "regime", "weights", "regime_weights", "active"])
def test_shapes_that_do_not_fit_are_refused_by_name(name: str) -> None:
    good: dict[str, Any] = {
        "confidence": np.zeros((2, 3, 4)),
        "regime": np.zeros((3, 4), np.int64),
        "weights": np.ones(2),
        "regime_weights": np.ones((5, 2)),
        "active": np.ones((2, 4), np.int64),
    }
    bias = np.zeros((2, 3, 4))
    assert aggregate(bias, **good).bias.shape == (3, 4)
    with pytest.raises(ValueError, match=f"^{name} must have shape"):
        aggregate(bias, **(good | {name: good[name][:1]}))


def test_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="7 is not a valid Aggregation"):
        _pooled([0.5], [0.5], 7)  # type: ignore[arg-type]


_BULL = Opinion(
    agent="bull", instrument=_BTC, bias=0.6, confidence=0.5, as_of=9, rationale="it rises"
)
_MUTE = Abstention(agent="mute", instrument=_BTC, as_of=9, reason="no answer in 2 s")


def _blocks(bias: float, confidence: float, code: int) -> tuple[ContextBlock, RegimeBlock]:
    def block(value: float) -> FloatArray:
        return np.array([[_NAN, value]])

    context = ContextBlock(block(bias), block(confidence), np.array([[-1, 0]]))
    sure = _NAN if code < 0 else 0.75
    return context, RegimeBlock(np.array([[-1, code]]), block(sure))


def test_voices_tell_who_said_what_with_which_weight() -> None:
    context, regime = _blocks(0.6, 0.5, 4)
    told = voices(
        (_BULL, _MUTE), np.array([1.5, 1.0]), context=context, regime=regime, cell=(0, 1), as_of=10
    )
    assert told == AggregatedContext(
        instrument=_BTC,
        as_of=10,
        bias=0.6,
        confidence=0.5,
        regime=Regime.BEAR_VOLATILE,
        regime_confidence=0.75,
        voices=(
            Voice(agent="bull", bias=0.6, confidence=0.5, weight=1.5, rationale="it rises"),
            Voice(
                agent="mute", bias=None, confidence=None, weight=1.0, rationale="no answer in 2 s"
            ),
        ),
    )


def test_voice_that_was_pooled_with_another_confidence_says_which() -> None:
    context, regime = _blocks(0.6, 0.5, 4)
    told = voices(
        (_BULL, _BULL, _MUTE), np.ones(3), context=context, regime=regime, cell=(0, 1), as_of=10,
        heard=(0.125, _BULL.confidence, _NAN),
    )  # fmt: skip
    assert [voice.heard for voice in told.voices] == [0.125, None, None]
    # the bytes of a voice that was heard as said are what they always were
    assert b"heard" not in msgspec.json.encode(told.voices[1])


def test_voices_of_nobody_in_an_unknown_regime_are_a_hold_without_confidence() -> None:
    context, regime = _blocks(_NAN, _NAN, -1)
    told = voices((_MUTE,), np.ones(1), context=context, regime=regime, cell=(0, 1), as_of=10)
    assert (told.bias, told.confidence) == (0.0, 0.0)
    assert (told.regime, told.regime_confidence) == (Regime.RANGE_BOUND, 0.0)


def test_voices_that_do_not_belong_together_are_refused() -> None:
    context, regime = _blocks(0.6, 0.5, 4)
    stranger = Abstention(agent="mute", instrument=_ETH, as_of=9, reason="x")
    for opinions, weights in (((), np.ones(0)), ((_BULL,), np.ones(2))):
        with pytest.raises(ValueError, match="one weight an opinion"):
            voices(opinions, weights, context=context, regime=regime, cell=(0, 1), as_of=10)
    with pytest.raises(ValueError, match="other instruments"):
        voices((_BULL, stranger), np.ones(2), context=context, regime=regime, cell=(0, 1), as_of=10)
