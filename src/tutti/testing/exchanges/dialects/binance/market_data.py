"""Binance's public figures: markets, books, trades, candles, tickers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import DAY, HOUR, MINUTE
from tutti.testing.exchanges.dialects.binance.terms import symbol_of
from tutti.testing.exchanges.dialects.parameters import optional_whole, plain, text
from tutti.testing.exchanges.values import Reason, Refused, Side

if TYPE_CHECKING:
    from decimal import Decimal

    from tutti.testing.exchanges.candle import Candle
    from tutti.testing.exchanges.dialects.binance.terms import Symbols
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing, Print

_MS = 1_000_000
_MOST_CANDLES = 1000
_FUNDING = 8 * HOUR
_FEW_RATES, _MOST_RATES = 100, 1000
INTERVALS = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
}
_SPOT_TYPES = [
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
]
_PERPETUAL_TYPES = [
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
]

Parameters = dict[str, str]


def decimals(step: Decimal) -> int:
    """Return how many decimals a step has."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -int(exponent))


class Figures:
    """Public figures of spot, or of perpetuals."""

    def __init__(self, place: Marketplace, symbols: Symbols, *, is_perpetual: bool) -> None:
        self._place = place
        self._symbols = symbols
        self._is_perpetual = is_perpetual

    def _listing(self, given: Parameters) -> Listing:
        return self._symbols.find(text(given, "symbol"), is_perpetual=self._is_perpetual)

    def _listings(self, given: Parameters) -> list[Listing]:
        if given.get("symbol"):
            return [self._listing(given)]
        symbols = self._symbols.perpetual if self._is_perpetual else self._symbols.spot
        return list(symbols.values())

    def status(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return that all is well."""
        return {"status": 0, "msg": "normal"}

    def ping(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing, promptly."""
        return {}

    def time(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return the venue's time, ms."""
        return {"serverTime": self._place.now() // _MS}

    def no_markets(self, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return that there are no coin-margined contracts."""
        now = self._place.now() // _MS
        return {"timezone": "UTC", "serverTime": now, "rateLimits": [], "symbols": []}

    def markets(self, given: Parameters) -> dict[str, Any]:
        """Return what is traded, with its filters."""
        describe = self._perpetual_market if self._is_perpetual else self._spot_market
        return {
            "timezone": "UTC",
            "serverTime": self._place.now() // _MS,
            "rateLimits": [
                {
                    "rateLimitType": "REQUEST_WEIGHT",
                    "interval": "MINUTE",
                    "intervalNum": 1,
                    "limit": 2400 if self._is_perpetual else 6000,
                },
                {
                    "rateLimitType": "ORDERS",
                    "interval": "SECOND",
                    "intervalNum": 10,
                    "limit": 100,
                },
            ],
            "exchangeFilters": [],
            "symbols": [describe(listing) for listing in self._listings(given)],
        }

    def _status(self, listing: Listing) -> str:
        return "BREAK" if listing.name in self._place.halted else "TRADING"

    def _spot_market(self, listing: Listing) -> dict[str, Any]:
        return {
            "symbol": symbol_of(listing),
            "status": self._status(listing),
            "baseAsset": listing.base,
            "baseAssetPrecision": 8,
            "quoteAsset": listing.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": _SPOT_TYPES,
            "icebergAllowed": True,
            "ocoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": f"{listing.price_step:.8f}",
                    "maxPrice": "1000000.00000000",
                    "tickSize": f"{listing.price_step:.8f}",
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": f"{listing.min_quantity:.8f}",
                    "maxQty": "9000.00000000",
                    "stepSize": f"{listing.quantity_step:.8f}",
                },
                {
                    "filterType": "NOTIONAL",
                    "minNotional": f"{listing.min_notional:.8f}",
                    "applyMinToMarket": True,
                    "maxNotional": "9000000.00000000",
                    "applyMaxToMarket": False,
                    "avgPriceMins": 5,
                },
            ],
            "permissions": ["SPOT"],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
            "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
        }

    def _perpetual_market(self, listing: Listing) -> dict[str, Any]:
        return {
            "symbol": symbol_of(listing),
            "pair": symbol_of(listing),
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "onboardDate": 1569398400000,
            "status": self._status(listing),
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": listing.base,
            "quoteAsset": listing.quote,
            "marginAsset": listing.settle,
            "pricePrecision": decimals(listing.price_step),
            "quantityPrecision": decimals(listing.quantity_step),
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": plain(listing.price_step),
                    "maxPrice": "1000000",
                    "tickSize": plain(listing.price_step),
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": plain(listing.min_quantity),
                    "maxQty": "1000",
                    "stepSize": plain(listing.quantity_step),
                },
                {
                    "filterType": "MARKET_LOT_SIZE",
                    "minQty": plain(listing.min_quantity),
                    "maxQty": "1000",
                    "stepSize": plain(listing.quantity_step),
                },
                {"filterType": "MIN_NOTIONAL", "notional": plain(listing.min_notional)},
            ],
            "orderTypes": _PERPETUAL_TYPES,
            "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        }

    def book(self, given: Parameters) -> dict[str, Any]:
        """Return the book with the id of its last update."""
        listing = self._listing(given)
        depth = optional_whole(given, "limit") or 100
        book = self._place.books[listing.name]
        now = self._place.now() // _MS
        answer: dict[str, Any] = {"lastUpdateId": book.sequence}
        if self._is_perpetual:
            answer |= {"E": now, "T": now}
        for key, side in (("bids", Side.BUY), ("asks", Side.SELL)):
            answer[key] = [
                [self.price(listing, price), self.quantity(listing, quantity)]
                for price, quantity in book.levels(side, depth)
            ]
        return answer

    def price(self, listing: Listing, price: Decimal) -> str:
        """Write a price as Binance does."""
        return plain(price, listing.price_step) if self._is_perpetual else f"{price:.8f}"

    def quantity(self, listing: Listing, quantity: Decimal) -> str:
        """Write a quantity as Binance does."""
        return plain(quantity, listing.quantity_step) if self._is_perpetual else f"{quantity:.8f}"

    def _newest(self, given: Parameters, default: int) -> tuple[Listing, list[Print]]:
        listing = self._listing(given)
        start = (optional_whole(given, "startTime") or 0) * _MS
        end = (optional_whole(given, "endTime") or 2**43) * _MS
        trades = [
            each for each in self._place.tapes[listing.name].trades if start <= each.ts <= end
        ]
        limit = min(optional_whole(given, "limit") or default, 1000)
        return listing, trades[:limit] if start else trades[-limit:]

    def trades(self, given: Parameters) -> list[dict[str, Any]]:
        """Return the newest trades."""
        listing, trades = self._newest(given, 500)
        return [
            {
                "id": each.id,
                "price": self.price(listing, each.price),
                "qty": self.quantity(listing, each.quantity),
                "quoteQty": plain(each.price * each.quantity),
                "time": each.ts // _MS,
                "isBuyerMaker": each.side is Side.SELL,
                "isBestMatch": True,
            }
            for each in trades
        ]

    def aggregated_trades(self, given: Parameters) -> list[dict[str, Any]]:
        """Return trades by taker order; here each trade stands alone."""
        listing, trades = self._newest(given, 500)
        return [
            {
                "a": each.id,
                "p": self.price(listing, each.price),
                "q": self.quantity(listing, each.quantity),
                "f": each.id,
                "l": each.id,
                "T": each.ts // _MS,
                "m": each.side is Side.SELL,
                "M": True,
            }
            for each in trades
        ]

    def candles(self, given: Parameters) -> list[list[Any]]:
        """Return candles, the last one still growing."""
        listing = self._listing(given)
        step = INTERVALS.get(text(given, "interval"))
        if step is None:
            raise Refused(Reason.BAD_REQUEST, "interval")
        limit = min(optional_whole(given, "limit") or 500, _MOST_CANDLES)
        now = self._place.now()
        end = min(now, (optional_whole(given, "endTime") or 2**43) * _MS) + 1
        since = optional_whole(given, "startTime")
        start = end - step * (limit + 1) if since is None else since * _MS
        tape = self._place.tapes[listing.name]
        candles = tape.candles(step, max(0, start), end, fills_gaps=True)
        chosen = candles[-limit:] if since is None else candles[:limit]
        return [self.row(listing, each, step) for each in chosen]

    def row(self, listing: Listing, candle: Candle, step: int) -> list[Any]:
        """Write a candle as Binance does."""
        return [
            candle.ts // _MS,
            self.price(listing, candle.open),
            self.price(listing, candle.high),
            self.price(listing, candle.low),
            self.price(listing, candle.close),
            plain(candle.volume),
            (candle.ts + step) // _MS - 1,
            plain(candle.turnover),
            candle.n_trades,
            "0",
            "0",
            "0",
        ]

    def day(self, given: Parameters) -> Any:
        """Return the figures of 24 hours, of one listing or all."""
        rows = [self.day_of(each) for each in self._listings(given)]
        return rows[0] if given.get("symbol") else rows

    def day_of(self, listing: Listing) -> dict[str, Any]:
        """Return one listing's figures of 24 hours."""
        now = self._place.now()
        day = self._place.tapes[listing.name].day(now)
        best = self.best_of(listing)
        change = day.close - day.open
        return {
            "symbol": symbol_of(listing),
            "priceChange": plain(change),
            "priceChangePercent": f"{change / day.open * 100:.3f}",
            "weightedAvgPrice": plain(
                day.turnover / day.volume if day.volume else day.close, listing.price_step
            ),
            "prevClosePrice": self.price(listing, day.open),
            "lastPrice": self.price(listing, day.close),
            "lastQty": "0.00100000",
            **({} if self._is_perpetual else best),
            "openPrice": self.price(listing, day.open),
            "highPrice": self.price(listing, day.high),
            "lowPrice": self.price(listing, day.low),
            "volume": plain(day.volume),
            "quoteVolume": plain(day.turnover),
            "openTime": (now - DAY) // _MS,
            "closeTime": now // _MS,
            "firstId": 1,
            "lastId": 2,
            "count": day.n_trades,
        }

    def best(self, given: Parameters) -> Any:
        """Return the best bid and ask."""
        now = self._place.now() // _MS
        rows = [
            {
                "symbol": symbol_of(each),
                **self.best_of(each),
                **({"time": now} if self._is_perpetual else {}),
            }
            for each in self._listings(given)
        ]
        return rows[0] if given.get("symbol") else rows

    def best_of(self, listing: Listing) -> dict[str, Any]:
        """Return one listing's best bid and ask."""
        book = self._place.books[listing.name]
        best: dict[str, Any] = {}
        for key, side in (("bid", Side.BUY), ("ask", Side.SELL)):
            price, quantity = next(iter(book.levels(side, 1)), (None, None))
            best[f"{key}Price"] = "0.00" if price is None else self.price(listing, price)
            best[f"{key}Qty"] = "0.00" if quantity is None else self.quantity(listing, quantity)
        return best

    def prices(self, given: Parameters) -> Any:
        """Return last prices."""
        now = self._place.now() // _MS
        rows = [
            {
                "symbol": symbol_of(each),
                "price": self.price(each, self._place.last(each)),
                **({"time": now} if self._is_perpetual else {}),
            }
            for each in self._listings(given)
        ]
        return rows[0] if given.get("symbol") else rows

    def premium(self, given: Parameters) -> Any:
        """Return mark prices and funding."""
        now = self._place.now()
        rows = [
            {
                "symbol": symbol_of(each),
                "markPrice": plain(self._place.last(each)),
                "indexPrice": plain(self._place.last(each)),
                "estimatedSettlePrice": plain(self._place.last(each)),
                "lastFundingRate": "0.00010000",
                "interestRate": "0.00010000",
                "nextFundingTime": (now - now % _FUNDING + _FUNDING) // _MS,
                "time": now // _MS,
            }
            for each in self._listings(given)
        ]
        return rows[0] if given.get("symbol") else rows

    def rates(self, given: Parameters) -> list[dict[str, Any]]:
        """Return past funding rates, always the same one, oldest first."""
        listing = self._symbols.find(text(given, "symbol"), is_perpetual=True)
        limit = min(optional_whole(given, "limit") or _FEW_RATES, _MOST_RATES)
        now = self._place.now()
        until = min(now, _MS * (optional_whole(given, "endTime") or now // _MS))
        last = until - until % _FUNDING
        since = optional_whole(given, "startTime")
        first = (
            last - (limit - 1) * _FUNDING
            if since is None
            else -(-since * _MS // _FUNDING) * _FUNDING
        )
        return [
            {
                "symbol": symbol_of(listing),
                "fundingTime": ts // _MS,
                "fundingRate": "0.00010000",
                "markPrice": plain(self._place.last(listing)),
            }
            for ts in range(first, last + 1, _FUNDING)[:limit]
        ]

    def open_interest(self, given: Parameters) -> dict[str, Any]:
        """Return how much of a perpetual is held, by our clients and others."""
        listing = self._symbols.find(text(given, "symbol"), is_perpetual=True)
        now = self._place.now() // _MS
        return {"symbol": symbol_of(listing), "openInterest": "1000.000", "time": now}
