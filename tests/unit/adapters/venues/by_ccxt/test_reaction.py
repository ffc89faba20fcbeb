"""Every class of ccxt and every code of the venues leads to a reaction; few to another attempt."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

from tutti.adapters.venues.by_ccxt.dialects import DIALECTS
from tutti.adapters.venues.by_ccxt.reaction import BY_CLASS, Reaction, reaction_to
from tutti.adapters.venues.by_ccxt.translate import failed_order, failed_question, lineage
from tutti.model.errors import (
    InsufficientFunds,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Transient,
    VenueError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.adapters.venues.by_ccxt.dialect import Dialect

errors = importlib.import_module("ccxt.base.errors")

NAMED = ("COINBASE", "KRAKEN", "BINANCE", "BINANCE_USDM", "KUCOIN", "HYPERLIQUID", "ASTER")


def _classes(tree: dict[str, Any]) -> Iterator[str]:
    for name, below in tree.items():
        yield name
        yield from _classes(below)


def test_reaction_to_every_class_of_ccxt_is_listed() -> None:
    assert set(_classes(errors.error_hierarchy)) == set(BY_CLASS)


def test_reaction_to_send_again_is_given_to_one_class_alone() -> None:
    again = {name for name, reaction in BY_CLASS.items() if reaction in _AGAIN}
    assert again == {"InvalidNonce"}


_AGAIN = (Reaction.RETRY, Reaction.WAIT)


def _table(venue: str) -> list[tuple[str, type[Exception]]]:
    exchange = DIALECTS[venue].exchange
    client = getattr(importlib.import_module(f"ccxt.{exchange}"), exchange)()

    def flat(tree: dict[str, Any]) -> Iterator[tuple[str, type[Exception]]]:
        for key, value in tree.items():
            if isinstance(value, dict):
                yield from flat(value)
            else:
                yield str(key), value

    return list(flat(client.exceptions))


@pytest.mark.parametrize("venue", NAMED)
def test_every_code_in_the_venues_table_maps_and_few_are_sent_again(venue: str) -> None:
    dialect = DIALECTS[venue]
    again: set[str] = set()
    for code, kind in _table(venue):
        body = f'{dialect.exchange} {{"code":{code},"msg":"{code}"}}'
        error = failed_order(kind(body), dialect, left=True)
        assert isinstance(error, VenueError)
        if isinstance(error, Transient):
            again.add(f"{kind.__name__} {code}")
    # whatever may be sent again is a limit, a clock that is off, or one of those listed by hand
    for each in again:
        assert each.startswith(("RateLimitExceeded", "DDoSProtection", "InvalidNonce", *_BY_HAND))


_BY_HAND = (
    "OperationFailed -1008",  # "currently overloaded": told before the order is looked at
    # limits and clocks too, in Binance's tables for other kinds of accounts
    "ExchangeError -1003",
    "InvalidOrder -1015",
    "BadRequest -1021",
    "OnMaintenance EService:Market in",  # post only, cancel only
)


def _binance() -> Dialect:
    return DIALECTS["BINANCE"]


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("InsufficientFunds", '{"code":-2010,"msg":"insufficient balance"}', InsufficientFunds),
        ("InvalidOrder", '{"code":-2010,"msg":"Duplicate order sent."}', OutcomeUnknown),
        ("AuthenticationError", '{"code":-2014}', OrderRejected),
        ("ExchangeNotAvailable", "POST https://x/api 400 Bad Request", OutcomeUnknown),
        ("ExchangeNotAvailable", "POST https://x/api 503 <html>", OutcomeUnknown),
        ("DDoSProtection", '429 Too Many Requests {"code":-1003}', RateLimited),
        ("RequestTimeout", "POST https://x/api", OutcomeUnknown),
        ("RequestTimeout", '{"code":-1007,"msg":"Timeout waiting for response"}', OutcomeUnknown),
        ("OperationFailed", '{"code":-1001,"msg":"Internal error"}', OutcomeUnknown),
        ("InvalidNonce", '{"code":-1021,"msg":"Timestamp outside of recvWindow"}', Transient),
        ("ExchangeError", "400, message: bad status line", OutcomeUnknown),
        ("BadResponse", "<html>", OutcomeUnknown),
        ("OperationRejected", '{"code":-2021}', OrderRejected),
    ],
)
def test_failed_order_at_binance_asks_for_the_reaction_that_was_measured(
    kind: str, message: str, expected: type[VenueError]
) -> None:
    error = failed_order(getattr(errors, kind)(f"binance {message}"), _binance(), left=True)
    assert type(error) is expected


def test_failed_order_with_an_error_of_python_after_it_left_is_unknown() -> None:
    # 200 with HTML is returned as a success, and breaks where it is read
    error = failed_order(AttributeError("'str' has no 'get'"), _binance(), left=True)
    assert type(error) is OutcomeUnknown


@pytest.mark.parametrize("kind", sorted(BY_CLASS))
def test_failed_order_that_did_not_leave_is_never_unknown(kind: str) -> None:
    error = failed_order(getattr(errors, kind)("x"), _binance(), left=False)
    assert isinstance(error, Transient | OrderRejected)


def test_failed_order_over_the_limit_of_a_venue_that_nobody_knows_is_unknown() -> None:
    known = reaction_to(("RateLimitExceeded",), "429", (), refuses_at_limit=True)
    unknown = reaction_to(("RateLimitExceeded",), "429", (), refuses_at_limit=False)
    assert (known, unknown) == (Reaction.WAIT, Reaction.RECONCILE)


def test_reaction_to_a_class_that_ccxt_adds_later_is_to_reconcile() -> None:
    assert (
        reaction_to(("BrandNew", "Exception"), "?", (), refuses_at_limit=True) is Reaction.RECONCILE
    )


@pytest.mark.parametrize(
    ("venue", "kind", "message", "expected"),
    [
        ("KRAKEN", "ExchangeError", '{"error":["EOrder:Tick size check failed"]}', OrderRejected),
        ("KRAKEN", "ExchangeNotAvailable", '{"error":["EService:Busy"]}', OutcomeUnknown),
        ("KRAKEN", "ExchangeNotAvailable", '{"error":["EGeneral:Internal error"]}', OutcomeUnknown),
        ("KRAKEN", "DDoSProtection", '{"error":["EOrder:Rate limit exceeded"]}', RateLimited),
        ("KRAKEN", "OnMaintenance", '{"error":["EService:Market in cancel_only mode"]}', Transient),
        ("COINBASE", "ExchangeError", '{"success":false,"error_response":{}}', OrderRejected),
        (
            "COINBASE",
            "ExchangeError",
            '{"success":false,"error_response":{"error":"INSUFFICIENT_FUND"}}',
            InsufficientFunds,
        ),
        ("COINBASE", "ExchangeError", '{"error":"internal_server_error"}', OutcomeUnknown),
        (
            "HYPERLIQUID",
            "ExchangeError",
            '{"status":"ok","response":{"data":{"statuses":[{"error":"Price too far"}]}}}',
            OrderRejected,
        ),
        ("KUCOIN", "ExchangeError", '{"code":"400760","msg":"too small"}', OrderRejected),
        ("KUCOIN", "ExchangeNotAvailable", '{"code":"500000","msg":"Internal"}', OutcomeUnknown),
        ("KUCOIN", "RateLimitExceeded", '{"code":"429000"}', RateLimited),
    ],
)
def test_failed_order_is_sorted_by_the_venues_own_words(
    venue: str, kind: str, message: str, expected: type[VenueError]
) -> None:
    error = failed_order(getattr(errors, kind)(f"x {message}"), DIALECTS[venue], left=True)
    assert type(error) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.RateLimitExceeded("429"), RateLimited),
        (errors.RequestTimeout("slow"), Transient),
        (errors.ExchangeNotAvailable("503"), Transient),
        (KeyError("result"), Transient),
        (errors.AuthenticationError("bad key"), VenueError),
        (errors.ExchangeError("?"), VenueError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_failed_question_may_be_asked_again_unless_the_venue_refused_it(
    error: Exception, expected: type[VenueError]
) -> None:
    assert type(failed_question(error, _binance())) is expected


def test_lineage_of_an_error_begins_with_its_own_class() -> None:
    assert lineage(errors.OrderNotFound("x"))[:3] == (
        "OrderNotFound",
        "InvalidOrder",
        "ExchangeError",
    )
