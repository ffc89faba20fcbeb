from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.stats.resampling import stationary_indices
from tutti.stats.superiority import bootstrap_variance, superiority

if TYPE_CHECKING:
    from tutti.model.market import FloatArray


def _noise(t: int, n: int, seed: int = 1) -> FloatArray:
    return np.asarray(np.random.default_rng(seed).normal(0.0, 0.01, (t, n)))


def _word_for_word(excess: FloatArray, seed: int, n_samples: int, block: float) -> list[float]:
    # Hansen (2005), section 2, sample by sample, without the maximum with 0
    rng = np.random.default_rng(seed)
    n = len(excess)
    mean = excess.mean(axis=0)
    error = np.sqrt(bootstrap_variance(excess, block))
    bar = -error * math.sqrt(2.0 * math.log(math.log(n)) / n)
    observed = (math.sqrt(n) * mean / error).max()
    above = np.zeros(3)
    for _ in range(n_samples):
        sample = excess[stationary_indices(n, block, rng)].mean(axis=0)
        for k, centre in enumerate((np.maximum(mean, 0), np.where(mean >= bar, mean, 0), mean)):
            above[k] += (math.sqrt(n) * (sample - centre) / error).max() > observed
    return list(above / n_samples)


def test_superiority_is_hansens_word_for_word() -> None:
    excess = _noise(150, 6) * np.array([1, 5, 1, 0.2, 1, 2]) + 0.0008
    excess[:, 2] -= 0.006
    found = superiority(excess, np.random.default_rng(3), n_samples=300, mean_block=4)
    assert [found.spa_lower, found.spa, found.spa_upper] == _word_for_word(excess, 3, 300, 4)
    assert found.spa_lower <= found.spa <= found.spa_upper


def test_bootstrap_variance_is_that_of_bootstrap_means() -> None:
    values = _noise(200, 2)
    values[1:] += 0.5 * values[:-1]
    rng = np.random.default_rng(2)
    means = [values[stationary_indices(200, 8.0, rng)].mean(axis=0) for _ in range(4000)]
    assert np.var(means, axis=0) * 200 == pytest.approx(bootstrap_variance(values, 8.0), rel=0.06)


def test_superiority_of_noise_is_found_as_often_as_the_level_says() -> None:
    found = [
        superiority(_noise(200, 10, seed), np.random.default_rng(seed), n_samples=200, mean_block=2)
        for seed in range(200)
    ]
    assert np.mean([each.spa < 0.1 for each in found]) == pytest.approx(0.1, abs=0.05)
    assert np.mean([bool(each.superior) for each in found]) == pytest.approx(0.05, abs=0.04)


def test_superiority_finds_those_that_are_better_and_names_them() -> None:
    excess = _noise(500, 30)
    excess[:, [4, 17]] += np.array([0.003, 0.0022])
    found = superiority(excess, np.random.default_rng(1))
    assert found.spa < 0.01
    assert found.reality_check < 0.01
    assert found.superior == (4, 17)
    assert (found.n_samples, found.mean_block) == (1000, 22.0)


def test_superiority_beside_hopeless_trials_is_still_found() -> None:
    # White's check counts them as good as the benchmark; Hansen's leaves them out
    excess = np.column_stack([_noise(300, 1) + 0.0022, _noise(300, 60, 2) * 4 - 0.02])
    found = superiority(excess, np.random.default_rng(1))
    assert found.spa < 0.05 < found.reality_check


def test_trial_that_is_the_benchmark_itself_beats_nothing() -> None:
    found = superiority(np.zeros((50, 2)), np.random.default_rng(1), n_samples=50)
    assert (found.spa, found.reality_check, found.superior) == (1.0, 1.0, ())
    mixed = np.column_stack([np.zeros(300), _noise(300, 1) + 0.01])
    assert superiority(mixed, np.random.default_rng(1), n_samples=200).superior == (1,)


@pytest.mark.parametrize("shape", [(9, 3), (50, 0), (50,)])
def test_superiority_of_too_little_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 10 rows of trials are needed"):
        superiority(np.zeros(shape), np.random.default_rng(1))


def test_superiority_with_a_gap_is_refused() -> None:
    excess = _noise(50, 2)
    excess[3, 1] = np.nan
    with pytest.raises(ValueError, match="excess returns must be finite"):
        superiority(excess, np.random.default_rng(1))
