"""A spoken opinion of the regime beside the rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.llm.regime import REGIME_BIAS
from tutti.conductor.spoken import TRUST, blend, regimes_of
from tutti.model.opinion import Regime, RegimeBlock, Views

NAN = float("nan")
PART = st.floats(0, 1)


def _blended(
    rules: tuple[int, float], spoken: tuple[float, float], trust: float = TRUST
) -> tuple[int, float]:
    block = RegimeBlock(np.array([[rules[0]]], np.int64), np.array([[rules[1]]]))
    out = blend(block, Views(np.array([[spoken[0]]]), np.array([[spoken[1]]])), trust)
    return int(out.code[0, 0]), float(out.confidence[0, 0])


def test_bias_of_every_regime_is_read_back() -> None:
    assert set(REGIME_BIAS) == set(Regime)
    codes = regimes_of(np.array(list(REGIME_BIAS.values())))
    assert codes.tolist() == [int(regime) for regime in REGIME_BIAS]
    assert regimes_of(np.array([NAN])).tolist() == [-1]


@pytest.mark.parametrize(
    ("rules", "spoken", "told"),
    [
        ((Regime.RANGE_BOUND, 0.7), (NAN, NAN), (Regime.RANGE_BOUND, 0.7)),
        ((Regime.RANGE_BOUND, 0.7), (1.0, 0.0), (Regime.RANGE_BOUND, 0.7)),
        ((Regime.BULL_TRENDING, 0.6), (1.0, 0.8), (Regime.BULL_TRENDING, 0.76)),
        ((Regime.BULL_TRENDING, 0.6), (-1.0, 1.0), (Regime.BULL_TRENDING, 0.3)),
        ((Regime.BULL_TRENDING, 0.2), (-1.0, 0.8), (Regime.BEAR_TRENDING, 0.32)),
        ((-1, NAN), (-0.5, 0.8), (Regime.BEAR_VOLATILE, 0.4)),
    ],
)
def test_blend_follows_its_table(
    rules: tuple[int, float], spoken: tuple[float, float], told: tuple[int, float]
) -> None:
    code, confidence = _blended(rules, spoken)
    assert code == told[0]
    assert confidence == pytest.approx(told[1])


def test_blend_of_what_nobody_knows_stays_unknown() -> None:
    code, confidence = _blended((-1, NAN), (NAN, NAN))
    assert code == -1
    assert np.isnan(confidence)


@given(
    st.sampled_from(list(Regime)),
    st.floats(0.5, 1),
    st.sampled_from(list(REGIME_BIAS.values())),
    PART,
)
def test_blend_never_overturns_rules_that_are_sure(
    regime: Regime, sure: float, bias: float, said: float
) -> None:
    code, confidence = _blended((regime, sure), (bias, said))
    assert code == regime
    assert sure * (1 - TRUST) - 1e-12 <= confidence <= 1


@given(st.sampled_from(list(Regime)), PART, st.sampled_from(list(REGIME_BIAS.values())), PART, PART)
def test_blend_gives_a_confidence(
    regime: Regime, sure: float, bias: float, said: float, trust: float
) -> None:
    code, confidence = _blended((regime, sure), (bias, said), trust)
    assert code in (regime, int(regimes_of(np.array([bias]))[0]))
    assert 0 <= confidence <= 1


def test_blend_of_one_row_said_is_heard_at_every_tick() -> None:
    rules = RegimeBlock(np.zeros((3, 2), np.int64), np.full((3, 2), 0.6))
    out = blend(rules, Views(np.array([[0.0, NAN]]), np.array([[1.0, NAN]])))
    assert out.confidence.tolist() == [[pytest.approx(0.8), pytest.approx(0.6)]] * 3


@pytest.mark.parametrize("trust", [-0.1, 1.1])
def test_blend_with_a_trust_out_of_range_is_refused(trust: float) -> None:
    with pytest.raises(ValueError, match="trust must be in"):
        _blended((0, 0.5), (1.0, 0.5), trust)
