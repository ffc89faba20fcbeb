"""FRED, the data of the Federal Reserve: each value with when it was first told.

Documented at https://fred.stlouisfed.org/docs/api/fred/series_observations.html. Asked for with a
real-time period, FRED tells what every observation was then, and each revision: a calendar year of
revisions a page. Time is that of the telling, so what was told once is not asked for again; of
observations those of the year before are told too. A revision is told in the course of its day in
Chicago, so it is known when that day is over there, six hours after midnight UTC.
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
_LENGTH = len("2024-01-31")
_BEFORE = 400 * DAY  # so that the first day knows what was told before it


class Fred(ByHttp):
    """Asks for observations; a cursor is the first day of revisions and the place among them."""

    terms = Terms(
        name=_NAME,
        kind=RowKind.READINGS,
        lag=Lag(span=DAY + 6 * HOUR),
        per_second=2.0,
        remembers=True,
        overlap=2 * DAY,
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
        """Return the first day of the window."""
        del series
        return f"{_date(window.since)}:0"

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for what was told until the year is over."""
        day, _, offset = cursor.partition(":")
        return await self._http.get(
            f"{self._base_url}/fred/series/observations",
            {
                "series_id": series.name,
                "api_key": self._key,
                "file_type": "json",
                "observation_start": _date(parse_instant(day) - _BEFORE),
                "realtime_start": day,
                "realtime_end": min(f"{day[:4]}-12-31", _date(window.until)),
                "limit": str(_PAGE),
                "offset": offset,
            },
        )

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return a reading for each value that was told."""
        told = json_in(body, _NAME)
        day, offset = cursor.partition(":")[0], int(cursor.partition(":")[2])
        if told["realtime_start"] != day or int(told["offset"]) != offset:
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
            return Parsed(rows=rows, next=f"{day}:{seen}")
        following = f"{int(day[:4]) + 1}-01-01"
        if following > _date(window.until):
            return Parsed(rows=rows, upto=window.until)
        return Parsed(rows=rows, next=f"{following}:0", upto=parse_instant(following))


def _date(ts: int) -> str:
    return iso(ts)[:_LENGTH]
