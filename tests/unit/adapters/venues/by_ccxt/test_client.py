"""Opening a ccxt client: no retries, our limiter, a test mode only where it is one, no secrets told."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from ccxt.base import errors
from pydantic import SecretStr

from tutti.adapters.venues.by_ccxt.client import (
    Addresses,
    Reach,
    _watch_what_leaves,
    exchange_class,
    open_client,
    rate_of,
)
from tutti.adapters.venues.by_ccxt.dialects import DIALECTS, dialect_of
from tutti.adapters.venues.by_ccxt.lanes import Lane, Lanes
from tutti.kernel.clock import SECOND, SimulatedClock
from tutti.model.errors import ConfigError


def _open(venue: str, **reach: Any) -> Any:
    dialect = dialect_of(venue)
    lanes = Lanes(10.0, 10.0, SimulatedClock())
    return open_client(dialect, Reach(**{"keys": {}, **reach}), lanes)


_CHANGES = ("BINANCE", "BINANCE_USDM", "HYPERLIQUID", "GATE", "BYBIT", "OKX", "KRAKEN_FUTURES")
_KEEPS = ("COINBASE", "KRAKEN", "KUCOIN", "ASTER", "MEXC")


@pytest.mark.parametrize("venue", _KEEPS)
def test_test_mode_that_changes_no_address_is_refused(venue: str) -> None:
    with pytest.raises(ConfigError, match=rf"{venue}: .*test.mode"):
        _open(venue, is_test=True)


def _texts(urls: Any) -> set[str]:
    if isinstance(urls, str):
        return {urls}
    return set().union(*map(_texts, urls.values())) if isinstance(urls, dict) else set()


@pytest.mark.parametrize("venue", _CHANGES)
def test_test_mode_leaves_no_real_address(venue: str) -> None:
    real = _texts(_open(venue).urls["api"])
    try:
        client = _open(venue, is_test=True)
    except ConfigError as refused:
        assert "keeps" in str(refused)  # noqa: PT017 - refused is safe as well
        return
    assert not real & _texts(client.urls["api"])


@pytest.mark.parametrize("venue", DIALECTS)
def test_client_never_retries_and_asks_our_limiter(venue: str) -> None:
    client = _open(venue)
    assert client.options["maxRetriesOnFailure"] == 0
    assert client.enableRateLimit
    assert client.throttle.__self__.__class__ is Lanes
    assert client.number is float


def test_client_logs_no_request_even_where_everything_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logging.getLogger("ccxt.base.exchange").setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    client = _open("BINANCE", keys={"apiKey": SecretStr("k" * 40), "secret": SecretStr("s" * 40)})
    client.logger.debug("%s Request", {"X-MBX-APIKEY": client.apiKey})
    assert "k" * 40 not in caplog.text
    assert not client.verbose


def test_addresses_replace_host_and_keep_paths() -> None:
    there = Addresses(rest="http://127.0.0.1:1", ws="ws://127.0.0.1:2")
    urls = _open("BINANCE", addresses=there).urls["api"]
    assert urls["public"] == "http://127.0.0.1:1/api/v3"
    assert urls["ws"]["spot"].startswith("ws://127.0.0.1:2/")


def test_addresses_that_are_not_named_lead_nowhere() -> None:
    there = Addresses(urls={"public": "http://127.0.0.1:1/api/v3", "extra": "http://127.0.0.1:1/x"})
    urls = _open("BINANCE", addresses=there).urls["api"]
    assert urls["public"] == "http://127.0.0.1:1/api/v3"
    assert urls["extra"] == "http://127.0.0.1:1/x"
    assert {each for each in _texts(urls) if ":1/" not in each} == {"http://127.0.0.1:9/not-served"}


def test_keys_that_lack_a_part_are_refused_without_being_told() -> None:
    with pytest.raises(ConfigError, match="KUCOIN: keys are incomplete, secret, password") as told:
        _open("KUCOIN", keys={"apiKey": SecretStr("hunter2")})
    assert "hunter2" not in str(told.value)


def test_exchange_that_ccxt_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="ccxt has no exchange 'nosuch'"):
        _open("NO_SUCH")


def test_exchange_without_streams_is_opened_for_its_requests() -> None:
    assert exchange_class("zaif", "ZAIF").__module__ == "ccxt.async_support.zaif"


async def test_hyperliquid_signs_nothing_that_nobody_asked_for() -> None:
    client = _open("HYPERLIQUID")
    assert await client.initialize_client() is True
    request = client.options
    assert not request.get("approvedBuilderFee")
    assert request["refSet"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7.0), ({"retry-after": "soon"}, 1.0), ({}, 1.0), (None, 1.0)],
)
async def test_venue_that_asks_for_a_pause_gets_one_from_everybody_but_the_urgent(
    headers: dict[str, str] | None, seconds: float
) -> None:
    clock = SimulatedClock(SECOND)
    lanes = Lanes(10.0, 10.0, clock)
    client = exchange_class("binance", "BINANCE")({})

    async def refused(*_: Any) -> None:
        client.last_response_headers = headers
        raise errors.DDoSProtection("too many requests")

    client.fetch = refused
    _watch_what_leaves(client, dialect_of("BINANCE"), lanes)
    with pytest.raises(errors.DDoSProtection):
        await client.fetch("http://127.0.0.1/x", "GET", None, None)
    assert lanes._wait_s(1.0, Lane.ORDER) == seconds
    assert lanes._wait_s(1.0, Lane.URGENT) == 0.0


@pytest.mark.parametrize("venue", [*DIALECTS, "LIGHTER", "EXTENDED"])
def test_no_fee_is_paid_to_the_makers_of_ccxt(venue: str) -> None:
    assert _open(venue).options["builderFee"] is False


async def test_aster_signs_no_approval_and_names_no_builder() -> None:
    key = SecretStr("0x" + "1" * 64)
    client = _open("ASTER", keys={"privateKey": key})
    asked: list[Any] = []
    client.fetch = lambda *request: asked.append(request)
    assert await client.initialize_client() in (False, True)
    assert asked == []
    market = {
        "id": "BTCUSDT", "symbol": "BTC/USDT:USDT", "swap": True, "type": "swap", "linear": True,
        "contract": True, "spot": False, "precision": {"amount": 0.001, "price": 0.1}, "limits": {},
    }  # fmt: skip
    client.market = lambda _: market
    client.load_markets_and_sign_in = client.initialize_client
    sent: list[dict[str, Any]] = []

    async def post(request: dict[str, Any]) -> dict[str, Any]:
        sent.append(request)
        return {}

    client.fapiPrivatePostV3Order = post
    client.parse_order = lambda *_: {}
    await client.create_order("BTC/USDT:USDT", "market", "buy", "0.001", None, {})
    (request,) = sent
    assert not {"builder", "feeRate"} & request.keys()


@pytest.mark.parametrize(("venue", "rate"), [("BINANCE", 20.0), ("KRAKEN", 1.0)])
def test_rate_is_what_ccxt_says_of_the_venue(venue: str, rate: float) -> None:
    assert rate_of(dialect_of(venue)) == rate


def test_venue_that_is_not_listed_is_taken_at_its_name() -> None:
    dialect = dialect_of("KRAKEN_FUTURES")
    assert dialect.exchange == "krakenfutures"
    assert not dialect.is_authoritative
    assert not dialect.refuses_at_limit
