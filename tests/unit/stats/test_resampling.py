from __future__ import annotations

import numpy as np
import pytest

from tutti.stats.resampling import sample_counts, stationary_indices


def test_stationary_indices_go_on_in_a_circle_within_a_block() -> None:
    rows = stationary_indices(500, 20.0, np.random.default_rng(1))
    assert rows.shape == (500,)
    goes_on = rows[1:] == (rows[:-1] + 1) % 500
    assert 1.0 - goes_on.mean() == pytest.approx(1 / 20, abs=0.02)
    assert set(rows.tolist()) <= set(range(500))


def test_stationary_indices_of_blocks_of_one_are_drawn_each() -> None:
    rng = np.random.default_rng(4)
    expected = np.random.default_rng(4).integers(100, size=100)
    assert stationary_indices(100, 1.0, rng).tolist() == expected.tolist()


def test_stationary_indices_of_shorter_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"mean length of a block is at least 1, was 0\.5"):
        stationary_indices(9, 0.5, np.random.default_rng(1))


def test_sample_counts_are_those_of_the_rows() -> None:
    counts = sample_counts(50, 3, 5.0, np.random.default_rng(2))
    rng = np.random.default_rng(2)
    for row in counts:
        rows = stationary_indices(50, 5.0, rng)
        assert row.tolist() == np.bincount(rows, minlength=50).tolist()
