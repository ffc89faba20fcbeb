"""Hyperliquid: perpetuals and spot, requests signed as typed data by a wallet."""

from tutti.testing.exchanges.dialects.hyperliquid.dialect import HyperliquidDialect
from tutti.testing.exchanges.dialects.hyperliquid.terms import HyperliquidTerms

__all__ = ["HyperliquidDialect", "HyperliquidTerms"]
