"""What Kraken trades, its many names for it, and the form of its keys and ids."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.testing.exchanges.accounts import Account
from tutti.testing.exchanges.dialects.named_listings import NamedListings
from tutti.testing.exchanges.values import Listing

if TYPE_CHECKING:
    import numpy as np

    from tutti.testing.exchanges.marketplace import Marketplace

_ASSETS = {"BTC": "XXBT", "ETH": "XETH", "USD": "ZUSD", "EUR": "ZEUR", "XRP": "XXRP"}
_ALTERNATIVES = {"BTC": "XBT"}
_LISTED = (
    ("BTC/USD", "0.1", "0.00005", "60000"),
    ("ETH/USD", "0.01", "0.002", "3000"),
    ("SOL/USD", "0.01", "0.02", "150"),
)
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SPREAD = 0x9E3779B97F4A7C15F39D
_ROUND = 1 << 80
_BACK = pow(_SPREAD, -1, _ROUND)


class KrakenTerms:
    """What a fake Kraken is made with."""

    reuses_client_ids = True

    def listings(self) -> list[Listing]:
        """Return three coins against the dollar."""
        return [
            Listing(
                name=name,
                price_step=Decimal(tick),
                quantity_step=Decimal("0.00000001"),
                min_quantity=Decimal(smallest),
                min_notional=Decimal("0.5"),
                price=Decimal(price),
                maker_fee=Decimal("0.0025"),
                taker_fee=Decimal("0.004"),
            )
            for name, tick, smallest, price in _LISTED
        ]

    def account(
        self,
        name: str,
        generator: np.random.Generator,
        spot: dict[str, Decimal],
        margin: dict[str, Decimal],
    ) -> Account:
        """Make an account with a key of 56 characters and a secret of 64 bytes in base64."""
        key = base64.b64encode(generator.bytes(42)).decode()
        secret = base64.b64encode(generator.bytes(64)).decode()
        return Account(name, key=key, secret=secret, spot=spot, margin=margin)


def asset_of(currency: str) -> str:
    """Return Kraken's own name of a currency: ``XXBT``."""
    return _ASSETS.get(currency, currency)


def alternative_of(currency: str) -> str:
    """Return Kraken's alternative name of a currency: ``XBT``."""
    return _ALTERNATIVES.get(currency, currency)


def pair_of(listing: Listing) -> str:
    """Return Kraken's own name of a pair: ``XXBTZUSD``, or ``SOLUSD`` where assets have no X."""
    if listing.base in _ASSETS:
        return asset_of(listing.base) + asset_of(listing.quote)
    return listing.base + listing.quote


def altname_of(listing: Listing) -> str:
    """Return Kraken's alternative name of a pair: ``XBTUSD``."""
    return alternative_of(listing.base) + alternative_of(listing.quote)


class Pairs(NamedListings):
    """Listings by any of Kraken's names."""

    def __init__(self, place: Marketplace) -> None:
        by_name: dict[str, Listing] = {}
        for listing in place.listings.values():
            wsname = f"{alternative_of(listing.base)}/{alternative_of(listing.quote)}"
            for name in (pair_of(listing), altname_of(listing), wsname, listing.name):
                by_name[name] = listing
        super().__init__(by_name)


def written_id(prefix: str, number: int) -> str:
    """Return an id as Kraken writes it, ``OABCDE-FGHIJ-KLMNOP``; :func:`read_id` reads it back."""
    scattered = number * _SPREAD % _ROUND
    letters = "".join(_DIGITS[scattered >> shift & 31] for shift in range(75, -1, -5))
    return f"{prefix}{letters[:5]}-{letters[5:10]}-{letters[10:]}"


def read_id(written: str) -> int | None:
    """Return the number of an id that :func:`written_id` wrote; None for any other text."""
    letters = written[1:].replace("-", "")
    scattered = 0
    for letter in letters:
        digit = _DIGITS.find(letter)
        if digit < 0:
            return None
        scattered = scattered << 5 | digit
    return scattered * _BACK % _ROUND
