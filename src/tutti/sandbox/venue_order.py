"""An order as a simulated venue knows it, and what the venue says when it doesn't take one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tutti.execution.acceptance import Objection
from tutti.execution.port import VenueOrderReport
from tutti.model.order import OrderFilled, OrderStatus, Side

if TYPE_CHECKING:
    from tutti.sandbox.account import Listing

_NEVER: Final = 2**63 - 1
_SAID: dict[int, str] = {
    Objection.NO_PRICE: "no price yet to value the order at",
    Objection.BELOW_MIN_QUANTITY: "quantity below the smallest order of {min_quantity}",
    Objection.BELOW_MIN_NOTIONAL: "notional below the smallest order of {min_notional}",
    Objection.NOT_HELD: "not enough held to sell, and spot is never sold short",
    Objection.INSUFFICIENT_FUNDS: "insufficient funds",
}


class VenueOrder:
    """Order at a simulated venue.

    Attributes
    ----------
    lots, left : int
        Ordered, and not filled yet.
    accepted_at, said_at : int
        When it arrived, and when the venue last said something of it, ns UTC.
    is_answered : bool
        The client was told that it arrived.
    cancel_at, expires_at : int
        When it is to end, ns UTC.
    """

    __slots__ = (
        "accepted_at",
        "cancel_at",
        "expires_at",
        "fills",
        "is_answered",
        "left",
        "listing",
        "lots",
        "order_id",
        "said",
        "said_at",
        "side",
        "status",
        "venue_order_id",
    )

    def __init__(
        self, order_id: str, listing: Listing, side: Side, lots: int, accepted_at: int
    ) -> None:
        self.order_id = order_id
        self.venue_order_id = f"{listing.instrument.venue}-{order_id}"
        self.listing = listing
        self.side = side
        self.lots = self.left = lots
        self.accepted_at = self.said_at = accepted_at
        self.fills: list[OrderFilled] = []
        self.status = OrderStatus.ACCEPTED
        self.said = ""
        self.is_answered = False
        self.cancel_at = self.expires_at = _NEVER

    @property
    def signed_left(self) -> int:
        """Lots not filled yet, negative for a sale."""
        return self.left if self.side is Side.BUY else -self.left

    def report(self) -> VenueOrderReport:
        """Return what the venue says when it is asked."""
        status = self.status
        if not self.is_answered:
            status = OrderStatus.SENT
        elif status is OrderStatus.ACCEPTED and self.left < self.lots:
            status = OrderStatus.PARTIALLY_FILLED
        return VenueOrderReport(
            order_id=self.order_id,
            venue_order_id=self.venue_order_id,
            status=status,
            filled=(self.lots - self.left) * self.listing.quantity_step,
            fills=tuple(self.fills),
            ts=self.said_at,
            detail=self.said,
        )


def fill_id_of(order_id: str, filled_lots: int) -> str:
    """Return the id of a fill, by what is filled in total: the same after a restart."""
    return f"{order_id}-{filled_lots}"


def objection_of(code: int, listing: Listing) -> str:
    """Return an objection of acceptance in words."""
    terms = listing.terms
    said = _SAID[code].format(min_quantity=terms.min_quantity, min_notional=terms.min_notional)
    return f"{listing.instrument}: {said}"
