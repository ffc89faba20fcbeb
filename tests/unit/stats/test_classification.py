"""Accuracy, macro F1 and counts of labels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.stats.classification import accuracy, confusion_counts, macro_f1

_TRUE = np.array([0, 0, 1, 2, 2, 2])
_SAID = np.array([0, 1, 1, 2, 2, 0])


def test_macro_f1_is_the_plain_mean_over_classes() -> None:
    mean, each = macro_f1(_TRUE, _SAID, 3)
    assert each.tolist() == [pytest.approx(2 / 4), pytest.approx(2 / 3), pytest.approx(4 / 5)]
    assert mean == pytest.approx((2 / 4 + 2 / 3 + 4 / 5) / 3)


def test_macro_f1_of_a_class_that_nothing_is_counts_zero() -> None:
    mean, each = macro_f1(np.array([0, 0]), np.array([0, 0]), 2)
    assert each.tolist() == [1.0, 0.0]
    assert mean == 0.5


def test_macro_f1_counts_no_answer_as_a_miss() -> None:
    assert macro_f1(np.array([0, 0]), np.array([0, -1]), 1)[0] == pytest.approx(2 / 3)


def test_confusion_counts_are_by_truth_then_by_what_was_said() -> None:
    assert confusion_counts(_TRUE, _SAID, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


def test_accuracy_of_nothing_is_not_known() -> None:
    assert accuracy(_TRUE, _SAID) == pytest.approx(4 / 6)
    assert math.isnan(accuracy(_TRUE[:0], _SAID[:0]))


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        accuracy(_TRUE, _SAID[:2])
