"""Bars of any exchange that ccxt knows, oldest first, those that are over only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.adapters.harvest.exchange import ByExchange
from tutti.adapters.harvest.port import Answer, Parsed, Row, RowKind, Series, Terms, Window
from tutti.adapters.venues.by_ccxt.market_data import timeframe_name
from tutti.kernel.clock import HOUR
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.adapters.harvest.exchange import Exchange

_MILLISECOND = 1_000_000
_PAGE = 1000
_COLUMNS = 6
_EMPTY_PAGES = 1000  # bars that are skipped over at once where an exchange has none


class ExchangeBars(ByExchange):
    """Asks for bars; a cursor is the millisecond to go on at.

    Parameters
    ----------
    step : int
        Length of a bar, ns.
    """

    def __init__(self, exchange: Exchange, step: int = HOUR) -> None:
        self.terms = Terms(
            name=f"{exchange.venue.lower()}_bars",
            kind=RowKind.BARS,
            remembers=True,
            overlap=2 * step,
        )
        super().__init__(exchange)
        self._step = step

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return instruments.

        Raises
        ------
        ConfigError
            If the exchange has no bars of this length, or a symbol is of another venue.
        """
        venue, timeframe = self._exchange.venue, timeframe_name(self._step)
        if timeframe not in self._exchange.timeframes():
            there = ", ".join(self._exchange.timeframes()) or "none"
            raise ConfigError(
                f"{venue}: has no bars of {timeframe or 'this length'}; it has {there}"
            )
        return [
            Series(name=f"{each} {timeframe}", symbol=each.symbol, venue=venue, step=self._step)
            for each in self._exchange.instruments(symbols)
        ]

    def start(self, series: Series, window: Window) -> str:
        """Return the first millisecond of a bar."""
        first = -(-window.since // series.step) * series.step
        return str(first // _MILLISECOND)

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for a thousand bars at most."""
        start = int(cursor)
        count = min(
            _PAGE, max(1, (window.until // _MILLISECOND - start) * _MILLISECOND // series.step)
        )
        return await self._exchange.ask(
            series, "fetch_ohlcv", timeframe_name(series.step), start, count
        )

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return the bars that were over; a page may hold them in any order, or twice."""
        told = await self._exchange.read(
            series, body, "fetch_ohlcv", timeframe_name(series.step), int(cursor)
        )
        bars: dict[int, Row] = {}
        newest = 0
        for each in told:
            ts = int(each[0]) * _MILLISECOND
            newest = max(newest, ts)
            if (
                window.since <= ts
                and ts + series.step <= window.until
                and None not in each[1:_COLUMNS]
            ):
                bars[ts] = (ts, *(float(value) for value in each[1:_COLUMNS]))
        rows = [bars[ts] for ts in sorted(bars)]
        over = window.until // series.step * series.step
        start = int(cursor) * _MILLISECOND
        # an exchange without bars here may have some later: it was listed meanwhile, or closed
        following = newest + series.step if newest >= start else start + _EMPTY_PAGES * series.step
        if following >= over:
            return Parsed(rows=rows, upto=over)
        return Parsed(rows=rows, next=str(following // _MILLISECOND), upto=following)
