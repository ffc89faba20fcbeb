from __future__ import annotations

import itertools
import math
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from tutti.stats.overfitting import overfitting

if TYPE_CHECKING:
    from tutti.model.market import FloatArray


def _noise(t: int, n: int, seed: int = 1) -> FloatArray:
    return np.asarray(np.random.default_rng(seed).normal(0.0, 0.01, (t, n)))


def _word_for_word(returns: FloatArray, n_blocks: int) -> tuple[float, float]:
    # the paper's algorithm, sections 3.1 (a) to (i), without any shortcut
    blocks = np.split(returns, n_blocks)
    logits, lost = [], []
    for chosen in itertools.combinations(range(n_blocks), n_blocks // 2):
        inside = np.vstack([blocks[b] for b in chosen])
        outside = np.vstack([blocks[b] for b in range(n_blocks) if b not in chosen])
        best = int(np.argmax(inside.mean(axis=0) / inside.std(axis=0, ddof=1)))
        ratios = outside.mean(axis=0) / outside.std(axis=0, ddof=1)
        share = stats.rankdata(ratios)[best] / (returns.shape[1] + 1)
        logits.append(math.log(share / (1 - share)))
        lost.append(ratios[best] < 0)
    return float(np.mean(np.array(logits) <= 0.0)), float(np.mean(lost))


@pytest.mark.parametrize(("n_blocks", "n_trials"), [(4, 5), (6, 4), (8, 7)])
def test_overfitting_is_that_of_the_paper_word_for_word(n_blocks: int, n_trials: int) -> None:
    returns = _noise(24 * n_blocks, n_trials) + 0.001
    found = overfitting(returns, n_blocks=n_blocks)
    assert found.n_combinations == math.comb(n_blocks, n_blocks // 2)
    assert (found.pbo, found.probability_of_loss) == _word_for_word(returns, n_blocks)


def test_overfitting_of_noise_is_a_coin_toss_on_average() -> None:
    found = [overfitting(_noise(400, 20, seed), n_blocks=10).pbo for seed in range(40)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_overfitting_of_one_that_is_really_better_is_rare() -> None:
    returns = _noise(800, 20)
    returns[:, 7] += 0.003
    found = overfitting(returns)
    assert found.pbo < 0.01
    assert found.probability_of_loss < 0.01


def test_overfitting_of_peaks_that_come_once_is_nearly_certain() -> None:
    # each trial has its luck in a time of its own: the more in one half, the less in the other
    returns = _noise(800, 16) * 0.1
    for k in range(16):
        returns[50 * k : 50 * (k + 1), k] += 0.02
    found = overfitting(returns)
    assert found.pbo > 0.9
    assert found.degradation < 0.0


def test_overfitting_does_not_depend_on_the_scale_of_a_trial() -> None:
    returns = _noise(320, 6)
    found, expected = overfitting(returns * np.array([1, 9, 0.1, 3, 2, 5])), overfitting(returns)
    assert found.pbo == expected.pbo
    assert found.degradation == pytest.approx(expected.degradation)


def test_overfitting_with_a_trial_that_rests_takes_its_ratio_for_nothing() -> None:
    returns = _noise(64, 2)
    returns[:, 1] = 0.0
    assert overfitting(returns, n_blocks=4) == overfitting(
        np.column_stack([returns[:, 0], np.full(64, 1e-300)]), n_blocks=4
    )
    idle = overfitting(np.zeros((64, 3)), n_blocks=4)
    assert (idle.pbo, idle.degradation) == (1.0, 0.0)


def test_overfitting_takes_rows_that_do_not_divide_evenly() -> None:
    assert overfitting(_noise(103, 3), n_blocks=8).n_blocks == 8


@pytest.mark.parametrize(
    ("shape", "n_blocks", "says"),
    [
        ((100, 5), 7, "blocks must be an even number from 2 to 20, was 7"),
        ((100, 5), 22, "blocks must be an even number from 2 to 20, was 22"),
        ((100, 1), 4, r"at least two trials are needed, returns have shape \(100, 1\)"),
        ((100,), 4, "at least two trials are needed"),
        ((20, 5), 16, "16 blocks need at least 32 rows, there are 20; take fewer blocks"),
    ],
)
def test_overfitting_of_too_little_is_refused(
    shape: tuple[int, ...], n_blocks: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        overfitting(np.ones(shape), n_blocks=n_blocks)


def test_overfitting_with_a_gap_names_the_place() -> None:
    returns = _noise(64, 3)
    returns[9, 2] = np.nan
    with pytest.raises(ValueError, match="must be finite, was nan in row 9 of trial 2"):
        overfitting(returns, n_blocks=4)


def test_overfitting_of_800_by_20_takes_less_than_a_tenth_of_a_second() -> None:
    returns = _noise(800, 20)
    overfitting(returns)
    began = time.process_time()
    overfitting(returns)
    assert time.process_time() - began < 0.1
