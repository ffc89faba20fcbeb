"""A client's money at a fake exchange: balances, holds, positions and margin."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tutti.testing.exchanges.values import ZERO, Listing, Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.testing.exchanges.values import Order


class Position:
    """What is held of one perpetual.

    Attributes
    ----------
    quantity : Decimal
        Base units, negative when short.
    entry : Decimal
        Average price of what is held.
    """

    __slots__ = ("entry", "leverage", "listing", "quantity", "realised", "updated_at")

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.quantity = ZERO
        self.entry = ZERO
        self.realised = ZERO
        self.leverage = listing.max_leverage
        self.updated_at = 0

    def apply(self, signed: Decimal, price: Decimal) -> Decimal:
        """Book a fill and return the profit that it realised."""
        pnl = ZERO
        if self.quantity * signed >= 0:
            size = self.quantity + signed
            self.entry = (self.entry * self.quantity + price * signed) / size
        else:
            closed = min(abs(signed), abs(self.quantity))
            pnl = closed * (price - self.entry) * (1 if self.quantity > 0 else -1)
            if abs(signed) > abs(self.quantity):
                self.entry = price
        self.quantity += signed
        if not self.quantity:
            self.entry = ZERO
        self.realised += pnl
        return pnl


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Funding that a client received; a negative amount was paid. ``ts`` in ns UTC."""

    id: int
    listing: Listing
    rate: Decimal
    quantity: Decimal
    amount: Decimal
    ts: int


class Account:
    """One client with its keys.

    Parameters
    ----------
    name : str
        How the control endpoint calls it.
    key, secret : str
        What its requests are signed with; made by the dialect.
    spot, margin : dict of str to Decimal
        Balances by currency, for spot and for perpetuals.
    """

    def __init__(
        self,
        name: str,
        *,
        key: str,
        secret: str,
        spot: dict[str, Decimal],
        margin: dict[str, Decimal],
    ) -> None:
        self.name = name
        self.key = key
        self.secret = secret
        self.spot = dict(spot)
        self.held: dict[str, Decimal] = {}
        self.margin = dict(margin)
        self.positions: dict[str, Position] = {}
        self.cancel_at = 0
        self.last_nonce = 0
        self.funding: list[Payment] = []
        self.may_withdraw = False

    def free(self, currency: str) -> Decimal:
        """Return what no open spot order holds."""
        return self.spot.get(currency, ZERO) - self.held.get(currency, ZERO)

    def hold(self, currency: str, amount: Decimal) -> None:
        """Set spot money aside for an order; a negative amount gives it back."""
        self.held[currency] = self.held.get(currency, ZERO) + amount

    def credit(self, currency: str, amount: Decimal) -> None:
        """Add to the spot balance; a negative amount takes off."""
        self.spot[currency] = self.spot.get(currency, ZERO) + amount

    def position(self, listing: Listing) -> Position:
        """Return the position in a perpetual, flat where there is none yet."""
        held = self.positions.get(listing.name)
        if held is None:
            held = self.positions[listing.name] = Position(listing)
        return held

    def unrealised(self, currency: str, mark: Callable[[Listing], Decimal]) -> Decimal:
        """Return the profit not yet realised of all positions settled in a currency."""
        return sum(
            (
                each.quantity * (mark(each.listing) - each.entry)
                for each in self.positions.values()
                if each.listing.settle == currency and each.quantity
            ),
            ZERO,
        )

    def position_margin(self, currency: str, mark: Callable[[Listing], Decimal]) -> Decimal:
        """Return the margin that the positions settled in a currency tie up."""
        return sum(
            (
                abs(each.quantity) * mark(each.listing) / each.leverage
                for each in self.positions.values()
                if each.listing.settle == currency and each.quantity
            ),
            ZERO,
        )

    def order_margin(self, currency: str, orders: list[Order]) -> Decimal:
        """Return the margin that open orders in perpetuals tie up."""
        return sum(
            (
                each.left * (each.price or ZERO) / self.position(each.listing).leverage
                for each in orders
                if each.listing.settle == currency and not each.request.is_reduce_only
            ),
            ZERO,
        )

    def reducible(self, listing: Listing, side: Side) -> Decimal:
        """Return how much an order on this side can close."""
        held = self.positions.get(listing.name)
        if held is None or held.quantity * side.sign >= 0:
            return ZERO
        return abs(held.quantity)

    def to_dict(self) -> dict[str, object]:
        """Return it for the control endpoint, numbers as text and without the secret."""
        return {
            "name": self.name,
            "spot": {k: str(v) for k, v in sorted(self.spot.items())},
            "held": {k: str(v) for k, v in sorted(self.held.items()) if v},
            "margin": {k: str(v) for k, v in sorted(self.margin.items())},
            "positions": {
                k: {"quantity": str(v.quantity), "entry": str(v.entry)}
                for k, v in sorted(self.positions.items())
                if v.quantity
            },
        }
