"""News by RSS 2.0 or Atom: any feed, and Yahoo's for a ticker.

Feeds hold the newest few items and no past. They are XML from outside, read by a parser that
refuses entities. An item is known when it was published; asked again and again, when it arrives.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tutti.adapters.harvest.http import ByHttp
from tutti.adapters.harvest.port import Answer, Parsed, Row, RowKind, Series, Terms, Window
from tutti.adapters.harvest.symbols import named_series
from tutti.adapters.stores.point_in_time.rows import base_of, content_id
from tutti.kernel.clock import SECOND, parse_instant
from tutti.model.errors import ConfigError, Transient

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

YAHOO_URL = "https://feeds.finance.yahoo.com"
_TAG = re.compile(r"<[^>]*>")
_ITEMS = ("item", "entry")


class RssNews(ByHttp):
    """Asks feeds by their addresses: ``--symbols https://...``, ``BTC=https://...``."""

    terms = Terms(name="rss", kind=RowKind.TEXTS, per_second=1.0)

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return the feeds by their addresses."""
        found = named_series(
            self.terms.name, symbols, "https://www.coindesk.com/arc/outboundfeeds/rss/"
        )
        for each in found:
            if not each.name.startswith(("http://", "https://")):
                raise ConfigError(f"rss: {each.name!r} is no address; write https://... of a feed")
        return found

    def start(self, series: Series, window: Window) -> str:
        """Return the only page."""
        del series, window
        return "newest"

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for what the feed holds."""
        del window, cursor
        return await self._http.get(self._address(series))

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return a text for each item that has a time."""
        del cursor
        rows: list[Row] = []
        for item in items_of(body, self.terms.name):
            ts = time_of(item.get("pubDate") or item.get("published") or item.get("updated") or "")
            title = plain(item.get("title", ""))
            words = plain(
                item.get("description") or item.get("summary") or item.get("content") or ""
            )
            if not window.since <= ts < window.until or not (title or words):
                continue
            link = item.get("link", "")
            name = content_id(item.get("guid") or item.get("id") or link or title)
            source = item.get("source") or self._publisher(series)
            rows.append((name, series.symbol, "news", source, title, words, link, ts))
        return Parsed(rows=rows, upto=window.until)

    def _address(self, series: Series) -> str:
        return series.name

    def _publisher(self, series: Series) -> str:
        return series.name.partition("://")[2].partition("/")[0]


class YahooNews(RssNews):
    """Asks Yahoo for headlines about tickers: ``--symbols AAPL MSFT``, ``BTC=BTC-USD``."""

    terms = Terms(name="yahoo_news", kind=RowKind.TEXTS, per_second=0.5)

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return tickers, as Yahoo spells them."""
        found = named_series(self.terms.name, symbols, "AAPL MSFT BTC=BTC-USD")
        return [Series(name=each.name, symbol=each.symbol or base_of(each.name)) for each in found]

    def _address(self, series: Series) -> str:
        query = urlencode({"s": series.name, "region": "US", "lang": "en-US"})
        return f"{self._base_url}/rss/2.0/headline?{query}"

    def _publisher(self, series: Series) -> str:
        del series
        return "yahoo"


def items_of(body: bytes, source: str) -> Iterable[dict[str, str]]:
    """Yield the items of a feed, their elements by name.

    Raises
    ------
    Transient
        If it is no feed, or cut off, or holds what no feed needs.
    """
    from defusedxml import DefusedXmlException, ElementTree  # only feeds need it

    try:
        root: Any = ElementTree.fromstring(body)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        start = " ".join(body[:60].decode("utf-8", "replace").split())
        raise Transient(
            f"answered with no feed ({start!r}): {type(error).__name__}", venue=source
        ) from None
    if _name(root) not in ("rss", "feed", "RDF"):
        raise Transient(f"answered with {_name(root)!r} instead of a feed", venue=source)
    for element in root.iter():
        if _name(element) not in _ITEMS:
            continue
        found: dict[str, str] = {}
        for each in element:
            text = "".join(each.itertext()) or each.get("href", "")
            found.setdefault(_name(each), text.strip())
        yield found


def time_of(text: str) -> int:
    """Return ns UTC of a time as feeds write it; -1 where it is none."""
    try:
        return parse_instant(text)
    except ValueError:
        pass
    try:
        return round(parsedate_to_datetime(text).timestamp()) * SECOND
    except ValueError:
        return -1


def plain(text: str) -> str:
    """Return text without markup, on one line."""
    return " ".join(unescape(_TAG.sub(" ", unescape(text))).split())


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
