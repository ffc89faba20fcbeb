"""Binance's error codes and messages for each reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.testing.exchanges.dialect import Answer
from tutti.testing.exchanges.values import Reason

if TYPE_CHECKING:
    from tutti.testing.exchanges.values import Refused

# reason: HTTP status, code, message; "{}" is the detail
_BOTH: dict[Reason, tuple[int, int, str]] = {
    Reason.BAD_KEY: (401, -2015, "Invalid API-key, IP, or permissions for action."),
    Reason.BAD_SIGNATURE: (400, -1022, "Signature for this request is not valid."),
    Reason.BAD_TIME: (400, -1021, "{}"),
    Reason.BAD_NONCE: (400, -1021, "{}"),
    Reason.BAD_REQUEST: (400, -1100, "Illegal characters found in parameter '{}'."),
    Reason.MISSING_PARAMETER: (
        400,
        -1102,
        "Mandatory parameter '{}' was not sent, was empty/null, or malformed.",
    ),
    Reason.UNKNOWN_SYMBOL: (400, -1121, "Invalid symbol."),
    Reason.UNKNOWN_ORDER: (400, -2013, "Order does not exist."),
    Reason.UNKNOWN_ENDPOINT: (404, -5000, "Path {} is invalid"),
    Reason.TOO_MANY_REQUESTS: (
        429,
        -1003,
        "Too many requests; current limit of IP(127.0.0.1) is 6000 requests per minute. Please use "
        "the websocket for live updates to avoid polling the API.",
    ),
    Reason.TOO_MANY_ORDERS: (
        429,
        -1015,
        "Too many new orders; current limit is 100 orders per 10 SECOND.",
    ),
    Reason.UNAVAILABLE: (
        503,
        -1008,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
    ),
    Reason.NO_LIQUIDITY: (400, -2010, "The order book is empty on the other side."),
}
_SPOT: dict[Reason, tuple[int, int, str]] = {
    Reason.DUPLICATE_CLIENT_ID: (400, -2010, "Duplicate order sent."),
    Reason.INSUFFICIENT_FUNDS: (
        400,
        -2010,
        "Account has insufficient balance for requested action.",
    ),
    Reason.BELOW_MIN_QUANTITY: (400, -1013, "Filter failure: LOT_SIZE"),
    Reason.BELOW_MIN_NOTIONAL: (400, -1013, "Filter failure: NOTIONAL"),
    Reason.OFF_QUANTITY_STEP: (400, -1013, "Filter failure: LOT_SIZE"),
    Reason.OFF_PRICE_STEP: (400, -1013, "Filter failure: PRICE_FILTER"),
    Reason.WOULD_TAKE: (400, -2010, "Order would immediately match and take."),
    Reason.WOULD_TRIGGER: (400, -2010, "Stop price would trigger immediately."),
    Reason.NOT_REDUCING: (400, -1106, "Parameter 'reduceOnly' sent when not required."),
    Reason.HALTED: (400, -1013, "Market is closed."),
}
_PERPETUAL: dict[Reason, tuple[int, int, str]] = {
    Reason.DUPLICATE_CLIENT_ID: (400, -4116, "ClientOrderId is duplicated."),
    Reason.INSUFFICIENT_FUNDS: (400, -2019, "Margin is insufficient."),
    Reason.BELOW_MIN_QUANTITY: (400, -4003, "Quantity less than or equal to zero."),
    Reason.BELOW_MIN_NOTIONAL: (
        400,
        -4164,
        "Order's notional must be no smaller than 5 (unless you choose reduce only).",
    ),
    Reason.OFF_QUANTITY_STEP: (
        400,
        -1111,
        "Precision is over the maximum defined for this asset.",
    ),
    Reason.OFF_PRICE_STEP: (400, -4014, "Price not increased by tick size."),
    Reason.WOULD_TAKE: (
        400,
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    ),
    Reason.WOULD_TRIGGER: (400, -2021, "Order would immediately trigger."),
    Reason.NOT_REDUCING: (400, -2022, "ReduceOnly Order is rejected."),
    Reason.HALTED: (400, -4108, "This contract is being settled."),
}


def worded(refused: Refused, *, is_perpetual: bool, is_cancel: bool) -> tuple[int, int, str]:
    """Return the HTTP status, code and message of a refusal."""
    if refused.reason is Reason.UNKNOWN_ORDER and is_cancel:
        return 400, -2011, "Unknown order sent."
    table = _PERPETUAL if is_perpetual else _SPOT
    status, code, message = table.get(refused.reason) or _BOTH[refused.reason]
    return status, code, message.replace("{}", refused.detail)


def refusal(refused: Refused, *, is_perpetual: bool, is_cancel: bool) -> Answer:
    """Return the answer for a refusal."""
    status, code, message = worded(refused, is_perpetual=is_perpetual, is_cancel=is_cancel)
    headers = {}
    if refused.retry_after_s:
        headers["Retry-After"] = str(max(1, round(refused.retry_after_s)))
    return Answer(body={"code": code, "msg": message}, status=status, headers=headers)


def outage(status: int, retry_after_s: float) -> Answer:
    """Return the answer of an outage: for a 503 the one that says that nobody knows."""
    headers = {"Retry-After": str(max(1, round(retry_after_s)))} if retry_after_s else {}
    if status in (418, 429):
        body: object = {"code": -1003, "msg": "Way too much request weight used; IP banned."}
    elif status == 503:  # noqa: PLR2004
        body = {"msg": "Unknown error, please check your request or try again later."}
    else:
        body = f"<html><body><h1>{status} Bad Gateway</h1></body></html>".encode()
    return Answer(body=body, status=status, headers=headers)
