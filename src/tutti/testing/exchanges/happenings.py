"""What a marketplace tells its listeners."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tutti.testing.exchanges.values import Fill, Listing, Order, Print, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """An order was accepted, triggered, amended, filled or ended; ``fill`` where it was filled."""

    order: Order
    what: str
    ts: int
    fill: Fill | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookChanged:
    """Levels of a book hold new quantities; ``sequence`` grows by one from change to change."""

    listing: Listing
    changes: tuple[tuple[Side, Decimal, Decimal], ...]
    sequence: int
    ts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A public trade happened."""

    trade: Print


Happening = OrderChanged | BookChanged | Printed
