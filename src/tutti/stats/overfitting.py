"""Probability that the best of many backtests is below average on data that it was not chosen on.

Source: Bailey, Borwein, López de Prado and Zhu (2017), "The Probability of Backtest Overfitting",
sec. 3 (combinatorially symmetric cross-validation), with blocks that differ by one row where the
rows don't divide evenly, instead of rows left out.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray

_FEWEST_BLOCKS = 2
_MOST_BLOCKS = 20
_FEWEST_TRIALS = 2
_ROWS_A_BLOCK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """What became of the best in one half of the blocks, in the other half, over all halves.

    Parameters
    ----------
    pbo : float
        Share of halves in which it came out at or below the median, in [0, 1].
    probability_of_loss : float
        Share in which its Sharpe ratio was negative.
    degradation : float
        Slope of its ratio in the other half on that in its own; 1 where what was seen holds, 0 or
        less where it says nothing.
    n_combinations, n_trials, n_blocks : int
    """

    pbo: float
    probability_of_loss: float
    degradation: float
    n_combinations: int
    n_trials: int
    n_blocks: int


def overfitting(returns: ArrayLike, *, n_blocks: int = 16) -> Overfitting:
    """Return how often the best trial on half of the data disappoints on the other half.

    Parameters
    ----------
    returns : array-like of shape (t, n)
        One column for each trial, same times, finite.
    n_blocks : int
        Even, from 2 to 20; there are ``n_blocks`` over ``n_blocks / 2`` halves.

    Raises
    ------
    ValueError
        If there are fewer than two trials, or than two rows a block, or a value isn't finite.

    Notes
    -----
    Ranked by Sharpe ratio; a trial that doesn't vary in a half has a ratio of 0 there.
    """
    values = _checked(returns, n_blocks)
    edges = np.linspace(0, len(values), n_blocks + 1).round().astype(np.int64)
    centre = values.mean(axis=0)
    off = values - centre
    sums = np.add.reduceat(off, edges[:-1], axis=0)
    squares = np.add.reduceat(off**2, edges[:-1], axis=0)
    lengths = np.diff(edges).astype(np.float64)
    halves = _halves(n_blocks)
    inside = _sharpes(halves @ sums, halves @ squares, halves @ lengths, centre)
    # in lexical order, the complement of the first half is the last one, and so on
    outside = inside[::-1]
    best = np.argmax(inside, axis=1)
    every = np.arange(len(halves))
    chosen = outside[every, best]
    below = np.sum(outside < chosen[:, None], axis=1)
    level = np.sum(outside == chosen[:, None], axis=1)
    rank = below + (level + 1) / 2.0
    return Overfitting(
        pbo=float(np.mean(rank <= (values.shape[1] + 1) / 2.0)),
        probability_of_loss=float(np.mean(chosen < 0.0)),
        degradation=_slope(inside[every, best], chosen),
        n_combinations=len(halves),
        n_trials=values.shape[1],
        n_blocks=n_blocks,
    )


def _checked(returns: ArrayLike, n_blocks: int) -> FloatArray:
    if n_blocks % 2 or not _FEWEST_BLOCKS <= n_blocks <= _MOST_BLOCKS:
        raise ValueError(
            f"blocks must be an even number from {_FEWEST_BLOCKS} to {_MOST_BLOCKS}, "
            f"was {n_blocks!r}"
        )
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < _FEWEST_TRIALS:  # noqa: PLR2004
        raise ValueError(f"at least two trials are needed, returns have shape {values.shape}")
    if len(values) < _ROWS_A_BLOCK * n_blocks:
        raise ValueError(
            f"{n_blocks} blocks need at least {_ROWS_A_BLOCK * n_blocks} rows, there are "
            f"{len(values)}; take fewer blocks"
        )
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0].tolist()
        raise ValueError(
            f"returns must be finite, was {float(values[row, column])!r} "
            f"in row {row} of trial {column}"
        )
    return values


@cache
def _halves(n_blocks: int) -> FloatArray:
    chosen = np.array(list(itertools.combinations(range(n_blocks), n_blocks // 2)))
    halves = np.zeros((len(chosen), n_blocks))
    np.put_along_axis(halves, chosen, 1.0, axis=1)
    return halves


def _sharpes(
    sums: FloatArray, squares: FloatArray, lengths: FloatArray, centre: FloatArray
) -> FloatArray:
    n = lengths[:, None]
    mean = sums / n
    variance = (squares - sums * mean) / (n - 1.0)
    varies = variance > np.finfo(np.float64).eps * (squares / n + centre**2)
    deviation = np.sqrt(np.where(varies, variance, 1.0))
    return np.asarray(np.where(varies, (mean + centre) / deviation, 0.0))


def _slope(x: FloatArray, y: FloatArray) -> float:
    off = x - x.mean()
    spread = float(off @ off)
    return float(off @ (y - y.mean())) / spread if spread > 0.0 else 0.0
