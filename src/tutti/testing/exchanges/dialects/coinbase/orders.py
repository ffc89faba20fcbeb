"""Coinbase's orders: what a request asks for, and how an order and its fills are written."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import iso, parse_instant
from tutti.testing.exchanges.dialects.coinbase import wording
from tutti.testing.exchanges.dialects.coinbase.terms import product_of, read_id, written_id
from tutti.testing.exchanges.dialects.parameters import (
    decimal,
    optional_decimal,
    optional_whole,
    plain,
    text,
    trimmed,
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
    from tutti.testing.exchanges.dialects.coinbase.terms import Products
    from tutti.testing.exchanges.marketplace import Marketplace

_PAGE = 100
# kind of configuration: whether it names a price, how long it works, whether it waits
_CONFIGURATIONS = {
    "market_market_ioc": (Kind.MARKET, Life.IMMEDIATE_OR_CANCEL, False),
    "market_market_fok": (Kind.MARKET, Life.FILL_OR_KILL, False),
    "sor_limit_ioc": (Kind.LIMIT, Life.IMMEDIATE_OR_CANCEL, False),
    "limit_limit_gtc": (Kind.LIMIT, Life.GOOD_TILL_CANCELLED, False),
    "limit_limit_gtd": (Kind.LIMIT, Life.GOOD_TILL_DATE, False),
    "limit_limit_fok": (Kind.LIMIT, Life.FILL_OR_KILL, False),
    "stop_limit_stop_limit_gtc": (Kind.LIMIT, Life.GOOD_TILL_CANCELLED, True),
    "stop_limit_stop_limit_gtd": (Kind.LIMIT, Life.GOOD_TILL_DATE, True),
}
_LIVES = {
    Life.GOOD_TILL_CANCELLED: "GOOD_UNTIL_CANCELLED",
    Life.GOOD_TILL_DATE: "GOOD_UNTIL_DATE_TIME",
    Life.IMMEDIATE_OR_CANCEL: "IMMEDIATE_OR_CANCEL",
    Life.FILL_OR_KILL: "FILL_OR_KILL",
}

Parameters = dict[str, Any]


class Desk:
    """Where orders are placed, asked for, changed and cancelled."""

    def __init__(self, place: Marketplace, products: Products) -> None:
        self._place = place
        self._products = products

    # ---- reading ----

    def _request(self, given: Parameters) -> OrderRequest:
        listing = self._products.find(text(given, "product_id"))
        try:
            side = Side(text(given, "side").lower())
        except ValueError:
            raise Refused(Reason.BAD_REQUEST, "side") from None
        configuration = given.get("order_configuration") or {}
        name = next(iter(configuration), "")
        if name not in _CONFIGURATIONS:
            raise Refused(Reason.BAD_REQUEST, "order_configuration")
        kind, life, waits = _CONFIGURATIONS[name]
        terms = configuration[name]
        spends = optional_decimal(terms, "quote_size") or ZERO
        return OrderRequest(
            listing=listing,
            side=side,
            kind=kind,
            quantity=ZERO if spends else decimal(terms, "base_size"),
            quote_quantity=spends,
            price=decimal(terms, "limit_price") if kind is Kind.LIMIT else None,
            client_id=text(given, "client_order_id"),
            life=life,
            is_post_only=bool(terms.get("post_only")),
            trigger=decimal(terms, "stop_price") if waits else None,
            triggers_above=terms.get("stop_direction") == "STOP_DIRECTION_STOP_UP",
            expires_at=_instant(terms["end_time"]) if terms.get("end_time") else 0,
            tags={"configuration": name},
        )

    def _find(self, account: Account, written: str) -> Order:
        return self._place.find(account, order_id=read_id(written))

    # ---- what is asked ----

    def create(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Place an order; with a client id that was used, return the order that has it."""
        configuration = given.get("order_configuration") or {}
        client_id = text(given, "client_order_id")
        try:
            order = self._place.place(account, self._request(given))
        except Refused as refused:
            if refused.reason is Reason.DUPLICATE_CLIENT_ID:
                order = self._place.find(account, client_id=client_id)
            elif wording.is_of_new_orders(refused):
                return wording.failed_order(refused, configuration)
            else:
                raise
        return {
            "success": True,
            "failure_reason": "UNKNOWN_FAILURE_REASON",
            "order_id": written_id(order.id),
            "success_response": {
                "order_id": written_id(order.id),
                "product_id": product_of(order.listing),
                "side": order.side.upper(),
                "client_order_id": order.client_id,
            },
            "order_configuration": configuration,
        }

    def preview(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Say whether an order would be taken."""
        errors = []
        try:
            self._place.check(account, self._request({"client_order_id": "preview", **given}))
        except Refused as refused:
            if not wording.is_of_new_orders(refused):
                raise
            failed = wording.failed_order(refused, {})["error_response"]
            errors.append(failed["preview_failure_reason"])
        return {"errs": errors, "warning": [], "order_total": "0", "success": not errors}

    def cancel(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Cancel orders; each has its own result."""
        results = []
        for written in given.get("order_ids") or []:
            reason = "UNKNOWN_CANCEL_FAILURE_REASON"
            try:
                self._place.cancel(self._find(account, written), detail="User requested cancel")
            except Refused:
                reason = "UNKNOWN_CANCEL_ORDER"
            results.append(
                {
                    "success": reason == "UNKNOWN_CANCEL_FAILURE_REASON",
                    "failure_reason": reason,
                    "order_id": written,
                }
            )
        return {"results": results}

    def amend(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Change size and price of a limit order, which keeps its id."""
        try:
            self._place.amend(
                self._find(account, text(given, "order_id")),
                quantity=optional_decimal(given, "size"),
                price=optional_decimal(given, "price"),
            )
        except Refused as refused:
            reason = "ORDER_NOT_FOUND"
            if refused.reason is not Reason.UNKNOWN_ORDER:
                reason = "COMMANDER_REJECTED_EDIT_ORDER"
            return {"success": False, "errors": [{"edit_failure_reason": reason}]}
        return {"success": True, "errors": []}

    def fetch(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Return one order."""
        return {"order": self.written(self._find(account, text(given, "order_id")))}

    def batch(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Return orders, newest first, a page at a time."""
        statuses = _several(given, "order_status")
        names = _several(given, "product_ids") | _several(given, "product_id")
        start = _instant(given["start_date"]) if given.get("start_date") else 0
        end = _instant(given["end_date"]) if given.get("end_date") else 2**62
        orders = [
            each
            for each in reversed(self._place.orders_of(account))
            if (not statuses or status_of(each) in statuses)
            and (not names or product_of(each.listing) in names)
            and start <= each.created_at <= end
        ]
        page, cursor = _page(orders, given)
        return {
            "orders": [self.written(each) for each in page],
            "sequence": "0",
            "has_next": bool(cursor),
            "cursor": cursor,
        }

    def fills(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Return executions, newest first, a page at a time."""
        names = _several(given, "product_ids") | _several(given, "product_id")
        wanted = _several(given, "order_ids") | _several(given, "order_id")
        first, last = given.get("start_sequence_timestamp"), given.get("end_sequence_timestamp")
        start = _instant(first) if first else 0
        end = _instant(last) if last else 2**62
        fills = [
            each
            for each in reversed(self._place.fills_of(account))
            if (not names or product_of(each.order.listing) in names)
            and (not wanted or written_id(each.order.id) in wanted)
            and start <= each.ts <= end
        ]
        page, cursor = _page(fills, given)
        return {"fills": [self.fill(each) for each in page], "cursor": cursor}

    # ---- writing ----

    def _configuration(self, order: Order) -> dict[str, Any]:
        request = order.request
        terms: dict[str, Any] = {}
        if request.quote_quantity:
            terms["quote_size"] = trimmed(request.quote_quantity)
        else:
            terms["base_size"] = trimmed(order.quantity)
        if order.price is not None:
            terms["limit_price"] = trimmed(order.price)
            terms["post_only"] = request.is_post_only
        if request.trigger is not None:
            terms["stop_price"] = trimmed(request.trigger)
            way = "UP" if request.triggers_above else "DOWN"
            terms["stop_direction"] = f"STOP_DIRECTION_STOP_{way}"
        if request.expires_at:
            terms["end_time"] = iso(request.expires_at)
        return {request.tags["configuration"]: terms}

    def written(self, order: Order) -> dict[str, Any]:
        """Write an order."""
        request = order.request
        fees = sum(order.fees().values(), ZERO)
        after = order.cost + fees if order.side is Side.BUY else order.cost - fees
        done = order.filled / order.quantity * 100 if order.quantity else ZERO
        kind = "STOP_LIMIT" if request.trigger is not None else request.kind.upper()
        return {
            "order_id": written_id(order.id),
            "product_id": product_of(order.listing),
            "user_id": order.account,
            "order_configuration": self._configuration(order),
            "side": order.side.upper(),
            "client_order_id": order.client_id,
            "status": status_of(order),
            "time_in_force": _LIVES[request.life],
            "created_time": iso(order.created_at),
            "completion_percentage": trimmed(done.quantize(Decimal("0.01"))),
            "filled_size": trimmed(order.filled),
            "average_filled_price": trimmed(order.average.quantize(Decimal("1e-8"))),
            "fee": "",
            "number_of_fills": str(len(order.fills)),
            "filled_value": trimmed(order.cost),
            "pending_cancel": False,
            "size_in_quote": bool(request.quote_quantity),
            "total_fees": trimmed(fees),
            "size_inclusive_of_fees": False,
            "total_value_after_fees": trimmed(after),
            "trigger_status": "STOP_PENDING"
            if order.status is Status.WAITING
            else "INVALID_ORDER_TYPE",
            "order_type": kind,
            "reject_reason": "REJECT_REASON_UNSPECIFIED",
            "settled": order.status is Status.FILLED,
            "product_type": "SPOT",
            "reject_message": order.detail if order.status is Status.REJECTED else "",
            "cancel_message": order.detail if order.status is Status.CANCELLED else "",
            "order_placement_source": "RETAIL_ADVANCED",
            "outstanding_hold_amount": trimmed(order.held),
            "last_fill_time": iso(order.fills[-1].ts) if order.fills else None,
        }

    def fill(self, fill: Fill) -> dict[str, Any]:
        """Write an execution."""
        return {
            "entry_id": written_id(fill.id + 1),
            "trade_id": written_id(fill.id),
            "order_id": written_id(fill.order.id),
            "trade_time": iso(fill.ts),
            "trade_type": "FILL",
            "price": plain(fill.price),
            "size": trimmed(fill.quantity),
            "commission": trimmed(fill.fee),
            "product_id": product_of(fill.order.listing),
            "sequence_timestamp": iso(fill.ts),
            "liquidity_indicator": "MAKER" if fill.is_maker else "TAKER",
            "size_in_quote": False,
            "user_id": fill.order.account,
            "side": fill.order.side.upper(),
            "retail_portfolio_id": "portfolio",
        }


def status_of(order: Order) -> str:
    """Return Coinbase's word for where an order is."""
    match order.status:
        case Status.WAITING | Status.OPEN:
            return "OPEN"
        case Status.FILLED:
            return "FILLED"
        case Status.CANCELLED:
            return "CANCELLED"
        case Status.EXPIRED:
            # what an immediate order leaves is cancelled; what a dated one leaves expires
            return "EXPIRED" if order.request.expires_at else "CANCELLED"
        case Status.REJECTED:
            return "FAILED"


def _several(given: Parameters, name: str) -> set[str]:
    value = given.get(name)
    if not value:
        return set()
    return {value} if isinstance(value, str) else set(value)


def _page(rows: list[Any], given: Parameters) -> tuple[list[Any], str]:
    first = optional_whole(given, "cursor") or 0
    limit = optional_whole(given, "limit") or _PAGE
    more = str(first + limit) if len(rows) > first + limit else ""
    return rows[first : first + limit], more


def _instant(said: Any) -> int:
    try:
        return parse_instant(datetime.fromisoformat(str(said)).isoformat())
    except ValueError:
        raise Refused(Reason.BAD_REQUEST, str(said)) from None
