"""Hyperliquid's orders: what an action asks for, and how an order and its fills are written."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.testing.exchanges.dialects.hyperliquid import wording
from tutti.testing.exchanges.dialects.parameters import decimal, trimmed
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
    from tutti.testing.exchanges.dialects.hyperliquid.terms import Assets
    from tutti.testing.exchanges.marketplace import Marketplace

_MS = 1_000_000
_MOST = 2000
_LIVES = {
    "Gtc": Life.GOOD_TILL_CANCELLED,
    "Alo": Life.GOOD_TILL_CANCELLED,
    "Ioc": Life.IMMEDIATE_OR_CANCEL,
}
_FEE_UNIT = Decimal("0.00001")

Parameters = dict[str, Any]


class Desk:
    """Where orders are placed, asked for, changed and cancelled."""

    def __init__(self, place: Marketplace, assets: Assets) -> None:
        self._place = place
        self._assets = assets

    # ---- reading ----

    def _request(self, wire: Parameters, builder: Parameters | None) -> OrderRequest:
        listing = self._assets.by_number(wire.get("a"))
        side = Side.BUY if wire.get("b") else Side.SELL
        type_ = wire.get("t") or {}
        trigger = type_.get("trigger")
        tif = (type_.get("limit") or {}).get("tif", "Gtc")
        if tif not in _LIVES:
            raise Refused(Reason.BAD_REQUEST, "tif")
        is_market = bool(trigger and trigger.get("isMarket"))
        is_stop = (trigger or {}).get("tpsl") == "sl"
        fee = int((builder or {}).get("f", 0))
        return OrderRequest(
            listing=listing,
            side=side,
            kind=Kind.MARKET if is_market else Kind.LIMIT,
            quantity=decimal(wire, "s"),
            price=None if is_market else decimal(wire, "p"),
            client_id=str(wire.get("c") or ""),
            life=_LIVES[tif],
            is_post_only=tif == "Alo",
            is_reduce_only=bool(wire.get("r")),
            trigger=decimal(trigger, "triggerPx") if trigger else None,
            triggers_above=(side is Side.BUY) == is_stop,
            extra_fee=fee * _FEE_UNIT,
            tags={"tif": tif, "type": _type(trigger)},
        )

    def find(self, account: Account, oid: Any) -> Order:
        """Return an order by its number or its client id.

        Raises
        ------
        Refused
            If there is none.
        """
        if isinstance(oid, str) and oid.startswith("0x"):
            return self._place.find(account, client_id=oid)
        try:
            return self._place.find(account, order_id=int(oid))
        except (TypeError, ValueError):
            raise Refused(Reason.UNKNOWN_ORDER, str(oid)) from None

    # ---- actions ----

    def place(self, account: Account, action: Parameters) -> dict[str, Any]:
        """Place orders, each with its own result."""
        builder = action.get("builder")
        statuses = [self._placed(account, wire, builder) for wire in action.get("orders") or []]
        return {"type": "order", "data": {"statuses": statuses}}

    def _placed(self, account: Account, wire: Parameters, builder: Parameters | None) -> Any:
        asset = wire.get("a")
        is_spot = isinstance(asset, int) and asset >= 10_000  # noqa: PLR2004
        try:
            order = self._place.place(account, self._request(wire, builder))
        except Refused as refused:
            return {"error": wording.of_order(refused, int(asset or 0), is_spot=is_spot)}
        if order.status is Status.WAITING:
            return "waitingForTrigger"
        named = {"oid": order.id, **({"cloid": order.client_id} if order.client_id else {})}
        if order.filled and order.status is not Status.OPEN:
            sizes = {"totalSz": trimmed(order.filled), "avgPx": _average(order)}
            return {"filled": {**sizes, **named}}
        if order.status is Status.EXPIRED:
            unmatched = Refused(Reason.NO_LIQUIDITY)
            return {"error": wording.of_order(unmatched, int(asset or 0), is_spot=is_spot)}
        return {"resting": named}

    def cancel(self, account: Account, action: Parameters) -> dict[str, Any]:
        """Cancel orders by either id, each with its own result."""
        statuses: list[Any] = []
        for each in action.get("cancels") or []:
            asset = each.get("a", each.get("asset"))
            try:
                order = self.find(account, each.get("o", each.get("cloid")))
                if self._assets.number(order.listing) != asset:
                    raise Refused(Reason.UNKNOWN_ORDER)  # noqa: TRY301
                self._place.cancel(order)
            except Refused as refused:
                said = wording.of_order(refused, int(asset or 0), is_spot=False)
                statuses.append({"error": said})
            else:
                statuses.append("success")
        return {"type": "cancel", "data": {"statuses": statuses}}

    def modify(self, account: Account, action: Parameters) -> dict[str, Any]:
        """Replace orders: each gets a new number, and loses its place."""
        statuses: list[Any] = []
        for each in action.get("modifies") or [action]:
            wire = each.get("order") or {}
            try:
                self._place.cancel(self.find(account, each.get("oid")), detail="modified")
            except Refused as refused:
                said = wording.of_order(refused, int(wire.get("a") or 0), is_spot=False)
                statuses.append({"error": said})
            else:
                statuses.append(self._placed(account, wire, None))
        return {"type": "order", "data": {"statuses": statuses}}

    def schedule_cancel(self, account: Account, action: Parameters) -> dict[str, Any]:
        """Set or take off the dead man's switch; it has to be five seconds ahead.

        Raises
        ------
        Refused
            If it is not.
        """
        at = action.get("time")
        if at is not None and int(at) * _MS < self._place.now() + 5_000 * _MS:
            raise Refused(Reason.BAD_TIME, "Scheduled cancel time too early")
        account.cancel_at = 0 if at is None else int(at) * _MS
        return {"type": "default"}

    # ---- questions ----

    def open(self, account: Account) -> list[dict[str, Any]]:
        """Return open orders."""
        return [self.written(each) for each in self._place.open_orders(account)]

    def status(self, account: Account, oid: Any) -> dict[str, Any]:
        """Return one order, or that it is unknown."""
        try:
            order = self.find(account, oid)
        except Refused:
            return {"status": "unknownOid"}
        return {"status": "order", "order": self.with_status(order)}

    def history(self, account: Account) -> list[dict[str, Any]]:
        """Return the newest orders, newest first."""
        newest = self._place.orders_of(account)[-_MOST:][::-1]
        return [self.with_status(each) for each in newest]

    def fills(self, account: Account, start: int, end: int) -> list[dict[str, Any]]:
        """Return executions between two times (ms): oldest first from a start, else newest first."""
        fills = [each for each in self._place.fills_of(account) if start <= each.ts // _MS <= end]
        chosen = fills[:_MOST] if start else fills[-_MOST:][::-1]
        return [self.fill(each) for each in chosen]

    # ---- writing ----

    def with_status(self, order: Order) -> dict[str, Any]:
        """Write an order with where it is in its life."""
        return {
            "order": self.written(order),
            "status": status_of(order),
            "statusTimestamp": order.updated_at // _MS,
        }

    def written(self, order: Order) -> dict[str, Any]:
        """Write an order."""
        request = order.request
        trigger = request.trigger
        way = "above" if request.triggers_above else "below"
        return {
            "coin": self._assets.coin(order.listing),
            "side": "B" if order.side is Side.BUY else "A",
            "limitPx": trimmed(order.price or trigger or ZERO),
            "sz": trimmed(order.left),
            "oid": order.id,
            "timestamp": order.created_at // _MS,
            "triggerCondition": "N/A" if trigger is None else f"Price {way} {trimmed(trigger)}",
            "isTrigger": trigger is not None,
            "triggerPx": "0.0" if trigger is None else trimmed(trigger),
            "children": [],
            "isPositionTpsl": False,
            "reduceOnly": request.is_reduce_only,
            "orderType": request.tags["type"],
            "origSz": trimmed(order.quantity),
            "tif": request.tags["tif"],
            "cloid": order.client_id or None,
        }

    def fill(self, fill: Fill) -> dict[str, Any]:
        """Write an execution."""
        order = fill.order
        buys = order.side is Side.BUY
        row = {
            "coin": self._assets.coin(order.listing),
            "px": trimmed(fill.price),
            "sz": trimmed(fill.quantity),
            "side": "B" if buys else "A",
            "time": fill.ts // _MS,
            "startPosition": "0.0",
            "dir": ("Open Long" if buys else "Open Short")
            if order.listing.is_perpetual
            else ("Buy" if buys else "Sell"),
            "closedPnl": trimmed(fill.pnl),
            "hash": f"0x{fill.id:064x}",
            "oid": order.id,
            "crossed": not fill.is_maker,
            "fee": trimmed(fill.fee),
            "tid": fill.id,
            "feeToken": fill.fee_currency,
        }
        if order.client_id:
            row["cloid"] = order.client_id
        return row


def _type(trigger: Parameters | None) -> str:
    if not trigger:
        return "Limit"
    kind = "Stop" if trigger.get("tpsl") == "sl" else "Take Profit"
    return f"{kind} {'Market' if trigger.get('isMarket') else 'Limit'}"


def _average(order: Order) -> str:
    return trimmed(order.average.quantize(Decimal("0.000001")))


def status_of(order: Order) -> str:
    """Return Hyperliquid's word for where an order is."""
    match order.status:
        case Status.WAITING | Status.OPEN:
            return "open"
        case Status.FILLED:
            return "filled"
        case Status.CANCELLED:
            return "canceled"
        case Status.EXPIRED:
            return "canceled" if order.filled else "iocCancelRejected"
        case Status.REJECTED:
            return "rejected"
