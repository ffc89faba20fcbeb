"""Kraken's orders: what a request asks for, and how an order and its fills are written."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import SECOND, iso
from tutti.testing.exchanges.dialects.kraken.market_data import seconds
from tutti.testing.exchanges.dialects.kraken.terms import altname_of, pair_of, read_id, written_id
from tutti.testing.exchanges.dialects.parameters import (
    decimal,
    optional_decimal,
    optional_whole,
    plain,
    text,
)
from tutti.testing.exchanges.values import (
    ZERO,
    Fill,
    Kind,
    Life,
    Order,
    OrderRequest,
    Reason,
    Refused,
    Side,
    Status,
)

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialects.kraken.terms import Pairs
    from tutti.testing.exchanges.marketplace import Marketplace

_PAGE = 50
_LIVES = {
    "GTC": Life.GOOD_TILL_CANCELLED,
    "IOC": Life.IMMEDIATE_OR_CANCEL,
    "FOK": Life.FILL_OR_KILL,
    "GTD": Life.GOOD_TILL_DATE,
}
_TYPES = (
    "market",
    "limit",
    "stop-loss",
    "stop-loss-limit",
    "take-profit",
    "take-profit-limit",
)

Parameters = dict[str, Any]


class Desk:
    """Where orders are placed, asked for, changed and cancelled."""

    def __init__(self, place: Marketplace, pairs: Pairs) -> None:
        self._place = place
        self._pairs = pairs

    # ---- reading ----

    def request(self, given: Parameters) -> OrderRequest:
        """Understand an order.

        Raises
        ------
        Refused
            If something is missing or wrong.
        """
        listing = self._pairs.find(text(given, "pair"))
        type_ = text(given, "ordertype")
        if type_ not in _TYPES:
            raise Refused(Reason.BAD_REQUEST, "ordertype")
        try:
            side = Side(text(given, "type"))
        except ValueError:
            raise Refused(Reason.BAD_REQUEST, "type") from None
        life_name = str(given.get("timeinforce") or "GTC").upper()
        if life_name not in _LIVES:
            raise Refused(Reason.BAD_REQUEST, "timeinforce")
        waits = type_.startswith(("stop", "take"))
        is_limit = type_.endswith("limit")
        volume = decimal(given, "volume")
        flags = str(given.get("oflags") or "").split(",")
        spends = "viqc" in flags
        trigger = decimal(given, "price") if waits else None
        price = decimal(given, "price2" if waits else "price") if is_limit else None
        return OrderRequest(
            listing=listing,
            side=side,
            kind=Kind.LIMIT if is_limit else Kind.MARKET,
            quantity=ZERO if spends else volume,
            quote_quantity=volume if spends else ZERO,
            price=price,
            client_id=str(given.get("cl_ord_id") or ""),
            life=_LIVES[life_name],
            is_post_only="post" in flags,
            trigger=trigger,
            triggers_above=(side is Side.BUY) == type_.startswith("stop"),
            expires_at=self._expiry(given),
            tags={
                "type": type_,
                "userref": str(given.get("userref") or ""),
                "flags": ",".join(each for each in (*flags, "fciq") if each),
                "tif": life_name.lower(),
            },
        )

    def _expiry(self, given: Parameters) -> int:
        said = str(given.get("expiretm") or "0")
        if said.startswith("+"):
            return self._place.now() + int(Decimal(said[1:]) * SECOND)
        return int(Decimal(said) * SECOND)

    def find(self, account: Account, written: str) -> Order:
        """Return an order by Kraken's id.

        Raises
        ------
        Refused
            If there is none.
        """
        number = read_id(written)
        if number is None:
            raise Refused(Reason.UNKNOWN_ORDER, written)
        return self._place.find(account, order_id=number)

    def find_either(self, account: Account, given: Parameters) -> Order:
        """Return an order by whichever id was given.

        Raises
        ------
        Refused
            If there is none.
        """
        client_id = given.get("cl_ord_id")
        if client_id:
            return self._place.find(account, client_id=str(client_id))
        return self.find(account, text(given, "txid"))

    # ---- what is asked ----

    def create(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Place an order, or only check it."""
        request = self.request(given)
        if str(given.get("validate", "")).lower() == "true":
            self._place.check(account, request)
            return {"descr": {"order": self.description(request)}}
        order = self._place.place(account, request)
        answer: dict[str, Any] = {
            "descr": {"order": self.description(request)},
            "txid": [written_id("O", order.id)],
        }
        if order.client_id:
            answer["cl_ord_id"] = order.client_id
        return answer

    def amend(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Change quantity or price of an order, which keeps its id."""
        order = self.find_either(account, given)
        self._place.amend(
            order,
            quantity=optional_decimal(given, "order_qty"),
            price=optional_decimal(given, "limit_price"),
        )
        return {"amend_id": written_id("T", self._place.next_id())}

    def cancel(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Cancel one order, or all with a user reference."""
        reference = given.get("txid")
        if not given.get("cl_ord_id") and reference and str(reference).isdigit():
            orders = [
                each
                for each in self._place.open_orders(account)
                if each.request.tags["userref"] == str(reference)
            ]
            if not orders:
                raise Refused(Reason.UNKNOWN_ORDER)
        else:
            orders = [self.find_either(account, given)]
        for each in orders:
            self._place.cancel(each, detail="User requested")
        return {"count": len(orders)}

    def cancel_batch(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Cancel several orders; those that are not open are left out of the count."""
        count = 0
        for each in given.get("orders") or []:
            try:
                self.cancel(account, {"txid": each})
            except Refused:
                continue
            count += 1
        return {"count": count}

    def cancel_all(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Cancel everything."""
        return {"count": len(self._place.cancel_all(account))}

    def cancel_after(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Set, push out or stop the dead man's switch."""
        wait = optional_whole(given, "timeout") or 0
        now = self._place.now()
        account.cancel_at = now + wait * SECOND if wait else 0
        return {
            "currentTime": iso(now),
            "triggerTime": iso(now + wait * SECOND) if wait else "0",
        }

    def open(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Return open orders."""
        orders = self._filtered(self._place.open_orders(account), given)
        return {"open": {written_id("O", each.id): self.written(each) for each in orders}}

    def closed(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Return final orders, newest first, fifty at a time."""
        final = [each for each in self._place.orders_of(account) if each.status.is_final]
        start = int(Decimal(str(given.get("start") or 0)) * SECOND)
        end = int(Decimal(str(given.get("end") or 2**33)) * SECOND)
        orders = [x for x in self._filtered(final, given) if start <= x.updated_at <= end]
        orders.sort(key=lambda each: -each.updated_at)
        first = optional_whole(given, "ofs") or 0
        page = orders[first : first + _PAGE]
        return {
            "closed": {written_id("O", each.id): self.written(each) for each in page},
            "count": len(orders),
        }

    def _filtered(self, orders: list[Order], given: Parameters) -> list[Order]:
        client_id, reference = given.get("cl_ord_id"), given.get("userref")
        if client_id:
            orders = [each for each in orders if each.client_id == client_id]
        if reference:
            orders = [x for x in orders if x.request.tags["userref"] == str(reference)]
        return orders

    def query(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Return orders by id, at most fifty."""
        wanted = text(given, "txid").split(",")[:_PAGE]
        return {each: self.written(self.find(account, each)) for each in wanted}

    def history(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Return executions, newest first, fifty at a time."""
        start = int(Decimal(str(given.get("start") or 0)) * SECOND)
        end = int(Decimal(str(given.get("end") or 2**33)) * SECOND)
        fills = [x for x in self._place.fills_of(account) if start <= x.ts <= end][::-1]
        first = optional_whole(given, "ofs") or 0
        page = fills[first : first + _PAGE]
        return {
            "trades": {written_id("T", each.id): self.fill(each) for each in page},
            "count": len(fills),
        }

    def query_fills(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Return executions by id."""
        wanted = {read_id(each): each for each in text(given, "txid").split(",")}
        return {
            wanted[each.id]: self.fill(each)
            for each in self._place.fills_of(account)
            if each.id in wanted
        }

    # ---- writing ----

    def description(self, request: OrderRequest) -> str:
        """Write an order as a sentence."""
        words = request.tags["type"].replace("-limit", "").replace("-", " ")
        if request.trigger is not None:
            words += f" {plain(request.trigger)}"
            if request.price is not None:
                words += f" -> limit {plain(request.price)}"
        elif request.price is not None:
            words += f" {plain(request.price)}"
        volume = request.quote_quantity or request.quantity
        return f"{request.side} {volume:.8f} {altname_of(request.listing)} @ {words}"

    def written(self, order: Order) -> dict[str, Any]:
        """Write an order."""
        request = order.request
        trigger, price = request.trigger, order.price
        fees = sum(order.fees().values(), ZERO)
        answer: dict[str, Any] = {
            "refid": None,
            "userref": int(request.tags["userref"]) if request.tags["userref"] else None,
            "status": status_of(order),
            "opentm": seconds(order.created_at),
            "starttm": 0,
            "expiretm": seconds(request.expires_at),
            "descr": {
                "pair": altname_of(order.listing),
                "type": order.side,
                "ordertype": request.tags["type"],
                "price": plain(price or ZERO if trigger is None else trigger),
                "price2": plain(ZERO if trigger is None else price or ZERO),
                "leverage": "none",
                "order": self.description(request),
                "close": "",
            },
            "vol": f"{order.quantity:.8f}",
            "vol_exec": f"{order.filled:.8f}",
            "cost": f"{order.cost:.5f}",
            "fee": f"{fees:.5f}",
            "price": plain(order.average.quantize(Decimal("0.00001"))),
            "stopprice": "0.00000",
            "limitprice": "0.00000",
            "misc": "",
            "oflags": request.tags["flags"],
        }
        if order.client_id:
            answer["cl_ord_id"] = order.client_id
        if order.fills:
            answer["trades"] = [written_id("T", each.id) for each in order.fills]
        if order.status.is_final:
            answer["closetm"] = seconds(order.updated_at)
            answer["reason"] = order.detail or None
        return answer

    def fill(self, fill: Fill) -> dict[str, Any]:
        """Write an execution."""
        order = fill.order
        return {
            "ordertxid": written_id("O", order.id),
            "postxid": written_id("T", order.id),
            "pair": pair_of(order.listing),
            "time": seconds(fill.ts),
            "type": order.side,
            "ordertype": order.request.tags["type"],
            "price": plain(fill.price),
            "cost": f"{fill.price * fill.quantity:.5f}",
            "fee": f"{fill.fee:.5f}",
            "vol": f"{fill.quantity:.8f}",
            "margin": "0.00000",
            "leverage": "0",
            "misc": "",
            "trade_id": fill.id,
            "maker": fill.is_maker,
        }


def status_of(order: Order) -> str:
    """Return Kraken's word for where an order is."""
    match order.status:
        case Status.WAITING | Status.OPEN:
            return "open"
        case Status.FILLED:
            return "closed"
        case Status.CANCELLED | Status.REJECTED:
            return "canceled"
        case Status.EXPIRED:
            # what is left of a market or an IOC order is cancelled here; GTD expires
            is_timed = order.request.expires_at > 0
            return "expired" if is_timed else ("closed" if order.filled else "canceled")
