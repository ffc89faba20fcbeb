"""Binance's orders in perpetuals, those that wait for a price among them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import SECOND
from tutti.testing.exchanges.dialects.binance.orders import Desk, SpotDesk, status_of
from tutti.testing.exchanges.dialects.binance.terms import symbol_of
from tutti.testing.exchanges.dialects.binance.wording import worded
from tutti.testing.exchanges.dialects.parameters import decimal, optional_whole, plain, text
from tutti.testing.exchanges.values import (
    ZERO,
    Fill,
    Listing,
    Order,
    Reason,
    Refused,
    Side,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialects.binance.terms import Symbols
    from tutti.testing.exchanges.marketplace import Marketplace

_MS = 1_000_000
_MOST_AT_ONCE = {"batchOrders": 5, "orderidlist": 10, "origclientorderidlist": 10}

Parameters = dict[str, str]


class Orders:
    """The two desks."""

    def __init__(self, place: Marketplace, symbols: Symbols) -> None:
        self.spot = SpotDesk(place, symbols)
        self.perpetual = PerpetualDesk(place, symbols)

    def of(self, listing: Listing) -> Desk:
        """Return the desk that a listing is traded at."""
        return self.perpetual if listing.is_perpetual else self.spot


class PerpetualDesk(Desk):
    """Orders in perpetuals."""

    is_perpetual = True

    def _is_here(self, order: Order) -> bool:
        return not _waits(order)

    def cancel_all(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Cancel the open orders of one symbol."""
        self._place.cancel_all(account, self._listing(given))
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def countdown(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Set, push out or stop the dead man's switch; it cancels all orders of the account."""
        self._listing(given)
        wait = int(decimal(given, "countdownTime"))
        account.cancel_at = self._place.now() + wait * SECOND // 1000 if wait else 0
        return {"symbol": given["symbol"], "countdownTime": str(wait)}

    def amend(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Change price and quantity of an order."""
        order = self._find(account, given)
        self._place.amend(order, quantity=decimal(given, "quantity"), price=decimal(given, "price"))
        return self.written(order)

    def create_many(self, account: Account, given: Parameters) -> list[dict[str, Any]]:
        """Place up to five orders; each is answered by itself."""
        return [
            self._one(self.create, account, {str(k): str(v) for k, v in each.items()})
            for each in _listed(given, "batchOrders", dict)
        ]

    def cancel_many(self, account: Account, given: Parameters) -> list[dict[str, Any]]:
        """Cancel up to ten orders of one symbol; each is answered by itself."""
        # the names of parameters are taken in either case there
        lower = {key.lower(): value for key, value in given.items()}
        by_id = "orderidlist" in lower
        kind = "orderidlist" if by_id else "origclientorderidlist"
        name = "orderId" if by_id else "origClientOrderId"
        symbol = text(given, "symbol")
        return [
            self._one(self.cancel, account, {"symbol": symbol, name: str(each)}, is_cancel=True)
            for each in _listed(lower, kind, (int, str))
        ]

    def _one(
        self,
        run: Callable[[Account, Parameters], dict[str, Any]],
        account: Account,
        given: Parameters,
        *,
        is_cancel: bool = False,
    ) -> dict[str, Any]:
        try:
            return run(account, given)
        except Refused as refused:
            _, code, said = worded(refused, is_perpetual=True, is_cancel=is_cancel)
            return {"code": code, "msg": said}

    # ---- orders that wait for a price ----

    def create_waiting(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Place an order that waits for a price."""
        return self.waiting(self._place.place(account, self._request(given)))

    def _find_waiting(self, account: Account, given: Parameters) -> Order:
        order_id = optional_whole(given, "algoId")
        if order_id is not None:
            return self._place.find(account, order_id=order_id)
        return self._place.find(account, client_id=text(given, "clientAlgoId"))

    def fetch_waiting(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Return one."""
        return self.waiting(self._find_waiting(account, given))

    def cancel_waiting(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Cancel one."""
        order = self._place.cancel(self._find_waiting(account, given))
        return {
            "algoId": order.id,
            "clientAlgoId": order.client_id,
            "code": "200",
            "msg": "success",
        }

    def open_waiting(self, account: Account, given: Parameters) -> list[dict[str, Any]]:
        """Return those that wait."""
        listing = self._listing(given) if given.get("symbol") else None
        return [
            self.waiting(each)
            for each in self._place.open_orders(account, listing)
            if each.listing.is_perpetual and each.status is Status.WAITING
        ]

    def all_waiting(self, account: Account, given: Parameters) -> list[dict[str, Any]]:
        """Return all that ever waited, of one symbol."""
        orders = self._place.orders_of(account, self._listing(given))
        return [self.waiting(each) for each in orders if each.request.trigger is not None]

    def waiting(self, order: Order) -> dict[str, Any]:
        """Write an order that waits for a price."""
        listing = order.listing
        return {
            "algoId": order.id,
            "clientAlgoId": order.client_id,
            "algoType": "CONDITIONAL",
            "orderType": order.request.tags["type"],
            "symbol": symbol_of(listing),
            "side": order.side.upper(),
            "positionSide": "BOTH",
            "timeInForce": order.request.tags["tif"],
            "quantity": plain(order.quantity, listing.quantity_step),
            "algoStatus": "NEW" if order.status is Status.WAITING else _algo_status(order),
            "actualOrderId": "" if order.status is Status.WAITING else str(order.id),
            "triggerPrice": plain(order.request.trigger or ZERO, listing.price_step),
            "price": plain(order.price or ZERO, listing.price_step),
            "icebergQuantity": None,
            "selfTradePreventionMode": "EXPIRE_MAKER",
            "workingType": "CONTRACT_PRICE",
            "priceMatch": "NONE",
            "closePosition": False,
            "priceProtect": False,
            "reduceOnly": order.request.is_reduce_only,
            "createTime": order.created_at // _MS,
            "updateTime": order.updated_at // _MS,
            "triggerTime": 0,
            "goodTillDate": 0,
        }

    # ---- writing ----

    def client_id(self, order: Order) -> str:
        """Return the client's id, or the one that Binance makes."""
        return order.client_id or f"web_{order.id}"

    def written(self, order: Order) -> dict[str, Any]:
        """Write an order."""
        listing = order.listing
        return {
            "orderId": order.id,
            "symbol": symbol_of(listing),
            "status": status_of(order),
            "clientOrderId": self.client_id(order),
            "price": plain(order.price or ZERO, listing.price_step),
            "avgPrice": f"{order.average:.5f}",
            "origQty": plain(order.quantity, listing.quantity_step),
            "executedQty": plain(order.filled, listing.quantity_step),
            "cumQty": plain(order.filled, listing.quantity_step),
            "cumQuote": f"{order.cost:.5f}",
            "timeInForce": order.request.tags["tif"],
            "type": order.request.tags["type"],
            "reduceOnly": order.request.is_reduce_only,
            "closePosition": False,
            "side": order.side.upper(),
            "positionSide": "BOTH",
            "stopPrice": plain(order.request.trigger or ZERO, listing.price_step),
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "origType": order.request.tags["type"],
            "priceMatch": "NONE",
            "selfTradePreventionMode": "EXPIRE_MAKER",
            "goodTillDate": order.request.expires_at // _MS,
            "time": order.created_at // _MS,
            "updateTime": order.updated_at // _MS,
        }

    def fill(self, fill: Fill) -> dict[str, Any]:
        """Write an execution."""
        listing = fill.order.listing
        return {
            "symbol": symbol_of(listing),
            "id": fill.id,
            "orderId": fill.order.id,
            "side": fill.order.side.upper(),
            "price": plain(fill.price, listing.price_step),
            "qty": plain(fill.quantity, listing.quantity_step),
            "realizedPnl": f"{fill.pnl:.8f}",
            "marginAsset": listing.settle,
            "quoteQty": f"{fill.price * fill.quantity:.8f}",
            "commission": f"{fill.fee:.8f}",
            "commissionAsset": fill.fee_currency,
            "time": fill.ts // _MS,
            "positionSide": "BOTH",
            "buyer": fill.order.side is Side.BUY,
            "maker": fill.is_maker,
        }


def _listed(given: Parameters, name: str, kinds: type | tuple[type, ...]) -> list[Any]:
    try:
        entries = json.loads(text(given, name))
    except ValueError:
        raise Refused(Reason.BAD_REQUEST, name) from None
    if not isinstance(entries, list) or not 0 < len(entries) <= _MOST_AT_ONCE[name]:
        raise Refused(Reason.BAD_REQUEST, name)
    if not all(isinstance(each, kinds) for each in entries):
        raise Refused(Reason.BAD_REQUEST, name)
    return entries


def _waits(order: Order) -> bool:
    return order.request.trigger is not None and (
        order.status is Status.WAITING or (order.status.is_final and not order.filled)
    )


def _algo_status(order: Order) -> str:
    match order.status:
        case Status.CANCELLED:
            return "CANCELED"
        case Status.EXPIRED | Status.REJECTED:
            return "EXPIRED"
        case _:
            return "TRIGGERED"
