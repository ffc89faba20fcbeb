"""Binance: spot and USD-M perpetuals, REST, streams and the websocket API."""

from tutti.testing.exchanges.dialects.binance.dialect import BinanceDialect
from tutti.testing.exchanges.dialects.binance.terms import BinanceTerms

__all__ = ["BinanceDialect", "BinanceTerms"]
