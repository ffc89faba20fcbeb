"""Binance's view of an account: balances, positions, fees, permissions."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tutti.testing.exchanges.dialects.binance.terms import symbol_of
from tutti.testing.exchanges.dialects.parameters import optional_whole, plain, text
from tutti.testing.exchanges.values import ZERO, Reason, Refused

if TYPE_CHECKING:
    from tutti.testing.exchanges.accounts import Account, Position
    from tutti.testing.exchanges.dialects.binance.terms import Symbols
    from tutti.testing.exchanges.marketplace import Marketplace
    from tutti.testing.exchanges.values import Listing

_MS = 1_000_000
_MAINTENANCE = Decimal("0.004")
_MOST_LEVERAGE = 125

Parameters = dict[str, str]


class Accounts:
    """What Binance says of accounts."""

    def __init__(self, place: Marketplace, symbols: Symbols) -> None:
        self._place = place
        self._symbols = symbols

    def spot(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return the spot balances."""
        return {
            "makerCommission": 10,
            "takerCommission": 10,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {"maker": "0.00100000", "taker": "0.00100000"},
            "canTrade": True,
            "canWithdraw": account.may_withdraw,
            "canDeposit": True,
            "brokered": False,
            "updateTime": self._place.now() // _MS,
            "accountType": "SPOT",
            "balances": spot_balances(account),
            "permissions": ["SPOT"],
            "uid": 1,
        }

    def coins(self, account: Account, given: Parameters) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return the currencies."""
        return [
            {
                "coin": currency,
                "depositAllEnable": True,
                "withdrawAllEnable": True,
                "name": currency,
                "free": plain(account.free(currency)),
                "locked": plain(account.held.get(currency, ZERO)),
                "freeze": "0",
                "withdrawing": "0",
                "ipoing": "0",
                "ipoable": "0",
                "storage": "0",
                "isLegalMoney": False,
                "trading": True,
                "networkList": [],
            }
            for currency in sorted(account.spot)
        ]

    def margin_pairs(self, account: Account, given: Parameters) -> list[Any]:  # noqa: ARG002
        """Return that nothing is traded on margin."""
        return []

    def restrictions(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return what the key may do."""
        return {
            "ipRestrict": False,
            "createTime": 1_600_000_000_000,
            "enableReading": True,
            "enableWithdrawals": account.may_withdraw,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": True,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": True,
            "enablePortfolioMarginTrading": False,
        }

    def commission(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return the rates of one spot symbol."""
        listing = self._symbols.find(text(given, "symbol"), is_perpetual=False)
        rates = {
            "maker": f"{listing.maker_fee:.8f}",
            "taker": f"{listing.taker_fee:.8f}",
            "buyer": "0.00000000",
            "seller": "0.00000000",
        }
        return {"symbol": symbol_of(listing), "standardCommission": rates}

    def trade_fee(self, account: Account, given: Parameters) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return the rates of spot."""
        wanted = given.get("symbol")
        return [
            {
                "symbol": symbol,
                "makerCommission": plain(listing.maker_fee),
                "takerCommission": plain(listing.taker_fee),
            }
            for symbol, listing in self._symbols.spot.items()
            if wanted in (None, symbol)
        ]

    def income(self, account: Account, given: Parameters) -> list[dict[str, Any]]:
        """Return what positions in perpetuals were paid, funding only."""
        since = optional_whole(given, "startTime") or 0
        return [
            {
                "symbol": symbol_of(each.listing),
                "incomeType": "FUNDING_FEE",
                "income": plain(each.amount),
                "asset": each.listing.settle,
                "time": each.ts // _MS,
                "info": "FUNDING_FEE",
                "tranId": each.id,
                "tradeId": "",
            }
            for each in account.funding
            if each.ts // _MS >= since and given.get("incomeType") in (None, "FUNDING_FEE")
        ]

    def perpetual_commission(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return the rates of one perpetual."""
        listing = self._symbols.find(text(given, "symbol"), is_perpetual=True)
        return {
            "symbol": symbol_of(listing),
            "makerCommissionRate": plain(listing.maker_fee),
            "takerCommissionRate": plain(listing.taker_fee),
        }

    # ---- perpetuals ----

    def _asset(self, account: Account, currency: str) -> dict[str, Any]:
        mark = self._place.last
        wallet = account.margin.get(currency, ZERO)
        profit = account.unrealised(currency, mark)
        positions = account.position_margin(currency, mark)
        orders = account.order_margin(currency, self._place.open_orders(account))
        available = max(ZERO, self._place.available_margin(account, currency))
        return {
            "asset": currency,
            "walletBalance": f"{wallet:.8f}",
            "unrealizedProfit": f"{profit:.8f}",
            "marginBalance": f"{wallet + profit:.8f}",
            "maintMargin": f"{positions * _MAINTENANCE:.8f}",
            "initialMargin": f"{positions + orders:.8f}",
            "positionInitialMargin": f"{positions:.8f}",
            "openOrderInitialMargin": f"{orders:.8f}",
            "crossWalletBalance": f"{wallet:.8f}",
            "crossUnPnl": f"{profit:.8f}",
            "availableBalance": f"{available:.8f}",
            "maxWithdrawAmount": f"{available:.8f}",
            "marginAvailable": True,
            "updateTime": self._place.now() // _MS,
        }

    def perpetual(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return the margin account with its positions."""
        assets = [self._asset(account, currency) for currency in sorted(account.margin)]
        total = {
            key: f"{sum((Decimal(each[source]) for each in assets), ZERO):.8f}"
            for key, source in (
                ("totalInitialMargin", "initialMargin"),
                ("totalMaintMargin", "maintMargin"),
                ("totalWalletBalance", "walletBalance"),
                ("totalUnrealizedProfit", "unrealizedProfit"),
                ("totalMarginBalance", "marginBalance"),
                ("totalPositionInitialMargin", "positionInitialMargin"),
                ("totalOpenOrderInitialMargin", "openOrderInitialMargin"),
                ("totalCrossWalletBalance", "crossWalletBalance"),
                ("totalCrossUnPnl", "crossUnPnl"),
                ("availableBalance", "availableBalance"),
                ("maxWithdrawAmount", "maxWithdrawAmount"),
            )
        }
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": True,
            "canWithdraw": account.may_withdraw,
            "updateTime": 0,
            **total,
            "assets": assets,
            "positions": [
                self._position(each) for each in account.positions.values() if each.quantity
            ],
        }

    def margin(self, account: Account, given: Parameters) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return the margin balances alone."""
        return [
            {"accountAlias": "A", **asset, "balance": asset["walletBalance"]}
            for asset in (self._asset(account, currency) for currency in sorted(account.margin))
        ]

    def positions(self, account: Account, given: Parameters) -> list[dict[str, Any]]:
        """Return open positions."""
        wanted = given.get("symbol")
        return [
            self._position(each)
            for each in account.positions.values()
            if each.quantity and wanted in (None, symbol_of(each.listing))
        ]

    def _position(self, position: Position) -> dict[str, Any]:
        listing = position.listing
        mark = self._place.last(listing)
        notional = position.quantity * mark
        margin = abs(notional) / position.leverage
        profit = position.quantity * (mark - position.entry)
        return {
            "symbol": symbol_of(listing),
            "positionSide": "BOTH",
            "positionAmt": plain(position.quantity, listing.quantity_step),
            "entryPrice": f"{position.entry:.8f}",
            "breakEvenPrice": f"{position.entry:.8f}",
            "markPrice": f"{mark:.8f}",
            "unRealizedProfit": f"{profit:.8f}",
            "unrealizedProfit": f"{profit:.8f}",
            "liquidationPrice": "0",
            "isolatedMargin": "0",
            "isolatedWallet": "0",
            "isolated": False,
            "leverage": str(position.leverage),
            "notional": f"{notional:.8f}",
            "marginAsset": listing.settle,
            "initialMargin": f"{margin:.8f}",
            "maintMargin": f"{abs(notional) * _MAINTENANCE:.8f}",
            "positionInitialMargin": f"{margin:.8f}",
            "openOrderInitialMargin": "0",
            "adl": 2,
            "bidNotional": "0",
            "askNotional": "0",
            "updateTime": position.updated_at // _MS,
        }

    def brackets(self, account: Account, given: Parameters) -> Any:  # noqa: ARG002
        """Return the leverage allowed by size of position."""
        wanted = given.get("symbol")
        return [
            {
                "symbol": symbol,
                "brackets": [
                    {
                        "bracket": 1,
                        "initialLeverage": listing.max_leverage,
                        "notionalCap": 1_000_000_000,
                        "notionalFloor": 0,
                        "maintMarginRatio": float(_MAINTENANCE),
                        "cum": 0.0,
                    }
                ],
            }
            for symbol, listing in self._symbols.perpetual.items()
            if wanted in (None, symbol)
        ]

    def set_leverage(self, account: Account, given: Parameters) -> dict[str, Any]:
        """Set the leverage of one symbol."""
        listing: Listing = self._symbols.find(text(given, "symbol"), is_perpetual=True)
        leverage = optional_whole(given, "leverage")
        if leverage is None or not 1 <= leverage <= _MOST_LEVERAGE:
            raise Refused(Reason.BAD_REQUEST, "leverage")
        account.position(listing).leverage = leverage
        return {
            "leverage": leverage,
            "maxNotionalValue": "1000000000",
            "symbol": symbol_of(listing),
        }

    def set_margin_type(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Leave the margin of one symbol as it is: positions share it."""
        self._symbols.find(text(given, "symbol"), is_perpetual=True)
        if text(given, "marginType") not in ("CROSSED", "CROSS"):
            raise Refused(Reason.BAD_REQUEST, "marginType")
        return {"code": 200, "msg": "success"}

    def is_hedged(self, account: Account, given: Parameters) -> dict[str, Any]:  # noqa: ARG002
        """Return that long and short share one position."""
        return {"dualSidePosition": False}


def spot_balances(account: Account) -> list[dict[str, str]]:
    """Write spot balances as Binance does."""
    return [
        {
            "asset": currency,
            "free": f"{account.free(currency):.8f}",
            "locked": f"{account.held.get(currency, ZERO):.8f}",
        }
        for currency in sorted(account.spot)
    ]
