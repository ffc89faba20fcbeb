"""Coinbase's errors for each reason: some by HTTP status, those of new orders inside a 200."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.testing.exchanges.dialect import Answer
from tutti.testing.exchanges.values import Reason

if TYPE_CHECKING:
    from tutti.testing.exchanges.values import Refused

# reason: HTTP status, error, message
_BY_STATUS: dict[Reason, tuple[int, str, str]] = {
    Reason.BAD_REQUEST: (400, "INVALID_ARGUMENT", "invalid argument: {}"),
    Reason.MISSING_PARAMETER: (400, "INVALID_ARGUMENT", "missing argument: {}"),
    Reason.UNKNOWN_SYMBOL: (400, "INVALID_ARGUMENT", "valid product_id is required"),
    Reason.UNKNOWN_ORDER: (404, "NOT_FOUND", "order with this orderID was not found"),
    Reason.UNKNOWN_ENDPOINT: (404, "NOT_FOUND", "route not found"),
    Reason.UNAVAILABLE: (503, "UNAVAILABLE", "service unavailable"),
}
# reason: error, message, what a preview would have said
_OF_NEW_ORDERS: dict[Reason, tuple[str, str, str]] = {
    Reason.INSUFFICIENT_FUNDS: (
        "INSUFFICIENT_FUND",
        "Insufficient balance in source account",
        "PREVIEW_INSUFFICIENT_FUND",
    ),
    Reason.BELOW_MIN_QUANTITY: (
        "UNKNOWN_FAILURE_REASON",
        "Order size is too small",
        "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL",
    ),
    Reason.BELOW_MIN_NOTIONAL: (
        "UNKNOWN_FAILURE_REASON",
        "Order value is too small",
        "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL",
    ),
    Reason.OFF_QUANTITY_STEP: (
        "INVALID_SIZE_PRECISION",
        "Too many decimals in order amount",
        "PREVIEW_INVALID_SIZE_PRECISION",
    ),
    Reason.OFF_PRICE_STEP: (
        "INVALID_PRICE_PRECISION",
        "Too many decimals in order price",
        "PREVIEW_INVALID_PRICE_PRECISION",
    ),
    Reason.WOULD_TAKE: (
        "INVALID_LIMIT_PRICE_POST_ONLY",
        "Limit price would immediately match and take",
        "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY",
    ),
    Reason.WOULD_TRIGGER: (
        "UNKNOWN_FAILURE_REASON",
        "Stop price is on the wrong side of the last trade",
        "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
    ),
    Reason.NO_LIQUIDITY: (
        "INVALID_NO_LIQUIDITY",
        "No liquidity",
        "PREVIEW_INVALID_NO_LIQUIDITY",
    ),
    Reason.HALTED: (
        "UNKNOWN_FAILURE_REASON",
        "Orderbook is in cancel only mode",
        "PREVIEW_INVALID_ORDERBOOK_CANCEL_ONLY",
    ),
    Reason.NOT_REDUCING: (
        "UNSUPPORTED_ORDER_CONFIGURATION",
        "Unsupported order configuration",
        "PREVIEW_UNSUPPORTED_ORDER_CONFIGURATION",
    ),
}
_UNAUTHORIZED = (Reason.BAD_KEY, Reason.BAD_SIGNATURE, Reason.BAD_TIME, Reason.BAD_NONCE)
_TOO_MANY = (Reason.TOO_MANY_REQUESTS, Reason.TOO_MANY_ORDERS)


def refusal(refused: Refused) -> Answer:
    """Return the answer for a refusal."""
    if refused.reason in _UNAUTHORIZED:
        headers = {"Content-Type": "text/plain"}
        return Answer(body=b"Unauthorized\n", status=401, headers=headers)
    if refused.reason in _TOO_MANY:
        return _too_many()
    if refused.reason in _OF_NEW_ORDERS:
        return Answer(body=failed_order(refused, {}))
    status, error, message = _BY_STATUS[refused.reason]
    said = message.replace("{}", refused.detail)
    return Answer(body={"error": error, "error_details": said, "message": said}, status=status)


def _too_many() -> Answer:
    error = {"id": "rate_limit_exceeded", "message": "Too many requests"}
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}
    return Answer(body={"errors": [error]}, status=429, headers=headers)


def is_of_new_orders(refused: Refused) -> bool:
    """Return whether a refusal is told inside a 200."""
    return refused.reason in _OF_NEW_ORDERS


def failed_order(refused: Refused, configuration: dict[str, Any]) -> dict[str, Any]:
    """Return the body that refuses a new order."""
    error, message, preview = _OF_NEW_ORDERS[refused.reason]
    return {
        "success": False,
        "failure_reason": "UNKNOWN_FAILURE_REASON",
        "order_id": "",
        "error_response": {
            "error": error,
            "message": message,
            "error_details": "",
            "preview_failure_reason": preview,
            "new_order_failure_reason": error,
        },
        "order_configuration": configuration,
    }


def outage(status: int) -> Answer:
    """Return the answer of an outage."""
    if status == 429:  # noqa: PLR2004
        return _too_many()
    return Answer(
        body=b"<html><body><h1>upstream connect error or disconnect</h1></body></html>",
        status=status,
        headers={"Content-Type": "text/html"},
    )
