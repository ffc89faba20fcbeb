"""Binance USD-M perpetuals."""

from tutti.adapters.venues.by_ccxt.dialect import Dialect, Permissions
from tutti.adapters.venues.by_ccxt.dialects.binance import BINANCE_CODES, later_trades

BINANCE_USDM = Dialect(
    venue="BINANCE_USDM",
    exchange="binanceusdm",
    is_perpetual=True,
    options={
        "defaultType": "swap",
        "fetchMarkets": {"types": ["linear"]},
        "fetchCurrencies": False,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
        "recvWindow": 5000,
    },
    finds_by_client_id=True,
    cancels_by_client_id=True,
    closed_needs_symbol=True,
    trade_filter="orderId",
    more_trades=later_trades,
    funding_page=1000,  # it would show a hundred, fewer than are paid at one instant
    total_is_equity=True,
    is_authoritative=True,
    fee_coin="BNB",
    refuses_at_limit=True,
    codes=BINANCE_CODES,
    permissions=Permissions(method="sapiGetAccountApiRestrictions", withdraws="enableWithdrawals"),
    ordinary_burst=20.0,
)
