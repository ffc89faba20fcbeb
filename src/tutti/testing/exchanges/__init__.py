"""Fake exchanges that speak the dialects of real ones, well enough for unmodified ccxt."""

from tutti.testing.exchanges.addresses import Addresses
from tutti.testing.exchanges.exchange import FakeExchange, made_up_listings
from tutti.testing.exchanges.faults import Fault, FaultKind, parse_faults, read_faults
from tutti.testing.exchanges.server import ExchangeServer, serve, serve_in_thread
from tutti.testing.exchanges.values import Listing

__all__ = [
    "Addresses",
    "ExchangeServer",
    "FakeExchange",
    "Fault",
    "FaultKind",
    "Listing",
    "made_up_listings",
    "parse_faults",
    "read_faults",
    "serve",
    "serve_in_thread",
]
