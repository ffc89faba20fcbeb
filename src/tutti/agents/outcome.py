"""What became of an opinion: the move after it, at prices that could be had.

An opinion formed at the close of a bar can be traded at the open of the instrument's next bar and
no earlier. Its outcome over a horizon of h bars is the move from there to the open h bars later; it
is known when that bar begins. All of this looks ahead: it judges opinions and never makes one.

``earned`` is the unit in which agents are compared while they speak: a return in standard
deviations, cut off so that one crash does not decide who is followed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tutti.kernel.jit import njit
from tutti.model.market import FloatArray, IntArray

LARGEST = 4.0
"""Standard deviations at which what is earned is cut off."""


class Outcomes(NamedTuple):
    """What came after each tick.

    Parameters
    ----------
    move : ndarray of float64, shape (t, n)
        Simple return over the horizon; NaN where there was no bar, or its end is not known yet.
    known : ndarray of int64, shape (t, n)
        Row of the bar at whose start the move is known; -1 where ``move`` is NaN.
    """

    move: FloatArray
    known: IntArray


@njit
def earned(outcome: float, deviation: float) -> float:
    """Return a return in standard deviations, within ±4; NaN where the deviation is not positive."""
    if not deviation > 0.0:
        return math.nan
    unit = outcome / deviation
    if math.isnan(unit):
        return unit
    return max(-LARGEST, min(LARGEST, unit))


def opens_of_closes(closes: FloatArray) -> FloatArray:
    """Return the close before each bar in place of its open, where only closes were kept."""
    opens = np.full(closes.shape, np.nan)
    for i in range(closes.shape[1]):
        there = np.flatnonzero(np.isfinite(closes[:, i]))
        opens[there[1:], i] = closes[there[:-1], i]
        opens[there[:1], i] = closes[there[:1], i]
    return opens


def outcomes(opens: FloatArray, horizon: int) -> Outcomes:
    """Return what came after each bar, over ``horizon`` bars of the instrument's own.

    Parameters
    ----------
    opens : ndarray of float64, shape (t, n)
        First price of each bar, NaN where there is none.
    horizon : int
        Bars, at least 1.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1 bar, was {horizon!r}")
    move = np.full(opens.shape, np.nan)
    known = np.full(opens.shape, -1, np.int64)
    for i in range(opens.shape[1]):
        there = np.flatnonzero(np.isfinite(opens[:, i]))
        if len(there) <= horizon + 1:
            continue
        entered = opens[there[1:-horizon], i]
        left = opens[there[1 + horizon :], i]
        move[there[: -horizon - 1], i] = left / entered - 1.0
        known[there[: -horizon - 1], i] = there[1 + horizon :]
    return Outcomes(move, known)


def deviations(opens: FloatArray, window: int = 20) -> FloatArray:
    """Return the standard deviation of the last moves that are known at each bar, shape (t, n).

    Parameters
    ----------
    opens : ndarray of float64, shape (t, n)
        First price of each bar.
    window : int
        Moves of an instrument's own bars; NaN before there are as many.
    """
    found = np.full(opens.shape, np.nan)
    for i in range(opens.shape[1]):
        there = np.flatnonzero(np.isfinite(opens[:, i]))
        if len(there) <= window:
            continue
        moves = np.diff(opens[there, i]) / opens[there[:-1], i]
        found[there[window:], i] = sliding_window_view(moves, window).std(axis=1, ddof=1)
    return found


@njit
def skill(bias: FloatArray, move: FloatArray, deviation: FloatArray) -> float:
    """Return the mean of bias times what it earned, over all cells where both are known.

    The Strategy Optimizer follows agents by the same figure, forgetting as it goes.
    """
    total, count = 0.0, 0
    for t in range(bias.shape[0]):
        for i in range(bias.shape[1]):
            gain = bias[t, i] * earned(move[t, i], deviation[t, i])
            if not math.isnan(gain):
                total += gain
                count += 1
    return total / count if count else math.nan
