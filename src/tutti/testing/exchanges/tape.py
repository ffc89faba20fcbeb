"""Public trades of one listing, and the candles and day's figures made of them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tutti.kernel.clock import DAY, MINUTE
from tutti.testing.exchanges.candle import Candle

if TYPE_CHECKING:
    from tutti.testing.exchanges.past import Past
    from tutti.testing.exchanges.values import Listing, Print

_KEEP_TRADES = 1_000


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
        self.past: Past | None = None
        self._minutes: dict[int, Candle] = {}
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
        candle.add(trade.price, trade.quantity)

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
        past = [] if self.past is None else self.past.candles(step, start, end)
        joined = {each.ts: each for each in past}
        first = max(start, next(iter(self._minutes), end))
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
        if not fills_gaps or not joined:
            return list(joined.values())
        return self._without_gaps(joined, step, end)

    def _without_gaps(self, known: dict[int, Candle], step: int, end: int) -> list[Candle]:
        whole = []
        first = next(iter(known.values()))
        close = first.open
        for ts in range(first.ts, end, step):
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
