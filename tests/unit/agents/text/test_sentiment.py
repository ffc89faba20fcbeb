"""Labels from probabilities, and what they are worth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.agents.text.port import Sentiments
from tutti.agents.text.sentiment import labels, quality

_FOUND = Sentiments(
    negative=np.array([0.8, 0.3, 0.1, math.nan]),
    neutral=np.array([0.1, 0.3, 0.2, math.nan]),
    positive=np.array([0.1, 0.4, 0.7, math.nan]),
)


def test_labels_within_the_dead_band_are_neutral() -> None:
    assert labels(_FOUND, 0.2).tolist() == [0, 1, 2, -1]


def test_labels_without_a_dead_band_are_the_most_likely() -> None:
    assert labels(_FOUND, None).tolist() == [0, 2, 2, -1]


def test_quality_of_texts_without_an_answer_counts_them_as_wrong() -> None:
    found = quality(_FOUND, 0.2, ["negative", "neutral", "positive", "positive"])
    assert found.n == 4
    assert found.n_unanswered == 1
    assert found.accuracy == 0.75
    assert list(found.f1) == pytest.approx([1.0, 1.0, 2 / 3])
    assert found.macro_f1 == pytest.approx(8 / 9)
    assert found.majority_macro_f1 == pytest.approx((2 / 3) / 3)
    assert found.counts.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    brier = (0.04 + 0.01 + 0.01 + 0.09 + 0.49 + 0.16 + 0.01 + 0.04 + 0.09) / 3
    assert found.brier == pytest.approx(brier)


def test_quality_of_probabilities_that_come_true_as_often_is_calibrated() -> None:
    n = 100
    found = Sentiments(np.full(n, 0.2), np.full(n, 0.1), np.full(n, 0.7))
    truth = ["positive"] * 70 + ["negative"] * 20 + ["neutral"] * 10
    assert quality(found, 0.3, truth).calibration_error == pytest.approx(0.0)


def test_quality_without_any_answer_has_no_calibration() -> None:
    nothing = Sentiments(*(np.full(2, math.nan) for _ in range(3)))
    found = quality(nothing, None, ["positive", "negative"])
    assert found.accuracy == 0.0
    assert math.isnan(found.brier)
    assert math.isnan(found.calibration_error)


def test_quality_of_nothing_and_of_strange_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="no labelled text"):
        quality(_FOUND, 0.2, [])
    with pytest.raises(ValueError, match="'good'"):
        quality(_FOUND, 0.2, ["good"] * 4)
