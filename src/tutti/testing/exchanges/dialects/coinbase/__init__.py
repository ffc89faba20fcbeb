"""Coinbase Advanced: spot over REST and websockets."""

from tutti.testing.exchanges.dialects.coinbase.dialect import CoinbaseDialect
from tutti.testing.exchanges.dialects.coinbase.terms import CoinbaseTerms

__all__ = ["CoinbaseDialect", "CoinbaseTerms"]
