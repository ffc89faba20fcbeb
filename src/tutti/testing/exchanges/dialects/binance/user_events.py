"""What Binance tells an account of its own orders, balances and positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.testing.exchanges.dialects.binance.accounts import spot_balances
from tutti.testing.exchanges.dialects.binance.orders import status_of
from tutti.testing.exchanges.dialects.binance.terms import symbol_of
from tutti.testing.exchanges.dialects.parameters import plain
from tutti.testing.exchanges.values import ZERO, Status

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialects.binance.orders import SpotDesk
    from tutti.testing.exchanges.dialects.binance.perpetual_orders import PerpetualDesk
    from tutti.testing.exchanges.happenings import OrderChanged
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Order

_MS = 1_000_000


def _what(changed: OrderChanged) -> str:
    match changed.what:
        case "filled":
            return "TRADE"
        case "amended":
            return "AMENDMENT"
        case "ended":
            by_status = {
                Status.CANCELLED: "CANCELED",
                Status.EXPIRED: "EXPIRED",
                Status.REJECTED: "REJECTED",
            }
            return by_status.get(changed.order.status, "TRADE")
        case _:
            return "NEW"


class _Cut:
    """An order's totals as they were with one of its fills."""

    def __init__(self, changed: OrderChanged) -> None:
        order = changed.order
        self.filled, self.cost, self.status = order.filled, order.cost, status_of(order)
        fill = changed.fill
        if fill is not None:
            until = order.fills[: order.fills.index(fill) + 1]
            self.filled = sum((each.quantity for each in until), ZERO)
            self.cost = sum((each.quantity * each.price for each in until), ZERO)
            is_last = self.filled >= order.quantity
            self.status = "FILLED" if is_last else "PARTIALLY_FILLED"
        elif changed.what in ("accepted", "triggered"):
            self.filled = self.cost = ZERO
            self.status = "NEW"


class SpotEvents:
    """Messages of the spot user stream."""

    def __init__(self, place: Marketplace, desk: SpotDesk) -> None:
        self._place = place
        self._desk = desk

    def of(self, changed: OrderChanged, account: Account) -> list[tuple[str, dict[str, Any]]]:
        """Return what is said of a change: the order's report, and the balances it touched."""
        return [
            ("stream.orders", self._report(changed)),
            ("stream.balances", self._balances(changed.order, account, changed.ts)),
        ]

    def _report(self, changed: OrderChanged) -> dict[str, Any]:
        order, fill = changed.order, changed.fill
        cut = _Cut(changed)
        client_id = self._desk.client_id(order)
        is_cancelled = changed.what == "ended" and order.status is Status.CANCELLED
        return {
            "e": "executionReport",
            "E": changed.ts // _MS,
            "s": symbol_of(order.listing),
            "c": f"cancel_{order.id}" if is_cancelled else client_id,
            "S": order.side.upper(),
            "o": order.request.tags["type"],
            "f": order.request.tags["tif"],
            "q": f"{order.quantity:.8f}",
            "p": f"{order.price or ZERO:.8f}",
            "P": f"{order.request.trigger or ZERO:.8f}",
            "F": "0.00000000",
            "g": -1,
            "C": client_id if is_cancelled else "",
            "x": _what(changed),
            "X": cut.status,
            "r": "NONE",
            "i": order.id,
            "l": f"{ZERO if fill is None else fill.quantity:.8f}",
            "z": f"{cut.filled:.8f}",
            "L": f"{ZERO if fill is None else fill.price:.8f}",
            "n": f"{ZERO if fill is None else fill.fee:.8f}",
            "N": None if fill is None else fill.fee_currency,
            "T": changed.ts // _MS,
            "t": -1 if fill is None else fill.id,
            "I": order.id,
            "w": order.status is Status.OPEN,
            "m": fill is not None and fill.is_maker,
            "M": False,
            "O": order.created_at // _MS,
            "Z": f"{cut.cost:.8f}",
            "Y": f"{ZERO if fill is None else fill.quantity * fill.price:.8f}",
            "Q": f"{order.request.quote_quantity:.8f}",
            "W": order.created_at // _MS,
            "V": "EXPIRE_MAKER",
        }

    def _balances(self, order: Order, account: Account, ts: int) -> dict[str, Any]:
        touched = {order.listing.base, order.listing.quote}
        return {
            "e": "outboundAccountPosition",
            "E": ts // _MS,
            "u": ts // _MS,
            "B": [
                {"a": each["asset"], "f": each["free"], "l": each["locked"]}
                for each in spot_balances(account)
                if each["asset"] in touched
            ],
        }


class PerpetualEvents:
    """Messages of the user stream of perpetuals."""

    def __init__(self, place: Marketplace, desk: PerpetualDesk) -> None:
        self._place = place
        self._desk = desk

    def of(self, changed: OrderChanged, account: Account) -> list[tuple[str, dict[str, Any]]]:
        """Return what is said of a change: balances and positions after a fill, and the order."""
        order = changed.order
        if order.request.trigger is not None and changed.fill is None and not order.filled:
            return [("stream.orders", self._waiting(changed))]
        said = [("stream.orders", self._report(changed))]
        if changed.fill is not None:
            said.insert(0, ("stream.balances", self._account(changed, account)))
        return said

    def _waiting(self, changed: OrderChanged) -> dict[str, Any]:
        order = changed.order
        written = self._desk.waiting(order)
        return {
            "e": "ALGO_UPDATE",
            "T": changed.ts // _MS,
            "E": changed.ts // _MS,
            "o": {
                "caid": written["clientAlgoId"],
                "aid": order.id,
                "at": "CONDITIONAL",
                "o": written["orderType"],
                "s": written["symbol"],
                "S": written["side"],
                "ps": "BOTH",
                "f": written["timeInForce"],
                "q": written["quantity"],
                "X": written["algoStatus"],
                "ai": written["actualOrderId"],
                "tp": written["triggerPrice"],
                "p": written["price"],
                "R": written["reduceOnly"],
            },
        }

    def _report(self, changed: OrderChanged) -> dict[str, Any]:
        order, fill = changed.order, changed.fill
        listing = order.listing
        cut = _Cut(changed)
        average = cut.cost / cut.filled if cut.filled else ZERO
        return {
            "e": "ORDER_TRADE_UPDATE",
            "E": changed.ts // _MS,
            "T": changed.ts // _MS,
            "o": {
                "s": symbol_of(listing),
                "c": self._desk.client_id(order),
                "S": order.side.upper(),
                "o": order.request.tags["type"],
                "f": order.request.tags["tif"],
                "q": plain(order.quantity, listing.quantity_step),
                "p": plain(order.price or ZERO, listing.price_step),
                "ap": f"{average:.5f}",
                "sp": plain(order.request.trigger or ZERO, listing.price_step),
                "x": _what(changed),
                "X": cut.status,
                "i": order.id,
                "l": plain(ZERO if fill is None else fill.quantity, listing.quantity_step),
                "z": plain(cut.filled, listing.quantity_step),
                "L": plain(ZERO if fill is None else fill.price, listing.price_step),
                "n": f"{ZERO if fill is None else fill.fee:.8f}",
                "N": listing.settle,
                "T": changed.ts // _MS,
                "t": 0 if fill is None else fill.id,
                "b": "0",
                "a": "0",
                "m": fill is not None and fill.is_maker,
                "R": order.request.is_reduce_only,
                "wt": "CONTRACT_PRICE",
                "ot": order.request.tags["type"],
                "ps": "BOTH",
                "cp": False,
                "rp": f"{ZERO if fill is None else fill.pnl:.8f}",
                "V": "EXPIRE_MAKER",
                "pm": "NONE",
                "gtd": 0,
            },
        }

    def _account(self, changed: OrderChanged, account: Account) -> dict[str, Any]:
        listing = changed.order.listing
        position = account.position(listing)
        wallet = f"{account.margin.get(listing.settle, ZERO):.8f}"
        profit = position.quantity * (self._place.last(listing) - position.entry)
        return {
            "e": "ACCOUNT_UPDATE",
            "E": changed.ts // _MS,
            "T": changed.ts // _MS,
            "a": {
                "m": "ORDER",
                "B": [{"a": listing.settle, "wb": wallet, "cw": wallet, "bc": "0"}],
                "P": [
                    {
                        "s": symbol_of(listing),
                        "pa": plain(position.quantity, listing.quantity_step),
                        "ep": f"{position.entry:.8f}",
                        "bep": f"{position.entry:.8f}",
                        "cr": f"{position.realised:.8f}",
                        "up": f"{profit:.8f}",
                        "mt": "cross",
                        "iw": "0",
                        "ps": "BOTH",
                    }
                ],
            },
        }
