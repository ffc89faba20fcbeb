"""What the suite for venues needs beside a venue: hands on its market, and the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from tutti.execution.port import AsyncVenue, Venue
from tutti.kernel.clock import LiveClock
from tutti.model.instrument import Instrument
from tutti.model.order import ApprovedOrder, OrderIntent
from tutti.testing.exchanges.exchange import FakeExchange
from tutti.testing.exchanges.faults import Fault

if TYPE_CHECKING:
    from decimal import Decimal


_LOOK_EVERY_S = 0.02
_PATIENCE_S = 10.0


class Ability(StrEnum):
    """What can be done to a venue on the bench; tests of what can't are skipped.

    ``partial_fills``: an order is filled in part on command. ``outside``: orders are changed there
    without being asked. ``faults``: requests and streams go wrong on command. ``reopens``: a new
    venue object can be made over the same account, as after a restart. ``stops``: it takes stop
    orders. ``shorts``: the instrument may be sold short.
    """

    PARTIAL_FILLS = "partial_fills"
    OUTSIDE = "outside"
    FAULTS = "faults"
    REOPENS = "reopens"
    STOPS = "stops"
    SHORTS = "shorts"


class VenueRig(Protocol):
    """One venue on the bench, with nothing held and no order open."""

    venue: Venue
    instrument: Instrument
    abilities: frozenset[Ability]

    def now(self) -> int:
        """Return the time to submit at, ns UTC."""
        ...

    def price(self) -> Decimal:
        """Return the market's price."""
        ...

    def approve(self, intent: OrderIntent) -> ApprovedOrder:
        """Make a venue take an intent."""
        ...

    async def settle(self, until: Callable[[], bool]) -> bool:
        """Let the venue and its market live until something is true; False when it never was."""
        ...

    async def move(self, price: Decimal) -> None:
        """Move the market's price; orders on its way are filled."""
        ...

    async def fill(self, order_id: str, quantity: Decimal) -> None:
        """Fill a resting order, of ours by our id, in part or whole; needs ``partial_fills``."""
        ...

    async def end_there(self, order_id: str) -> None:
        """Cancel an order without being asked to; needs ``outside``."""
        ...

    async def look(self, *order_ids: str) -> None:
        """Ask the venue anew, where it has to be asked."""
        ...

    async def orders_there(self, order_id: str) -> int:
        """Return how many orders with our id ever got to the venue."""
        ...

    def fault(self, kind: str, where: str, **terms: Any) -> None:
        """Let something go wrong from now on; needs ``faults``."""
        ...

    def heal(self) -> None:
        """Let nothing go wrong any more; needs ``faults``."""
        ...

    async def reopen(self) -> None:
        """Put a new venue object in the place of the old, over the same account."""
        ...


@dataclass(slots=True, kw_only=True)
class FakeExchangeRig:
    """A venue that talks to a fake exchange in the same event loop.

    Parameters
    ----------
    venue : Venue
        Started, with the exchange's addresses and keys.
    exchange : FakeExchange
        Served in this loop; its account should hold money alone.
    instrument : Instrument
        As the venue knows it.
    listing : str
        The same instrument's unified name at the exchange.
    approves : callable
        Makes an approved order of an intent.
    client_id_of : callable
        Our order's id as the exchange knows it.
    opens : callable or None
        Makes and starts another venue over the same account; without it nothing is reopened.
    abilities : frozenset of Ability
    """

    venue: Venue
    exchange: FakeExchange
    instrument: Instrument
    listing: str
    approves: Callable[[OrderIntent], ApprovedOrder]
    client_id_of: Callable[[str], str]
    opens: Callable[[], Awaitable[Venue]] | None = None
    abilities: frozenset[Ability] = frozenset(
        {Ability.PARTIAL_FILLS, Ability.OUTSIDE, Ability.FAULTS, Ability.REOPENS}
    )

    def now(self) -> int:
        """Return the wall's time, ns UTC."""
        return LiveClock().now()

    def price(self) -> Decimal:
        """Return the price of the exchange's last trade."""
        return self.exchange.marketplace.tapes[self.listing].last

    def approve(self, intent: OrderIntent) -> ApprovedOrder:
        """Make the venue take an intent."""
        return self.approves(intent)

    async def settle(self, until: Callable[[], bool]) -> bool:
        """Let tasks run until something is true, for ten seconds at most."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE_S
        while not until():
            if loop.time() > end:
                return False
            await asyncio.sleep(_LOOK_EVERY_S)
        return True

    async def move(self, price: Decimal) -> None:
        """Lay the exchange's book around a price, and print a trade there."""
        market = self.exchange.market
        listing = market.listing(self.listing)
        market.move(listing, price)
        smallest = max(listing.min_quantity, listing.quantity_step)
        market.act({"do": "trade", "listing": self.listing, "side": "buy", "quantity": smallest})

    async def fill(self, order_id: str, quantity: Decimal) -> None:
        """Fill an order out of its turn."""
        order = self.client_id_of(order_id)
        self.exchange.market.act({"do": "fill", "order": order, "quantity": quantity})

    async def end_there(self, order_id: str) -> None:
        """Cancel an order as somebody at the exchange would."""
        self.exchange.market.act({"do": "cancel", "order": self.client_id_of(order_id)})

    async def look(self, *order_ids: str) -> None:
        """Ask the exchange anew."""
        if isinstance(self.venue, AsyncVenue):
            await self.venue.refresh(order_ids)

    async def orders_there(self, order_id: str) -> int:
        """Return how many orders with our id the exchange ever accepted."""
        client_id = self.client_id_of(order_id)
        orders = self.exchange.marketplace.orders.values()
        return sum(each.client_id == client_id for each in orders)

    def fault(self, kind: str, where: str, **terms: Any) -> None:
        """Add a fault."""
        self.exchange.plan.add(Fault(kind=kind, where=where, **terms))  # type: ignore[arg-type]

    def heal(self) -> None:
        """Take all faults off."""
        self.exchange.plan.clear()

    async def close(self) -> None:
        """Heal everything and close the venue."""
        self.heal()
        if isinstance(self.venue, AsyncVenue):
            await self.venue.close()

    async def reopen(self) -> None:
        """Close the venue and open another."""
        await self.close()
        if self.opens is not None:
            self.venue = await self.opens()
