"""What Coinbase trades, and the form of its keys and ids."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tutti.testing.exchanges.accounts import Account
from tutti.testing.exchanges.dialects.named_listings import NamedListings
from tutti.testing.exchanges.values import Listing

if TYPE_CHECKING:
    import numpy as np

    from tutti.testing.exchanges.marketplace import Marketplace

_LISTED = (
    ("BTC/USD", "0.01", "0.00000001", "60000"),
    ("ETH/USD", "0.01", "0.00000001", "3000"),
    ("SOL/USD", "0.01", "0.00000001", "150"),
)
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835
_ROUND = 1 << 128
_BACK = pow(_SPREAD, -1, _ROUND)
# Order of the curve P-256: a private key is a whole number below it.
_CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class CoinbaseTerms:
    """What a fake Coinbase is made with."""

    # An id that was used is answered with the order that it belongs to, for ever.
    reuses_client_ids = False

    def listings(self) -> list[Listing]:
        """Return three coins against the dollar."""
        return [
            Listing(
                name=name,
                price_step=Decimal(tick),
                quantity_step=Decimal(lot),
                min_quantity=Decimal(lot),
                min_notional=Decimal(1),
                price=Decimal(price),
                maker_fee=Decimal("0.004"),
                taker_fee=Decimal("0.006"),
            )
            for name, tick, lot, price in _LISTED
        ]

    def account(
        self,
        name: str,
        generator: np.random.Generator,
        spot: dict[str, Decimal],
        margin: dict[str, Decimal],
    ) -> Account:
        """Make an account with a cloud key: a resource name, and a private key of P-256."""
        organization, key_id = (uuid.UUID(bytes=generator.bytes(16), version=4) for _ in range(2))
        number = int.from_bytes(generator.bytes(40), "big") % (_CURVE_ORDER - 1) + 1
        private = ec.derive_private_key(number, ec.SECP256R1())
        secret = private.private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        ).decode()
        key = f"organizations/{organization}/apiKeys/{key_id}"
        return Account(name, key=key, secret=secret, spot=spot, margin=margin)


def product_of(listing: Listing) -> str:
    """Return Coinbase's name of a listing: ``BTC-USD``."""
    return f"{listing.base}-{listing.quote}"


class Products(NamedListings):
    """Listings by Coinbase's names."""

    def __init__(self, place: Marketplace) -> None:
        super().__init__({product_of(each): each for each in place.listings.values()})

    def all(self) -> list[Listing]:
        """Return everything that is listed."""
        return list(self._by_name.values())


def written_id(number: int) -> str:
    """Return an id as a UUID; :func:`read_id` reads it back."""
    return str(uuid.UUID(int=number * _SPREAD % _ROUND))


def read_id(written: str) -> int:
    """Return the number of an id; 0, which is nobody's, for a text that is no UUID."""
    try:
        return uuid.UUID(written).int * _BACK % _ROUND
    except ValueError:
        return 0
