"""Crypto Fear and Greed of alternative.me: one figure a day, 0 (fear) to 100 (greed).

Documented at https://alternative.me/crypto/fear-and-greed-index/#api. A day's figure is told from
midnight UTC on, which is its stamp; an hour is added for when that was late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.adapters.harvest.http import ByHttp
from tutti.adapters.harvest.port import (
    Answer,
    Parsed,
    RowKind,
    Series,
    Terms,
    Window,
    json_in,
)
from tutti.adapters.stores.point_in_time.lags import Lag
from tutti.kernel.clock import DAY, HOUR, SECOND
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE_URL = "https://api.alternative.me"
_NAME = "fear_greed"


class FearGreed(ByHttp):
    """Asks for the index; all that is asked for comes on one page."""

    terms = Terms(
        name=_NAME,
        kind=RowKind.READINGS,
        lag=Lag(span=HOUR),
        per_second=1.0,
        remembers=True,
        overlap=2 * DAY,
    )

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return the one index that there is."""
        if symbols:
            raise ConfigError(f"{_NAME}: is one index, of no symbol; leave --symbols out")
        return [Series(name="index")]

    def start(self, series: Series, window: Window) -> str:
        """Return how many days are asked for, counted back from today."""
        del series
        return str((self._http.now() - window.since) // DAY + 2)

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for the newest days."""
        del series, window
        return await self._http.get(f"{self._base_url}/fng/", {"limit": cursor, "format": "json"})

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return a reading for each day."""
        del series, cursor
        rows = [
            ("", "sentiment", _NAME, "fear_greed_index", float(each["value"]), ts, 0)
            for each in json_in(body, _NAME)["data"]
            if window.since <= (ts := int(each["timestamp"]) * SECOND) < window.until
        ]
        return Parsed(rows=rows, upto=window.until)
