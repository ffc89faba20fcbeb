"""What execution asks of a venue, simulated or real."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tutti.model.order import OrderFilled, OrderStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.execution.router.offers import Ladder
    from tutti.model.instrument import InstrumentId
    from tutti.model.order import ApprovedOrder, Side, VenueEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrderReport:
    """What a venue knows of one order.

    Parameters
    ----------
    status : OrderStatus
        ACCEPTED, PARTIALLY_FILLED, FILLED, CANCELLED, REJECTED or EXPIRED; SENT while the request
        itself is still on its way: nothing is known yet, and nothing is lost.
    filled : Decimal
        Base units filled, in total.
    fills : tuple of OrderFilled
        Its executions, with the ids that the venue's events carry too.
    ts : int
        When the venue said so, ns UTC.
    quantity : Decimal or None
        Base units ordered, as the venue has it; None where it doesn't tell.
    price : Decimal or None
        Limit or trigger price; looked at only where ``quantity`` is told.
    """

    order_id: str
    venue_order_id: str
    status: OrderStatus
    filled: Decimal
    fills: tuple[OrderFilled, ...]
    ts: int
    detail: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None


@runtime_checkable
class Venue(Protocol):
    """Place that trades, as seen by execution.

    Nothing here waits: an adapter hands requests to its own tasks and reports what came back as
    events. An error that is raised says for certain what happened, except ``OutcomeUnknown``.
    """

    @property
    def name(self) -> str:
        """Venue part of its instruments' ids."""
        ...

    @property
    def is_authoritative(self) -> bool:
        """True when ``find`` answers None only for an order that does not exist there."""
        ...

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        """Send an order at ``ts`` (ns UTC); the answer comes as an event.

        Raises
        ------
        Transient
            If it certainly did not leave, and may the next time.
        OrderRejected
            If the venue certainly does not have it.
        OutcomeUnknown
            If the venue may have it; also when it knows the client order id already.
        """
        ...

    def cancel(self, order_id: str, ts: int) -> None:
        """Ask to cancel an order; the answer comes as an event.

        Raises
        ------
        OrderRejected
            If the venue works no such order.
        Transient
            If the request certainly did not leave.
        """
        ...

    def events(self) -> list[VenueEvent]:
        """Return what happened since the last call, oldest first, and forget it."""
        ...

    def find(self, order_id: str) -> VenueOrderReport | None:
        """Return what the venue knows of an order by its client order id; None for nothing.

        Raises
        ------
        VenueError
            If it can't tell now.
        """
        ...

    def positions(self) -> dict[InstrumentId, Decimal]:
        """Return what is held, signed base units; instruments held flat are absent."""
        ...

    def balances(self) -> dict[str, Decimal]:
        """Return the cash by currency.

        A purchase lowers it by its notional, for perpetuals too, as in ``Book.cash``: an adapter
        for a venue that reports a wallet balance takes off the entry notional of open contracts.
        """
        ...


@runtime_checkable
class BookVenue(Protocol):
    """Venue whose order books are followed: what the router compares."""

    def ladder(self, instrument: InstrumentId, side: Side) -> Ladder | None:
        """Return the side of the book that an order takes: the asks for a buy, best price first.

        None where no book is followed: the router makes one of the last bar then. An empty ladder
        where there ought to be a fresh one and is none, or the venue is down: nothing is sent there.
        """
        ...


@runtime_checkable
class AsyncVenue(Venue, Protocol):
    """Venue behind a network, driven by the process's event loop.

    The methods of :class:`Venue` never wait. ``submit`` and ``cancel`` hand the request to a task of
    the adapter's own and return; the answer comes by ``events``, in the order in which it became
    known, and so does what the venue's streams tell. Instead of raising, a submission that failed
    is told as an event, too:

    - ``OrderUnsent``: certainly not at the venue, and may be the next time (rate limit, no
      connection made, venue closed for maintenance). The engine sends it again, or gives up.
    - ``OrderRefused``: the venue definitively refused it.
    - ``OrderUnanswered``: anything else, a time-out or an answer nobody understands included. The
      engine never sends it again and looks for it.

    ``find``, ``positions`` and ``balances`` answer from the newest snapshot, as of ``as_of``;
    ``find`` raises ``VenueError`` for an order that no snapshot taken since it was sent covers.
    Fill ids are the venue's own, so that a fill told by a stream, a poll and a report is booked
    once.
    """

    @property
    def as_of(self) -> int:
        """Time of the snapshot that questions are answered from, ns UTC; 0 before the first."""
        ...

    async def start(self) -> None:
        """Connect, take a first snapshot, and start the streams and their watchdogs.

        Raises
        ------
        VenueError
            If the venue can't be reached, or refuses the keys.
        ConfigError
            If the keys or addresses can't be used.
        """
        ...

    async def refresh(self, order_ids: Sequence[str] = ()) -> None:
        """Ask the venue anew: positions, balances, open orders, and what became of ``order_ids``.

        An order named is looked for by its client order id, among the open orders, the closed ones
        and the trades.

        Raises
        ------
        VenueError
            If it can't tell now; the snapshot stays as it was.
        """
        ...

    async def close(self) -> None:
        """End the tasks and connections; orders at the venue stay as they are."""
        ...
