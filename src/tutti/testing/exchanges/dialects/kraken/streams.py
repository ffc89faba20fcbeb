"""Kraken's websockets v2: public channels, executions and balances, and orders by socket."""

from __future__ import annotations

import hashlib
import json
import zlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import SECOND, iso
from tutti.testing.exchanges.dialects.candle_feed import CandleFeed
from tutti.testing.exchanges.dialects.kraken.executions import Executions
from tutti.testing.exchanges.dialects.kraken.market_data import INTERVALS
from tutti.testing.exchanges.dialects.kraken.wording import worded
from tutti.testing.exchanges.happenings import BookChanged, OrderChanged, Printed
from tutti.testing.exchanges.values import Reason, Refused, Side

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.book import OrderBook
    from tutti.testing.exchanges.candle import Candle
    from tutti.testing.exchanges.dialect import Session, Stream
    from tutti.testing.exchanges.dialects.kraken.orders import Desk
    from tutti.testing.exchanges.happenings import Happening
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing, Print

_TOKEN_LIVES_NS = 900 * SECOND
_CHECKED = 10
_HEARTBEAT_NS = SECOND

Parameters = dict[str, Any]


class Streams:
    """Opens connections and keeps tokens."""

    def __init__(self, place: Marketplace, desk: Desk) -> None:
        self._place = place
        self._desk = desk
        self._tokens: dict[str, tuple[Account, int]] = {}

    def token(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Make a token to open private channels with; it is good for 15 minutes."""
        now = self._place.now()
        said = f"{account.key} {now}".encode()
        token = hashlib.sha256(said).hexdigest()
        self._tokens[token] = (account, now + _TOKEN_LIVES_NS)
        return {"token": token, "expires": 900}

    def whose(self, token: str) -> Account:
        """Return who a token was made for.

        Raises
        ------
        Refused
            If it is unknown or too old.
        """
        account, until = self._tokens.get(token, (None, 0))
        if account is None or until < self._place.now():
            raise Refused(Reason.BAD_KEY)
        return account

    def open(self, path: str, stream: Stream) -> Session:
        """Begin a conversation at a path.

        Raises
        ------
        Refused
            If nothing is streamed there.
        """
        if path.split("?")[0] in ("/public/v2", "/private/v2"):
            return KrakenSession(self._place, self._desk, self, stream)
        raise Refused(Reason.UNKNOWN_ENDPOINT, path)


def checksum(asks: list[tuple[Decimal, Decimal]], bids: list[tuple[Decimal, Decimal]]) -> int:
    """Return the CRC32 of the ten best levels of each side.

    Prices and quantities are written with the decimals of their steps, without the point and
    without leading zeros; asks come first, from the lowest, then bids, from the highest.
    Source: Kraken, "Spot websockets v2: book checksum".
    """
    digits = "".join(
        f"{price:f}".replace(".", "").lstrip("0") + f"{quantity:.8f}".replace(".", "").lstrip("0")
        for side in (asks, bids)
        for price, quantity in side[:_CHECKED]
    )
    return zlib.crc32(digits.encode())


class _BookView:
    """What a subscriber sees of a book: so many levels, kept to say what changed."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._seen: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}

    def snapshot(self, listing: Listing, book: OrderBook) -> str:
        sides = {side: book.levels(side, self.depth) for side in (Side.SELL, Side.BUY)}
        self._seen = {side: dict(levels) for side, levels in sides.items()}
        return _book_text("snapshot", listing, sides, sides, "")

    def update(self, listing: Listing, book: OrderBook, ts: int) -> str | None:
        sides = {side: book.levels(side, self.depth) for side in (Side.SELL, Side.BUY)}
        changes = {}
        for side, levels in sides.items():
            before, now = self._seen[side], dict(levels)
            changed = [(p, q) for p, q in levels if before.get(p) != q]
            # a level that only fell out of sight is not told of: the client cuts its book itself
            gone = [(p, Decimal(0)) for p in before if p not in now and not book.total(side, p)]
            changes[side] = gone + changed
            self._seen[side] = now
        if not changes[Side.SELL] and not changes[Side.BUY]:
            return None
        stamp = f',"timestamp":"{iso(ts)}"'
        return _book_text("update", listing, changes, sides, stamp)


def _book_text(
    kind: str,
    listing: Listing,
    told: dict[Side, list[tuple[Decimal, Decimal]]],
    whole: dict[Side, list[tuple[Decimal, Decimal]]],
    stamp: str,
) -> str:
    # written by hand: the checksum needs numbers with all their decimals, as JSON numbers
    asks, bids = (
        ",".join(f'{{"price":{price:f},"qty":{quantity:.8f}}}' for price, quantity in told[side])
        for side in (Side.SELL, Side.BUY)
    )
    crc = checksum(whole[Side.SELL], whole[Side.BUY])
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{listing.name}",'
        f'"bids":[{bids}],"asks":[{asks}],"checksum":{crc}{stamp}}}]}}'
    )


class KrakenSession:
    """One connection, public or private: what may be asked depends on the token alone."""

    def __init__(self, place: Marketplace, desk: Desk, streams: Streams, stream: Stream) -> None:
        self._place = place
        self._desk = desk
        self._streams = streams
        self._stream = stream
        self._books: dict[str, _BookView] = {}
        self._trades: set[str] = set()
        self._tickers: dict[str, str] = {}
        self._candles = CandleFeed(place, self._send_candle)
        self._executions = Executions(place, desk, stream)
        self._next_heartbeat = 0
        place.listeners.append(self._hear)
        stream.send(
            "stream.answers",
            {
                "channel": "status",
                "type": "update",
                "data": [{"version": "2.0.0", "system": "online", "api_version": "v2"}],
            },
        )

    def close(self) -> None:
        """Stop listening."""
        self._place.listeners.remove(self._hear)

    # ---- what is asked ----

    def receive(self, text: str) -> None:
        """Answer a request."""
        asked = json.loads(text)
        method = str(asked.get("method"))
        given = asked.get("params") or {}
        now = iso(self._place.now())
        if method == "ping":
            self._answer(asked, {"method": "pong", "time_in": now, "time_out": now})
            return
        if method in ("subscribe", "unsubscribe"):
            self._subscribe(asked, given, is_wanted=method == "subscribe")
            return
        self._place.pass_time()
        answer = {"method": method, "time_in": now, "time_out": now}
        try:
            result = self._executions.do(
                method, self._streams.whose(str(given.get("token"))), given
            )
        except Refused as refused:
            self._answer(asked, {**answer, "success": False, "error": worded(refused)})
        else:
            self._answer(asked, {**answer, "success": True, "result": result})

    def _answer(self, asked: Parameters, message: dict[str, Any]) -> None:
        if "req_id" in asked:
            message["req_id"] = asked["req_id"]
        self._stream.send("stream.answers", message)

    def _subscribe(self, asked: Parameters, given: Parameters, *, is_wanted: bool) -> None:
        channel = str(given.get("channel"))
        base = {"method": asked["method"]}
        if channel in ("executions", "balances"):
            try:
                account = self._streams.whose(str(given.get("token")))
            except Refused:
                error = "ESession:Invalid session"
                self._answer(asked, {**base, "success": False, "error": error})
                return
            self._answer(asked, {**base, "success": True, "result": {"channel": channel}})
            self._executions.set(channel, account if is_wanted else None, given)
            return
        for name in given.get("symbol") or []:
            listing = self._place.listings.get(name)
            if listing is None:
                error = f"Currency pair not supported {name}"
                self._answer(asked, {**base, "success": False, "error": error, "symbol": name})
                continue
            result = {"channel": channel, "symbol": name, "snapshot": True}
            self._answer(asked, {**base, "success": True, "result": result})
            self._set(channel, listing, given, is_wanted=is_wanted)

    def _set(self, channel: str, listing: Listing, given: Parameters, *, is_wanted: bool) -> None:
        name = listing.name
        match channel:
            case "book":
                self._books.pop(name, None)
                if is_wanted:
                    view = self._books[name] = _BookView(int(given.get("depth") or 10))
                    told = view.snapshot(listing, self._place.books[name])
                    self._stream.send("stream.book", told, listing=name)
            case "trade":
                (self._trades.add if is_wanted else self._trades.discard)(name)
            case "ticker":
                self._tickers.pop(name, None)
                if is_wanted:
                    self._tickers[name] = str(given.get("event_trigger") or "trades")
                    self._send_ticker(listing, "snapshot")
            case "ohlc":
                interval = int(given.get("interval") or 1)
                if interval in INTERVALS:
                    step = INTERVALS[interval]
                    self._candles.set(listing, str(interval), step, is_wanted=is_wanted)
            case _:
                pass

    # ---- what happens ----

    def _hear(self, happening: Happening) -> None:
        match happening:
            case BookChanged(listing=listing):
                view = self._books.get(listing.name)
                if view is not None:
                    book = self._place.books[listing.name]
                    told = view.update(listing, book, happening.ts)
                    if told is not None:
                        self._stream.send("stream.book", told, listing=listing.name)
                if self._tickers.get(listing.name) == "bbo":
                    self._send_ticker(listing, "update")
            case Printed(trade=trade):
                self._candles.touch(trade.listing)
                if trade.listing.name in self._trades:
                    self._send_trade(trade)
                if self._tickers.get(trade.listing.name) == "trades":
                    self._send_ticker(trade.listing, "update")
            case OrderChanged():
                self._executions.hear(happening)

    def _send_trade(self, trade: Print) -> None:
        row = {
            "symbol": trade.listing.name,
            "side": trade.side,
            "price": float(trade.price),
            "qty": float(trade.quantity),
            "ord_type": "market",
            "trade_id": trade.id,
            "timestamp": iso(trade.ts),
        }
        message = {"channel": "trade", "type": "update", "data": [row]}
        self._stream.send("stream.trades", message, listing=trade.listing.name)

    def _send_ticker(self, listing: Listing, kind: str) -> None:
        day = self._place.tapes[listing.name].day(self._place.now())
        book = self._place.books[listing.name]
        nothing = (Decimal(0), Decimal(0))
        bid, bid_quantity = next(iter(book.levels(Side.BUY, 1)), nothing)
        ask, ask_quantity = next(iter(book.levels(Side.SELL, 1)), nothing)
        change = day.close - day.open
        row = {
            "symbol": listing.name,
            "bid": float(bid),
            "bid_qty": float(bid_quantity),
            "ask": float(ask),
            "ask_qty": float(ask_quantity),
            "last": float(day.close),
            "volume": float(day.volume),
            "vwap": float(day.turnover / day.volume if day.volume else day.close),
            "low": float(day.low),
            "high": float(day.high),
            "change": float(change),
            "change_pct": float(round(change / day.open * 100, 2)),
        }
        message = {"channel": "ticker", "type": kind, "data": [row]}
        self._stream.send("stream.ticker", message, listing=listing.name)

    def _send_candle(
        self, listing: Listing, interval: str, row: Candle, *, is_closed: bool, now: int
    ) -> None:
        if is_closed:
            return  # Kraken says nothing at the end: the next candle's beginning tells
        data = {
            "symbol": listing.name,
            "open": float(row.open),
            "high": float(row.high),
            "low": float(row.low),
            "close": float(row.close),
            "trades": row.n_trades,
            "volume": float(row.volume),
            "vwap": float(row.turnover / row.volume if row.volume else row.close),
            "interval_begin": iso(row.ts),
            "interval": int(interval),
            "timestamp": iso(now),
        }
        message = {"channel": "ohlc", "type": "update", "timestamp": iso(now), "data": [data]}
        self._stream.send("stream.candles", message, listing=listing.name)

    def beat(self, ts: int) -> None:
        """Send candles, and a heartbeat each second."""
        self._candles.beat(ts)
        if ts >= self._next_heartbeat:
            self._next_heartbeat = ts + _HEARTBEAT_NS
            self._stream.send("stream.answers", '{"channel":"heartbeat"}')
