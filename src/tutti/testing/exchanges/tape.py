"""Public trades of one listing, and the candles and day's figures made of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.clock import DAY, MINUTE
from tutti.testing.exchanges.values import ZERO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.testing.exchanges.values import Listing, Print

_KEEP_TRADES = 5_000
_PAST_MINUTES = 3 * 24 * 60
_PAST_VOLATILITY = 0.0005
_PAST_WORTH = 50_000.0
_LOTS = 10_000


@dataclass(slots=True)
class Candle:
    """Open, high, low, close and volume of the time from ``ts`` (ns UTC) on."""

    ts: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    turnover: Decimal = ZERO
    n_trades: int = 0

    def add(self, price: Decimal, quantity: Decimal) -> None:
        """Count a trade in."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.volume += quantity
        self.turnover += price * quantity
        self.n_trades += 1

    def at(self, ts: int) -> Candle:
        """Return a copy that begins at another time."""
        return replace(self, ts=ts)

    def join(self, later: Candle) -> None:
        """Count a later candle in."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.turnover += later.turnover
        self.n_trades += later.n_trades


class Tape:
    """What traded, newest last.

    Parameters
    ----------
    listing : Listing
        Whose trades; its ``price`` stands for the last until one has happened.
    """

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.last = listing.price
        self.trades: deque[Print] = deque(maxlen=_KEEP_TRADES)
        self._minutes: dict[int, Candle] = {}
        self._first = 0
        self._day: tuple[int, Candle | None] = (0, None)

    def add(self, trade: Print) -> None:
        """Take a trade down."""
        self.last = trade.price
        self.trades.append(trade)
        start = trade.ts - trade.ts % MINUTE
        candle = self._minutes.get(start)
        if candle is None:
            price = trade.price
            candle = self._minutes[start] = Candle(start, price, price, price, price)
            self._first = self._first or start
        candle.add(trade.price, trade.quantity)

    def set_past(self, candles: Sequence[Candle]) -> None:
        """Give it candles of one minute from before it opened, oldest first."""
        self._minutes = {each.ts: each for each in candles} | self._minutes
        self._first = next(iter(self._minutes), 0)

    def make_past(self, opened_at: int, generator: np.random.Generator) -> None:
        """Invent three days of minutes that end at the opening price: a random walk."""
        step = self.listing.price_step
        n = _PAST_MINUTES
        walk = np.concatenate([[0.0], np.cumsum(generator.normal(0, _PAST_VOLATILITY, n))])
        prices = float(self.listing.price) * np.exp(walk - walk[-1])
        wicks = np.exp(np.abs(generator.normal(0, _PAST_VOLATILITY / 2, (n, 2))))
        ticks = np.column_stack(
            [
                prices[:-1],
                np.maximum(prices[:-1], prices[1:]) * wicks[:, 0],
                np.minimum(prices[:-1], prices[1:]) / wicks[:, 1],
                prices[1:],
            ]
        )
        whole = np.maximum(1, np.rint(ticks / float(step))).astype(np.int64).tolist()
        lots = np.rint(generator.exponential(_PAST_WORTH, n) / prices[:-1] * _LOTS).tolist()
        first = opened_at - opened_at % MINUTE - n * MINUTE
        past = []
        for k in range(n):
            opened, high, low, closed = (step * ticks for ticks in whole[k])
            volume = Decimal(int(lots[k])) / _LOTS
            candle = Candle(first + k * MINUTE, opened, high, low, closed, volume)
            candle.turnover = volume * closed
            candle.n_trades = 10
            past.append(candle)
        self.set_past(past)

    def candles(self, step: int, start: int, end: int, *, fills_gaps: bool) -> list[Candle]:
        """Return candles of ``step`` ns that begin in [start, end), oldest first.

        Parameters
        ----------
        step : int
            A whole number of minutes.
        fills_gaps : bool
            Whether a time without a trade has a flat candle, or none.
        """
        start += -start % step
        first = max(start, self._first)
        joined: dict[int, Candle] = {}
        for ts in range(first - first % MINUTE, end, MINUTE):
            minute = self._minutes.get(ts)
            if minute is None:
                continue
            key = ts - ts % step
            known = joined.get(key)
            if known is None:
                joined[key] = minute.at(key)
            else:
                known.join(minute)
        if not fills_gaps:
            return list(joined.values())
        return self._without_gaps(joined, step, first - first % step, end)

    def _without_gaps(
        self, known: dict[int, Candle], step: int, start: int, end: int
    ) -> list[Candle]:
        whole = []
        close = next((each.open for each in known.values()), self.last)
        for ts in range(start, end, step):
            each = known.get(ts) or Candle(ts, close, close, close, close)
            close = each.close
            whole.append(each)
        return whole

    def day(self, now: int) -> Candle:
        """Return the last 24 hours as one candle; flat where nothing traded."""
        minute = now - now % MINUTE
        stamped, before = self._day
        if stamped != minute:
            before = None
            for each in self.candles(MINUTE, minute - DAY + MINUTE, minute, fills_gaps=False):
                if before is None:
                    before = each
                else:
                    before.join(each)
            self._day = minute, before
        growing = self._minutes.get(minute)
        if before is None:
            last = self.last
            return growing.at(now - DAY) if growing else Candle(now - DAY, last, last, last, last)
        whole = before.at(now - DAY)
        if growing is not None:
            whole.join(growing)
        return whole
