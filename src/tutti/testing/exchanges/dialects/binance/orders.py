"""Binance's orders: what a request asks for, and how spot orders and their fills are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.testing.exchanges.dialects.binance.terms import symbol_of
from tutti.testing.exchanges.dialects.binance.wording import worded
from tutti.testing.exchanges.dialects.parameters import (
    decimal,
    optional_decimal,
    optional_whole,
    text,
)
from tutti.testing.exchanges.values import (
    ZERO,
    Fill,
    Kind,
    Life,
    Listing,
    Order,
    OrderRequest,
    Reason,
    Refused,
    Side,
    Status,
)

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialects.binance.terms import Symbols
    from tutti.testing.exchanges.marketplace import Marketplace

_MS = 1_000_000
_LIVES = {
    "GTC": Life.GOOD_TILL_CANCELLED,
    "GTX": Life.GOOD_TILL_CANCELLED,
    "GTD": Life.GOOD_TILL_DATE,
    "IOC": Life.IMMEDIATE_OR_CANCEL,
    "FOK": Life.FILL_OR_KILL,
}
# type: whether it names a price, whether it waits, whether it triggers against the position
_TYPES = {
    "LIMIT": (Kind.LIMIT, ""),
    "LIMIT_MAKER": (Kind.LIMIT, ""),
    "MARKET": (Kind.MARKET, ""),
    "STOP_LOSS": (Kind.MARKET, "stop"),
    "STOP_LOSS_LIMIT": (Kind.LIMIT, "stop"),
    "STOP": (Kind.LIMIT, "stop"),
    "STOP_MARKET": (Kind.MARKET, "stop"),
    "TAKE_PROFIT": (Kind.MARKET, "profit"),
    "TAKE_PROFIT_LIMIT": (Kind.LIMIT, "profit"),
    "TAKE_PROFIT_MARKET": (Kind.MARKET, "profit"),
}

Parameters = dict[str, str]


class Desk:
    """What both desks do alike."""

    is_perpetual = False

    def __init__(self, place: Marketplace, symbols: Symbols) -> None:
        self._place = place
        self._symbols = symbols

    # ---- reading requests ----

    def _listing(self, given: Parameters) -> Listing:
        return self._symbols.find(text(given, "symbol"), is_perpetual=self.is_perpetual)

    def _request(self, given: Parameters) -> OrderRequest:
        listing = self._listing(given)
        type_ = text(given, "type")
        if type_ not in _TYPES:
            raise Refused(Reason.BAD_REQUEST, "type")
        kind, waits = _TYPES[type_]
        if self.is_perpetual and type_ == "TAKE_PROFIT":
            kind = Kind.LIMIT
        try:
            side = Side(text(given, "side").lower())
        except ValueError:
            raise Refused(Reason.BAD_REQUEST, "side") from None
        life = _LIVES.get(given.get("timeInForce", "GTC"))
        if life is None:
            raise Refused(Reason.BAD_REQUEST, "timeInForce")
        trigger = None
        if waits:
            trigger = optional_decimal(given, "triggerPrice") or decimal(given, "stopPrice")
        spends = optional_decimal(given, "quoteOrderQty") or ZERO
        rises = (side is Side.BUY) == (waits == "stop")
        return OrderRequest(
            listing=listing,
            side=side,
            kind=kind,
            quantity=ZERO if spends else decimal(given, "quantity"),
            quote_quantity=spends,
            price=decimal(given, "price") if kind is Kind.LIMIT else None,
            client_id=given.get("newClientOrderId") or given.get("clientAlgoId") or "",
            life=life,
            is_post_only=type_ == "LIMIT_MAKER" or given.get("timeInForce") == "GTX",
            is_reduce_only=given.get("reduceOnly", "false").lower() == "true",
            trigger=trigger,
            triggers_above=rises,
            expires_at=(optional_whole(given, "goodTillDate") or 0) * _MS,
            tags={"type": type_, "tif": given.get("timeInForce", "GTC")},
        )

    def _find(self, account: Account, given: Parameters, prefix: str = "orig") -> Order:
        listing = self._listing(given)
        name = f"{prefix}ClientOrderId" if prefix else "clientOrderId"
        order_id = optional_whole(given, "orderId")
        if order_id is None:
            order = self._place.find(account, client_id=text(given, name))
        else:
            order = self._place.find(account, order_id=order_id)
        if order.listing is not listing:
            raise Refused(Reason.UNKNOWN_ORDER, "another symbol's")
        return order

    # ---- what both answer ----

    def create(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Place an order."""
        order = self._place.place(account, self._request(given))
        return self.placed(order)

    def test(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Say whether an order would be taken."""
        self._place.check(account, self._request(given))
        return {}

    def fetch(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Return one order."""
        return self.written(self._find(account, given))

    def cancel(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Cancel one order."""
        order = self._place.cancel(self._find(account, given))
        return self.cancelled(order)

    def open(self, account: Account, given: Parameters) -> list[dict[str, Any]]:
        """Return open orders, of one symbol or all."""
        return [self.written(each) for each in self._open(account, given)]

    def _open(self, account: Account, given: Parameters) -> list[Order]:
        listing = self._listing(given) if given.get("symbol") else None
        return [
            each
            for each in self._place.open_orders(account, listing)
            if each.listing.is_perpetual == self.is_perpetual and self._is_here(each)
        ]

    def _is_here(self, order: Order) -> bool:  # noqa: ARG002
        return True

    def all(self, account: Account, given: Parameters) -> list[dict[str, Any]]:
        """Return all orders of one symbol, oldest first."""
        orders = [
            each
            for each in self._place.orders_of(account, self._listing(given))
            if self._is_here(each)
        ]
        first = optional_whole(given, "orderId")
        if first is not None:
            orders = [each for each in orders if each.id >= first]
        return [self.written(each) for each in _page(orders, given, lambda each: each.created_at)]

    def fills(self, account: Account, given: Parameters) -> list[dict[str, Any]]:
        """Return executions of one symbol, oldest first."""
        fills = self._place.fills_of(account, self._listing(given))
        order_id = optional_whole(given, "orderId")
        if order_id is not None:
            fills = [each for each in fills if each.order.id == order_id]
        first = optional_whole(given, "fromId")
        if first is not None:
            return [self.fill(each) for each in fills if each.id >= first][:1000]
        return [self.fill(each) for each in _page(fills, given, lambda each: each.ts)]

    # ---- writing ----

    def placed(self, order: Order) -> dict[str, Any]:
        """Write an order as the answer to its placing."""
        return self.written(order)

    def cancelled(self, order: Order) -> dict[str, Any]:
        """Write an order as the answer to its cancelling."""
        return self.written(order)

    def written(self, order: Order) -> dict[str, Any]:
        """Write an order."""
        raise NotImplementedError

    def fill(self, fill: Fill) -> dict[str, Any]:
        """Write an execution."""
        raise NotImplementedError


class SpotDesk(Desk):
    """Spot orders."""

    def cancel_all(self, account: Account, given: Parameters) -> list[dict[str, Any]]:
        """Cancel the open orders of one symbol.

        Raises
        ------
        Refused
            If there are none: Binance calls that an unknown order.
        """
        orders = self._place.cancel_all(account, self._listing(given))
        if not orders:
            raise Refused(Reason.UNKNOWN_ORDER)
        return [self.cancelled(each) for each in orders]

    def replace(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Cancel an order, and place another if that worked."""
        wanted = {
            **given,
            "orderId": given.get("cancelOrderId", ""),
            "origClientOrderId": given.get("cancelOrigClientOrderId", ""),
        }
        request = self._request(given)
        old = self._place.cancel(self._find(account, wanted))
        try:
            new = self._place.place(account, request)
        except Refused as refused:
            _, code, message = worded(refused, is_perpetual=False, is_cancel=False)
            return {
                "code": -2021,
                "msg": "Order cancel-replace partially failed.",
                "data": {
                    "cancelResult": "SUCCESS",
                    "newOrderResult": "FAILURE",
                    "cancelResponse": self.cancelled(old),
                    "newOrderResponse": {"code": code, "msg": message},
                },
            }
        return {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": self.cancelled(old),
            "newOrderResponse": self.placed(new),
        }

    def shrink(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Lower the quantity of an order, which keeps its place."""
        order = self._find(account, given)
        quantity = decimal(given, "newQty")
        if quantity >= order.quantity:
            raise Refused(Reason.BAD_REQUEST, "newQty")
        self._place.amend(order, quantity=quantity)
        return {
            "transactTime": order.updated_at // _MS,
            "executionId": order.id,
            "amendedOrder": self.written(order),
        }

    def placed(self, order: Order) -> dict[str, Any]:
        """Write an order in the FULL form, with its fills."""
        return {
            **self._short(order),
            "transactTime": order.created_at // _MS,
            "workingTime": order.created_at // _MS,
            "fills": [
                {
                    "price": f"{fill.price:.8f}",
                    "qty": f"{fill.quantity:.8f}",
                    "commission": f"{fill.fee:.8f}",
                    "commissionAsset": fill.fee_currency,
                    "tradeId": fill.id,
                }
                for fill in order.fills
            ],
        }

    def cancelled(self, order: Order) -> dict[str, Any]:
        """Write a cancelled order, with the id that it had."""
        return {
            **self._short(order),
            "origClientOrderId": self.client_id(order),
            "transactTime": order.updated_at // _MS,
        }

    def written(self, order: Order) -> dict[str, Any]:
        """Write an order."""
        return {
            **self._short(order),
            "stopPrice": f"{order.request.trigger or ZERO:.8f}",
            "icebergQty": "0.00000000",
            "time": order.created_at // _MS,
            "updateTime": order.updated_at // _MS,
            "isWorking": order.status is not Status.WAITING,
            "workingTime": order.created_at // _MS,
            "origQuoteOrderQty": f"{order.request.quote_quantity:.8f}",
        }

    def client_id(self, order: Order) -> str:
        """Return the client's id, or the one that Binance makes."""
        return order.client_id or f"web_{order.id}"

    def _short(self, order: Order) -> dict[str, Any]:
        return {
            "symbol": symbol_of(order.listing),
            "orderId": order.id,
            "orderListId": -1,
            "clientOrderId": self.client_id(order),
            "price": f"{order.price or ZERO:.8f}",
            "origQty": f"{order.quantity:.8f}",
            "executedQty": f"{order.filled:.8f}",
            "cummulativeQuoteQty": f"{order.cost:.8f}",
            "status": status_of(order),
            "timeInForce": order.request.tags["tif"],
            "type": order.request.tags["type"],
            "side": order.side.upper(),
            "selfTradePreventionMode": "EXPIRE_MAKER",
        }

    def fill(self, fill: Fill) -> dict[str, Any]:
        """Write an execution."""
        return {
            "symbol": symbol_of(fill.order.listing),
            "id": fill.id,
            "orderId": fill.order.id,
            "orderListId": -1,
            "price": f"{fill.price:.8f}",
            "qty": f"{fill.quantity:.8f}",
            "quoteQty": f"{fill.price * fill.quantity:.8f}",
            "commission": f"{fill.fee:.8f}",
            "commissionAsset": fill.fee_currency,
            "time": fill.ts // _MS,
            "isBuyer": fill.order.side is Side.BUY,
            "isMaker": fill.is_maker,
            "isBestMatch": True,
        }


def status_of(order: Order) -> str:
    """Return Binance's word for where an order is."""
    match order.status:
        case Status.WAITING:
            return "NEW"
        case Status.OPEN:
            return "PARTIALLY_FILLED" if order.filled else "NEW"
        case Status.FILLED:
            return "FILLED"
        case Status.CANCELLED:
            return "CANCELED"
        case Status.EXPIRED:
            return "EXPIRED"
        case Status.REJECTED:
            return "REJECTED"


def _page(rows: list[Any], given: Parameters, ts_of: Any) -> list[Any]:
    start = (optional_whole(given, "startTime") or 0) * _MS
    end = (optional_whole(given, "endTime") or 2**43) * _MS
    chosen = [each for each in rows if start <= ts_of(each) <= end + _MS - 1]
    limit = min(optional_whole(given, "limit") or 500, 1000)
    return chosen[:limit] if start else chosen[-limit:]
