"""Bars in the standard layout beside a loose file, to compare it with.

A file outside the layout carries its claim in its name only (``bitfinex_BTC-USD_1h``). Bars of the
same coin and timeframe nearby can confirm or refute it: equal bars under a contradicting name are
one market under two names, unequal bars under the same name are another market.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.adapters.feeds.files import LOCAL, SUFFIXES, BarFile, describe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MAX_LEVELS_UP = 3
_MAX_NEIGHBOURS = 24
_QUOTES = frozenset({"USD", "USDT", "USDC", "EUR", "GBP", "JPY", "FDUSD", "TUSD", "BUSD"})
_CONTRACTS = frozenset({"PERP", "PERPETUAL", "SWAP", "FUTURES", "USDM", "LINEAR"})
_VENUES = frozenset(
    {
        *("ASTER", "BINANCE", "BINANCEUS", "BITFINEX", "BITGET", "BITMEX", "BITSTAMP", "BYBIT"),
        *("COINBASE", "CRYPTOCOM", "DERIBIT", "FTX", "GATE", "GEMINI", "HTX", "HUOBI"),
        *("HYPERLIQUID", "KRAKEN", "KUCOIN", "MEXC", "OKX", "POLONIEX"),
    }
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a name says: words, and among them the venue, the quote currencies, a contract."""

    words: frozenset[str]
    venues: frozenset[str]
    quotes: frozenset[str]
    is_contract: bool

    @classmethod
    def of(cls, file: BarFile) -> Claim:
        """Return the claim that a file's name and folder make."""
        words = frozenset(_words(file.instrument.symbol))
        venues = words & _VENUES
        folder = _words(file.instrument.venue) if file.instrument.venue != LOCAL else []
        if folder:
            venues |= {folder[0]}
        return cls(
            words=words,
            venues=venues,
            quotes=words & _QUOTES,
            is_contract=bool(_CONTRACTS & {*words, *folder}),
        )

    def contradicts(self, other: Claim) -> bool:
        """Return whether both can't be the same market."""
        return (
            self.is_contract != other.is_contract
            or bool(self.venues and other.venues and not self.venues & other.venues)
            or bool(self.quotes and other.quotes and not self.quotes & other.quotes)
        )

    def names(self, other: Claim) -> bool:
        """Return whether this claim is to be the same market, the venue said."""
        return bool(self.venues & other.venues) and not self.contradicts(other)


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^A-Z0-9]+", name.upper()) if word]


def neighbours(file: BarFile) -> list[BarFile]:
    """Return files of the layout, of the same coin and timeframe, in or beside a parent folder."""
    words = set(_words(file.instrument.symbol))
    for folder in list(file.path.resolve().parents)[:_MAX_LEVELS_UP]:
        if folder == folder.parent:
            break
        found = sorted(_bars_below(folder))
        if found:
            described = [describe(path) for path in found if path != file.path.resolve()]
            return [
                other
                for other in described
                if other.step == file.step and _words(other.instrument.symbol)[:1][0] in words
            ][:_MAX_NEIGHBOURS]
    return []


def _bars_below(folder: Path) -> Iterable[Path]:
    for pattern in ("ohlcv/*/*", "*/ohlcv/*/*"):
        yield from (p for p in folder.glob(pattern) if p.name.lower().endswith(SUFFIXES))
