"""One candle: what traded in a stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tutti.testing.exchanges.values import ZERO


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
        return Candle(
            ts,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.turnover,
            self.n_trades,
        )

    def join(self, later: Candle) -> None:
        """Count a later candle in."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.turnover += later.turnover
        self.n_trades += later.n_trades
