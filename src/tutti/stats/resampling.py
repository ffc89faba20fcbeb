"""Samples of a time series that keep its dependence: the stationary bootstrap.

Source: Politis and Romano (1994), "The Stationary Bootstrap": blocks of geometric length, the
series taken as a circle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, IntArray


def stationary_indices(n: int, mean_block: float, rng: np.random.Generator) -> IntArray:
    """Return which rows make one sample.

    Parameters
    ----------
    n : int
        Rows of the series, and of the sample.
    mean_block : float
        Mean length of a block, at least 1.
    rng : numpy.random.Generator
        Drawn from in the order in which arch 8 does: first ``n`` rows, then ``n`` uniforms.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    if not mean_block >= 1.0:
        raise ValueError(f"the mean length of a block is at least 1, was {mean_block!r}")
    rows = rng.integers(n, size=n)
    begins = rng.random(n) <= 1.0 / mean_block
    begins[0] = True
    place = np.arange(n)
    begun = np.maximum.accumulate(np.where(begins, place, 0))
    return np.asarray((rows[begun] + place - begun) % n, dtype=np.int64)


def sample_counts(
    n: int, n_samples: int, mean_block: float, rng: np.random.Generator
) -> FloatArray:
    """Return how often each row is in each sample, shape (n_samples, n): all that a mean needs."""
    counts = np.empty((n_samples, n))
    for sample in range(n_samples):
        counts[sample] = np.bincount(stationary_indices(n, mean_block, rng), minlength=n)
    return counts
