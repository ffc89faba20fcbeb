"""Kraken's private channels, and orders placed over the socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import iso
from tutti.testing.exchanges.dialects.kraken.terms import written_id
from tutti.testing.exchanges.dialects.parameters import text
from tutti.testing.exchanges.values import ZERO, Kind, Reason, Refused, Status

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialect import Stream
    from tutti.testing.exchanges.dialects.kraken.orders import Desk
    from tutti.testing.exchanges.happenings import OrderChanged
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Fill, Order

_NEWEST = 50

Parameters = dict[str, Any]


class Executions:
    """The channels ``executions`` and ``balances`` of one connection."""

    def __init__(self, place: Marketplace, desk: Desk, stream: Stream) -> None:
        self._place = place
        self._desk = desk
        self._stream = stream
        self._account: Account | None = None
        self._balances_of: Account | None = None
        self._sequence = 0

    # ---- subscriptions ----

    def set(self, channel: str, account: Account | None, given: Parameters) -> None:
        """Begin a channel with its snapshot, or end it."""
        if channel == "balances":
            self._balances_of = account
            if account is not None:
                rows = [self._balance(name, account) for name in sorted(account.spot)]
                self._send("balances", "snapshot", rows)
            return
        self._account = account
        if account is None:
            return
        if given.get("snap_orders", True):
            rows = [
                self._row(each, "new" if not each.filled else "status")
                for each in self._place.open_orders(account)
            ]
            if rows:
                self._send("executions", "snapshot", rows)
        if given.get("snap_trades"):
            fills = self._place.fills_of(account)[-_NEWEST:]
            if fills:
                self._send("executions", "snapshot", [self._trade(each) for each in fills])

    def _send(self, channel: str, kind: str, rows: list[dict[str, Any]], name: str = "") -> None:
        self._sequence += 1
        message = {"channel": channel, "type": kind, "data": rows, "sequence": self._sequence}
        where = "stream.balances" if channel == "balances" else "stream.orders"
        self._stream.send(where, message, listing=name)

    def hear(self, changed: OrderChanged) -> None:
        """Tell of an order's change."""
        order = changed.order
        name = order.listing.name
        account = self._account
        if account is not None and order.account == account.name:
            if changed.fill is not None:
                self._send("executions", "update", [self._trade(changed.fill)], name)
                if order.status is Status.FILLED and changed.fill is order.fills[-1]:
                    self._send("executions", "update", [self._row(order, "filled")], name)
            else:
                self._send("executions", "update", [self._row(order, _what(changed))], name)
        account = self._balances_of
        if account is None or order.account != account.name or changed.fill is None:
            return
        rows = [
            {**self._balance(each, account), "type": "trade", "ref_id": written_id("T", order.id)}
            for each in (order.listing.base, order.listing.quote)
        ]
        self._send("balances", "update", rows, name)

    def _balance(self, currency: str, account: Account) -> dict[str, Any]:
        amount = float(account.spot.get(currency, ZERO))
        return {
            "asset": currency,
            "asset_class": "currency",
            "balance": amount,
            "wallets": [{"type": "spot", "id": "main", "balance": amount}],
        }

    # ---- rows ----

    def _row(self, order: Order, exec_type: str) -> dict[str, Any]:
        row = {
            "order_id": written_id("O", order.id),
            "symbol": order.listing.name,
            "side": order.side,
            "order_type": order.request.tags["type"],
            "order_qty": float(order.quantity),
            "exec_type": exec_type,
            "order_status": _status(order, exec_type),
            "cum_qty": float(order.filled),
            "cum_cost": float(order.cost),
            "avg_price": float(order.average),
            "fee_usd_equiv": float(sum(order.fees().values(), ZERO)),
            "time_in_force": order.request.tags["tif"].upper(),
            "post_only": order.request.is_post_only,
            "reduce_only": False,
            "timestamp": iso(order.updated_at),
        }
        if order.client_id:
            row["cl_ord_id"] = order.client_id
        if order.request.tags["userref"]:
            row["order_userref"] = int(order.request.tags["userref"])
        if order.price is not None:
            row["limit_price"] = float(order.price)
        if order.detail:
            row["reason"] = order.detail
        return row

    def _trade(self, fill: Fill) -> dict[str, Any]:
        order = fill.order
        until = order.fills[: order.fills.index(fill) + 1]
        filled = sum((each.quantity for each in until), ZERO)
        cost = sum((each.quantity * each.price for each in until), ZERO)
        is_last = filled >= order.quantity
        return {
            **self._row(order, "trade"),
            "order_status": "filled" if is_last else "partially_filled",
            "exec_id": written_id("T", fill.id),
            "trade_id": fill.id,
            "last_qty": float(fill.quantity),
            "last_price": float(fill.price),
            "cost": float(fill.quantity * fill.price),
            "liquidity_ind": "m" if fill.is_maker else "t",
            "fees": [{"asset": fill.fee_currency, "qty": float(fill.fee)}],
            "cum_qty": float(filled),
            "cum_cost": float(cost),
            "avg_price": float(cost / filled),
            "timestamp": iso(fill.ts),
        }

    # ---- orders over the socket ----

    def do(self, method: str, account: Account, given: Parameters) -> dict[str, Any]:
        """Place, change or cancel.

        Raises
        ------
        Refused
            If the venue says no.
        """
        match method:
            case "add_order":
                return self._add(account, given)
            case "amend_order":
                words = {**given, "txid": given.get("order_id")}
                return self._desk.amend(account, words)
            case "cancel_order":
                ids = given.get("order_id") or []
                for each in ids:
                    self._desk.cancel(account, {"txid": each})
                for each in given.get("cl_ord_id") or []:
                    self._desk.cancel(account, {"cl_ord_id": each})
                return {"order_id": ids[0] if ids else ""}
            case "cancel_all":
                return self._desk.cancel_all(account, given)
            case "cancel_all_orders_after":
                return self._desk.cancel_after(account, given)
            case _:
                raise Refused(Reason.UNKNOWN_ENDPOINT, method)

    def _add(self, account: Account, given: Parameters) -> dict[str, Any]:
        type_ = text(given, "order_type")
        trigger = (given.get("triggers") or {}).get("price")
        limit = given.get("limit_price")
        words = {
            "pair": text(given, "symbol"),
            "type": text(given, "side"),
            "ordertype": type_,
            "volume": given.get("order_qty"),
            "price": limit if trigger is None else trigger,
            "price2": None if trigger is None else limit,
            "cl_ord_id": given.get("cl_ord_id"),
            "userref": given.get("order_userref"),
            "timeinforce": given.get("time_in_force"),
            "oflags": "post" if given.get("post_only") else "",
        }
        request = self._desk.request(words)
        if request.kind is Kind.LIMIT and request.price is None:
            raise Refused(Reason.MISSING_PARAMETER, "limit_price")
        order = self._place.place(account, request)
        answer = {"order_id": written_id("O", order.id)}
        if order.client_id:
            answer["cl_ord_id"] = order.client_id
        return answer


def _what(changed: OrderChanged) -> str:
    match changed.what:
        case "accepted" | "triggered":
            return "new"
        case "amended":
            return "amended"
        case _ if changed.order.status is Status.EXPIRED:
            return "expired"
        case _:
            return "canceled"


def _status(order: Order, exec_type: str) -> str:
    match exec_type:
        case "new":
            return "new"
        case "filled" | "canceled" | "expired":
            return exec_type
        case _:
            return "partially_filled" if order.filled else "new"
