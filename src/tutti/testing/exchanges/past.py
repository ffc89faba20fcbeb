"""Made-up minutes of the time before a fake exchange opened: a random walk to its first price."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.clock import MINUTE
from tutti.testing.exchanges.candle import Candle

if TYPE_CHECKING:
    from tutti.testing.exchanges.values import Listing

_MINUTES = 3 * 24 * 60
_VOLATILITY = 0.0005
_WORTH = 50_000.0
_LOTS = 10_000
_TRADES_A_MINUTE = 10


class Past:
    """Three days of minutes, kept as arrays: hundreds of listings have one each.

    Parameters
    ----------
    listing : Listing
        Its opening price is the last close.
    opened_at : int
        ns UTC; the past ends with the minute before.
    seed : int
        Of the walk, which is drawn when it is first asked for.
    """

    def __init__(self, listing: Listing, opened_at: int, seed: int) -> None:
        self._listing = listing
        self._seed = seed
        self.end = opened_at - opened_at % MINUTE
        self.start = self.end - _MINUTES * MINUTE
        self._ticks: np.ndarray | None = None
        self._lots: np.ndarray | None = None

    def _draw(self) -> tuple[np.ndarray, np.ndarray]:
        if self._ticks is not None and self._lots is not None:
            return self._ticks, self._lots
        generator = np.random.default_rng(self._seed)
        n = _MINUTES
        walk = np.concatenate([[0.0], np.cumsum(generator.normal(0, _VOLATILITY, n))])
        prices = float(self._listing.price) * np.exp(walk - walk[-1])
        wicks = np.exp(np.abs(generator.normal(0, _VOLATILITY / 2, (n, 2))))
        bars = np.column_stack(
            [
                prices[:-1],
                np.maximum(prices[:-1], prices[1:]) * wicks[:, 0],
                np.minimum(prices[:-1], prices[1:]) / wicks[:, 1],
                prices[1:],
            ]
        )
        step = float(self._listing.price_step)
        self._ticks = np.maximum(1, np.rint(bars / step)).astype(np.int64)
        volumes = generator.exponential(_WORTH, n) / prices[:-1]
        self._lots = np.rint(volumes * _LOTS).astype(np.int64)
        return self._ticks, self._lots

    def candles(self, step: int, start: int, end: int) -> list[Candle]:
        """Return candles of ``step`` ns, a whole number of minutes, that begin in [start, end)."""
        start, end = max(start, self.start), min(end, self.end)
        if start >= end:
            return []
        ticks, lots = self._draw()
        first = -(-(start - self.start) // MINUTE)
        last = -(-(end - self.start) // MINUTE)
        begins = self.start + MINUTE * np.arange(first, last)
        keys = begins - begins % step
        edges = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
        part, traded = ticks[first:last], lots[first:last]
        ends = np.append(edges[1:], len(keys)) - 1
        high = np.maximum.reduceat(part[:, 1], edges).tolist()
        low = np.minimum.reduceat(part[:, 2], edges).tolist()
        volume = np.add.reduceat(traded, edges).tolist()
        worth = np.add.reduceat(traded * part[:, 3], edges).tolist()
        n_minutes = (ends - edges + 1).tolist()
        opened, closed = part[edges, 0].tolist(), part[ends, 3].tolist()
        tick = self._listing.price_step
        return [
            Candle(
                key,
                tick * opened[k],
                tick * high[k],
                tick * low[k],
                tick * closed[k],
                Decimal(volume[k]) / _LOTS,
                tick * worth[k] / _LOTS,
                _TRADES_A_MINUTE * n_minutes[k],
            )
            for k, key in enumerate(keys[edges].tolist())
        ]
