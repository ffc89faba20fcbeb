"""FRED, the data of the Federal Reserve: each value with when it was first told.

Documented at https://fred.stlouisfed.org/docs/api/fred/series_observations.html. Asked for with a
real-time period, FRED tells every revision of every observation: one calendar year of revisions a
page. A revision is told in the course of its day in Chicago, so it is known when that day is over
there, six hours after midnight UTC.
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
from tutti.kernel.clock import DAY, HOUR, iso, parse_instant
from tutti.model.errors import ConfigError, Transient

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE_URL = "https://api.stlouisfed.org"
_NAME = "fred"
_USUAL = ("DFF", "DGS10", "T10Y2Y", "CPIAUCSL", "UNRATE", "VIXCLS")
_PAGE = 100_000
_DATE = len("2024-01-31")


class Fred(ByHttp):
    """Asks for observations; a cursor is a year of revisions and the place in it."""

    terms = Terms(
        name=_NAME,
        kind=RowKind.READINGS,
        lag=Lag(span=DAY + 6 * HOUR),
        per_second=2.0,
        has_vintages=True,
        key="fred",
        needs_key=True,
    )

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return FRED's series ids; six of interest rates, prices, work and fear for none."""
        if any("=" in each for each in symbols):
            raise ConfigError(f"{_NAME}: name series by their ids alone, such as --symbols DFF")
        return [Series(name=each.upper()) for each in symbols or _USUAL]

    def start(self, series: Series, window: Window) -> str:
        """Return the year that the window begins in."""
        del series
        return f"{iso(window.since)[:4]}:0"

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for what was told in one year."""
        year, _, offset = cursor.partition(":")
        return await self._http.get(
            f"{self._base_url}/fred/series/observations",
            {
                "series_id": series.name,
                "api_key": self._key,
                "file_type": "json",
                "observation_start": iso(window.since)[:_DATE],
                "realtime_start": f"{year}-01-01",
                "realtime_end": min(f"{year}-12-31", iso(window.until)[:_DATE]),
                "limit": str(_PAGE),
                "offset": offset,
            },
        )

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return a reading for each value that was told."""
        told = json_in(body, _NAME)
        year, offset = (int(each) for each in cursor.split(":"))
        if not told["realtime_start"].startswith(str(year)) or int(told["offset"]) != offset:
            raise Transient(f"{series.name}: tells of another time than it was asked", venue=_NAME)
        rows: list[Row] = [
            (
                "",
                "macro",
                _NAME,
                series.name,
                float(each["value"]),
                parse_instant(each["date"]),
                parse_instant(each["realtime_start"]),
            )
            for each in told["observations"]
            if each["value"] != "."  # FRED's word for none
        ]
        seen = offset + len(told["observations"])
        if told["observations"] and seen < int(told["count"]):
            return Parsed(rows=rows, next=f"{year}:{seen}")
        last = int(iso(min(window.until, parse_instant("2200-01-01")))[:4])
        upto = parse_instant(f"{year + 1}-01-01")
        return Parsed(rows=rows, next=f"{year + 1}:0" if year < last else None, upto=upto)
