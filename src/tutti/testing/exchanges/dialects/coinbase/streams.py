"""Coinbase's websocket: one address, channels numbered through by a sequence."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import MINUTE, SECOND, iso
from tutti.testing.exchanges.dialects.candle_feed import CandleFeed
from tutti.testing.exchanges.dialects.coinbase.orders import status_of
from tutti.testing.exchanges.dialects.coinbase.terms import product_of, written_id
from tutti.testing.exchanges.dialects.parameters import plain, trimmed
from tutti.testing.exchanges.happenings import BookChanged, OrderChanged, Printed
from tutti.testing.exchanges.values import ZERO, Refused, Side

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.candle import Candle
    from tutti.testing.exchanges.dialect import Stream
    from tutti.testing.exchanges.dialects.coinbase.orders import Desk
    from tutti.testing.exchanges.dialects.coinbase.signing import Tokens
    from tutti.testing.exchanges.dialects.coinbase.terms import Products
    from tutti.testing.exchanges.happenings import Happening
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing, Order, Print

_HEARTBEAT_NS = SECOND
_TICKERS_NS = 5 * SECOND
_CANDLE_STEP = 5 * MINUTE
_CHANNELS = {
    "heartbeats": "stream.answers",
    "subscriptions": "stream.answers",
    "candles": "stream.candles",
    "market_trades": "stream.trades",
    "ticker": "stream.ticker",
    "ticker_batch": "stream.ticker",
    "l2_data": "stream.book",
    "user": "stream.orders",
}

Parameters = dict[str, Any]


class CoinbaseSession:
    """One connection."""

    def __init__(
        self,
        place: Marketplace,
        products: Products,
        desk: Desk,
        tokens: Tokens,
        stream: Stream,
    ) -> None:
        self._place = place
        self._products = products
        self._desk = desk
        self._tokens = tokens
        self._stream = stream
        self._wanted: dict[str, dict[str, Listing]] = {}
        self._account: Account | None = None
        self._has_heartbeats = False
        self._candles = CandleFeed(place, self._send_candle)
        self._sequence = 0
        self._next_heartbeat = 0
        self._next_tickers = 0
        place.listeners.append(self._hear)

    def close(self) -> None:
        """Stop listening."""
        self._place.listeners.remove(self._hear)

    def _send(self, channel: str, events: list[dict[str, Any]], listing: str = "") -> None:
        message = {
            "channel": channel,
            "client_id": "",
            "timestamp": iso(self._place.now()),
            "sequence_num": self._sequence,
            "events": events,
        }
        self._sequence += 1
        self._stream.send(_CHANNELS[channel], message, listing=listing)

    # ---- what is asked ----

    def receive(self, text: str) -> None:
        """Subscribe or unsubscribe."""
        asked = json.loads(text)
        kind, channel = asked.get("type"), str(asked.get("channel"))
        if kind not in ("subscribe", "unsubscribe"):
            self._complain("failure to subscribe: unknown type")
            return
        is_wanted = kind == "subscribe"
        try:
            account = None
            if channel == "user":
                account = self._tokens.whose(str(asked.get("jwt")), uri=None)
            listings = [self._products.find(each) for each in asked.get("product_ids") or []]
        except Refused:
            self._complain("authentication failure")
            return
        wanted = self._wanted.setdefault(channel, {})
        for each in listings:
            wanted.pop(each.name, None)
            if is_wanted:
                wanted[each.name] = each
        told = {
            name: [product_of(each) for each in chosen.values()]
            for name, chosen in self._wanted.items()
            if chosen
        }
        self._send("subscriptions", [{"subscriptions": told}])
        self._begin(channel, listings, account, is_wanted=is_wanted)

    def _complain(self, message: str) -> None:
        self._stream.send("stream.answers", {"type": "error", "message": message})

    def _begin(
        self, channel: str, listings: list[Listing], account: Account | None, *, is_wanted: bool
    ) -> None:
        if channel == "heartbeats":
            self._has_heartbeats = is_wanted
        elif channel == "user":
            self._account = account if is_wanted else None
            if account is not None and is_wanted:
                orders = [self._order(each) for each in self._place.open_orders(account)]
                self._send("user", [{"type": "snapshot", "orders": orders}])
        elif channel == "candles":
            for each in listings:
                self._candles.set(each, "5m", _CANDLE_STEP, is_wanted=is_wanted)
        elif is_wanted:
            for each in listings:
                self._snapshot(channel, each)

    def _snapshot(self, channel: str, listing: Listing) -> None:
        match channel:
            case "level2":
                self._send_snapshot(listing)
            case "ticker" | "ticker_batch":
                self._send_ticker(channel, listing, "snapshot")
            case "market_trades":
                newest = list(self._place.tapes[listing.name].trades)[-100:][::-1]
                if newest:
                    self._send_trades("snapshot", newest)
            case _:
                pass

    # ---- what happens ----

    def _wants(self, channel: str, listing: Listing) -> bool:
        return listing.name in self._wanted.get(channel, ())

    def _hear(self, happening: Happening) -> None:
        match happening:
            case BookChanged(listing=listing):
                if self._wants("level2", listing):
                    self._send_changes(happening)
            case Printed(trade=trade):
                self._candles.touch(trade.listing)
                if self._wants("market_trades", trade.listing):
                    self._send_trades("update", [trade])
                if self._wants("ticker", trade.listing):
                    self._send_ticker("ticker", trade.listing, "update")
            case OrderChanged(order=order):
                account = self._account
                wanted = self._wanted.get("user", {})
                if account is None or order.account != account.name:
                    return
                if not wanted or order.listing.name in wanted:
                    row = self._order(order)
                    event = {"type": "update", "orders": [row]}
                    self._send("user", [event], order.listing.name)

    def _order(self, order: Order) -> dict[str, Any]:
        row = self._desk.written(order)
        return {
            "order_id": written_id(order.id),
            "client_order_id": order.client_id,
            "cumulative_quantity": trimmed(order.filled),
            "leaves_quantity": trimmed(ZERO if order.status.is_final else order.left),
            "avg_price": row["average_filled_price"],
            "total_fees": row["total_fees"],
            "status": status_of(order),
            "product_id": row["product_id"],
            "creation_time": iso(order.created_at),
            "order_side": order.side.upper(),
            "order_type": row["order_type"].capitalize(),
            "cancel_reason": row["cancel_message"],
            "completion_percentage": row["completion_percentage"],
            "filled_value": row["filled_value"],
            "limit_price": trimmed(order.price or ZERO),
            "stop_price": trimmed(order.request.trigger or ZERO),
            "number_of_fills": row["number_of_fills"],
            "outstanding_hold_amount": row["outstanding_hold_amount"],
            "post_only": str(order.request.is_post_only).lower(),
            "product_type": "SPOT",
            "reject_Reason": row["reject_message"],
            "retail_portfolio_id": "portfolio",
            "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
            "time_in_force": row["time_in_force"],
            "trigger_status": row["trigger_status"],
        }

    def _send_snapshot(self, listing: Listing) -> None:
        book = self._place.books[listing.name]
        now = iso(self._place.now())
        updates = [
            {
                "side": _side(side),
                "event_time": now,
                "price_level": plain(price),
                "new_quantity": trimmed(quantity),
            }
            for side in (Side.BUY, Side.SELL)
            for price, quantity in book.levels(side)
        ]
        event = {"type": "snapshot", "product_id": product_of(listing), "updates": updates}
        self._send("l2_data", [event], listing.name)

    def _send_changes(self, changed: BookChanged) -> None:
        now = iso(changed.ts)
        updates = [
            {
                "side": _side(side),
                "event_time": now,
                "price_level": plain(price),
                "new_quantity": trimmed(quantity),
            }
            for side, price, quantity in changed.changes
        ]
        name = product_of(changed.listing)
        event = {"type": "update", "product_id": name, "updates": updates}
        self._send("l2_data", [event], changed.listing.name)

    def _send_trades(self, kind: str, trades: list[Print]) -> None:
        rows = [
            {
                "trade_id": str(each.id),
                "product_id": product_of(each.listing),
                "price": plain(each.price),
                "size": trimmed(each.quantity),
                "side": each.side.upper(),
                "time": iso(each.ts),
            }
            for each in trades
        ]
        self._send("market_trades", [{"type": kind, "trades": rows}], trades[0].listing.name)

    def _send_ticker(self, channel: str, listing: Listing, kind: str) -> None:
        day = self._place.tapes[listing.name].day(self._place.now())
        book = self._place.books[listing.name]
        nothing = (Decimal(0), Decimal(0))
        bid, bid_quantity = next(iter(book.levels(Side.BUY, 1)), nothing)
        ask, ask_quantity = next(iter(book.levels(Side.SELL, 1)), nothing)
        row = {
            "type": "ticker",
            "product_id": product_of(listing),
            "price": plain(day.close),
            "volume_24_h": plain(day.volume),
            "low_24_h": plain(day.low),
            "high_24_h": plain(day.high),
            "low_52_w": plain(day.low),
            "high_52_w": plain(day.high),
            "price_percent_chg_24_h": f"{(day.close - day.open) / day.open * 100:.4f}",
            "best_bid": plain(bid),
            "best_bid_quantity": trimmed(bid_quantity),
            "best_ask": plain(ask),
            "best_ask_quantity": trimmed(ask_quantity),
        }
        self._send(channel, [{"type": kind, "tickers": [row]}], listing.name)

    def _send_candle(
        self, listing: Listing, interval: str, row: Candle, *, is_closed: bool, now: int
    ) -> None:
        del interval, is_closed, now
        candle = {
            "start": str(row.ts // SECOND),
            "high": plain(row.high),
            "low": plain(row.low),
            "open": plain(row.open),
            "close": plain(row.close),
            "volume": plain(row.volume),
            "product_id": product_of(listing),
        }
        self._send("candles", [{"type": "update", "candles": [candle]}], listing.name)

    def beat(self, ts: int) -> None:
        """Send candles, heartbeats each second, and batched tickers each five."""
        self._candles.beat(ts)
        if self._has_heartbeats and ts >= self._next_heartbeat:
            self._next_heartbeat = ts + _HEARTBEAT_NS
            event = {"current_time": iso(ts), "heartbeat_counter": ts // SECOND}
            self._send("heartbeats", [event])
        if ts >= self._next_tickers:
            self._next_tickers = ts + _TICKERS_NS
            for listing in self._wanted.get("ticker_batch", {}).values():
                self._send_ticker("ticker_batch", listing, "update")


def _side(side: Side) -> str:
    return "bid" if side is Side.BUY else "offer"
