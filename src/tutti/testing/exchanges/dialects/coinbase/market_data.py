"""Coinbase's public figures over REST."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND, iso
from tutti.testing.exchanges.dialects.coinbase.terms import product_of
from tutti.testing.exchanges.dialects.parameters import optional_whole, plain, text, trimmed
from tutti.testing.exchanges.values import Reason, Refused, Side

if TYPE_CHECKING:
    from tutti.testing.exchanges.dialects.coinbase.terms import Products
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing

_MOST_CANDLES = 350
GRANULARITIES = {
    "ONE_MINUTE": MINUTE,
    "FIVE_MINUTE": 5 * MINUTE,
    "FIFTEEN_MINUTE": 15 * MINUTE,
    "THIRTY_MINUTE": 30 * MINUTE,
    "ONE_HOUR": HOUR,
    "TWO_HOUR": 2 * HOUR,
    "SIX_HOUR": 6 * HOUR,
    "ONE_DAY": DAY,
}

Parameters = dict[str, Any]


class MarketData:
    """The public half of Coinbase."""

    def __init__(self, place: Marketplace, products: Products) -> None:
        self._place = place
        self._products = products

    # ---- v2, for currencies and time ----

    def epoch(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return the venue's time."""
        now = self._place.now()
        return {"data": {"iso": iso(now), "epoch": now // SECOND}}

    def time(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return the venue's time."""
        now = self._place.now()
        return {
            "iso": iso(now),
            "epochSeconds": str(now // SECOND),
            "epochMillis": str(now // 1_000_000),
        }

    def fiat(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return money."""
        names = sorted({each.quote for each in self._products.all()})
        return {"data": [{"id": name, "name": name, "min_size": "0.01"} for name in names]}

    def crypto(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return coins."""
        names = sorted({each.base for each in self._products.all()})
        return {
            "data": [
                {"asset_id": f"asset-{name}", "code": name, "name": name, "exponent": 8}
                for name in names
            ]
        }

    def rates(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return what a dollar is worth."""
        rates = {
            each.base: plain((1 / self._place.last(each)).quantize(Decimal("1e-10")))
            for each in self._products.all()
        }
        return {"data": {"currency": "USD", "rates": {"USD": "1.0", **rates}}}

    # ---- v3 ----

    def products(self, given: Parameters) -> dict[str, Any]:
        """Return what is traded; nothing of futures."""
        if given.get("product_type") == "FUTURE":
            return {"products": [], "num_products": 0}
        wanted = given.get("product_ids")
        listings = self._products.all()
        if wanted:
            names = [wanted] if isinstance(wanted, str) else wanted
            listings = [self._products.find(each) for each in names]
        products = [self.product_of(each) for each in listings]
        return {"products": products, "num_products": len(products)}

    def product(self, given: Parameters) -> dict[str, Any]:
        """Return one product."""
        return self.product_of(self._products.find(text(given, "product_id")))

    def product_of(self, listing: Listing) -> dict[str, Any]:
        """Write a product with its day's figures."""
        day = self._place.tapes[listing.name].day(self._place.now())
        return {
            "product_id": product_of(listing),
            "price": plain(day.close),
            "price_percentage_change_24h": f"{(day.close - day.open) / day.open * 100:.4f}",
            "volume_24h": plain(day.volume),
            "approximate_quote_24h_volume": f"{day.turnover:.2f}",
            "base_increment": plain(listing.quantity_step),
            "quote_increment": plain(listing.price_step),
            "price_increment": plain(listing.price_step),
            "quote_min_size": trimmed(listing.min_notional),
            "quote_max_size": "150000000",
            "base_min_size": plain(listing.min_quantity),
            "base_max_size": "3400",
            "base_name": listing.base,
            "quote_name": listing.quote,
            "base_currency_id": listing.base,
            "quote_currency_id": listing.quote,
            "base_display_symbol": listing.base,
            "quote_display_symbol": listing.quote,
            "is_disabled": False,
            "new": False,
            "status": "online",
            "cancel_only": listing.name in self._place.halted,
            "limit_only": False,
            "post_only": False,
            "trading_disabled": False,
            "auction_mode": False,
            "product_type": "SPOT",
            "alias": "",
            "alias_to": [],
        }

    def book(self, given: Parameters) -> dict[str, Any]:
        """Return the book of one product."""
        listing = self._products.find(text(given, "product_id"))
        depth = optional_whole(given, "limit") or 500
        book = self._place.books[listing.name]
        return {
            "pricebook": {
                "product_id": product_of(listing),
                **{
                    key: [
                        {"price": plain(price), "size": trimmed(quantity)}
                        for price, quantity in book.levels(side, depth)
                    ]
                    for key, side in (("bids", Side.BUY), ("asks", Side.SELL))
                },
                "time": iso(self._place.now()),
            }
        }

    def best(self, given: Parameters) -> dict[str, Any]:
        """Return the best bid and ask of products."""
        wanted = given.get("product_ids") or []
        names = [wanted] if isinstance(wanted, str) else wanted
        listings = [self._products.find(each) for each in names] or self._products.all()
        books = [self.book({"product_id": product_of(each), "limit": 1}) for each in listings]
        return {"pricebooks": [each["pricebook"] for each in books]}

    def ticker(self, given: Parameters) -> dict[str, Any]:
        """Return the newest trades, newest first, with the best bid and ask."""
        listing = self._products.find(text(given, "product_id"))
        limit = optional_whole(given, "limit") or 100
        start = (optional_whole(given, "start") or 0) * SECOND
        end = (optional_whole(given, "end") or 2**33) * SECOND
        tape = self._place.tapes[listing.name]
        trades = [each for each in tape.trades if start <= each.ts <= end][-limit:][::-1]
        book = self._place.books[listing.name]
        rows = [
            {
                "trade_id": str(each.id),
                "product_id": product_of(listing),
                "price": plain(each.price),
                "size": trimmed(each.quantity),
                "time": iso(each.ts),
                "side": each.side.upper(),
                "exchange": "",
            }
            for each in trades
        ]
        if not rows and not start:
            # nothing traded yet here, but the price of the past is known
            now = iso(self._place.now())
            rows = [
                {
                    "trade_id": "1",
                    "product_id": product_of(listing),
                    "price": plain(tape.last),
                    "size": "0.001",
                    "time": now,
                    "side": "BUY",
                    "exchange": "",
                }
            ]
        return {
            "trades": rows,
            "best_bid": plain(book.best(Side.BUY) or Decimal(0)),
            "best_ask": plain(book.best(Side.SELL) or Decimal(0)),
        }

    def candles(self, given: Parameters) -> dict[str, Any]:
        """Return at most 350 candles between two times, newest first."""
        listing = self._products.find(text(given, "product_id"))
        step = GRANULARITIES.get(text(given, "granularity"))
        if step is None:
            raise Refused(Reason.BAD_REQUEST, "granularity")
        start = int(text(given, "start")) * SECOND
        end = int(text(given, "end")) * SECOND
        if (end - start) // step > _MOST_CANDLES:
            raise Refused(Reason.BAD_REQUEST, "number of candles requested should be less than 350")
        tape = self._place.tapes[listing.name]
        last = min(end, self._place.now()) + 1
        candles = tape.candles(step, start, last, fills_gaps=False)
        return {
            "candles": [
                {
                    "start": str(each.ts // SECOND),
                    "low": plain(each.low),
                    "high": plain(each.high),
                    "open": plain(each.open),
                    "close": plain(each.close),
                    "volume": plain(each.volume),
                }
                for each in reversed(candles)
            ]
        }
