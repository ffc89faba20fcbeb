"""Bars of shares, funds and indices from Yahoo, through yfinance's session.

yfinance keeps the cookies that Yahoo wants; what is kept is Yahoo's own answer (its chart). Prices
are adjusted to later splits, not to dividends: a split after a bar shows in that bar, so they are
not as anybody saw them then. Hourly bars reach back two years, minutes a week.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tutti.adapters.harvest.http import ByHttp
from tutti.adapters.harvest.port import (
    Answer,
    Parsed,
    Row,
    RowKind,
    Series,
    Terms,
    Window,
    json_in,
)
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND
from tutti.model.errors import ConfigError, RateLimited, Transient, VenueError

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE_URL = "https://query2.finance.yahoo.com"
_NAME = "yfinance"
_INTERVALS = {
    MINUTE: "1m",
    5 * MINUTE: "5m",
    15 * MINUTE: "15m",
    30 * MINUTE: "30m",
    HOUR: "1h",
    DAY: "1d",
}
_PAGE = {MINUTE: 7 * DAY, HOUR: 700 * DAY, DAY: 20_000 * DAY}
_TOO_MANY, _BROKEN = 429, 500
_SIDES = ("open", "high", "low", "close", "volume")


class YahooBars(ByHttp):
    """Asks for bars; a cursor is the second to go on at.

    Parameters
    ----------
    step : int
        Length of a bar, ns.
    """

    terms = Terms(name=_NAME, kind=RowKind.BARS, per_second=0.5, remembers=True, overlap=2 * DAY)
    step = DAY

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return tickers, as Yahoo spells them.

        Raises
        ------
        ConfigError
            If there is none, or Yahoo has no bars of this length.
        """
        if not symbols:
            raise ConfigError(f"{_NAME}: name tickers, such as --symbols AAPL MSFT")
        interval = _INTERVALS.get(self.step)
        if interval is None:
            raise ConfigError(f"{_NAME}: has bars of {', '.join(_INTERVALS.values())} only")
        return [
            Series(name=f"{each.upper()} {interval}", symbol=each.upper(), venue="yahoo",
                   step=self.step)
            for each in symbols
        ]  # fmt: skip

    def start(self, series: Series, window: Window) -> str:
        """Return the first second."""
        del series
        return str(window.since // SECOND)

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for as long a stretch as Yahoo allows."""
        until = min(int(cursor) + self._stretch(series) // SECOND, window.until // SECOND)
        url = f"{self._base_url}/v8/finance/chart/{series.symbol}"
        params = {"period1": cursor, "period2": str(until), "interval": _INTERVALS[series.step]}
        if self._base_url != BASE_URL:
            return await self._http.get(url, params)
        return await asyncio.to_thread(_by_yfinance, url, params)

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return the bars that were over; Yahoo tells the one that is not among them, too."""
        chart = json_in(body, _NAME)["chart"]
        if chart.get("error"):
            said = chart["error"].get("description", "no chart")
            raise VenueError(f"{series.symbol}: {said}", venue=_NAME)
        result = chart["result"][0]
        quote = result["indicators"]["quote"][0]
        rows: list[Row] = []
        for at, second in enumerate(result.get("timestamp") or ()):
            ts = second * SECOND
            ts = ts // DAY * DAY if series.step == DAY else ts
            values = [quote[side][at] for side in _SIDES]
            if window.since <= ts and ts + series.step <= window.until and None not in values:
                rows.append((ts, *(float(value) for value in values)))
        over = window.until // series.step * series.step
        following = int(cursor) * SECOND + self._stretch(series)
        if following < over:
            return Parsed(rows=rows, next=str(following // SECOND), upto=following)
        return Parsed(rows=rows, upto=over)

    def _stretch(self, series: Series) -> int:
        return next(length for least, length in reversed(_PAGE.items()) if series.step >= least)


def _by_yfinance(url: str, params: dict[str, str]) -> Answer:
    try:
        session: Any = importlib.import_module("yfinance.data")  # an extra, and slow to import
    except ImportError as error:
        raise ConfigError(
            "yfinance: needs the package yfinance; pip install 'tutti[data]'"
        ) from error
    try:
        response: Any = session.YfData().get(url=url, params=params, timeout=30)
    except Exception as error:  # noqa: BLE001 - it raises what its transports raise
        said = type(error).__name__
        if "RateLimit" in said:
            raise RateLimited(said, venue=_NAME, retry_after_s=60.0) from None
        raise Transient(f"no answer ({said})", venue=_NAME) from None
    if response.status_code == _TOO_MANY:
        raise RateLimited("answered 429", venue=_NAME, retry_after_s=60.0)
    if response.status_code >= _BROKEN:
        raise Transient(f"answered {response.status_code}", venue=_NAME)
    return Answer(body=response.content, url=f"{url}?{urlencode(params)}")
