"""Hyperliquid's websocket: books, trades, candles, an address's orders and fills, and actions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tutti.testing.exchanges.dialects.candle_feed import CandleFeed
from tutti.testing.exchanges.dialects.hyperliquid import wording
from tutti.testing.exchanges.dialects.hyperliquid.info import INTERVALS
from tutti.testing.exchanges.dialects.parameters import trimmed
from tutti.testing.exchanges.happenings import BookChanged, OrderChanged, Printed
from tutti.testing.exchanges.values import Refused, Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.candle import Candle
    from tutti.testing.exchanges.dialect import Stream
    from tutti.testing.exchanges.dialects.hyperliquid.info import Info
    from tutti.testing.exchanges.dialects.hyperliquid.orders import Desk
    from tutti.testing.exchanges.dialects.hyperliquid.terms import Assets
    from tutti.testing.exchanges.happenings import Happening
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing, Print

_MS = 1_000_000
# Books are sent once a block at most, and not more often than this.
_BOOK_EVERY = 500 * _MS
_SLOW_EVERY = 1_000 * _MS
_OF_USERS = ("orderUpdates", "userFills", "userEvents", "clearinghouseState", "spotState")

Parameters = dict[str, Any]


class HyperliquidSession:
    """One connection.

    Parameters
    ----------
    act : callable
        Does a signed action and returns the answer's body.
    """

    def __init__(
        self,
        place: Marketplace,
        assets: Assets,
        desk: Desk,
        info: Info,
        act: Callable[[Parameters], dict[str, Any]],
        stream: Stream,
    ) -> None:
        self._place = place
        self._assets = assets
        self._desk = desk
        self._info = info
        self._act = act
        self._stream = stream
        self._wanted: dict[str, dict[str, Listing]] = {}
        self._users: dict[tuple[str, str], Account] = {}
        self._has_mids = False
        self._stale: dict[str, Listing] = {}
        self._is_state_stale = False
        self._candles = CandleFeed(place, self._send_candle)
        self._next_book = 0
        self._next_slow = 0
        place.listeners.append(self._hear)

    def close(self) -> None:
        """Stop listening."""
        self._place.listeners.remove(self._hear)

    # ---- what is asked ----

    def receive(self, text: str) -> None:
        """Answer a message."""
        asked = json.loads(text)
        match asked.get("method"):
            case "ping":
                self._stream.send("stream.answers", {"channel": "pong"})
            case "subscribe" | "unsubscribe" as method:
                self._subscribe(method, asked.get("subscription") or {})
            case "post":
                self._post(asked)
            case _:
                said = f"Error parsing JSON into valid websocket request: {text}"
                self._stream.send("stream.answers", {"channel": "error", "data": said})

    def _post(self, asked: Parameters) -> None:
        request = asked.get("request") or {}
        payload = request.get("payload") or {}
        self._place.pass_time()
        try:
            if request.get("type") == "info":
                data = self._info.answer(payload)
                said: Any = {"type": payload.get("type"), "data": data}
            else:
                said = self._act(payload)
        except Refused as refused:
            said = wording.failure(refused)
        response = {"type": request.get("type"), "payload": said}
        message = {"channel": "post", "data": {"id": asked.get("id"), "response": response}}
        self._stream.send("stream.answers", message)

    def _subscribe(self, method: str, subscription: Parameters) -> None:
        kind = str(subscription.get("type"))
        is_wanted = method == "subscribe"
        told = {"method": method, "subscription": subscription}
        self._stream.send("stream.answers", {"channel": "subscriptionResponse", "data": told})
        if kind in _OF_USERS:
            self._subscribe_user(kind, subscription, is_wanted=is_wanted)
            return
        if kind == "allMids":
            self._has_mids = is_wanted
            self._next_slow = 0
            return
        listing = self._assets.get(subscription.get("coin"))
        if listing is None:
            return
        if kind == "candle":
            interval = str(subscription.get("interval"))
            if interval in INTERVALS:
                step = INTERVALS[interval]
                self._candles.set(listing, interval, step, is_wanted=is_wanted)
            return
        wanted = self._wanted.setdefault(kind, {})
        wanted.pop(listing.name, None)
        if is_wanted:
            wanted[listing.name] = listing
            self._begin(kind, listing)

    def _begin(self, kind: str, listing: Listing) -> None:
        match kind:
            case "l2Book":
                self._send_book(listing)
            case "bbo":
                self._send_best(listing)
            case "trades":
                newest = list(self._place.tapes[listing.name].trades)[-10:]
                if newest:
                    self._send_trades(newest)
            case "activeAssetCtx":
                self._send_context(listing)
            case _:
                pass

    def _subscribe_user(self, kind: str, subscription: Parameters, *, is_wanted: bool) -> None:
        address = str(subscription.get("user", "")).lower()
        account = self._place.by_key.get(address)
        self._users.pop((kind, address), None)
        if account is None or not is_wanted:
            return
        self._users[kind, address] = account
        if kind == "userFills":
            fills = self._desk.fills(account, 0, 2**60)
            self._send_fills(account, fills, is_snapshot=True)
        elif kind == "orderUpdates":
            rows = [self._desk.with_status(x) for x in self._place.open_orders(account)]
            if rows:
                self._stream.send("stream.orders", {"channel": "orderUpdates", "data": rows})
        else:
            self._send_state(kind, account)

    # ---- what happens ----

    def _hear(self, happening: Happening) -> None:
        match happening:
            case BookChanged(listing=listing):
                if listing.name in self._wanted.get("l2Book", ()):
                    self._stale[listing.name] = listing
                if listing.name in self._wanted.get("bbo", ()):
                    self._send_best(listing)
            case Printed(trade=trade):
                self._candles.touch(trade.listing)
                if trade.listing.name in self._wanted.get("trades", ()):
                    self._send_trades([trade])
            case OrderChanged():
                self._tell_user(happening)

    def _tell_user(self, changed: OrderChanged) -> None:
        order = changed.order
        self._is_state_stale = True
        for (kind, _), account in self._users.items():
            if account.name != order.account:
                continue
            if kind == "orderUpdates":
                row = self._desk.with_status(order)
                message = {"channel": kind, "data": [row]}
                self._stream.send("stream.orders", message, listing=order.listing.name)
            elif kind == "userFills" and changed.fill is not None:
                self._send_fills(account, [self._desk.fill(changed.fill)], is_snapshot=False)

    def _send_fills(
        self, account: Account, fills: list[dict[str, Any]], *, is_snapshot: bool
    ) -> None:
        data: dict[str, Any] = {"user": account.key, "fills": fills}
        if is_snapshot:
            data["isSnapshot"] = True
        self._stream.send("stream.fills", {"channel": "userFills", "data": data})

    def _send_state(self, kind: str, account: Account) -> None:
        if kind == "clearinghouseState":
            state = self._info.clearinghouse(account)
        elif kind == "spotState":
            state = self._info.spot_state(account)
        else:
            return
        data = {"user": account.key, kind: state}
        self._stream.send("stream.balances", {"channel": kind, "data": data})

    def _send_book(self, listing: Listing) -> None:
        message = {"channel": "l2Book", "data": self._info.book(listing)}
        self._stream.send("stream.book", message, listing=listing.name)

    def _send_best(self, listing: Listing) -> None:
        book = self._info.book(listing)
        best = [each[0] if each else None for each in book["levels"]]
        data = {"coin": book["coin"], "time": book["time"], "bbo": best}
        self._stream.send("stream.quotes", {"channel": "bbo", "data": data}, listing=listing.name)

    def _send_trades(self, trades: list[Print]) -> None:
        rows = [
            {
                "coin": self._assets.coin(each.listing),
                "side": "B" if each.side is Side.BUY else "A",
                "px": trimmed(each.price),
                "sz": trimmed(each.quantity),
                "time": each.ts // _MS,
                "hash": f"0x{each.id:064x}",
                "tid": each.id,
            }
            for each in trades
        ]
        message = {"channel": "trades", "data": rows}
        self._stream.send("stream.trades", message, listing=trades[0].listing.name)

    def _send_context(self, listing: Listing) -> None:
        data = {"coin": self._assets.coin(listing), "ctx": self._info.context(listing)}
        channel = "activeAssetCtx" if listing.is_perpetual else "activeSpotAssetCtx"
        message = {"channel": channel, "data": data}
        self._stream.send("stream.ticker", message, listing=listing.name)

    def _send_candle(
        self, listing: Listing, interval: str, row: Candle, *, is_closed: bool, now: int
    ) -> None:
        del is_closed, now
        data = self._info.candle(listing, interval, INTERVALS[interval], row)
        message = {"channel": "candle", "data": data}
        self._stream.send("stream.candles", message, listing=listing.name)

    def beat(self, ts: int) -> None:
        """Send books that changed, and once a second prices and states."""
        self._candles.beat(ts)
        if self._stale and ts >= self._next_book:
            self._next_book = ts + _BOOK_EVERY
            for listing in self._stale.values():
                self._send_book(listing)
            self._stale.clear()
        if ts < self._next_slow:
            return
        self._next_slow = ts + _SLOW_EVERY
        if self._has_mids:
            message = {"channel": "allMids", "data": {"mids": self._info.mids()}}
            self._stream.send("stream.ticker", message)
        for listing in self._wanted.get("activeAssetCtx", {}).values():
            self._send_context(listing)
        if self._is_state_stale:
            self._is_state_stale = False
            for (kind, _), account in self._users.items():
                self._send_state(kind, account)
