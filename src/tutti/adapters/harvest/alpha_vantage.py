"""News of Alpha Vantage, oldest first, by ticker.

Documented at https://www.alphavantage.co/documentation/#news-sentiment. Its free keys allow 25
requests a day; at a limit it answers 200 with a note. What scores it gives are left aside: they may
be made anew at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from tutti.adapters.harvest.symbols import named_series
from tutti.adapters.stores.point_in_time.rows import base_of, content_id
from tutti.kernel.clock import DAY, MINUTE, iso, parse_instant
from tutti.model.errors import RateLimited, VenueError

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE_URL = "https://www.alphavantage.co"
_NAME = "alpha_vantage"
_PAGE = 1000
_WAIT_S = 60.0


class AlphaVantage(ByHttp):
    """Asks for news; a cursor is the minute to go on at."""

    terms = Terms(
        name=_NAME,
        kind=RowKind.TEXTS,
        per_second=0.08,
        remembers=True,
        overlap=DAY,
        key="alpha_vantage",
        needs_key=True,
    )

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return tickers as Alpha Vantage spells them: ``AAPL``, ``BTC=CRYPTO:BTC``."""
        found = named_series(_NAME, symbols, "AAPL BTC=CRYPTO:BTC")
        return [
            Series(name=each.name, symbol=each.symbol or base_of(each.name.rpartition(":")[2]))
            for each in found
        ]

    def start(self, series: Series, window: Window) -> str:
        """Return the first minute."""
        del series
        return _minute(window.since)

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for a thousand items at most."""
        return await self._http.get(
            f"{self._base_url}/query",
            {
                "function": "NEWS_SENTIMENT",
                "tickers": series.name,
                "time_from": cursor,
                "time_to": _minute(window.until),
                "sort": "EARLIEST",
                "limit": str(_PAGE),
                "apikey": self._key,
            },
        )

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return a text for each item."""
        told = json_in(body, _NAME)
        if "feed" not in told:
            said = str(next(iter(told.values()), "no news"))[:200].replace(
                self._key or "\0", "[key]"
            )
            if "Error Message" in told:
                raise VenueError(said, venue=_NAME)
            if "no articles" in said.lower():
                return Parsed(rows=[], upto=window.until)
            if "per day" in said:
                raise VenueError(f"{said} (ask again tomorrow to go on)", venue=_NAME)
            raise RateLimited(said, venue=_NAME, retry_after_s=_WAIT_S)
        rows: list[Row] = []
        newest = window.since
        for each in told["feed"]:
            ts = _instant(each["time_published"])
            newest = max(newest, ts)
            if window.since <= ts < window.until:
                words, link = each.get("summary", ""), each.get("url", "")
                name = content_id(link or each["title"])
                source = each.get("source", _NAME)
                rows.append((name, series.symbol, "news", source, each["title"], words, link, ts))
        following = _minute(newest)
        if len(told["feed"]) < _PAGE:
            return Parsed(rows=rows, upto=window.until)
        if following == cursor:
            # a whole page within a minute: the rest of that minute can't be asked for
            following = _minute(newest + MINUTE)
        return Parsed(rows=rows, next=following, upto=newest // MINUTE * MINUTE)


def _minute(ts: int) -> str:
    return iso(ts)[:16].replace("-", "").replace(":", "")


def _instant(text: str) -> int:
    day, clock = text[:8], text[9:].ljust(6, "0")
    return parse_instant(f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}")
