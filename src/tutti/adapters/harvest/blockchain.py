"""Daily figures of the Bitcoin chain, from the charts of blockchain.com.

Documented at https://www.blockchain.com/explorer/api/charts_api. A figure is of a whole day (UTC),
stamped at its start, so it is known when the day is over; an hour is added for its counting.
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
from tutti.adapters.stores.point_in_time.lags import Lag
from tutti.kernel.clock import DAY, HOUR, SECOND, iso
from tutti.model.errors import ConfigError, VenueError

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE_URL = "https://api.blockchain.info"
_NAME = "blockchain"
_USUAL = (
    "n-transactions",
    "n-unique-addresses",
    "hash-rate",
    "transaction-fees-usd",
    "estimated-transaction-volume-usd",
)
_PAGE_DAYS = 365


class Blockchain(ByHttp):
    """Asks for charts, a year a page; a cursor is the first second of it."""

    terms = Terms(
        name=_NAME,
        kind=RowKind.READINGS,
        lag=Lag(span=DAY + HOUR),
        per_second=0.5,
        remembers=True,
        grid=DAY,
        overlap=3 * DAY,
    )

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return charts by name; five of use, addresses, power and fees for none."""
        if any("=" in each for each in symbols):
            raise ConfigError(f"{_NAME}: name charts alone, such as --symbols hash-rate")
        return [Series(name=each, symbol="BTC") for each in symbols or _USUAL]

    def start(self, series: Series, window: Window) -> str:
        """Return the first day."""
        del series
        return str(window.since // DAY * DAY // SECOND)

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for a year of a chart."""
        del window
        return await self._http.get(
            f"{self._base_url}/charts/{series.name}",
            {
                "start": iso(int(cursor) * SECOND)[:10],
                "timespan": f"{_PAGE_DAYS}days",
                "format": "json",
                "sampled": "false",
            },
        )

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return a reading for each day that was over."""
        told = json_in(body, _NAME)
        if told.get("status") != "ok":
            raise VenueError(f"{series.name}: {told.get('error', 'no answer')}", venue=_NAME)
        name = series.name.replace("-", "_")
        days = {int(each["x"]) * SECOND: float(each["y"]) for each in told["values"]}
        rows: list[Row] = [
            (series.symbol, "onchain", _NAME, name, value, ts, 0)
            for ts, value in sorted(days.items())
            if window.since <= ts and ts + DAY <= window.until
        ]
        over = window.until // DAY * DAY
        end = (int(cursor) + _PAGE_DAYS * 86_400) * SECOND
        if end < over:
            return Parsed(rows=rows, next=str(end // SECOND), upto=end)
        # yesterday's figure may come late: what has not been told is asked for again
        return Parsed(rows=rows, upto=min(over, max(days, default=window.since - DAY) + DAY))
