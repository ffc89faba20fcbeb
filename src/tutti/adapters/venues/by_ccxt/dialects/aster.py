"""Aster perpetuals."""

from tutti.adapters.venues.by_ccxt.dialect import Dialect
from tutti.adapters.venues.by_ccxt.dialects.binance import BINANCE_CODES, later_trades

ASTER = Dialect(
    venue="ASTER",
    exchange="aster",
    is_perpetual=True,
    options={"defaultType": "swap", "fetchMarkets": {"types": ["swap"]}},
    finds_by_client_id=True,
    cancels_by_client_id=True,
    closed_needs_symbol=True,
    trade_filter="orderId",
    more_trades=later_trades,
    funding_page=1000,  # it would show a hundred, fewer than are paid at one instant
    is_authoritative=True,
    refuses_at_limit=True,
    codes=BINANCE_CODES,
)
