"""Statistics of the last ``window`` values: mean, deviation, extremes, rank, tail.

Nothing drifts: extremes, ranks and tails are taken from the values themselves, and moments are
summed anew from the values every ``window`` bars of the instrument's own, and whenever the variance
has collapsed since, so that what a large value leaves behind in the last digits can't matter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tutti.features.form import Bars, put
from tutti.kernel.jit import njit

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, IntArray

HEAD = 8
"""Numbers that a lane keeps of an instrument, ahead of its ring of last values."""

# In a lane's head: where the ring's next value goes, 1 once the ring has been full, and what the
# kernel keeps beside. A last close of 0 means that there was no bar yet.
_AT, _FULL, _CLOSE = 0, 1, 2
_ORIGIN, _MEAN, _SQUARES, _PEAK = 3, 4, 5, 6
_HIGHEST, _LOWEST = 3, 4
_TAIL_MEAN, _TAIL_END = 3, 4

_COLLAPSED = 1e-3
_BAND = 2.0
_TAIL_PERCENT = 5


@njit
def _push(memory: FloatArray, lane: int, i: int, window: int, value: float) -> float:
    # put the newest value into the ring; returns the one that leaves, 0 while it fills
    at = int(memory[lane, i, _AT])
    old = memory[lane, i, HEAD + at]
    memory[lane, i, HEAD + at] = value
    if at + 1 == window:
        memory[lane, i, _AT] = 0.0
        memory[lane, i, _FULL] = 1.0
    else:
        memory[lane, i, _AT] = at + 1.0
    return float(old)


@njit
def _sum_anew(memory: FloatArray, lane: int, i: int, window: int, origin: float) -> None:
    # offsets from the newest value keep the digits that a mean far from 0 would cost
    total = 0.0
    for j in range(HEAD, HEAD + window):
        total += memory[lane, i, j] - origin
    mean = total / window
    squares = 0.0
    for j in range(HEAD, HEAD + window):
        squares += (memory[lane, i, j] - origin - mean) ** 2
    memory[lane, i, _ORIGIN] = origin
    memory[lane, i, _MEAN] = mean
    memory[lane, i, _SQUARES] = squares
    memory[lane, i, _PEAK] = squares


@njit
def roll(memory: FloatArray, lane: int, i: int, window: int, value: float) -> bool:
    """Move a window and its moments on to ``value``; True once the window is full.

    Notes
    -----
    Between two exact summations the mean moves by ``(new - old) / window`` and the sum of squared
    deviations by ``(new - old) * (new - new mean + old - old mean)``. Source: Welford (1962), with
    one value leaving as another enters.
    """
    old = _push(memory, lane, i, window, value)
    if memory[lane, i, _AT] == 0.0:
        _sum_anew(memory, lane, i, window, value)
        return True
    if memory[lane, i, _FULL] == 0.0:
        return False
    mean = memory[lane, i, _MEAN]
    moved = mean + (value - old) / window
    origin = memory[lane, i, _ORIGIN]
    squares = memory[lane, i, _SQUARES]
    squares += (value - old) * (value - origin - moved + (old - origin - mean))
    if squares < _COLLAPSED * memory[lane, i, _PEAK]:
        _sum_anew(memory, lane, i, window, value)
        return True
    memory[lane, i, _MEAN] = moved
    memory[lane, i, _SQUARES] = squares
    memory[lane, i, _PEAK] = max(squares, memory[lane, i, _PEAK])
    return True


@njit
def mean_of(memory: FloatArray, lane: int, i: int) -> float:
    """Return the mean of a full window."""
    return float(memory[lane, i, _ORIGIN] + memory[lane, i, _MEAN])


@njit
def deviation_of(memory: FloatArray, lane: int, i: int, degrees: int) -> float:
    """Return the standard deviation of a full window, for so many degrees of freedom."""
    return math.sqrt(memory[lane, i, _SQUARES] / degrees)


@njit
def _score(memory: FloatArray, i: int, window: int, value: float) -> float:
    # distance from the mean in standard deviations; 0 where no value differs from another
    deviation = deviation_of(memory, 0, i, window)
    if deviation == 0.0:
        return 0.0
    return float((value - memory[0, i, _ORIGIN] - memory[0, i, _MEAN]) / deviation)


@njit
def step_from_last(memory: FloatArray, i: int, close: float) -> float:
    """Return the last close and remember this one; 0 when there was none or this one is missing."""
    if not close > 0.0:
        return 0.0
    last = memory[0, i, _CLOSE]
    memory[0, i, _CLOSE] = close
    return float(last)


@njit
def close_window(
    bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray
) -> None:
    """Write distance from the mean, z-score, Bollinger width and Bollinger position of the close.

    Notes
    -----
    With mean and population deviation ``s`` of the last ``window`` closes: ``close / mean - 1``;
    ``z = (close - mean) / s``; bands at ``mean +- 2 s``, so width ``4 s / mean`` and position
    ``1/2 + z / 4``. A flat window has z 0, width 0, position 1/2.
    Source: TA-Lib SMA and BBANDS; Bollinger (2001), Bollinger on Bollinger Bands.
    """
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            distance, score, width = np.nan, np.nan, np.nan
            if close > 0.0 and roll(memory, 0, i, window, close):
                mean = mean_of(memory, 0, i)
                distance = close / mean - 1.0
                score = _score(memory, i, window, close)
                width = 2.0 * _BAND * deviation_of(memory, 0, i, window) / mean
            put(values, slots[0], t, i, distance)
            put(values, slots[1], t, i, score)
            put(values, slots[2], t, i, width)
            put(values, slots[3], t, i, 0.5 + score / (2.0 * _BAND))


@njit
def volatility(
    bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray
) -> None:
    """Write the sample standard deviation (ddof 1) of the last ``window`` log returns, per bar."""
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            last = step_from_last(memory, i, close)
            deviation = np.nan
            if last > 0.0 and roll(memory, 0, i, window, math.log(close / last)):
                deviation = deviation_of(memory, 0, i, window - 1)
            put(values, slots[0], t, i, deviation)


@njit
def volume_score(
    bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray
) -> None:
    """Write the z-score (population deviation) of the volume among the last ``window`` bars."""
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            volume = bars.volume[t, i]
            score = np.nan
            if bars.close[t, i] > 0.0 and roll(memory, 0, i, window, volume):
                score = _score(memory, i, window, volume)
            put(values, slots[0], t, i, score)


@njit
def momentum(
    bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray
) -> None:
    """Write the return over ``window`` bars, ``close / close window bars ago - 1``."""
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            change = np.nan
            if close > 0.0:
                past = _push(memory, 0, i, window, close)
                if past > 0.0:
                    change = close / past - 1.0
            put(values, slots[0], t, i, change)


@njit
def _start_block(memory: FloatArray, i: int, window: int) -> None:
    # turn the finished block into extremes from each place to its end
    for j in range(HEAD + window - 2, HEAD - 1, -1):
        memory[0, i, j] = max(memory[0, i, j], memory[0, i, j + 1])
        memory[1, i, j] = min(memory[1, i, j], memory[1, i, j + 1])
    memory[0, i, _HIGHEST] = -np.inf
    memory[0, i, _LOWEST] = np.inf


@njit
def channel(
    bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray
) -> None:
    """Write the close's distance from the highest high and lowest low of the bars before it.

    Notes
    -----
    ``close / max(high of the previous window bars) - 1``, positive on a break-out, and
    ``close / min(low ...) - 1``, negative on a break-down; the bar itself is not in the window.
    The window is the end of one block of ``window`` bars, kept as extremes from each place to the
    block's end, and the beginning of the next: constant cost for any window.
    Source: Donchian channel as the Turtles traded it, Faith (2007), Way of the Turtle; van Herk
    (1992) for the extremes.
    """
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            above, below = np.nan, np.nan
            if close > 0.0:
                if memory[0, i, _AT] == 0.0:
                    _start_block(memory, i, window)
                is_full = memory[0, i, _FULL] == 1.0
                high, low = bars.high[t, i], bars.low[t, i]
                highest = max(memory[0, i, _HIGHEST], _push(memory, 0, i, window, high))
                lowest = min(memory[0, i, _LOWEST], _push(memory, 1, i, window, low))
                if is_full:
                    above = close / highest - 1.0
                    below = close / lowest - 1.0
                memory[0, i, _HIGHEST] = max(memory[0, i, _HIGHEST], high)
                memory[0, i, _LOWEST] = min(memory[0, i, _LOWEST], low)
            put(values, slots[0], t, i, above)
            put(values, slots[1], t, i, below)


@njit
def _share_below(ring: FloatArray, value: float) -> float:
    lower = 0
    for j in range(len(ring)):
        lower += ring[j] < value
    return lower / (len(ring) - 1)


@njit
def rank(bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray) -> None:
    """Write the share of another feature's last ``window`` values that lie below the newest.

    Notes
    -----
    The feature is plane ``slots[1]`` of ``values``. The newest is compared with the ``window - 1``
    before it: 0 when none is lower (all equal included), 1 when all are.
    """
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            value = values[slots[1], t, i]
            share = np.nan
            if not np.isnan(value):
                _push(memory, 0, i, window, value)
                if memory[0, i, _FULL] == 1.0:
                    share = _share_below(memory[0, i, HEAD : HEAD + window], value)
            put(values, slots[0], t, i, share)


@njit
def _find_tail(memory: FloatArray, i: int, window: int, worst: int) -> None:
    # the lowest values of the ring in rising order, by insertion into the second lane's
    ring, tail = memory[0, i, HEAD:], memory[1, i, HEAD:]
    held = 0
    for j in range(window):
        value = ring[j]
        if held < worst:
            held += 1
        elif value >= tail[worst - 1]:
            continue
        k = held - 1
        while k > 0 and tail[k - 1] > value:
            tail[k] = tail[k - 1]
            k -= 1
        tail[k] = value
    total = 0.0
    for k in range(worst):
        total += tail[k]
    memory[0, i, _TAIL_MEAN] = total / worst
    memory[0, i, _TAIL_END] = tail[worst - 1]


@njit
def tail_loss(
    bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray
) -> None:
    """Write the mean of the worst 5 % of the last ``window`` returns, as a positive loss.

    Notes
    -----
    Simple returns per bar; 5 % of the window rounded up, at least one return. Below 0 only where
    even the worst returns are gains.
    Source: historical conditional value at risk, Rockafellar and Uryasev (2000).
    """
    worst = (window * _TAIL_PERCENT + 99) // 100
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            last = step_from_last(memory, i, close)
            loss = np.nan
            if last > 0.0:
                value = close / last - 1.0
                is_first = memory[0, i, _FULL] == 0.0
                old = _push(memory, 0, i, window, value)
                if memory[0, i, _FULL] == 1.0:
                    # a return that neither enters the tail nor leaves it changes nothing
                    if is_first or min(old, value) <= memory[0, i, _TAIL_END]:
                        _find_tail(memory, i, window, worst)
                    loss = -memory[0, i, _TAIL_MEAN]
            put(values, slots[0], t, i, loss)
