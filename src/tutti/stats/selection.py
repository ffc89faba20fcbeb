"""How many different things a set of trials really tried, and how far luck alone spreads them.

Sources: Bailey and López de Prado (2014), "The Deflated Sharpe Ratio", for why correlated trials
count as fewer. The clusters are those of the leader algorithm of Hartigan (1975), Clustering
Algorithms, ch. 3, which can be gone on with as trials come, instead of a partition of all that are
there; what a cluster counts for is worked out in `effective_number`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tutti.stats.inference import expected_max_sharpe

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray, IntArray

ALIKE = 0.5
"""Correlation of daily returns from which on two trials count as one."""

_FEWEST_COMMON = 20
# The variance of the largest of m normal variables is about 1 / (1 + 0.83 log m), within a tenth.
_NARROWING = 0.83
_CLOSE = 1e-9
# of the standard normal distribution
_UPPER_QUARTILE = 0.6744897501960817
# What sums of squares of equal values differ from nothing by.
_ROUNDING = 64.0 * float(np.finfo(np.float64).eps)


def correlations_with(series: ArrayLike, others: ArrayLike) -> FloatArray:
    """Return the correlation of one series with each of others, over what they have in common.

    Parameters
    ----------
    series : array-like of shape (t,)
    others : array-like of shape (k, t)
        NaN where a series has no value, in both.

    Returns
    -------
    ndarray of float64, shape (k,)
        In [-1, 1]; 0 where fewer than 20 values are in common or either doesn't vary.
    """
    x = np.asarray(series, dtype=np.float64)
    y = np.asarray(others, dtype=np.float64)
    both = np.isfinite(x) & np.isfinite(y)
    n = both.sum(axis=1)
    counted = np.maximum(n, 1)
    x_there, y_there = np.where(both, x, 0.0), np.where(both, y, 0.0)
    x_off = np.where(both, x - (x_there.sum(axis=1) / counted)[:, None], 0.0)
    y_off = np.where(both, y - (y_there.sum(axis=1) / counted)[:, None], 0.0)
    scale = np.sqrt((x_off**2).sum(axis=1) * (y_off**2).sum(axis=1))
    # sums of squares of equal values are rounding errors
    varies = scale > _ROUNDING * np.sqrt((x_there**2).sum(axis=1) * (y_there**2).sum(axis=1))
    known = (n >= _FEWEST_COMMON) & varies
    product = (x_off * y_off).sum(axis=1)
    return np.asarray(np.where(known, product / np.where(known, scale, 1.0), 0.0))


def follow(
    series: ArrayLike, leaders: ArrayLike, *, alike: float = ALIKE
) -> tuple[IntArray, FloatArray]:
    """Return, for each series in turn, the leader that it resembles most, or that it leads.

    Parameters
    ----------
    series : array-like of shape (n, t)
        In the order in which they came; NaN where one has no value.
    leaders : array-like of shape (k, t)
        Those that earlier ones already follow.
    alike : float
        Correlation from which on a series follows.

    Returns
    -------
    ndarray of int64, shape (n,)
        Below k: the row of ``leaders``. ``k + i``: the i-th of ``series``, which is a leader itself
        where that is its own number. -1 for one that never varies.
    ndarray of float64, shape (n,)
        Correlation with the leader; 1 for a leader.
    """
    new = np.asarray(series, dtype=np.float64)
    old = np.asarray(leaders, dtype=np.float64)
    old = old.reshape(len(old), new.shape[1])
    between = _all_between(np.vstack([old, new]), len(old))
    leading = list(range(len(old)))
    followed = np.full(len(new), -1, dtype=np.int64)
    likeness = np.ones(len(new))
    for i in range(len(new)):
        if not _varies(new[i]):
            continue
        found = between(i, leading)
        best = int(np.argmax(found)) if leading else 0
        if leading and found[best] >= alike:
            followed[i] = leading[best]
            likeness[i] = min(1.0, float(found[best]))
        else:
            followed[i] = len(old) + i
            leading.append(len(old) + i)
    return followed, likeness


def effective_trials(returns: ArrayLike, *, alike: float = ALIKE) -> float:
    """Return how many independent trials these are worth.

    Parameters
    ----------
    returns : array-like of shape (t, n)
        One column for each trial, in the order in which they were made; NaN where one has none.

    Returns
    -------
    float
        From 1 to n; see `effective_number`. Trials that never vary (they never traded) can't be
        chosen and don't count.
    """
    columns = np.asarray(returns, dtype=np.float64).T
    followed, likeness = follow(columns, np.empty((0, columns.shape[1])), alike=alike)
    counts = followed >= 0
    leads = followed == np.arange(len(columns))
    return effective_number(int(leads.sum()), likeness[counts & ~leads])


def effective_number(n_leaders: int, likeness: ArrayLike) -> float:
    """Return how many independent trials have a best one as lucky as the best of these.

    Parameters
    ----------
    n_leaders : int
        Trials that resemble none before them.
    likeness : array-like of shape (n,)
        Correlation of each other trial with its leader.

    Returns
    -------
    float
        From 1 to the number of trials.

    Notes
    -----
    Trials of K families of m, that correlate by r within one, have ratios ``a + b`` with a family's
    part a of variance r and an own part b of variance 1 - r. The best of a family is above its a by
    ``sqrt(1 - r) E(m)``, with E the expected maximum of so many normal variables and v(m) its
    variance; the best of all is ``sqrt(r + (1 - r) v(m)) E(K)`` above that. The result is the
    number whose E is the same: m K for r = 0, K for r = 1.
    """
    others = np.asarray(likeness, dtype=np.float64)
    n = n_leaders + len(others)
    if n <= 1 or not n_leaders or not len(others):
        return float(max(1, n_leaders))
    r = float(others.mean())
    m = n / n_leaders
    variance = 1.0 / (1.0 + _NARROWING * math.log(m))
    best = math.sqrt(1.0 - r) * expected_max_sharpe(m, 1.0)
    best += math.sqrt(r + (1.0 - r) * variance) * expected_max_sharpe(n_leaders, 1.0)
    low, high = float(n_leaders), float(n)
    while high - low > _CLOSE * low:
        middle = (low + high) / 2.0
        if expected_max_sharpe(middle, 1.0) < best:
            low = middle
        else:
            high = middle
    return high


def _all_between(rows: FloatArray, n_old: int) -> Callable[[int, list[int]], FloatArray]:
    # one multiplication of matrices does for all, where nothing is missing
    if np.isfinite(rows).all() and rows.shape[1] >= _FEWEST_COMMON:
        standard = _standard(rows)
        products = standard[n_old:] @ standard.T
        return lambda i, chosen: products[i, chosen]
    return lambda i, chosen: correlations_with(rows[n_old + i], rows[chosen])


def _varies(values: FloatArray) -> bool:
    there = values[np.isfinite(values)]
    return bool(len(there)) and float(np.ptp(there)) > 0.0


def _standard(rows: FloatArray) -> FloatArray:
    off = rows - rows.mean(axis=1, keepdims=True)
    size = np.sqrt(np.einsum("ij,ij->i", off, off))
    noise = _ROUNDING * np.sqrt(np.einsum("ij,ij->i", rows, rows))
    varies = (size > noise)[:, None]
    return np.asarray(np.where(varies, off / np.where(varies, size[:, None], 1.0), 0.0))


def sharpe_spread(sharpes: ArrayLike, n_returns: int) -> float:
    """Return the variance of the Sharpe ratios of trials without skill.

    Parameters
    ----------
    sharpes : array-like of shape (n,)
        Of one return, of all trials.
    n_returns : int
        Returns that the judged one is made of, at least 2.

    Notes
    -----
    From the median to the upper quartile, as of normal ratios: it sees neither how bad the bad ones
    are (a strategy that fees ruin can't be the one that luck picks) nor how good the best is, which
    is what is being judged. Bailey and López de Prado take the plain variance. At least
    ``1 / (n_returns - 1)``, by which a ratio of 0 scatters from sample to sample: few trials may
    lie close together by chance.
    """
    values = np.asarray(sharpes, dtype=np.float64)
    least = 1.0 / (n_returns - 1)
    if len(values) < 2:  # noqa: PLR2004
        return least
    middle, upper = np.quantile(values, [0.5, 0.75]).tolist()
    return max(least, float((upper - middle) / _UPPER_QUARTILE) ** 2)
