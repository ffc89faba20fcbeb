"""The exchanges that can be spoken like, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tutti.testing.exchanges.dialect import Dialect, DialectTerms
from tutti.testing.exchanges.dialects.binance import BinanceDialect, BinanceTerms
from tutti.testing.exchanges.dialects.coinbase import CoinbaseDialect, CoinbaseTerms
from tutti.testing.exchanges.dialects.hyperliquid import (
    HyperliquidDialect,
    HyperliquidTerms,
)
from tutti.testing.exchanges.dialects.kraken import KrakenDialect, KrakenTerms
from tutti.testing.exchanges.marketplace import Marketplace


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectKind:
    """How to make one: its terms, and the dialect over a marketplace with limits of some scale."""

    terms: DialectTerms
    make: Callable[[Marketplace, float], Dialect]


DIALECTS: dict[str, DialectKind] = {
    "binance": DialectKind(terms=BinanceTerms(), make=BinanceDialect),
    "coinbase": DialectKind(terms=CoinbaseTerms(), make=CoinbaseDialect),
    "hyperliquid": DialectKind(terms=HyperliquidTerms(), make=HyperliquidDialect),
    "kraken": DialectKind(terms=KrakenTerms(), make=KrakenDialect),
}
