"""Publishes what the engine does, so that anyone can listen without the engine knowing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tutti.kernel.bus import Topic
from tutti.ledger.kinds import Decision
from tutti.model.order import ApprovedOrder, Fill, Order, OrderIntent, Refusal

if TYPE_CHECKING:
    from tutti.model.order import FundingPaid


class Decided(NamedTuple):
    """A tick led to intents, and this is what risk said of each."""

    decision: Decision
    answers: Sequence[ApprovedOrder | Refusal]


class OrderChanged(NamedTuple):
    """An order is new, or in another state."""

    order: Order
    intent: OrderIntent


class Filled(NamedTuple):
    """A fill was booked; no intent when the venue closed by force."""

    fill: Fill
    intent: OrderIntent | None


class Wires:
    """Engine listener that hands everything on to topics, in the order in which it happened."""

    def __init__(self) -> None:
        self.decisions: Topic[Decided] = Topic("decisions")
        self.orders: Topic[OrderChanged] = Topic("orders")
        self.fills: Topic[Filled] = Topic("fills")
        self.funding: Topic[FundingPaid] = Topic("funding")

    def decided(self, decision: Decision, answers: Sequence[ApprovedOrder | Refusal]) -> None:
        """Publish a decision."""
        self.decisions.publish(Decided(decision, answers))

    def order_changed(self, order: Order, intent: OrderIntent) -> None:
        """Publish the state of an order."""
        self.orders.publish(OrderChanged(order, intent))

    def filled(self, fill: Fill, intent: OrderIntent | None) -> None:
        """Publish a fill."""
        self.fills.publish(Filled(fill, intent))

    def funded(self, event: FundingPaid) -> None:
        """Publish a funding payment."""
        self.funding.publish(event)
