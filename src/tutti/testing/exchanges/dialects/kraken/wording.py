"""Kraken's errors for each reason: HTTP 200 with a list of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.testing.exchanges.dialect import Answer
from tutti.testing.exchanges.values import Reason

if TYPE_CHECKING:
    from tutti.testing.exchanges.values import Refused

_ERRORS: dict[Reason, str] = {
    Reason.BAD_KEY: "EAPI:Invalid key",
    Reason.BAD_SIGNATURE: "EAPI:Invalid signature",
    Reason.BAD_TIME: "EAPI:Invalid nonce",
    Reason.BAD_NONCE: "EAPI:Invalid nonce",
    Reason.BAD_REQUEST: "EGeneral:Invalid arguments",
    Reason.MISSING_PARAMETER: "EGeneral:Invalid arguments",
    Reason.UNKNOWN_SYMBOL: "EQuery:Unknown asset pair",
    Reason.UNKNOWN_ORDER: "EOrder:Unknown order",
    Reason.UNKNOWN_ENDPOINT: "EGeneral:Unknown method",
    Reason.DUPLICATE_CLIENT_ID: "EOrder:Duplicate order",
    Reason.INSUFFICIENT_FUNDS: "EOrder:Insufficient funds",
    Reason.BELOW_MIN_QUANTITY: "EGeneral:Invalid arguments:volume minimum not met",
    Reason.BELOW_MIN_NOTIONAL: "EOrder:Cost minimum not met",
    Reason.OFF_QUANTITY_STEP: "EGeneral:Invalid arguments:volume",
    Reason.OFF_PRICE_STEP: "EOrder:Tick size check failed",
    Reason.WOULD_TAKE: "EOrder:Post only order",
    Reason.WOULD_TRIGGER: "EOrder:Invalid price",
    Reason.NO_LIQUIDITY: "EOrder:Market order not possible",
    Reason.NOT_REDUCING: "EOrder:Reduce only:Non-margin order",
    Reason.TOO_MANY_REQUESTS: "EAPI:Rate limit exceeded",
    Reason.TOO_MANY_ORDERS: "EOrder:Rate limit exceeded",
    Reason.UNAVAILABLE: "EService:Unavailable",
    Reason.HALTED: "EService:Market in cancel_only mode",
}
_WITH_DETAIL = (Reason.BAD_REQUEST, Reason.MISSING_PARAMETER)


def worded(refused: Refused) -> str:
    """Return Kraken's text for a refusal."""
    error = _ERRORS[refused.reason]
    if refused.reason in _WITH_DETAIL and refused.detail:
        return f"{error}:{refused.detail}"
    return error


def refusal(refused: Refused) -> Answer:
    """Return the answer for a refusal."""
    return Answer(body={"error": [worded(refused)]})


def outage(status: int) -> Answer:
    """Return the answer of an outage: what the network in front of Kraken says."""
    page = f"<html><head><title>{status}</title></head><body>cloudflare</body></html>"
    return Answer(body=page.encode(), status=status, headers={"Content-Type": "text/html"})
