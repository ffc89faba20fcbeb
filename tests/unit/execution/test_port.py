"""Which venues wait for a network, and which don't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.execution.port import AsyncVenue, Venue
from tutti.model.order import OrderUnanswered, OrderUnsent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from tutti.execution.port import VenueOrderReport
    from tutti.model.instrument import InstrumentId
    from tutti.model.order import ApprovedOrder, SubmissionEvent, VenueEvent


class _Near:
    """Venue in this process."""

    name = "V"
    is_authoritative = True

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        raise AssertionError((order, ts))

    def cancel(self, order_id: str, ts: int) -> None:
        raise AssertionError((order_id, ts))

    def events(self) -> list[VenueEvent]:
        return []

    def find(self, order_id: str) -> VenueOrderReport | None:
        raise AssertionError(order_id)

    def positions(self) -> dict[InstrumentId, Decimal]:
        return {}

    def balances(self) -> dict[str, Decimal]:
        return {}


class _Far(_Near):
    """Venue behind a network."""

    as_of = 0

    async def start(self) -> None:
        self.as_of = 1

    async def refresh(self, order_ids: Sequence[str] = ()) -> None:
        self.as_of += len(order_ids)

    async def close(self) -> None:
        self.as_of = 0


def test_venue_in_this_process_is_not_one_behind_a_network() -> None:
    venue: Venue = _Near()
    assert isinstance(venue, Venue)
    assert not isinstance(venue, AsyncVenue)


def test_venue_behind_a_network_is_a_venue_like_any_other() -> None:
    venue: AsyncVenue = _Far()
    assert isinstance(venue, Venue)
    assert isinstance(venue, AsyncVenue)


def test_what_became_of_a_request_is_one_of_two() -> None:
    told: list[SubmissionEvent] = [
        OrderUnsent(order_id="1", ts=2, detail="no route"),
        OrderUnanswered(order_id="1", ts=2, detail="timed out"),
    ]
    assert [event.order_id for event in told] == ["1", "1"]
