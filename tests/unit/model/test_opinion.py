"""An opinion outside its ranges can't be made."""

from __future__ import annotations

import pytest

from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Opinion, Regime


def _opinion(bias: float, confidence: float) -> Opinion:
    return Opinion(
        agent="scout",
        instrument=InstrumentId("A", "X"),
        bias=bias,
        confidence=confidence,
        as_of=1,
        rationale="because",
    )


@pytest.mark.parametrize(("bias", "confidence"), [(-1.0, 0.0), (1.0, 1.0), (0.0, 0.5)])
def test_opinion_at_the_ends_of_its_ranges_is_accepted(bias: float, confidence: float) -> None:
    opinion = _opinion(bias, confidence)
    assert (opinion.bias, opinion.confidence, opinion.time_to_live) == (bias, confidence, 0)


@pytest.mark.parametrize("bias", [-1.01, 1.01, float("nan"), float("inf")])
def test_opinion_bias_out_of_range_is_refused(bias: float) -> None:
    with pytest.raises(ValueError, match=r"scout: bias must be in \[-1, 1\]"):
        _opinion(bias, 0.5)


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan")])
def test_opinion_confidence_out_of_range_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match=r"scout: confidence must be in \[0, 1\]"):
        _opinion(0.0, confidence)


def test_regime_codes_are_those_of_the_arrays() -> None:
    assert [regime.value for regime in Regime] == [0, 1, 2, 3, 4]
    assert Regime(0) is Regime.RANGE_BOUND
