"""Kraken: spot over REST and websockets v2."""

from tutti.testing.exchanges.dialects.kraken.dialect import KrakenDialect
from tutti.testing.exchanges.dialects.kraken.terms import KrakenTerms

__all__ = ["KrakenDialect", "KrakenTerms"]
