"""Binance's websocket connections: market streams, user streams, and the websocket API."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tutti.testing.exchanges.dialects.binance.api_session import ApiSession
from tutti.testing.exchanges.dialects.binance.market_data import INTERVALS, Figures
from tutti.testing.exchanges.dialects.binance.terms import symbol_of
from tutti.testing.exchanges.dialects.binance.user_events import PerpetualEvents
from tutti.testing.exchanges.dialects.candle_feed import CandleFeed
from tutti.testing.exchanges.happenings import BookChanged, OrderChanged, Printed
from tutti.testing.exchanges.values import Reason, Refused, Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.dialect import Session, Stream
    from tutti.testing.exchanges.dialects.binance.perpetual_orders import Orders
    from tutti.testing.exchanges.dialects.binance.terms import Symbols
    from tutti.testing.exchanges.happenings import Happening
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing, Print

_MS = 1_000_000
_TICKER_EVERY = 1_000 * _MS
_KEY_LIVES_NS = 3_600_000 * _MS

Parameters = dict[str, str]


class Streams:
    """Opens connections and keeps listen keys."""

    def __init__(
        self,
        place: Marketplace,
        symbols: Symbols,
        orders: Orders,
        check_signature: Callable[[Account, str, Parameters], None],
    ) -> None:
        self._place = place
        self._symbols = symbols
        self._orders = orders
        self._check_signature = check_signature
        self._keys: dict[str, tuple[Account, int]] = {}

    # ---- listen keys ----

    def key_post(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Make a listen key, or prolong the one that there is."""
        key = hashlib.sha256(f"listen {account.key}".encode()).hexdigest()
        self._keys[key] = (account, self._place.now() + _KEY_LIVES_NS)
        return {"listenKey": key}

    def key_put(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Prolong a listen key."""
        return self.key_post(account, given)

    def key_delete(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Forget a listen key."""
        self._keys = {k: v for k, v in self._keys.items() if v[0] is not account}
        return {}

    def _whose(self, key: str) -> Account:
        account, until = self._keys.get(key, (None, 0))
        if account is None or until < self._place.now():
            raise Refused(Reason.BAD_KEY, "listen key")
        return account

    # ---- connections ----

    def open(self, path: str, stream: Stream) -> Session:
        """Begin a conversation at a path.

        Raises
        ------
        Refused
            If nothing is streamed there, or the listen key is unknown or too old.
        """
        parts = urlsplit(path)
        if parts.path in ("/ws-api/v3", "/ws-fapi/v1"):
            return ApiSession(
                self._place,
                self._orders,
                self._check_signature,
                stream,
                is_perpetual=parts.path == "/ws-fapi/v1",
            )
        key = parse_qs(parts.query).get("listenKey", [""])[0]
        if parts.path.startswith("/fstream/private/ws"):
            return UserSession(self._place, self._orders, self._whose(key), stream)
        if parts.path.startswith(("/stream/ws", "/fstream/")):
            is_perpetual = parts.path.startswith("/fstream/")
            return MarketSession(self._place, self._symbols, stream, is_perpetual=is_perpetual)
        raise Refused(Reason.UNKNOWN_ENDPOINT, path)


class UserSession:
    """What happens to one account in perpetuals, over a listen key."""

    def __init__(
        self, place: Marketplace, orders: Orders, account: Account, stream: Stream
    ) -> None:
        self._place = place
        self._account = account
        self._stream = stream
        self._events = PerpetualEvents(place, orders.perpetual)
        place.listeners.append(self._hear)

    def _hear(self, happening: Happening) -> None:
        if not isinstance(happening, OrderChanged):
            return
        order = happening.order
        if order.account != self._account.name or not order.listing.is_perpetual:
            return
        name = order.listing.name
        for where, message in self._events.of(happening, self._account):
            self._stream.send(where, message, listing=name)

    def receive(self, text: str) -> None:
        """Acknowledge whatever comes; there is nothing to ask for here."""
        asked = json.loads(text)
        self._stream.send("stream.answers", {"result": None, "id": asked.get("id")})

    def beat(self, ts: int) -> None:
        """Do nothing by time."""

    def close(self) -> None:
        """Stop listening."""
        self._place.listeners.remove(self._hear)


class MarketSession:
    """Market streams that one connection subscribed to."""

    def __init__(
        self, place: Marketplace, symbols: Symbols, stream: Stream, *, is_perpetual: bool
    ) -> None:
        self._place = place
        self._symbols = symbols.perpetual if is_perpetual else symbols.spot
        self._figures = Figures(place, symbols, is_perpetual=is_perpetual)
        self._is_perpetual = is_perpetual
        self._stream = stream
        self._wanted: dict[str, dict[str, Listing]] = {}
        self._candles = CandleFeed(place, self._send_candle)
        self._next_ticker = 0
        place.listeners.append(self._hear)

    def close(self) -> None:
        """Stop listening."""
        self._place.listeners.remove(self._hear)

    def receive(self, text: str) -> None:
        """Subscribe or unsubscribe."""
        asked = json.loads(text)
        method = asked.get("method")
        for name in asked.get("params") or []:
            self._set(name, is_wanted=method == "SUBSCRIBE")
        self._stream.send("stream.answers", {"result": None, "id": asked.get("id")})

    def _set(self, name: str, *, is_wanted: bool) -> None:
        symbol, _, channel = name.partition("@")
        kind, _, detail = channel.split("@")[0].partition("_")
        if symbol.startswith("!"):
            listings = list(self._symbols.values())
            kind = symbol[1:].split("@")[0]
        else:
            listing = self._symbols.get(symbol.upper())
            listings = [] if listing is None else [listing]
        for each in listings:
            if kind == "kline" and detail in INTERVALS:
                self._candles.set(each, detail, INTERVALS[detail], is_wanted=is_wanted)
                continue
            wanted = self._wanted.setdefault(kind, {})
            wanted.pop(each.name, None)
            if is_wanted:
                wanted[each.name] = each
        if kind in ("ticker", "miniTicker"):
            self._next_ticker = 0

    def _is_wanted(self, kind: str, listing: Listing) -> bool:
        return listing.name in self._wanted.get(kind, ())

    # ---- what happens ----

    def _hear(self, happening: Happening) -> None:
        match happening:
            case BookChanged(listing=listing):
                if self._is_wanted("depth", listing):
                    self._send_book(happening)
                if self._is_wanted("bookTicker", listing):
                    self._send_best(happening)
            case Printed(trade=trade):
                self._candles.touch(trade.listing)
                for kind in ("trade", "aggTrade"):
                    if self._is_wanted(kind, trade.listing):
                        self._send_trade(kind, trade)
            case _:
                pass

    def _send_book(self, changed: BookChanged) -> None:
        listing = changed.listing
        price, quantity = self._figures.price, self._figures.quantity
        message: dict[str, Any] = {
            "e": "depthUpdate",
            "E": changed.ts // _MS,
            "s": symbol_of(listing),
            "U": changed.sequence,
            "u": changed.sequence,
        }
        if self._is_perpetual:
            message |= {"T": changed.ts // _MS, "pu": changed.sequence - 1}
        for key, wanted in (("b", Side.BUY), ("a", Side.SELL)):
            message[key] = [
                [price(listing, p), quantity(listing, q)]
                for side, p, q in changed.changes
                if side is wanted
            ]
        self._stream.send("stream.book", message, listing=listing.name)

    def _send_best(self, changed: BookChanged) -> None:
        listing = changed.listing
        best = self._figures.best_of(listing)
        message: dict[str, Any] = {
            "u": changed.sequence,
            "s": symbol_of(listing),
            "b": best["bidPrice"],
            "B": best["bidQty"],
            "a": best["askPrice"],
            "A": best["askQty"],
        }
        if self._is_perpetual:
            ms = changed.ts // _MS
            message = {"e": "bookTicker", "E": ms, "T": ms, **message}
        self._stream.send("stream.quotes", message, listing=listing.name)

    def _send_trade(self, kind: str, trade: Print) -> None:
        listing = trade.listing
        message = {
            "e": kind,
            "E": trade.ts // _MS,
            "s": symbol_of(listing),
            "t" if kind == "trade" else "a": trade.id,
            "p": self._figures.price(listing, trade.price),
            "q": self._figures.quantity(listing, trade.quantity),
            "T": trade.ts // _MS,
            "m": trade.side is Side.SELL,
        }
        if kind == "aggTrade":
            message |= {"f": trade.id, "l": trade.id}
        message["X" if self._is_perpetual else "M"] = "MARKET" if self._is_perpetual else True
        self._stream.send("stream.trades", message, listing=listing.name)

    def _send_candle(
        self, listing: Listing, interval: str, row: Any, *, is_closed: bool, now: int
    ) -> None:
        step = INTERVALS[interval]
        cells = self._figures.row(listing, row, step)
        symbol = symbol_of(listing)
        message = {
            "e": "kline",
            "E": now // _MS,
            "s": symbol,
            "k": {
                "t": cells[0],
                "T": cells[6],
                "s": symbol,
                "i": interval,
                "f": 1,
                "L": 2,
                "o": cells[1],
                "c": cells[4],
                "h": cells[2],
                "l": cells[3],
                "v": cells[5],
                "n": cells[8],
                "x": is_closed,
                "q": cells[7],
                "V": "0",
                "Q": "0",
                "B": "0",
            },
        }
        self._stream.send("stream.candles", message, listing=listing.name)

    def beat(self, ts: int) -> None:
        """Send candles that changed or ended, and once a second the tickers."""
        self._candles.beat(ts)
        if ts < self._next_ticker:
            return
        self._next_ticker = ts + _TICKER_EVERY
        for listing in self._wanted.get("ticker", {}).values():
            self._stream.send("stream.ticker", self._ticker(listing, ts), listing=listing.name)
        for listing in self._wanted.get("miniTicker", {}).values():
            whole = self._ticker(listing, ts)
            mini = {key: whole[key] for key in ("E", "s", "c", "o", "h", "l", "v", "q")}
            message = {"e": "24hrMiniTicker", **mini}
            self._stream.send("stream.ticker", message, listing=listing.name)
        for listing in self._wanted.get("markPrice", {}).values():
            last = self._figures.price(listing, self._place.last(listing))
            message = {
                "e": "markPriceUpdate",
                "E": ts // _MS,
                "s": symbol_of(listing),
                "p": last,
                "i": last,
                "r": "0.00010000",
                "T": ts // _MS,
            }
            self._stream.send("stream.ticker", message, listing=listing.name)

    def _ticker(self, listing: Listing, ts: int) -> dict[str, Any]:
        day = self._figures.day_of(listing)
        best = self._figures.best_of(listing)
        return {
            "e": "24hrTicker",
            "E": ts // _MS,
            "s": day["symbol"],
            "p": day["priceChange"],
            "P": day["priceChangePercent"],
            "w": day["weightedAvgPrice"],
            "x": day["prevClosePrice"],
            "c": day["lastPrice"],
            "Q": day["lastQty"],
            "b": best["bidPrice"],
            "B": best["bidQty"],
            "a": best["askPrice"],
            "A": best["askQty"],
            "o": day["openPrice"],
            "h": day["highPrice"],
            "l": day["lowPrice"],
            "v": day["volume"],
            "q": day["quoteVolume"],
            "O": day["openTime"],
            "C": day["closeTime"],
            "F": 1,
            "L": 2,
            "n": day["count"],
        }
