"""Equity as the figures take it, its returns, and its values by day and by month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray, IntArray

DAY_NS = 86_400_000_000_000
YEAR_NS = 365 * DAY_NS
"""A year of a market that never closes: 365 days of 24 hours."""


# Below this share of its first value an account is ruined: what is left can't be traded, and
# returns on it would be beyond all measure.
_DUST = 1e-12


def checked(equity: ArrayLike) -> FloatArray:
    """Return the equity as an array, 0 from ruin on.

    Raises
    ------
    ValueError
        If it is empty, not one-dimensional or not finite, or does not start positive.
    """
    array = np.array(equity, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"equity must have shape (n,) with n at least 1, was {array.shape}")
    if not np.isfinite(array).all():
        at = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ValueError(f"equity must be finite, was {array[at]!r} at {at}")
    if array[0] <= 0.0:
        raise ValueError(f"equity must start positive, was {array[0]!r}")
    ruined = array <= _DUST * array[0]
    if ruined.any():
        array[int(np.argmax(ruined)) :] = 0.0
    return array


def returns(equity: ArrayLike) -> FloatArray:
    """Return the simple return of each step.

    Parameters
    ----------
    equity : array-like of shape (n,)

    Returns
    -------
    ndarray of float64, shape (n - 1,)
        ``equity[t] / equity[t - 1] - 1``, at least -1; 0 after ruin.
    """
    values = checked(equity)
    before = values[:-1]
    alive = before > 0.0
    return np.where(alive, values[1:] / np.where(alive, before, 1.0) - 1.0, 0.0)


def periods_per_year(step_ns: int) -> float:
    """Return how many steps of so many nanoseconds a year of 365 days has."""
    if step_ns <= 0:
        raise ValueError(f"step_ns must be positive nanoseconds, was {step_ns!r}")
    return YEAR_NS / step_ns


def daily_equity(ts: IntArray, equity: ArrayLike) -> FloatArray:
    """Return the first value and the last one of every UTC day.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
        When each value was known, ns UTC, rising. Midnight belongs to the day that it ends.
    equity : array-like of shape (n,)

    Returns
    -------
    ndarray of float64, shape (days + 1,), or (days,) where the first value ends the first day
        A day without a value carries the last one on, so that a year always has 365 returns,
        whether the market closes at weekends or not.
    """
    values = checked(equity)
    day = (np.asarray(ts, dtype=np.int64) - 1) // DAY_NS
    if day.shape != values.shape:
        raise ValueError(f"ts must have the shape of equity, {values.shape}, was {day.shape}")
    ends = np.searchsorted(day, np.arange(day[0], day[-1] + 1), side="right") - 1
    return _from_first(values, ends)


def daily_returns(ts: IntArray, equity: ArrayLike, step_ns: int) -> tuple[FloatArray, float]:
    """Return the returns that ratios are made of, and how many of them a year has.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
        When each value was known, ns UTC, rising.
    equity : array-like of shape (n,)
    step_ns : int
        Length of a bar.

    Returns
    -------
    ndarray of float64, float
        Those of UTC days and 365; those of the bars where these are longer than a day. Bars of a
        day leave out the days on which their market is closed, which days do not.
    """
    if step_ns <= DAY_NS:
        return returns(daily_equity(ts, equity)), periods_per_year(DAY_NS)
    return returns(equity), periods_per_year(step_ns)


def monthly_returns(ts: IntArray, equity: ArrayLike) -> list[tuple[int, int, float]]:
    """Return year, month and simple return of every month that has a value.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
        When each value was known, ns UTC, rising. Midnight belongs to the month that it ends.
    equity : array-like of shape (n,)

    Returns
    -------
    list of (int, int, float)
        In time order; the returns compound to that of the whole span. The first month is measured
        from the first value, and left out where that is its only one.
    """
    values = checked(equity)
    stamps = np.asarray(ts, dtype=np.int64)
    if stamps.shape != values.shape:
        raise ValueError(f"ts must have the shape of equity, {values.shape}, was {stamps.shape}")
    month = (stamps - 1).astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    ends = np.append(np.flatnonzero(np.diff(month)), len(month) - 1)
    gains = returns(_from_first(values, ends))
    # where the first value is alone in its month there is nothing to measure that month from
    return [
        (1970 + int(number) // 12, int(number) % 12 + 1, float(gain))
        for number, gain in zip(month[ends][len(ends) - len(gains) :], gains, strict=True)
    ]


def _from_first(values: FloatArray, ends: IntArray) -> FloatArray:
    picked = values[ends]
    return picked if ends[0] == 0 else np.concatenate([values[:1], picked])
