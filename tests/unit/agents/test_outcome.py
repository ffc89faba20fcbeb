from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.agents.outcome import (
    LARGEST,
    deviations,
    earned,
    opens_of_closes,
    outcomes,
    skill,
)

pytestmark = pytest.mark.kernels

_NAN = math.nan


def test_outcome_runs_from_the_next_open_to_the_one_a_bar_later() -> None:
    opens = np.array([[10.0], [20.0], [30.0], [60.0]])
    found = outcomes(opens, 1)
    assert found.move[:, 0] == pytest.approx([0.5, 1.0, _NAN, _NAN], nan_ok=True)
    assert found.known[:, 0].tolist() == [2, 3, -1, -1]


def test_outcome_over_more_bars_is_known_later() -> None:
    opens = np.array([[10.0], [20.0], [30.0], [60.0], [50.0]])
    found = outcomes(opens, 2)
    assert found.move[:, 0] == pytest.approx([2.0, 2 / 3, _NAN, _NAN, _NAN], nan_ok=True)
    assert found.known[:, 0].tolist() == [3, 4, -1, -1, -1]


def test_outcome_counts_an_instruments_own_bars() -> None:
    opens = np.array([[1.0, 10.0], [1.0, _NAN], [1.0, 20.0], [1.0, _NAN], [1.0, 25.0]])
    found = outcomes(opens, 1)
    assert found.move[:, 1] == pytest.approx([0.25, _NAN, _NAN, _NAN, _NAN], nan_ok=True)
    assert found.known[0, 1] == 4


def test_outcome_of_a_record_that_is_too_short_is_not_known() -> None:
    assert np.isnan(outcomes(np.array([[1.0], [2.0]]), 1).move).all()
    with pytest.raises(ValueError, match="at least 1 bar"):
        outcomes(np.ones((3, 1)), 0)


def test_opens_of_closes_are_the_closes_before() -> None:
    closes = np.array([[_NAN], [5.0], [_NAN], [6.0], [7.0]])
    assert opens_of_closes(closes)[:, 0] == pytest.approx([_NAN, 5.0, _NAN, 5.0, 6.0], nan_ok=True)


def test_earned_is_cut_off_and_unknown_without_a_deviation() -> None:
    assert earned(0.03, 0.01) == pytest.approx(3.0)
    assert earned(-1.0, 0.01) == -LARGEST
    assert math.isnan(earned(0.1, 0.0))
    assert math.isnan(earned(0.1, _NAN))
    assert math.isnan(earned(_NAN, 0.1))


def test_deviations_know_nothing_of_later_moves() -> None:
    rng = np.random.default_rng(1)
    opens = np.exp(np.cumsum(rng.normal(0, 0.01, (40, 1)), axis=0))
    found = deviations(opens, 20)
    moves = np.diff(opens[:, 0]) / opens[:-1, 0]
    assert np.isnan(found[:20]).all()
    assert found[20, 0] == pytest.approx(moves[:20].std(ddof=1))
    poisoned = opens.copy()
    poisoned[31:] = 1e6
    again = deviations(poisoned, 20)
    assert np.array_equal(again[:31], found[:31], equal_nan=True)


def test_skill_is_the_mean_of_bias_times_what_it_earned() -> None:
    bias = np.array([[1.0, -0.5], [_NAN, 1.0]])
    move = np.array([[0.02, 0.01], [0.5, _NAN]])
    assert skill(bias, move, np.full((2, 2), 0.01)) == pytest.approx((2.0 - 0.5) / 2)
    assert math.isnan(skill(np.full((1, 1), _NAN), np.ones((1, 1)), np.ones((1, 1))))
