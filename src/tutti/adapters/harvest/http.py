"""Asks over HTTP: paced, with a time limit, every failure named for the reaction."""

from __future__ import annotations

from base64 import b64encode
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp

from tutti.adapters.harvest.port import Answer
from tutti.adapters.stores.raw import clean_url
from tutti.adapters.venues.by_ccxt.lanes import Lane, Lanes
from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError, RateLimited, Transient, VenueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.kernel.clock import Clock

_BURST = 4.0
_TOO_MANY, _TIMEOUT, _BROKEN = 429, 408, 500
_REFUSED = (401, 403)
_OK = 200
_RETRY_AFTER_S = 5.0
_LONGEST_WAIT_S = 900.0
_MOST_BYTES = 64 * 2**20
_AGENT = "tutti/0.1 (data harvester)"


class Http:
    """Connection to one source.

    Parameters
    ----------
    source : str
        For messages.
    per_second : float
        Requests in the long run; a few more at once after a pause.
    timeout_s : float
        For a whole answer.
    """

    def __init__(
        self, source: str, per_second: float, clock: Clock, timeout_s: float = 30.0
    ) -> None:
        self._source = source
        self._clock = clock
        self._lanes = Lanes(per_second, _BURST, clock)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer to a GET.

        Raises
        ------
        Transient
            If it did not answer, or not wholly; `RateLimited` where it asks for a pause.
        ConfigError
            If it refuses the key.
        VenueError
            If it has nothing to answer.
        """
        return await self._ask("GET", url, params, headers)

    async def post(self, url: str, data: Mapping[str, str], user: str, password: str) -> Answer:
        """Return the answer to a form sent with a user and a password; raises as `get` does."""
        token = b64encode(f"{user}:{password}".encode()).decode()
        return await self._ask("POST", url, data, {"Authorization": f"Basic {token}"})

    def now(self) -> int:
        """Return the time, ns UTC."""
        return self._clock.now()

    async def close(self) -> None:
        """End the connection."""
        self._lanes.close()
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def _ask(
        self,
        method: str,
        url: str,
        fields: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, headers={"User-Agent": _AGENT}
            )
        await self._lanes.enter(1.0, Lane.QUESTION)
        form = dict(fields or {})
        asks_only = method == "GET"
        try:
            async with self._session.request(
                method,
                url,
                params=form if asks_only else None,
                data=None if asks_only else form,
                headers=headers,
            ) as response:
                self._refuse(response, url)
                body = await response.content.read(_MOST_BYTES + 1)
                while len(body) <= _MOST_BYTES and (
                    more := await response.content.read(_MOST_BYTES)
                ):
                    body += more
                if len(body) > _MOST_BYTES:
                    raise self._failed(f"answered with more than {_MOST_BYTES >> 20} MB", url)
                return Answer(body=body, url=str(response.url))
        except TimeoutError:
            message = f"no answer in {self._timeout.total:g} s"
            raise Transient(f"{message} from {clean_url(url)}", venue=self._source) from None
        except aiohttp.InvalidURL:
            raise ConfigError(f"{self._source}: {clean_url(url)!r} is no address") from None
        except aiohttp.ClientError as error:
            # what it says may hold the address with its key
            said = f"{type(error).__name__} at {clean_url(url)}"
            raise Transient(said, venue=self._source) from None

    def _refuse(self, response: aiohttp.ClientResponse, url: str) -> None:
        status = response.status
        if status == _OK:
            return
        said = f"answered {status} {response.reason or ''}".rstrip()
        if status == _TOO_MANY or (status >= _BROKEN and "Retry-After" in response.headers):
            wait_s = min(self._asked_for(response), _LONGEST_WAIT_S)
            self._lanes.hold(wait_s)
            raise RateLimited(said, venue=self._source, retry_after_s=wait_s)
        if status >= _BROKEN or status == _TIMEOUT:
            raise Transient(f"{said} at {clean_url(url)}", venue=self._source)
        if status in _REFUSED:
            raise ConfigError(
                f"{self._source}: {said} at {clean_url(url)}: it refuses the key, or wants one"
            )
        raise self._failed(said, url)

    def _failed(self, said: str, url: str) -> VenueError:
        return VenueError(f"{said} at {clean_url(url)}", venue=self._source)

    def _asked_for(self, response: aiohttp.ClientResponse) -> float:
        told = response.headers.get("Retry-After", "")
        if told.isdecimal():
            return float(told)
        try:
            at = round(parsedate_to_datetime(told).timestamp() * SECOND)
        except ValueError:
            return _RETRY_AFTER_S
        return max(0.0, (at - self._clock.now()) / SECOND)


class ByHttp:
    """What connectors that ask over HTTP have in common: a connection, and nothing to recall.

    Parameters
    ----------
    http : Http
    base_url : str
        Scheme and host; another one for a proxy or a fake.
    key, secret : str
        Empty for none.
    """

    def __init__(self, http: Http, base_url: str, key: str = "", secret: str = "") -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._secret = secret

    async def describe(self, series: object) -> bytes:
        """Return nothing: the pages say all."""
        del series
        return b""

    def recall(self, series: object, description: bytes) -> None:
        """Do nothing: the pages say all."""

    async def close(self) -> None:
        """End the connection."""
        await self._http.close()
