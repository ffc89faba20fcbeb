"""Opens a ccxt client the way that orders need it: no retries, our limiter, addresses checked."""

from __future__ import annotations

import copy
import importlib
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from tutti.adapters.venues.by_ccxt.hashing import hash_natively
from tutti.adapters.venues.by_ccxt.reaction import LIMITS
from tutti.adapters.venues.by_ccxt.translate import lineage, never_connected
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.adapters.venues.by_ccxt.dialect import Dialect
    from tutti.adapters.venues.by_ccxt.lanes import Lanes

_NOWHERE = "http://127.0.0.1:9/not-served"
_LEAST_WAIT_S, _LONGEST_WAIT_S = 1.0, 3600.0
_READS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a venue is reached, if not where ccxt says: a proxy, a fake exchange.

    Parameters
    ----------
    rest, ws : str
        Scheme, host and port, as ``http://127.0.0.1:9000``; paths stay as they are. Empty for none.
    urls : mapping
        ccxt's ``urls["api"]``, where paths differ too; addresses that it does not name lead nowhere.
    """

    rest: str = ""
    ws: str = ""
    urls: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Errand:
    """One request to place an order, from outside of ccxt.

    Attributes
    ----------
    left : bool
        Whether a byte of a request that changes something may have left this machine.
    """

    left: bool = False


ERRAND: ContextVar[Errand | None] = ContextVar("errand", default=None)
"""Errand of the task at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How a venue is reached.

    Parameters
    ----------
    keys : mapping of str to SecretStr
        ccxt's credential fields (``apiKey``, ``secret``, ``password``, ``privateKey`` ...); empty for
        public data only.
    is_test : bool
        Use the venue's test mode; refused where that changes no address.
    timeout_s : float
        For each request.
    """

    keys: Mapping[str, SecretStr]
    addresses: Addresses = Addresses()
    is_test: bool = False
    timeout_s: float = 10.0

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must appear nowhere."""
        return tuple(each.get_secret_value() for each in self.keys.values())


def open_client(dialect: Dialect, reach: Reach, lanes: Lanes) -> Any:
    """Return a ccxt client of the venue.

    Raises
    ------
    ConfigError
        If ccxt knows no such exchange, keys are missing, or the test mode is none.
    """
    client = _made(dialect, reach)
    # its own retries would send an order again of which nobody knows whether it arrived
    client.options["maxRetriesOnFailure"] = 0
    # else it signs with the user's key that ccxt may charge a fee of its own, and charges it
    client.options["builderFee"] = False
    client.enableRateLimit = True  # only then does it ask for a turn at all
    client.throttle = lanes.throttle
    client.verbose = False
    # at DEBUG it logs every request with its keys and signature
    client.logger.setLevel(logging.WARNING)
    if reach.is_test:
        _enter_test_mode(client, dialect)
    if reach.addresses.urls:
        client.urls["api"] = _replaced(client.urls["api"], reach.addresses.urls)
    elif reach.addresses.rest or reach.addresses.ws:
        client.urls["api"] = _moved(client.urls["api"], reach.addresses)
    for name in dialect.silenced:
        setattr(client, name, _nothing)
    _watch_what_leaves(client, dialect, lanes)
    return client


def rate_of(dialect: Dialect) -> float:
    """Return the cost per second that ccxt says the venue allows.

    Raises
    ------
    ConfigError
        If ccxt has no such exchange.
    """
    told = exchange_class(dialect.exchange, dialect.venue)({}).rateLimit
    return 1000.0 / float(told or 1000.0)


def exchange_class(exchange: str, venue: str) -> type[Any]:
    """Return ccxt's class of an exchange, with streams where it has them.

    Raises
    ------
    ConfigError
        If ccxt is not installed, or has no exchange of this name.
    """
    try:
        return getattr(importlib.import_module(f"ccxt.pro.{exchange}"), exchange)  # type: ignore[no-any-return]
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "ccxt" or error.name == "ccxt":
            raise ConfigError(f"{venue}: needs the package ccxt; pip install ccxt") from error
    try:
        module = importlib.import_module(f"ccxt.async_support.{exchange}")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{venue}: ccxt has no exchange {exchange!r}; the venue part of an instrument is its "
            "name there in capitals, such as BTC-USDT.OKX"
        ) from error
    return getattr(module, exchange)  # type: ignore[no-any-return]


def _made(dialect: Dialect, reach: Reach) -> Any:
    kind = exchange_class(dialect.exchange, dialect.venue)
    client = kind(
        {
            "timeout": round(reach.timeout_s * 1000),
            "options": copy.deepcopy(dict(dialect.options)),
            **{name: value.get_secret_value() for name, value in reach.keys.items()},
        }
    )
    if reach.keys:
        missing = [
            name
            for name, needed in client.requiredCredentials.items()
            if needed and not getattr(client, name, None)
        ]
        if missing:
            raise ConfigError(f"{dialect.venue}: keys are incomplete, {', '.join(missing)} missing")
    if client.requiredCredentials.get("privateKey"):
        hash_natively()
    return client


def _enter_test_mode(client: Any, dialect: Dialect) -> None:
    before = set(_texts(client.urls["api"]))
    try:
        client.set_sandbox_mode(True)
    except Exception as error:
        raise ConfigError(
            f"{dialect.venue}: has no test mode that ccxt can enter ({type(error).__name__}); "
            "remove test_mode, and trade there on paper instead"
        ) from error
    kept = before & set(_texts(client.urls["api"]))
    if kept:
        # it may say that it is in test mode and go on sending to the real exchange
        raise ConfigError(
            f"{dialect.venue}: its test mode keeps {len(kept)} real addresses ({min(kept)} is one); "
            "remove test_mode, and trade there on paper instead"
        )


def _texts(urls: Any) -> Iterator[str]:
    if isinstance(urls, str):
        yield urls
    elif isinstance(urls, dict):
        for each in urls.values():
            yield from _texts(each)


def _moved(urls: Any, addresses: Addresses) -> Any:
    if isinstance(urls, dict):
        return {name: _moved(each, addresses) for name, each in urls.items()}
    if not isinstance(urls, str):
        return urls
    parts = urlsplit(urls)
    target = addresses.ws if parts.scheme in ("ws", "wss") else addresses.rest
    if not target:
        return urls
    there = urlsplit(target)
    return urlunsplit((there.scheme, there.netloc, parts.path, parts.query, parts.fragment))


def _replaced(known: Any, urls: Any) -> Any:
    if not isinstance(known, dict):
        return urls if isinstance(urls, str) else _NOWHERE
    given = urls if isinstance(urls, dict) else {}
    names = [*known, *(name for name in given if name not in known)]
    return {
        name: _replaced(known[name], given.get(name)) if name in known else given[name]
        for name in names
    }


def _watch_what_leaves(client: Any, dialect: Dialect, lanes: Lanes) -> None:
    asked = client.fetch

    async def plain(url: str, method: str, headers: Any, body: Any) -> Any:
        try:
            return await asked(url, method, headers, body)
        except Exception as error:
            if not LIMITS.isdisjoint(lineage(error)):
                # whoever goes on asking is banned, and for longer each time
                lanes.hold(_asked_to_wait_s(client))
            raise

    async def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        errand = ERRAND.get()
        changes = method not in _READS and not urlsplit(url).path.endswith(dialect.reads or "?")
        if errand is None or not changes:
            return await plain(url, method, headers, body)
        errand.left = True
        try:
            return await plain(url, method, headers, body)
        except Exception as error:
            errand.left = not never_connected(error)
            raise

    client.fetch = fetch


def _asked_to_wait_s(client: Any) -> float:
    told = {str(k).lower(): v for k, v in (client.last_response_headers or {}).items()}
    try:
        wait_s = float(told.get("retry-after", 0))
    except ValueError:
        wait_s = 0.0  # a date: none of those that trade write one
    return min(max(wait_s, _LEAST_WAIT_S), _LONGEST_WAIT_S)


async def _nothing(*_: Any, **__: Any) -> bool:
    return True
