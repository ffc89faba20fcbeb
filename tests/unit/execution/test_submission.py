"""What is sent again, and what never is."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.execution.lifecycle import apply, created_and_sent
from tutti.execution.submission import (
    RetryLater,
    RetryRules,
    attempt,
    not_answered,
    not_sent,
)
from tutti.kernel.clock import SECOND
from tutti.kernel.retry import Backoff
from tutti.model.errors import (
    ConfigError,
    InsufficientFunds,
    OutcomeUnknown,
    RateLimited,
    Transient,
    VenueError,
)
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    ApprovedOrder,
    Order,
    OrderAccepted,
    OrderIntent,
    OrderStatus,
    OrderType,
    OrderUnanswered,
    OrderUnsent,
    Reason,
    Side,
    VenueEvent,
)

if TYPE_CHECKING:
    from tutti.execution.port import VenueOrderReport

_STEADY = RetryRules(attempts=3, backoff=Backoff(first_s=1.0, longest_s=3.0, jitter=0.0))


class _Venue:
    """Venue that fails in the order it is told to, then takes what comes."""

    name = "V"
    is_authoritative = True

    def __init__(self, *failures: VenueError) -> None:
        self._failures = list(failures)
        self.sent_at: list[int] = []

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        self.sent_at.append(ts)
        if self._failures:
            raise self._failures.pop(0)

    def cancel(self, order_id: str, ts: int) -> None:
        raise AssertionError(f"nothing here cancels {order_id} at {ts}")

    def events(self) -> list[VenueEvent]:
        return []

    def find(self, order_id: str) -> VenueOrderReport | None:
        return None

    def positions(self) -> dict[InstrumentId, Decimal]:
        return {}

    def balances(self) -> dict[str, Decimal]:
        return {}


@pytest.fixture
def approved() -> ApprovedOrder:
    intent = OrderIntent(
        id="1",
        instrument=InstrumentId("BTC-USD", "V"),
        as_of=5,
        side=Side.BUY,
        quantity=Decimal(10),
        type=OrderType.MARKET,
        price=None,
        reference_price=Decimal(100),
        reason=Reason.ENTRY,
        lead="trend",
        reduces=False,
    )
    return ApprovedOrder(intent=intent, approved_at=6, rules=())


@pytest.fixture
def order(approved: ApprovedOrder) -> Order:
    return created_and_sent(approved, 10)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(1)


def _deliver(
    venue: _Venue, approved: ApprovedOrder, order: Order, random: np.random.Generator
) -> Order:
    ts, failures = 0, 0
    while True:
        outcome = attempt(venue, approved, order, ts, _STEADY, random, failures)
        if not isinstance(outcome, RetryLater):
            return outcome
        ts += round(outcome.wait_s * SECOND)
        failures = outcome.failures


def test_order_that_left_is_unchanged_and_sent_once(
    approved: ApprovedOrder, order: Order, random: np.random.Generator
) -> None:
    venue = _Venue()
    assert _deliver(venue, approved, order, random) is order
    assert venue.sent_at == [0]


def test_order_that_did_not_leave_is_sent_again_after_growing_waits(
    approved: ApprovedOrder, order: Order, random: np.random.Generator
) -> None:
    venue = _Venue(Transient("busy", venue="V"), Transient("busy", venue="V"))
    assert _deliver(venue, approved, order, random) is order
    assert venue.sent_at == [0, SECOND, 3 * SECOND]


def test_order_that_never_left_in_three_attempts_has_failed(
    approved: ApprovedOrder, order: Order, random: np.random.Generator
) -> None:
    venue = _Venue(*[Transient("busy", venue="V")] * 4)
    outcome = _deliver(venue, approved, order, random)
    assert outcome.status is OrderStatus.FAILED
    assert outcome.detail == "not sent after 3 attempts: V: busy"
    assert len(venue.sent_at) == 3


def test_order_held_back_by_a_rate_limit_waits_as_long_as_the_venue_asks(
    approved: ApprovedOrder, order: Order, random: np.random.Generator
) -> None:
    venue = _Venue(RateLimited("slow down", venue="V", retry_after_s=7.5))
    _deliver(venue, approved, order, random)
    assert venue.sent_at == [0, round(7.5 * SECOND)]


def test_order_that_was_refused_is_not_sent_again(
    approved: ApprovedOrder, order: Order, random: np.random.Generator
) -> None:
    venue = _Venue(InsufficientFunds("no money", venue="V"))
    outcome = _deliver(venue, approved, order, random)
    assert (outcome.status, outcome.detail) == (OrderStatus.REJECTED, "V: no money")
    assert len(venue.sent_at) == 1


@pytest.mark.parametrize(
    "error", [OutcomeUnknown("timeout", venue="V"), VenueError("?", venue="V")]
)
def test_order_that_may_have_arrived_stays_sent_and_is_not_sent_again(
    error: VenueError, approved: ApprovedOrder, order: Order, random: np.random.Generator
) -> None:
    venue = _Venue(error)
    outcome = _deliver(venue, approved, order, random)
    assert (outcome.status, outcome.detail) == (OrderStatus.SENT, str(error))
    assert len(venue.sent_at) == 1


def test_attempt_that_did_not_leave_says_when_to_come_back(
    approved: ApprovedOrder, order: Order, random: np.random.Generator
) -> None:
    venue = _Venue(Transient("busy", venue="V"))
    later = attempt(venue, approved, order, 0, _STEADY, random, failures=1)
    assert later == RetryLater(wait_s=2.0, failures=2, detail="V: busy")


def test_no_attempt_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="attempts"):
        RetryRules(attempts=0)


# ---- what a venue behind a network tells later ----


def _unsent(retry_after_s: float = 0.0) -> OrderUnsent:
    return OrderUnsent(order_id="1", ts=20, detail="no route", retry_after_s=retry_after_s)


def test_order_told_unsent_is_tried_again_after_growing_waits_and_then_fails(
    order: Order, random: np.random.Generator
) -> None:
    first = not_sent(order, _unsent(), _STEADY, random)
    assert first == RetryLater(wait_s=1.0, failures=1, detail="no route")
    second = not_sent(order, _unsent(retry_after_s=9.0), _STEADY, random, failures=1)
    assert second == RetryLater(wait_s=9.0, failures=2, detail="no route")
    last = not_sent(order, _unsent(), _STEADY, random, failures=2)
    assert isinstance(last, Order)
    assert (last.status, last.updated_at) == (OrderStatus.FAILED, 20)
    assert last.detail == "not sent after 3 attempts: no route"


def test_order_that_the_venue_answered_is_not_tried_again(
    order: Order, random: np.random.Generator
) -> None:
    there = apply(order, OrderAccepted(order_id="1", ts=15, venue_order_id="v"))
    assert not_sent(there, _unsent(), _STEADY, random) is there


def test_waits_vary_so_that_orders_do_not_come_back_together(
    order: Order, random: np.random.Generator
) -> None:
    rules = RetryRules(backoff=Backoff(first_s=1.0, longest_s=8.0, jitter=0.5))
    waits = set()
    for _ in range(20):
        later = not_sent(order, _unsent(), rules, random)
        assert isinstance(later, RetryLater)
        assert 0.5 <= later.wait_s <= 1.0
        waits.add(later.wait_s)
    assert len(waits) == 20


def test_order_told_unanswered_stays_sent_with_the_reason_on_it(order: Order) -> None:
    event = OrderUnanswered(order_id="1", ts=20, detail="timed out")
    after = not_answered(order, event)
    assert (after.status, after.detail, after.updated_at) == (OrderStatus.SENT, "timed out", 20)
    assert not_answered(after, event) is after


def test_order_that_was_answered_meanwhile_is_not_unanswered(order: Order) -> None:
    there = apply(order, OrderAccepted(order_id="1", ts=15, venue_order_id="v"))
    event = OrderUnanswered(order_id="1", ts=20, detail="timed out")
    assert not_answered(there, event) is there
