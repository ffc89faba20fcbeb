"""What doing something simpler on the same bars would have given: hold, trade at random, nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.jit import njit
from tutti.model.arrays import Signals

if TYPE_CHECKING:
    from tutti.model.arrays import Terms
    from tutti.model.market import FloatArray, IntArray, MarketBlock


def buy_and_hold(
    block: MarketBlock, balance: float, terms: Terms, half_spread_bps: FloatArray
) -> FloatArray:
    """Return the equity of buying everything, in equal parts, and holding it to the end.

    Each instrument is bought for ``balance / n`` at the open of its second bar, as an order at the
    close of its first would be, with half the spread and the taker's fee; until then its part is
    cash. Perpetuals pay and receive funding.

    Parameters
    ----------
    balance : float
        Quote currency.
    half_spread_bps : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of float64, shape (t,)
        At the close of each bar.
    """
    n = len(block.instruments)
    equity = np.zeros(len(block))
    for i in range(n):
        part = balance / n
        bars = np.flatnonzero(np.isfinite(block.close[:, i]))
        value = np.full(len(block), part)
        if len(bars) > 1:
            first = bars[1]
            cost = block.open[first, i] * (1.0 + half_spread_bps[i] * 1e-4)
            quantity = part / (cost * (1.0 + terms.taker_fee[i]))
            close = _carried(block.close[:, i])
            paid = np.where(terms.is_perpetual[i], block.funding[:, i] * close * quantity, 0.0)
            value[first:] = quantity * close[first:] - np.cumsum(paid[first:])
        equity += value
    return equity


def _carried(values: FloatArray) -> FloatArray:
    # the last known value where there is none; NaN before the first
    rows = np.where(np.isfinite(values), np.arange(len(values)), 0)
    carried: FloatArray = values[np.maximum.accumulate(rows)]
    return carried


_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How often the strategy trades, for somebody who trades as often without knowing why.

    Parameters
    ----------
    entry, exit : float
        Probability, per bar with a price, of opening when flat and of closing when not.
    """

    entry: float
    exit: float


def habits_of(n_entries: int, bars_held: float, n_bars: int) -> Habits:
    """Return the habits of a strategy that opened so often and was invested so long.

    Parameters
    ----------
    bars_held : float
        Symbol-bars with a position.
    n_bars : int
        Symbol-bars in all.
    """
    if n_entries <= 0 or n_bars <= 0:
        return Habits(entry=0.0, exit=1.0)
    flat = max(n_bars - bars_held, n_entries)
    return Habits(
        entry=min(1.0, n_entries / flat), exit=min(1.0, n_entries / max(bars_held, n_entries))
    )


class RandomTrader:
    """Signals drawn at random: opens and closes as often as the strategy did, long or short.

    Sizes, and everything after the signal, are the strategy's: only direction and timing differ.

    Parameters
    ----------
    habits : Habits
    terms : Terms
        Spot is only bought.
    notional : float
        Of each position, quote currency.
    random : Generator
    """

    def __init__(
        self, habits: Habits, terms: Terms, notional: float, random: np.random.Generator
    ) -> None:
        self._habits = habits
        self._notional = notional
        self._shorts = terms.is_perpetual
        self._random = random
        self._held = np.zeros(len(terms.lot), np.int64)

    def signals(self, market: MarketBlock) -> Signals:
        """Return signals for the next ticks."""
        close = market.close
        draws = self._random.random(close.shape)
        sides = self._random.random(close.shape)
        score = np.empty(close.shape)
        _wander(
            close, draws, sides, self._habits.entry, self._habits.exit, self._shorts, self._held,
            score,
        )  # fmt: skip
        return Signals(
            score=score,
            confidence=np.ones(close.shape),
            size=np.full(close.shape, self._notional),
            lead=np.full(close.shape, -1, np.int64),
        )


@njit
def _wander(
    close: FloatArray, draws: FloatArray, sides: FloatArray, entry: float, leave: float,
    shorts: IntArray, held: IntArray, score: FloatArray,
) -> None:  # fmt: skip
    for t in range(close.shape[0]):
        for i in range(close.shape[1]):
            if np.isnan(close[t, i]):
                score[t, i] = np.nan
                continue
            if held[i] == 0:
                if draws[t, i] < entry:
                    held[i] = 1 if sides[t, i] < _HALF or shorts[i] == 0 else -1
            elif draws[t, i] < leave:
                held[i] = 0
            score[t, i] = held[i]
