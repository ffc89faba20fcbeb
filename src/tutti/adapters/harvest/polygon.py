"""Bars of US shares from Polygon, as traded, not adjusted to later splits.

Documented at https://polygon.io/docs/rest/stocks/aggregates/custom-bars. Free keys allow five
requests a minute and bars that are fifteen minutes old. A daily bar is stamped with its session's
date.
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
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND
from tutti.model.errors import ConfigError, VenueError

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE_URL = "https://api.polygon.io"
_NAME = "polygon"
_PAGE = 50_000
_MILLISECOND = 1_000_000
_SPANS = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"))


class PolygonBars(ByHttp):
    """Asks for bars; a cursor is the millisecond to go on at.

    Parameters
    ----------
    step : int
        Length of a bar, ns.
    """

    terms = Terms(
        name=_NAME,
        kind=RowKind.BARS,
        lag=Lag(span=15 * MINUTE),
        per_second=5 / 60,
        remembers=True,
        key="polygon",
        needs_key=True,
    )
    step = HOUR

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return tickers."""
        if not symbols:
            raise ConfigError(f"{_NAME}: name tickers, such as --symbols AAPL MSFT")
        return [
            Series(name=f"{each.upper()} {_range(self.step)}", symbol=each.upper(), venue=_NAME,
                   step=self.step)
            for each in symbols
        ]  # fmt: skip

    def start(self, series: Series, window: Window) -> str:
        """Return the first millisecond."""
        del series
        return str(window.since // _MILLISECOND)

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for 50,000 bars at most."""
        path = f"/v2/aggs/ticker/{series.symbol}/range/{_range(series.step)}"
        until = window.until // _MILLISECOND - 1
        return await self._http.get(
            f"{self._base_url}{path}/{cursor}/{until}",
            {"adjusted": "false", "sort": "asc", "limit": str(_PAGE)},
            {"Authorization": f"Bearer {self._key}"},
        )

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return the bars that were over."""
        told = json_in(body, _NAME)
        if told.get("status") == "ERROR":
            raise VenueError(str(told.get("error"))[:200], venue=_NAME)
        found = told.get("results") or []
        rows: list[Row] = []
        for each in found:
            ts = int(each["t"]) * _MILLISECOND
            ts = ts // DAY * DAY if series.step % DAY == 0 else ts
            if window.since <= ts and ts + series.step <= window.until:
                rows.append((ts, each["o"], each["h"], each["l"], each["c"], each["v"]))
        step_ms = series.step // _MILLISECOND
        following = max((int(each["t"]) for each in found), default=int(cursor)) + step_ms
        over = window.until // series.step * series.step
        if found and told.get("next_url"):
            return Parsed(rows=rows, next=str(following), upto=following * _MILLISECOND)
        # the last fifteen minutes are not told yet
        told_to = (window.until - 15 * MINUTE) // series.step * series.step
        return Parsed(rows=rows, upto=min(over, told_to))


def _range(step: int) -> str:
    size, name = next((each, name) for each, name in _SPANS if step % each == 0)
    return f"{step // size}/{name}"
