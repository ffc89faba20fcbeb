"""What Hyperliquid trades, how it counts it, and its wallets."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.testing.exchanges.accounts import Account
from tutti.testing.exchanges.dialects.hyperliquid.typed_data import address_of
from tutti.testing.exchanges.values import Listing, Reason, Refused

if TYPE_CHECKING:
    import numpy as np

    from tutti.testing.exchanges.marketplace import Marketplace

# Prices have five significant digits: the step follows from the price that trading opens at.
_PERPETUAL = (
    ("BTC/USDC:USDC", "1", "0.00001", "60000"),
    ("ETH/USDC:USDC", "0.1", "0.0001", "3000"),
    ("SOL/USDC:USDC", "0.01", "0.01", "150"),
)
_SPOT = (
    ("PURR/USDC", "0.00001", "1", "0.2"),
    ("BTC/USDC", "1", "0.00001", "60000"),
)
# Coins that were bridged have a letter before their name.
_TOKENS = {"BTC": "UBTC", "ETH": "UETH", "SOL": "USOL"}
_FIRST_SPOT = 10_000


class HyperliquidTerms:
    """What a fake Hyperliquid is made with."""

    reuses_client_ids = True

    def listings(self) -> list[Listing]:
        """Return three perpetuals and two spot pairs."""
        perpetual = [
            Listing(
                name=name,
                price_step=Decimal(tick),
                quantity_step=Decimal(lot),
                min_quantity=Decimal(lot),
                min_notional=Decimal(10),
                price=Decimal(price),
                maker_fee=Decimal("0.00015"),
                taker_fee=Decimal("0.00045"),
                max_leverage=20,
            )
            for name, tick, lot, price in _PERPETUAL
        ]
        spot = [
            Listing(
                name=name,
                price_step=Decimal(tick),
                quantity_step=Decimal(lot),
                min_quantity=Decimal(lot),
                min_notional=Decimal(10),
                price=Decimal(price),
                maker_fee=Decimal("0.0004"),
                taker_fee=Decimal("0.0007"),
                is_fee_in_received=True,
            )
            for name, tick, lot, price in _SPOT
        ]
        return perpetual + spot

    def account(
        self,
        name: str,
        generator: np.random.Generator,
        spot: dict[str, Decimal],
        margin: dict[str, Decimal],
    ) -> Account:
        """Make a wallet: the key is its address, the secret its private key."""
        secret = "0x" + (b"\x01" + generator.bytes(31)).hex()
        return Account(name, key=address_of(secret), secret=secret, spot=spot, margin=margin)


def token_of(currency: str) -> str:
    """Return the name of a currency's spot token: ``UBTC``."""
    return _TOKENS.get(currency, currency)


class Assets:
    """Listings by Hyperliquid's numbers and names."""

    def __init__(self, place: Marketplace) -> None:
        listings = list(place.listings.values())
        self.perpetuals = [each for each in listings if each.is_perpetual]
        self.spots = [each for each in listings if not each.is_perpetual]
        self._by_number = {
            **dict(enumerate(self.perpetuals)),
            **{_FIRST_SPOT + k: each for k, each in enumerate(self.spots)},
        }
        self._numbers = {each.name: number for number, each in self._by_number.items()}
        self._by_coin = {self.coin(each): each for each in listings}
        names = ["USDC"]
        for each in self.spots:
            for token in (token_of(each.base), token_of(each.quote)):
                if token not in names:
                    names.append(token)
        self.tokens = names

    def number(self, listing: Listing) -> int:
        """Return the number that orders name a listing by."""
        return self._numbers[listing.name]

    def coin(self, listing: Listing) -> str:
        """Return the name that data carries: ``BTC``, ``PURR/USDC`` or ``@1``."""
        if listing.is_perpetual:
            return listing.base
        index = self.spots.index(listing)
        return f"{listing.base}/{listing.quote}" if index == 0 else f"@{index}"

    def by_number(self, number: object) -> Listing:
        """Return a listing by the number that orders name it by.

        Raises
        ------
        Refused
            If there is none.
        """
        listing = self._by_number.get(number) if isinstance(number, int) else None
        if listing is None:
            raise Refused(Reason.UNKNOWN_SYMBOL, f"asset {number}")
        return listing

    def by_coin(self, coin: object) -> Listing:
        """Return a listing by the name that data carries.

        Raises
        ------
        Refused
            If there is none.
        """
        listing = self._by_coin.get(str(coin))
        if listing is None:
            raise Refused(Reason.UNKNOWN_SYMBOL, f"coin {coin}")
        return listing

    def get(self, coin: object) -> Listing | None:
        """Return a listing by the name that data carries, or None."""
        return self._by_coin.get(str(coin))


def size_decimals(listing: Listing) -> int:
    """Return the decimals of quantities."""
    return max(0, -int(listing.quantity_step.normalize().as_tuple().exponent))
