"""Sharpe ratio and its error where returns depend on those before them.

Returns that follow their own trend (smoothed prices, slow positions) make a Sharpe ratio look
better, and more certain, than it is; returns that revert make it look worse. Both figures here use
the long-run variance of Newey and West (1987) with Bartlett's weights, whose number of lags grows
with the sample as in Newey and West (1994).

Sources: Lo (2002), "The Statistics of Sharpe Ratios", for annualising with autocorrelation (his
eq. 20, whose factor is this one for a long horizon); Ledoit and Wolf (2008), "Robust performance
hypothesis testing with the Sharpe ratio", sec. 3.1, for the error.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tutti.stats.inference import checked_returns

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray


def automatic_lags(n: int) -> int:
    """Return how many lags to look back in ``n`` values: ``floor(4 (n / 100) ** (2 / 9))``."""
    return min(int(4.0 * (n / 100.0) ** (2.0 / 9.0)), max(0, n - 1))


def long_run_covariance(values: ArrayLike, n_lags: int | None = None) -> FloatArray:
    """Return the covariance of a mean times the number of values, dependence counted in.

    Parameters
    ----------
    values : array-like of shape (n, k)
    n_lags : int, optional
        Lags that count; `automatic_lags` when left out, 0 for independent values.

    Returns
    -------
    ndarray of float64, shape (k, k)
        Symmetric and never negative, whatever the lags.
    """
    array = np.asarray(values, dtype=np.float64)
    centred = array - array.mean(axis=0)
    n = len(centred)
    lags = automatic_lags(n) if n_lags is None else n_lags
    total = centred.T @ centred / n
    for lag in range(1, lags + 1):
        cross = centred[lag:].T @ centred[:-lag] / n
        total += (1.0 - lag / (lags + 1.0)) * (cross + cross.T)
    return np.asarray(total)


def corrected_sharpe(
    returns: ArrayLike, periods_per_year: float, n_lags: int | None = None
) -> float:
    """Return the annualised Sharpe ratio with autocorrelation taken out.

    ``mean / sqrt(long-run variance) * sqrt(periods_per_year)``; without lags, the plain ratio but
    for ``n`` in place of ``n - 1``. NaN where the long-run variance is nothing.
    """
    values = checked_returns(returns)
    variance = float(long_run_covariance(values[:, None], n_lags)[0, 0])
    if not variance > np.finfo(np.float64).eps ** 2 * float(np.max(values**2)):
        return math.nan
    return float(values.mean()) / math.sqrt(variance) * math.sqrt(periods_per_year)


def corrected_error(returns: ArrayLike, n_lags: int | None = None) -> float:
    """Return the standard error of the Sharpe ratio of one return, dependence counted in.

    The delta method on mean and mean square with `long_run_covariance`. NaN where returns don't
    vary.
    """
    values = checked_returns(returns)
    mean, square = float(values.mean()), float(np.mean(values**2))
    variance = square - mean**2
    if not variance > np.finfo(np.float64).eps * square:
        return math.nan
    slope = np.array([square, -mean / 2.0]) / variance**1.5
    spread = long_run_covariance(np.column_stack([values, values**2]), n_lags)
    return math.sqrt(max(0.0, float(slope @ spread @ slope)) / len(values))
