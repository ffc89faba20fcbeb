"""Messages of venues without queries, signatures and secrets."""

from __future__ import annotations

import importlib

import pytest

from tutti.adapters.venues.by_ccxt.dialects import DIALECTS
from tutti.adapters.venues.by_ccxt.translate import cleaned, failed_order, never_connected, said

errors = importlib.import_module("ccxt.base.errors")
aiohttp = importlib.import_module("aiohttp")

_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"


def test_message_of_an_error_holds_no_secret_and_no_signature() -> None:
    text = (
        f"binance POST https://api.binance.com/api/v3/order?symbol=BTCUSDT&signature={'a1' * 32} "
        f"key {_KEY} {_SECRET} {'c8' * 32} 400"
    )
    error = failed_order(
        errors.ExchangeNotAvailable(text), DIALECTS["BINANCE"], left=True, secrets=(_KEY, _SECRET)
    )
    for word in (_KEY, _SECRET, "a1a1", "c8c8", "symbol="):
        assert word not in str(error)
    assert "https://api.binance.com/api/v3/order" in str(error)


def test_message_of_an_error_is_one_short_line() -> None:
    text = cleaned("<html>\n" + "many words " * 200)
    assert len(text) <= 300
    assert "\n" not in text


def test_message_keeps_what_the_venue_said() -> None:
    assert said(errors.InvalidOrder('{"code":-1013,"msg":"Filter failure: LOT_SIZE"}')) == (
        'InvalidOrder: {"code":-1013,"msg":"Filter failure: LOT_SIZE"}'
    )


def test_message_with_an_empty_secret_stays_whole() -> None:
    assert cleaned("as it was", ("",)) == "as it was"


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (aiohttp.ClientConnectorError(None, OSError(111, "refused")), True),
        (aiohttp.ConnectionTimeoutError(), True),
        (OSError(104, "reset by peer"), False),
        (aiohttp.ServerDisconnectedError(), False),
        (aiohttp.SocketTimeoutError(), False),
        (TimeoutError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_connection_that_was_never_made_is_told_from_one_that_broke(
    cause: Exception, expected: bool
) -> None:
    error = errors.ExchangeNotAvailable("binance POST")
    error.__cause__ = cause
    assert never_connected(error) is expected
