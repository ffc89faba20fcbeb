"""Hyperliquid's questions: markets, books, candles, and what an address holds."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.kernel.clock import DAY, HOUR, MINUTE
from tutti.testing.exchanges.dialects.hyperliquid.terms import size_decimals, token_of
from tutti.testing.exchanges.dialects.parameters import trimmed
from tutti.testing.exchanges.values import ZERO, Reason, Refused, Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.testing.exchanges.accounts import Account
    from tutti.testing.exchanges.candle import Candle
    from tutti.testing.exchanges.dialects.hyperliquid.orders import Desk
    from tutti.testing.exchanges.dialects.hyperliquid.terms import Assets
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing

_MS = 1_000_000
_NO_HASH = "0x" + 64 * "0"
_LEVELS = 20
_MOST_CANDLES = 5000
_MAINTENANCE = Decimal("0.0125")
INTERVALS = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
}
# Endpoints in the words of faults, by the type of question.
WHERE = {
    "meta": "markets",
    "metaAndAssetCtxs": "markets",
    "spotMeta": "currencies",
    "spotMetaAndAssetCtxs": "markets",
    "perpDexs": "markets",
    "allMids": "ticker",
    "l2Book": "book",
    "candleSnapshot": "candles",
    "exchangeStatus": "time",
    "clearinghouseState": "balances",
    "spotClearinghouseState": "balances",
    "openOrders": "orders.open",
    "frontendOpenOrders": "orders.open",
    "historicalOrders": "orders.all",
    "orderStatus": "order.fetch",
    "userFills": "trades.mine",
    "userFillsByTime": "trades.mine",
    "userFees": "fees",
    "userFunding": "funding.mine",
    "userAbstraction": "permissions",
    "userRole": "permissions",
}

Parameters = dict[str, Any]


class Info:
    """Answers questions; who asks does not matter, all accounts are public."""

    def __init__(self, place: Marketplace, assets: Assets, desk: Desk) -> None:
        self._place = place
        self._assets = assets
        self._desk = desk
        self._of_market: dict[str, Callable[[], Any]] = {
            "meta": self._meta,
            "metaAndAssetCtxs": lambda: [self._meta(), self._contexts(assets.perpetuals)],
            "spotMeta": self._spot_meta,
            "spotMetaAndAssetCtxs": lambda: [self._spot_meta(), self._contexts(assets.spots)],
            "perpDexs": lambda: [None],
            "allMids": self.mids,
            "exchangeStatus": lambda: {"time": place.now() // _MS},
            "userAbstraction": lambda: "disabled",
            "userRole": lambda: {"role": "user"},
            "userFees": self._fees,
        }
        self._of_account: dict[str, Callable[[Account], Any]] = {
            "clearinghouseState": self.clearinghouse,
            "spotClearinghouseState": self.spot_state,
            "openOrders": desk.open,
            "frontendOpenOrders": desk.open,
            "historicalOrders": desk.history,
        }

    def answer(self, given: Parameters) -> Any:
        """Answer a question.

        Raises
        ------
        Refused
            If it can't be read.
        """
        kind = str(given.get("type"))
        if kind in self._of_market:
            return self._of_market[kind]()
        if kind in self._of_account:
            return self._of_account[kind](self._account(given))
        match kind:
            case "l2Book":
                return self.book(self._assets.by_coin(given.get("coin")))
            case "candleSnapshot":
                return self._candles(given)
            case "orderStatus":
                return self._desk.status(self._account(given), given.get("oid"))
            case "userFills" | "userFillsByTime":
                start, end = int(given.get("startTime") or 0), int(given.get("endTime") or 2**60)
                return self._desk.fills(self._account(given), start, end)
            case "userFunding":
                return self._funding(self._account(given), int(given.get("startTime") or 0))
            case _:
                raise Refused(Reason.BAD_REQUEST, "type")

    def _funding(self, account: Account, since: int) -> list[dict[str, Any]]:
        return [
            {
                "time": each.ts // _MS,
                "hash": _NO_HASH,
                "delta": {
                    "type": "funding",
                    "coin": each.listing.base,
                    "usdc": trimmed(each.amount),
                    "szi": trimmed(each.quantity),
                    "fundingRate": trimmed(each.rate),
                    "nSamples": None,
                },
            }
            for each in account.funding
            if each.ts // _MS >= since
        ]

    def _account(self, given: Parameters) -> Account:
        account = self._place.by_key.get(str(given.get("user", "")).lower())
        if account is None:
            raise Refused(Reason.BAD_REQUEST, "user")
        return account

    # ---- markets ----

    def _fees(self) -> dict[str, str]:
        first = self._assets.perpetuals[0]
        rates = {"userCrossRate": first.taker_fee, "userAddRate": first.maker_fee}
        return {name: trimmed(rate) for name, rate in rates.items()}

    def _contexts(self, listings: list[Listing]) -> list[dict[str, Any]]:
        return [self.context(each) for each in listings]

    def _meta(self) -> dict[str, Any]:
        return {
            "universe": [
                {
                    "szDecimals": size_decimals(each),
                    "name": each.base,
                    "maxLeverage": each.max_leverage,
                    "marginTableId": each.max_leverage,
                    **({"isDelisted": True} if each.name in self._place.halted else {}),
                }
                for each in self._assets.perpetuals
            ],
            "marginTables": [],
            "collateralToken": 0,
        }

    def _spot_meta(self) -> dict[str, Any]:
        tokens = self._assets.tokens
        decimals = {token_of(x.base): size_decimals(x) for x in self._assets.spots}
        return {
            "tokens": [
                {
                    "name": name,
                    "szDecimals": decimals.get(name, 8),
                    "weiDecimals": 8,
                    "index": k,
                    "tokenId": f"0x{k:032x}",
                    "isCanonical": True,
                    "evmContract": None,
                    "fullName": None,
                }
                for k, name in enumerate(tokens)
            ],
            "universe": [
                {
                    "tokens": [tokens.index(token_of(each.base)), tokens.index(each.quote)],
                    "name": self._assets.coin(each),
                    "index": k,
                    "isCanonical": k == 0,
                }
                for k, each in enumerate(self._assets.spots)
            ],
        }

    def _middle(self, listing: Listing) -> Decimal:
        book = self._place.books[listing.name]
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        if bid is None or ask is None:
            return self._place.last(listing)
        return (bid + ask) / 2

    def context(self, listing: Listing) -> dict[str, Any]:
        """Return a listing's figures of the day."""
        tape = self._place.tapes[listing.name]
        day = tape.day(self._place.now())
        middle = trimmed(self._middle(listing))
        book = self._place.books[listing.name]
        impact = [trimmed(book.best(side) or day.close) for side in (Side.BUY, Side.SELL)]
        context = {
            "prevDayPx": trimmed(day.open),
            "dayNtlVlm": f"{day.turnover:.4f}",
            "dayBaseVlm": trimmed(day.volume),
            "markPx": trimmed(tape.last),
            "midPx": middle,
        }
        if listing.is_perpetual:
            context |= {
                "funding": "0.0000125",
                "openInterest": "1000.0",
                "premium": "0.0",
                "oraclePx": trimmed(tape.last),
            }
            return {**context, "impactPxs": impact}
        return {**context, "circulatingSupply": "1000000", "coin": self._assets.coin(listing)}

    def mids(self) -> dict[str, str]:
        """Return the middle prices of everything."""
        return {
            self._assets.coin(each): trimmed(self._middle(each))
            for each in (*self._assets.perpetuals, *self._assets.spots)
        }

    def book(self, listing: Listing) -> dict[str, Any]:
        """Return twenty levels of a book."""
        book = self._place.books[listing.name]
        return {
            "coin": self._assets.coin(listing),
            "time": self._place.now() // _MS,
            "levels": [
                [
                    {"px": trimmed(price), "sz": trimmed(quantity), "n": 1}
                    for price, quantity in book.levels(side, _LEVELS)
                ]
                for side in (Side.BUY, Side.SELL)
            ],
        }

    def _candles(self, given: Parameters) -> list[dict[str, Any]]:
        asked = given.get("req") or {}
        listing = self._assets.by_coin(asked.get("coin"))
        step = INTERVALS.get(str(asked.get("interval")))
        if step is None:
            raise Refused(Reason.BAD_REQUEST, "interval")
        start = int(asked.get("startTime") or 0) * _MS
        end = min(int(asked.get("endTime") or 2**43) * _MS, self._place.now()) + 1
        tape = self._place.tapes[listing.name]
        candles = tape.candles(step, start - start % step, end, fills_gaps=True)
        interval = str(asked.get("interval"))
        return [self.candle(listing, interval, step, each) for each in candles[-_MOST_CANDLES:]]

    def candle(self, listing: Listing, interval: str, step: int, row: Candle) -> dict[str, Any]:
        """Write a candle."""
        return {
            "t": row.ts // _MS,
            "T": (row.ts + step) // _MS - 1,
            "s": self._assets.coin(listing),
            "i": interval,
            "o": trimmed(row.open),
            "c": trimmed(row.close),
            "h": trimmed(row.high),
            "l": trimmed(row.low),
            "v": trimmed(row.volume),
            "n": row.n_trades,
        }

    # ---- accounts ----

    def spot_state(self, account: Account) -> dict[str, Any]:
        """Return an account's spot balances."""
        tokens = self._assets.tokens
        return {
            "balances": [
                {
                    "coin": token_of(currency),
                    "token": tokens.index(token_of(currency)),
                    "total": trimmed(total),
                    "hold": trimmed(account.held.get(currency, ZERO)),
                    "entryNtl": "0.0",
                }
                for currency, total in sorted(account.spot.items())
                if token_of(currency) in tokens
            ]
        }

    def clearinghouse(self, account: Account) -> dict[str, Any]:
        """Return an account's margin and positions."""
        mark = self._place.last
        wallet = account.margin.get("USDC", ZERO)
        value = wallet + account.unrealised("USDC", mark)
        used = account.position_margin("USDC", mark)
        orders = account.order_margin("USDC", self._place.open_orders(account))
        held = [each for each in account.positions.values() if each.quantity]
        notional = sum((abs(x.quantity) * mark(x.listing) for x in held), ZERO)
        summary = {
            "accountValue": trimmed(value),
            "totalNtlPos": trimmed(notional),
            "totalRawUsd": trimmed(value - sum((x.quantity * mark(x.listing) for x in held), ZERO)),
            "totalMarginUsed": trimmed(used + orders),
        }
        return {
            "marginSummary": summary,
            "crossMarginSummary": summary,
            "crossMaintenanceMarginUsed": trimmed(notional * _MAINTENANCE),
            "withdrawable": trimmed(max(ZERO, value - used - orders)),
            "assetPositions": [
                {
                    "type": "oneWay",
                    "position": {
                        "coin": self._assets.coin(each.listing),
                        "szi": trimmed(each.quantity),
                        "leverage": {"type": "cross", "value": each.leverage},
                        "entryPx": trimmed(each.entry.quantize(Decimal("0.000001"))),
                        "positionValue": trimmed(abs(each.quantity) * mark(each.listing)),
                        "unrealizedPnl": trimmed(each.quantity * (mark(each.listing) - each.entry)),
                        "returnOnEquity": "0.0",
                        "liquidationPx": None,
                        "marginUsed": trimmed(
                            abs(each.quantity) * mark(each.listing) / each.leverage
                        ),
                        "maxLeverage": each.listing.max_leverage,
                        "cumFunding": {
                            "allTime": "0.0",
                            "sinceOpen": "0.0",
                            "sinceChange": "0.0",
                        },
                    },
                }
                for each in held
            ],
            "time": self._place.now() // _MS,
        }
