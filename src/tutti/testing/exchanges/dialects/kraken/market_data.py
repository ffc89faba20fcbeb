"""Kraken's public figures over REST."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND, iso
from tutti.testing.exchanges.dialects.kraken.terms import (
    alternative_of,
    altname_of,
    asset_of,
    pair_of,
)
from tutti.testing.exchanges.dialects.parameters import optional_whole, plain, text
from tutti.testing.exchanges.values import Reason, Refused, Side

if TYPE_CHECKING:
    from tutti.testing.exchanges.dialects.kraken.terms import Pairs
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing

_MOST_CANDLES = 720
_MOST_TRADES = 1000
INTERVALS = {
    1: MINUTE,
    5: 5 * MINUTE,
    15: 15 * MINUTE,
    30: 30 * MINUTE,
    60: HOUR,
    240: 4 * HOUR,
    1440: DAY,
}

Parameters = dict[str, Any]


def seconds(ts: int) -> float:
    """Write a time as Kraken does: seconds with a fraction."""
    return round(ts / SECOND, 6)


class MarketData:
    """The public half of Kraken."""

    def __init__(self, place: Marketplace, pairs: Pairs) -> None:
        self._place = place
        self._pairs = pairs

    def time(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return the venue's time."""
        now = self._place.now()
        return {"unixtime": now // SECOND, "rfc1123": iso(now)}

    def status(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return that it is open."""
        return {"status": "online", "timestamp": iso(self._place.now())}

    def assets(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return the currencies."""
        names = {each for x in self._place.listings.values() for each in (x.base, x.quote)}
        return {
            asset_of(name): {
                "aclass": "currency",
                "altname": alternative_of(name),
                "decimals": 4 if asset_of(name).startswith("Z") else 10,
                "display_decimals": 2 if asset_of(name).startswith("Z") else 5,
                "status": "enabled",
            }
            for name in sorted(names)
        }

    def pairs(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return what is traded."""
        return {pair_of(x): self._pair(x) for x in self._place.listings.values()}

    def _pair(self, listing: Listing) -> dict[str, Any]:
        decimals = max(0, -int(listing.price_step.normalize().as_tuple().exponent))
        lot_decimals = max(0, -int(listing.quantity_step.normalize().as_tuple().exponent))
        return {
            "altname": altname_of(listing),
            "wsname": f"{alternative_of(listing.base)}/{alternative_of(listing.quote)}",
            "aclass_base": "currency",
            "base": asset_of(listing.base),
            "aclass_quote": "currency",
            "quote": asset_of(listing.quote),
            "lot": "unit",
            "cost_decimals": 5,
            "pair_decimals": decimals,
            "lot_decimals": lot_decimals,
            "lot_multiplier": 1,
            "leverage_buy": [],
            "leverage_sell": [],
            "fees": [[0, float(listing.taker_fee * 100)]],
            "fees_maker": [[0, float(listing.maker_fee * 100)]],
            "fee_volume_currency": "ZUSD",
            "margin_call": 80,
            "margin_stop": 40,
            "ordermin": plain(listing.min_quantity),
            "costmin": plain(listing.min_notional),
            "tick_size": plain(listing.price_step),
            "status": "cancel_only" if listing.name in self._place.halted else "online",
        }

    def ticker(self, given: Parameters) -> dict[str, Any]:
        """Return the day's figures of one pair, several or all."""
        asked = given.get("pair")
        if asked:
            listings = [self._pairs.find(each) for each in str(asked).split(",")]
        else:
            listings = list(self._place.listings.values())
        return {pair_of(each): self._day(each) for each in listings}

    def _day(self, listing: Listing) -> dict[str, Any]:
        now = self._place.now()
        tape = self._place.tapes[listing.name]
        day = tape.day(now)
        book = self._place.books[listing.name]
        step = listing.price_step
        best = {}
        for key, side in (("a", Side.SELL), ("b", Side.BUY)):
            price, quantity = next(iter(book.levels(side, 1)), (Decimal(0), Decimal(0)))
            best[key] = [plain(price), str(int(quantity)), f"{quantity:.3f}"]
        average = plain(day.turnover / day.volume if day.volume else day.close, step)
        twice = [f"{day.volume:.8f}"] * 2
        return {
            **best,
            "c": [plain(day.close), "0.00100000"],
            "v": twice,
            "p": [average, average],
            "t": [day.n_trades, day.n_trades],
            "l": [plain(day.low), plain(day.low)],
            "h": [plain(day.high), plain(day.high)],
            "o": plain(day.open),
        }

    def book(self, given: Parameters) -> dict[str, Any]:
        """Return the book of one pair."""
        listing = self._pairs.find(text(given, "pair"))
        depth = min(optional_whole(given, "count") or 100, 500)
        book = self._place.books[listing.name]
        now = self._place.now() // SECOND
        return {
            pair_of(listing): {
                key: [
                    [plain(price), plain(quantity), now]
                    for price, quantity in book.levels(side, depth)
                ]
                for key, side in (("asks", Side.SELL), ("bids", Side.BUY))
            }
        }

    def trades(self, given: Parameters) -> dict[str, Any]:
        """Return trades since a time, in seconds or nanoseconds, or the newest."""
        listing = self._pairs.find(text(given, "pair"))
        since = Decimal(str(given.get("since") or 0))
        start = int(since if since > 10**15 else since * SECOND)
        limit = min(optional_whole(given, "count") or _MOST_TRADES, _MOST_TRADES)
        trades = [x for x in self._place.tapes[listing.name].trades if x.ts > start]
        chosen = trades[:limit] if start else trades[-limit:]
        rows = [
            [
                plain(each.price),
                f"{each.quantity:.8f}",
                seconds(each.ts),
                "b" if each.side is Side.BUY else "s",
                "m",
                "",
                each.id,
            ]
            for each in chosen
        ]
        return {pair_of(listing): rows, "last": str(chosen[-1].ts if chosen else start)}

    def candles(self, given: Parameters) -> dict[str, Any]:
        """Return up to 720 candles, the last one still growing."""
        listing = self._pairs.find(text(given, "pair"))
        step = INTERVALS.get(optional_whole(given, "interval") or 1)
        if step is None:
            raise Refused(Reason.BAD_REQUEST, "interval")
        now = self._place.now()
        since = (optional_whole(given, "since") or 0) * SECOND
        start = max(since + 1, now - _MOST_CANDLES * step)
        tape = self._place.tapes[listing.name]
        rows = [
            [
                each.ts // SECOND,
                plain(each.open),
                plain(each.high),
                plain(each.low),
                plain(each.close),
                plain(
                    each.turnover / each.volume if each.volume else each.close, listing.price_step
                ),
                f"{each.volume:.8f}",
                each.n_trades,
            ]
            for each in tape.candles(step, start, now + 1, fills_gaps=True)
        ]
        last = rows[-2][0] if len(rows) > 1 else now // SECOND
        return {pair_of(listing): rows, "last": last}
