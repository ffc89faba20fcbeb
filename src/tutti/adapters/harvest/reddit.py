"""Posts of subreddits, newest first.

Documented at https://www.reddit.com/dev/api/#GET_new. With a client id and secret it is asked as an
application, otherwise as anybody, which Reddit allows little of. A listing goes back a thousand
posts and no further.
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
from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError, Transient

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE_URL = "https://www.reddit.com"
_NAME = "reddit"
_OPEN_URL = "https://oauth.reddit.com"
_PAGE = 100


class Reddit(ByHttp):
    """Asks for posts; a cursor is the post to go on after."""

    terms = Terms(name=_NAME, kind=RowKind.TEXTS, per_second=0.5, key="reddit")
    _token = ""

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return subreddits: ``wallstreetbets``, ``BTC=Bitcoin``."""
        found = named_series(_NAME, symbols, "BTC=Bitcoin wallstreetbets")
        return [Series(name=each.name.removeprefix("r/"), symbol=each.symbol) for each in found]

    def start(self, series: Series, window: Window) -> str:
        """Return the newest page."""
        del series, window
        return "newest"

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for a hundred posts."""
        del window
        params = {"limit": str(_PAGE), "raw_json": "1"}
        if cursor != "newest":
            params["after"] = cursor
        if not (self._key and self._secret):
            return await self._http.get(f"{self._base_url}/r/{series.name}/new.json", params)
        if not self._token:
            answer = await self._http.post(
                f"{self._base_url}/api/v1/access_token",
                {"grant_type": "client_credentials"},
                self._key,
                self._secret,
            )
            self._token = str(json_in(answer.body, _NAME)["access_token"])
        base = _OPEN_URL if self._base_url == BASE_URL else self._base_url
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            return await self._http.get(f"{base}/r/{series.name}/new", params, headers)
        except ConfigError:
            # a token ends after a day; whether the key is good shows with the next one
            self._token = ""
            raise Transient("its token has ended", venue=_NAME) from None

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return a text for each post; those that were removed have no words left."""
        del cursor
        listing = json_in(body, _NAME)["data"]
        rows: list[Row] = []
        oldest = window.until
        for child in listing["children"]:
            post = child["data"]
            ts = round(float(post["created_utc"])) * SECOND
            oldest = min(oldest, ts)
            if window.since <= ts < window.until:
                link = f"https://www.reddit.com{post.get('permalink', '')}"
                words = post.get("selftext") or ""
                rows.append(
                    (post["name"], series.symbol, "social", _NAME, post["title"], words, link, ts)
                )
        following = listing.get("after") if oldest >= window.since and listing["children"] else None
        return Parsed(rows=rows, next=following, upto=0 if following else window.until)
