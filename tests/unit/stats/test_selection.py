from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.stats.inference import expected_max_sharpe
from tutti.stats.selection import (
    correlations_with,
    effective_number,
    effective_trials,
    follow,
    sharpe_spread,
)

if TYPE_CHECKING:
    from tutti.model.market import FloatArray


def _families(n_families: int, n_each: int, n: int = 400, seed: int = 1) -> FloatArray:
    rng = np.random.default_rng(seed)
    heads = rng.normal(size=(n, n_families))
    return np.asarray(
        np.repeat(heads, n_each, axis=1) + 0.3 * rng.normal(size=(n, n_families * n_each))
    )


def test_correlations_are_those_of_numpy() -> None:
    values = np.random.default_rng(2).normal(size=(5, 60))
    expected = np.asarray(np.corrcoef(values))[0, 1:]
    assert correlations_with(values[0], values[1:]) == pytest.approx(expected)


def test_correlations_are_over_what_is_in_common() -> None:
    values = np.random.default_rng(2).normal(size=(2, 60))
    values[0, :20] = np.nan
    values[1, 50:] = np.nan
    expected = np.asarray(np.corrcoef(values[:, 20:50]))[0, 1]
    assert correlations_with(values[0], values[1:]) == pytest.approx([expected])


def test_correlations_without_enough_in_common_or_without_movement_are_nothing() -> None:
    values = np.random.default_rng(2).normal(size=(1, 60))
    short = np.where(np.arange(60) < 19, values, np.nan)
    still = np.full((1, 60), 0.1)
    assert correlations_with(values[0], np.vstack([short, still])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("n_families", "n_each", "likeness"),
    [(1, 6, 0.7), (1, 1000, 0.95), (10, 10, 0.5), (10, 10, 0.9), (3, 50, 0.7), (50, 2, 0.6)],
)
def test_effective_number_has_a_best_as_lucky_as_that_of_the_families(
    n_families: int, n_each: int, likeness: float
) -> None:
    rng = np.random.default_rng(1)
    common = rng.normal(size=(2000, n_families, 1)) * likeness**0.5
    own = rng.normal(size=(2000, n_families, n_each)) * (1.0 - likeness) ** 0.5
    highest = (common + own).max(axis=(1, 2)).mean()
    followers = np.full(n_families * (n_each - 1), likeness)
    found = effective_number(n_families, followers)
    assert expected_max_sharpe(found, 1.0) == pytest.approx(highest, rel=0.06)
    assert n_families <= found <= n_families * n_each


def test_effective_number_of_copies_is_that_of_their_leaders_and_of_strangers_all() -> None:
    assert effective_number(7, np.ones(100)) == pytest.approx(7.0)
    assert effective_number(7, []) == 7.0
    assert effective_number(10, np.full(90, 1e-12)) == pytest.approx(100.0, rel=0.1)
    assert effective_number(0, []) == effective_number(1, []) == 1.0


@pytest.mark.parametrize(("n_families", "n_each"), [(1, 30), (7, 5), (40, 1)])
def test_effective_trials_are_little_more_than_the_families_that_there_are(
    n_families: int, n_each: int
) -> None:
    values = _families(n_families, n_each)
    expected = effective_number(n_families, np.full(n_families * (n_each - 1), 1 / 1.09))
    assert effective_trials(values) == pytest.approx(expected, rel=0.05)


def test_effective_trials_with_gaps_are_nearly_the_same() -> None:
    values = _families(7, 5)
    whole = effective_trials(values)
    values[:50, 3] = np.nan
    values[-30:, 20] = np.nan
    assert effective_trials(values) == pytest.approx(whole, rel=0.02)


def test_effective_trials_leave_out_what_never_traded() -> None:
    values = _families(2, 2)
    still = np.zeros((len(values), 3))
    assert effective_trials(np.column_stack([still, values])) == effective_trials(values)
    assert effective_trials(still) == 1
    assert effective_trials(np.full((9, 2), np.nan)) == 1


def test_effective_trials_of_opposites_are_two() -> None:
    values = _families(1, 1)
    assert effective_trials(np.column_stack([values, -values])) == 2


def test_follow_takes_earlier_leaders_first_and_the_most_alike() -> None:
    values = _families(3, 2).T
    old, new = values[[0, 2]], values[[3, 4, 5, 1]]
    # like the second leader; itself (the 1st of the new ones after two old ones); it; the first
    followed, likeness = follow(new, old)
    assert followed.tolist() == [1, 3, 3, 0]
    assert likeness == pytest.approx([1 / 1.09, 1.0, 1 / 1.09, 1 / 1.09], abs=0.03)


def test_follow_of_series_too_short_for_a_return_is_nothing() -> None:
    followed, likeness = follow(np.empty((2, 0)), np.empty((0, 0)))
    assert (followed.tolist(), likeness.tolist()) == ([-1, -1], [1.0, 1.0])


def test_follow_in_two_goes_is_as_in_one() -> None:
    values = _families(6, 4, seed=3).T
    whole, _ = follow(values, np.empty((0, values.shape[1])))
    first, _ = follow(values[:10], np.empty((0, values.shape[1])))
    leaders = np.unique(first)
    second, _ = follow(values[10:], values[leaders])
    known = np.concatenate([leaders, np.arange(10, len(values))])
    assert whole.tolist() == [*first.tolist(), *known[second].tolist()]


def test_sharpe_spread_of_even_trials_is_near_their_variance() -> None:
    sharpes = np.random.default_rng(1).normal(0.0, 0.2, 2000)
    assert sharpe_spread(sharpes, 10_000) == pytest.approx(0.04, rel=0.08)


def test_sharpe_spread_sees_neither_how_bad_the_bad_nor_how_good_the_best_are() -> None:
    sharpes = np.random.default_rng(1).normal(0.0, 0.1, 200)
    odd = np.where(sharpes < -0.1, -5.0, np.where(sharpes > 0.2, 3.0, sharpes))
    assert sharpe_spread(odd, 10_000) == sharpe_spread(sharpes, 10_000)


@pytest.mark.parametrize("sharpes", [[], [0.3], [0.1, 0.1]])
def test_sharpe_spread_is_at_least_that_of_chance(sharpes: list[float]) -> None:
    assert sharpe_spread(sharpes, 101) == 0.01
