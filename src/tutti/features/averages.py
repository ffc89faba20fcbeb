"""Recursive averages and what is built on them: EMA, MACD, RSI, ATR, ADX.

Values and seeds are those of TA-Lib (ta-lib.org), which the tests compare against; the first value
comes at the same bar. One answer differs: where nothing moved TA-Lib has an RSI of 0, which would
read as oversold; here it is 50.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.features.form import Bars, put
from tutti.kernel.jit import njit

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, IntArray

FAST, SLOW, SIGNAL = 12, 26, 9
"""Windows of the MACD, in bars (Appel 1979)."""

# rows of the memory; a last close of 0 means that there was no bar yet
_SEEN, _AVERAGE, _CLOSE, _HIGH, _LOW, _PLUS, _MINUS, _RANGE = range(8)
_FLAT_RSI = 50.0


@njit
def _average(
    memory: FloatArray, lane: int, i: int, window: int, weight: float, value: float
) -> float:
    # mean of the first values, exponential from there; NaN until the window has been full once
    if memory[lane, _SEEN, i] == window:
        memory[lane, _AVERAGE, i] += (value - memory[lane, _AVERAGE, i]) * weight
        return float(memory[lane, _AVERAGE, i])
    memory[lane, _SEEN, i] += 1.0
    memory[lane, _AVERAGE, i] += value
    if memory[lane, _SEEN, i] < window:
        return np.nan
    memory[lane, _AVERAGE, i] /= window
    return float(memory[lane, _AVERAGE, i])


@njit
def ema(bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray) -> None:
    """Write the close's distance from its exponential moving average, ``close / EMA - 1``.

    Notes
    -----
    ``EMA += 2 / (window + 1) * (close - EMA)``, seeded with the mean of the first ``window``
    closes.
    Source: TA-Lib EMA.
    """
    weight = 2.0 / (window + 1)
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            distance = np.nan
            if close > 0.0:
                distance = close / _average(memory, 0, i, window, weight, close) - 1.0
            put(values, slots[0], t, i, distance)


@njit
def macd(bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray) -> None:
    """Write MACD line, signal and histogram, each as a fraction of the close.

    Notes
    -----
    Line = EMA(12) - EMA(26); signal = EMA(9) of the line; histogram = line - signal. ``window`` is
    the slow one. As in TA-Lib the fast average is seeded with the last 12 of the first 26 closes,
    so that both begin at the same bar. TA-Lib withholds the line until the signal is there; here
    it comes as soon as it is known.
    Source: Appel (1979); TA-Lib MACD.
    """
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            line, signal = np.nan, np.nan
            if close > 0.0:
                if memory[0, _SEEN, i] >= window - FAST:
                    line = _average(memory, 1, i, FAST, 2.0 / (FAST + 1), close)
                line -= _average(memory, 0, i, window, 2.0 / (window + 1), close)
                if not np.isnan(line):
                    signal = _average(memory, 2, i, SIGNAL, 2.0 / (SIGNAL + 1), line)
            put(values, slots[0], t, i, line / close)
            put(values, slots[1], t, i, signal / close)
            put(values, slots[2], t, i, (line - signal) / close)


@njit
def rsi(bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray) -> None:
    """Write the relative strength index, 0 to 100.

    Notes
    -----
    ``100 * gain / (gain + loss)``, averages of the rises and falls of the close with weight
    ``1 / window``, seeded with the mean of the first ``window`` changes; 50 where there was
    neither.
    Source: Wilder (1978), New Concepts in Technical Trading Systems; TA-Lib RSI.
    """
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            last = memory[0, _CLOSE, i]
            index = np.nan
            if close > 0.0:
                memory[0, _CLOSE, i] = close
                if last > 0.0:
                    gain = _average(memory, 0, i, window, 1.0 / window, max(close - last, 0.0))
                    loss = _average(memory, 1, i, window, 1.0 / window, max(last - close, 0.0))
                    index = _FLAT_RSI if gain + loss == 0.0 else 100.0 * gain / (gain + loss)
            put(values, slots[0], t, i, index)


@njit
def _true_range(high: float, low: float, last_close: float) -> float:
    return max(high - low, abs(high - last_close), abs(low - last_close))


@njit
def atr(bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray) -> None:
    """Write the average true range as a fraction of the close.

    Notes
    -----
    Average of ``max(high - low, |high - last close|, |low - last close|)`` with weight
    ``1 / window``, seeded with the mean of the first ``window`` ranges (the first bar has none).
    Source: Wilder (1978); TA-Lib ATR.
    """
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            last = memory[0, _CLOSE, i]
            fraction = np.nan
            if close > 0.0:
                memory[0, _CLOSE, i] = close
                if last > 0.0:
                    span = _true_range(bars.high[t, i], bars.low[t, i], last)
                    fraction = _average(memory, 0, i, window, 1.0 / window, span) / close
            put(values, slots[0], t, i, fraction)


@njit
def _follow_directions(bars: Bars, t: int, i: int, window: int, memory: FloatArray) -> None:
    # sums of directional movement and range; they forget 1 / window a bar once window bars are in
    high, low = bars.high[t, i], bars.low[t, i]
    rise, fall = high - memory[0, _HIGH, i], memory[0, _LOW, i] - low
    if memory[0, _SEEN, i] == window:
        for row in range(_PLUS, _RANGE + 1):
            memory[0, row, i] -= memory[0, row, i] / window
    if rise > 0.0 and rise > fall:
        memory[0, _PLUS, i] += rise
    elif fall > 0.0 and fall > rise:
        memory[0, _MINUS, i] += fall
    memory[0, _RANGE, i] += _true_range(high, low, memory[0, _CLOSE, i])


@njit
def directional(
    bars: Bars, window: int, memory: FloatArray, values: FloatArray, slots: IntArray
) -> None:
    """Write ADX, +DI and -DI, each 0 to 100.

    Notes
    -----
    ``DI = 100 * sum of directional movement / sum of true range``, sums that forget ``1 / window``
    a bar; ADX is the average, with weight ``1 / window`` and seeded with the mean of ``window``
    values, of ``100 * |+DI - -DI| / (+DI + -DI)``. All three are 0 until something moves.
    Source: Wilder (1978); TA-Lib ADX, PLUS_DI, MINUS_DI.
    """
    for t in range(bars.close.shape[0]):
        for i in range(bars.close.shape[1]):
            close = bars.close[t, i]
            adx, plus, minus = np.nan, np.nan, np.nan
            if close > 0.0:
                if memory[0, _CLOSE, i] > 0.0:
                    _follow_directions(bars, t, i, window, memory)
                if memory[0, _SEEN, i] < window:
                    memory[0, _SEEN, i] += 1.0
                else:
                    span = memory[0, _RANGE, i]
                    plus = 100.0 * memory[0, _PLUS, i] / span if span > 0.0 else 0.0
                    minus = 100.0 * memory[0, _MINUS, i] / span if span > 0.0 else 0.0
                    moved = plus + minus
                    strength = 100.0 * abs(plus - minus) / moved if moved > 0.0 else 0.0
                    adx = _average(memory, 1, i, window, 1.0 / window, strength)
                memory[0, _CLOSE, i] = close
                memory[0, _HIGH, i] = bars.high[t, i]
                memory[0, _LOW, i] = bars.low[t, i]
            put(values, slots[0], t, i, adx)
            put(values, slots[1], t, i, plus)
            put(values, slots[2], t, i, minus)
