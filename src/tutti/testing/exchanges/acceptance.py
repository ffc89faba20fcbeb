"""What an order has to satisfy to be accepted, and what it ties up."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.testing.exchanges.values import ZERO, Kind, Reason, Refused, Side, Status

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.book import OrderBook
    from tutti.testing.exchanges.values import Listing, Order, OrderRequest

# A market order in a perpetual may cost this much more than the last price says.
_SLACK = Decimal("1.0005")


def check_steps(listing: Listing, quantity: Decimal, price: Decimal | None) -> None:
    """Check quantity and price against a listing's steps and its smallest quantity.

    Raises
    ------
    Refused
        If they don't fit.
    """
    if quantity <= ZERO or quantity % listing.quantity_step:
        raise Refused(Reason.OFF_QUANTITY_STEP, f"quantity {quantity}")
    if quantity < listing.min_quantity:
        raise Refused(Reason.BELOW_MIN_QUANTITY, f"quantity {quantity}")
    if price is not None and (price <= ZERO or price % listing.price_step):
        raise Refused(Reason.OFF_PRICE_STEP, f"price {price}")


def check_terms(request: OrderRequest, book: OrderBook, last: Decimal) -> None:
    """Check an order against its listing's terms, the last price and the book.

    Raises
    ------
    Refused
        If it is too small, would trigger at once, would take though it must not, or finds nobody.
    """
    if not request.quote_quantity:
        check_steps(request.listing, request.quantity, request.price)
    notional = request.quote_quantity or request.quantity * (request.price or last)
    if notional < request.listing.min_notional and not request.is_reduce_only:
        raise Refused(Reason.BELOW_MIN_NOTIONAL, f"notional {notional}")
    if request.trigger is not None:
        trigger = request.trigger
        if last >= trigger if request.triggers_above else last <= trigger:
            raise Refused(Reason.WOULD_TRIGGER, f"trigger {trigger}, last {last}")
        return
    opposite = request.side.other
    if request.is_post_only and book.front(opposite, request.price) is not None:
        raise Refused(Reason.WOULD_TAKE, f"price {request.price}")
    if request.kind is Kind.MARKET and book.best(opposite) is None:
        raise Refused(Reason.NO_LIQUIDITY, "nobody on the other side")


def check_amendment(
    order: Order, quantity: Decimal, price: Decimal | None, book: OrderBook, last: Decimal
) -> None:
    """Check the new terms of an open order as a new order's are.

    Raises
    ------
    Refused
        If it is final, too small, filled already, or would take though it must not.
    """
    if order.status.is_final:
        raise Refused(Reason.UNKNOWN_ORDER, f"order {order.id} is {order.status}")
    check_steps(order.listing, quantity, price)
    if quantity <= order.filled:
        raise Refused(Reason.BAD_REQUEST, "the new quantity is filled already")
    request = order.request
    notional = quantity * (price or last)
    if notional < order.listing.min_notional and not request.is_reduce_only:
        raise Refused(Reason.BELOW_MIN_NOTIONAL, f"notional {notional}")
    takes = request.is_post_only and order.status is Status.OPEN and price != order.price
    if takes and book.front(order.side.other, price) is not None:
        raise Refused(Reason.WOULD_TAKE, f"price {price}")


def tied_up(
    account: Account, request: OrderRequest, quantity: Decimal, book: OrderBook, last: Decimal
) -> Decimal:
    """Return what so much of an order ties up: money, base units, or margin for what it opens."""
    listing = request.listing
    if not listing.is_perpetual and request.side is Side.SELL:
        return quantity if not request.quote_quantity else ZERO
    price = request.price
    if not listing.is_perpetual:
        worth = request.quote_quantity or quantity * (price or _worst(request, book, last))
        fee = ZERO if listing.is_fee_in_received else worth * listing.taker_fee
        return worth + fee
    opens = max(ZERO, quantity - account.reducible(listing, request.side))
    unit = price or last * _SLACK
    return opens * unit * (1 / Decimal(account.position(listing).leverage) + listing.taker_fee)


def _worst(request: OrderRequest, book: OrderBook, last: Decimal) -> Decimal:
    # a market order's notional by the levels that it will take, so that it never overdraws
    left, worth, price = request.quantity, ZERO, last
    for price, there in book.levels(request.side.other):
        part = min(left, there)
        worth += part * price
        left -= part
        if not left:
            break
    worth += left * price
    return worth / request.quantity if request.quantity else price
