"""Venues of which no more is known than the form of their client order ids."""

from tutti.adapters.venues.by_ccxt.client_ids import GATE
from tutti.adapters.venues.by_ccxt.dialect import Dialect

OTHERS = (
    Dialect(
        venue="GATE", exchange="gate", is_perpetual=None, client_ids=GATE, client_id_key="text"
    ),
    Dialect(venue="BYBIT", exchange="bybit", options={"defaultType": "spot"}),
    Dialect(
        venue="BYBIT_LINEAR",
        exchange="bybit",
        is_perpetual=True,
        options={"defaultType": "swap"},
    ),
    Dialect(venue="OKX", exchange="okx", is_perpetual=None),
)
