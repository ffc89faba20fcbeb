"""The venues that are known by name; any other of ccxt is taken at its word."""

from __future__ import annotations

from tutti.adapters.venues.by_ccxt.dialect import Dialect
from tutti.adapters.venues.by_ccxt.dialects.aster import ASTER
from tutti.adapters.venues.by_ccxt.dialects.binance import BINANCE
from tutti.adapters.venues.by_ccxt.dialects.binance_usdm import BINANCE_USDM
from tutti.adapters.venues.by_ccxt.dialects.coinbase import COINBASE
from tutti.adapters.venues.by_ccxt.dialects.hyperliquid import HYPERLIQUID
from tutti.adapters.venues.by_ccxt.dialects.kraken import KRAKEN
from tutti.adapters.venues.by_ccxt.dialects.kucoin import KUCOIN
from tutti.adapters.venues.by_ccxt.dialects.others import OTHERS

DIALECTS: dict[str, Dialect] = {
    each.venue: each
    for each in (
        ASTER,
        BINANCE,
        BINANCE_USDM,
        COINBASE,
        HYPERLIQUID,
        KRAKEN,
        KUCOIN,
        *OTHERS,
    )
}
"""By the venue part of instruments' ids."""


def dialect_of(venue: str) -> Dialect:
    """Return what is known of a venue; of one that isn't listed, no more than ccxt's name for it.

    The name in ccxt is the venue's in small letters without underscores: ``GATE`` is ``gate``,
    ``KRAKEN_FUTURES`` is ``krakenfutures``. Whether ccxt has it shows when it is opened.
    """
    known = DIALECTS.get(venue)
    if known is not None:
        return known
    return Dialect(venue=venue, exchange=venue.lower().replace("_", ""), is_perpetual=None)
