"""Hyperliquid's messages for each reason: in a 200, of the whole request or of one order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.testing.exchanges.dialect import Answer
from tutti.testing.exchanges.values import Reason

if TYPE_CHECKING:
    from tutti.testing.exchanges.values import Refused

# Said of one order, followed by the asset's number.
_OF_ORDERS: dict[Reason, str] = {
    Reason.INSUFFICIENT_FUNDS: "Insufficient margin to place order.",
    Reason.BELOW_MIN_QUANTITY: "Order has invalid size.",
    Reason.BELOW_MIN_NOTIONAL: "Order must have minimum value of $10.",
    Reason.OFF_QUANTITY_STEP: "Order has invalid size.",
    Reason.OFF_PRICE_STEP: "Price must be divisible by tick size.",
    Reason.WOULD_TAKE: "Post only order would have immediately matched, bbo was {}.",
    Reason.WOULD_TRIGGER: "Invalid TP/SL price.",
    Reason.NO_LIQUIDITY: "Order could not immediately match against any resting orders.",
    Reason.NOT_REDUCING: "Reduce only order would increase position.",
    Reason.UNKNOWN_ORDER: "Order was never placed, already canceled, or filled.",
    Reason.DUPLICATE_CLIENT_ID: "Client order id is in use.",
    Reason.HALTED: "Trading is halted.",
}
_OF_REQUESTS: dict[Reason, str] = {
    Reason.BAD_KEY: "User or API Wallet {} does not exist.",
    Reason.BAD_SIGNATURE: "Unable to recover signer.",
    Reason.BAD_TIME: "Invalid nonce: {}",
    Reason.BAD_NONCE: "Invalid nonce: {}",
    Reason.UNKNOWN_SYMBOL: "Unknown asset: {}",
    Reason.UNKNOWN_ENDPOINT: "Unknown action: {}",
    Reason.TOO_MANY_ORDERS: "Too many cumulative requests sent ({}). Place taker orders to free "
    "up 1 request per USDC traded.",
    Reason.UNAVAILABLE: "Server is overloaded, please retry.",
}

OF_ONE_ORDER = frozenset(_OF_ORDERS)


def of_order(refused: Refused, asset: int, *, is_spot: bool) -> str:
    """Return what is said of one order."""
    message = _OF_ORDERS.get(refused.reason)
    if message is None:
        message = _OF_REQUESTS.get(refused.reason, str(refused))
    if refused.reason is Reason.INSUFFICIENT_FUNDS and is_spot:
        message = "Insufficient spot balance"
    return f"{message.replace('{}', refused.detail)} asset={asset}"


def failure(refused: Refused) -> dict[str, Any]:
    """Return the body that refuses a whole request."""
    message = _OF_REQUESTS.get(refused.reason) or _OF_ORDERS.get(refused.reason) or str(refused)
    return {"status": "err", "response": message.replace("{}", refused.detail)}


def refusal(refused: Refused) -> Answer:
    """Return the answer for a refusal."""
    if refused.reason is Reason.TOO_MANY_REQUESTS:
        return Answer(body=b"null", status=429)
    if refused.reason in (Reason.BAD_REQUEST, Reason.MISSING_PARAMETER):
        # what it can't read, it answers in plain text
        message = b"Failed to deserialize the JSON body into the target type"
        return Answer(body=message, status=422, headers={"Content-Type": "text/plain"})
    return Answer(body=failure(refused))


def outage(status: int) -> Answer:
    """Return the answer of an outage."""
    page = f"<html><head><title>{status}</title></head><body>{status}</body></html>"
    return Answer(body=page.encode(), status=status, headers={"Content-Type": "text/html"})
