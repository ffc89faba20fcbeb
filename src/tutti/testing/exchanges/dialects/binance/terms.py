"""What Binance trades, how it names it, and the form of its keys."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.testing.exchanges.accounts import Account
from tutti.testing.exchanges.values import Listing, Reason, Refused

if TYPE_CHECKING:
    import numpy as np

    from tutti.testing.exchanges.marketplace import Marketplace

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SPOT = (
    ("BTC/USDT", "0.01", "0.00001", "60000"),
    ("ETH/USDT", "0.01", "0.0001", "3000"),
    ("SOL/USDT", "0.01", "0.001", "150"),
)
_PERPETUAL = (
    ("BTC/USDT:USDT", "0.1", "0.001", "60000"),
    ("ETH/USDT:USDT", "0.01", "0.001", "3000"),
    ("SOL/USDT:USDT", "0.01", "0.01", "150"),
)


class BinanceTerms:
    """What a fake Binance is made with."""

    reuses_client_ids = True

    def listings(self) -> list[Listing]:
        """Return three coins, each as spot and as a perpetual."""
        spot = [
            Listing(
                name=name,
                price_step=Decimal(tick),
                quantity_step=Decimal(lot),
                min_quantity=Decimal(lot),
                min_notional=Decimal(5),
                price=Decimal(price),
                maker_fee=Decimal("0.001"),
                taker_fee=Decimal("0.001"),
                is_fee_in_received=True,
            )
            for name, tick, lot, price in _SPOT
        ]
        perpetual = [
            Listing(
                name=name,
                price_step=Decimal(tick),
                quantity_step=Decimal(lot),
                min_quantity=Decimal(lot),
                min_notional=Decimal(5),
                price=Decimal(price),
                maker_fee=Decimal("0.0002"),
                taker_fee=Decimal("0.0005"),
            )
            for name, tick, lot, price in _PERPETUAL
        ]
        return spot + perpetual

    def account(
        self,
        name: str,
        generator: np.random.Generator,
        spot: dict[str, Decimal],
        margin: dict[str, Decimal],
    ) -> Account:
        """Make an account with a key and a secret of 64 letters and digits each."""
        key, secret = (
            "".join(_LETTERS[k] for k in generator.integers(len(_LETTERS), size=64))
            for _ in range(2)
        )
        return Account(name, key=key, secret=secret, spot=spot, margin=margin)


class Symbols:
    """Listings by Binance's names: spot and USD-M share them, on different roots."""

    def __init__(self, place: Marketplace) -> None:
        self.spot = {symbol_of(x): x for x in place.listings.values() if not x.is_perpetual}
        self.perpetual = {symbol_of(x): x for x in place.listings.values() if x.is_perpetual}

    def find(self, symbol: str, *, is_perpetual: bool) -> Listing:
        """Return a listing.

        Raises
        ------
        Refused
            If it is not listed.
        """
        listing = (self.perpetual if is_perpetual else self.spot).get(symbol)
        if listing is None:
            raise Refused(Reason.UNKNOWN_SYMBOL, symbol)
        return listing


def symbol_of(listing: Listing) -> str:
    """Return Binance's name of a listing: ``BTCUSDT``."""
    return listing.base + listing.quote
