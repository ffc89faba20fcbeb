"""Venues that fail, fall silent, contradict themselves or speak twice."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tutti.engine.run import Silent
from tutti.execution.port import VenueOrderReport
from tutti.kernel.clock import SECOND
from tutti.ledger.kinds import Reconciled
from tutti.model.errors import (
    InvariantBroken,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Transient,
    VenueError,
)
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    ApprovedOrder,
    Fill,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderIntent,
    OrderRefused,
    OrderStatus,
    VenueEvent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

BTC = InstrumentId("BTC-USDT-PERP", "SIM")
NAN = math.nan

pytestmark = pytest.mark.kernels


@dataclass
class Exchange:
    """Venue written by hand: does and says what the test puts in."""

    name: str = "SIM"
    is_authoritative: bool = False
    raises: list[VenueError] = field(default_factory=list)
    submitted: list[ApprovedOrder] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    queue: list[VenueEvent] = field(default_factory=list)
    reports: dict[str, VenueOrderReport] = field(default_factory=dict)
    held: dict[InstrumentId, Decimal] = field(default_factory=dict)
    is_deaf: bool = False

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        self.submitted.append(order)
        if self.raises:
            raise self.raises.pop(0)

    def cancel(self, order_id: str, ts: int) -> None:
        self.cancelled.append(order_id)
        if self.raises:
            raise self.raises.pop(0)

    def events(self) -> list[VenueEvent]:
        said, self.queue = self.queue, []
        return said

    def find(self, order_id: str) -> VenueOrderReport | None:
        if self.is_deaf:
            raise Transient("no answer", venue=self.name)
        return self.reports.get(order_id)

    def positions(self) -> dict[InstrumentId, Decimal]:
        return self.held

    def balances(self) -> dict[str, Decimal]:
        return {}


def _fill(order_id: str, quantity: str, ts: int, fill_id: str = "f1") -> OrderFilled:
    return OrderFilled(
        order_id=order_id, ts=ts, fill_id=fill_id, quantity=Decimal(quantity),
        price=Decimal("100.00"), fee=Decimal("0.1"), is_maker=False,
    )  # fmt: skip


def _accepted(order_id: str, ts: int) -> OrderAccepted:
    return OrderAccepted(order_id=order_id, ts=ts, venue_order_id=f"v-{order_id}")


def _found(order_id: str, ts: int, *fills: OrderFilled) -> VenueOrderReport:
    filled = sum((fill.quantity for fill in fills), Decimal(0))
    status = OrderStatus.FILLED if filled == 10 else OrderStatus.ACCEPTED
    return VenueOrderReport(
        order_id=order_id, venue_order_id=f"v-{order_id}", status=status, filled=filled,
        fills=fills, ts=ts,
    )  # fmt: skip


class _Play:
    """One instrument at one exchange, with a signal at every bar."""

    def __init__(self, stage: Make, make_bars: Make, *raises: VenueError, **changes: Any) -> None:
        self.exchange = Exchange(raises=list(raises))
        self.block = make_bars([[100.0]] * 12)
        self.stage = stage(
            self.block, changes.pop("scores", [1.0] * 12),
            venues=lambda plan: {"SIM": self.exchange}, **changes,
        )  # fmt: skip
        self.t = 0

    def tick(self, count: int = 1) -> None:
        self.stage.play(self.t, self.t + count)
        self.t += count

    def order(self) -> Order:
        (order,) = self.stage.orders().values()
        found: Order = order
        return found

    @property
    def order_id(self) -> str:
        return self.exchange.submitted[0].intent.id

    @property
    def now(self) -> int:
        return int(self.block.known_at[self.t - 1])

    def intents(self) -> int:
        return len(self.stage.all(OrderIntent))


@pytest.fixture
def play(stage: Make, make_bars: Make) -> Make:
    return lambda *raises, **changes: _Play(stage, make_bars, *raises, **changes)


# ---- sent and unanswered ----


def test_order_of_unknown_outcome_stays_sent_and_its_instrument_is_left_alone(play: Make) -> None:
    played = play(OutcomeUnknown("connection lost", venue="SIM"))
    played.tick(6)
    order = played.order()
    assert order.status is OrderStatus.SENT
    assert order.detail == "SIM: connection lost"
    assert len(played.exchange.submitted) == 1
    assert played.intents() == 1
    assert played.stage.account.book.working[0] == 10_000


def test_silent_venue_leaves_the_order_sent(play: Make) -> None:
    played = play()
    played.tick(4)
    assert played.order().status is OrderStatus.SENT
    assert played.intents() == 1


def test_any_other_failure_of_a_venue_is_taken_as_unknown(play: Make) -> None:
    played = play(VenueError("what?", venue="SIM"))
    played.tick(3)
    assert played.order().status is OrderStatus.SENT
    assert len(played.exchange.submitted) == 1


def test_reconciliation_finds_the_fill_that_nobody_told_of(play: Make) -> None:
    played = play(OutcomeUnknown("connection lost", venue="SIM"))
    played.tick()
    fill = _fill(played.order_id, "10.000", played.now)
    played.exchange.reports[played.order_id] = _found(played.order_id, played.now, fill)
    played.exchange.held[BTC] = Decimal("10.000")
    played.stage.engine.desk.reconcile(played.now)
    assert played.order().status is OrderStatus.FILLED
    assert played.stage.lots() == 10_000
    assert played.stage.account.book.working[0] == 0
    (record,) = played.stage.all(Reconciled)
    assert (record.venue, record.checked, record.differences) == ("SIM", 1, ())
    # asked again, or told late, it is the same fill
    played.exchange.queue.append(fill)
    played.tick()
    assert len(played.stage.all(Fill)) == 1


def test_reconciliation_rejects_on_the_word_of_an_authoritative_venue(play: Make) -> None:
    played = play(OutcomeUnknown("connection lost", venue="SIM"))
    played.exchange.is_authoritative = True
    played.tick()
    played.stage.engine.desk.reconcile(played.now)
    assert played.order().status is OrderStatus.REJECTED
    assert played.stage.account.book.working[0] == 0
    # the instrument may trade again
    played.tick()
    assert len(played.exchange.submitted) == 2


def test_order_that_nobody_knows_of_is_unresolved_and_locks_its_instrument(play: Make) -> None:
    played = play(OutcomeUnknown("connection lost", venue="SIM"))
    played.tick()
    played.stage.engine.desk.reconcile(played.now)
    played.tick(5)
    assert played.order().status is OrderStatus.UNRESOLVED
    assert played.intents() == 1


@pytest.mark.parametrize("way", ["filled", "accepted, then filled"])
def test_lock_of_an_unresolved_order_ends_when_it_is_found(play: Make, way: str) -> None:
    scores = [1.0] * 6 + [0.0] * 6
    played = play(OutcomeUnknown("connection lost", venue="SIM"), scores=scores)
    played.tick()
    played.stage.engine.desk.reconcile(played.now)
    assert played.order().status is OrderStatus.UNRESOLVED
    fill = _fill(played.order_id, "10.000", played.now)
    played.exchange.held[BTC] = Decimal("10.000") if way == "filled" else Decimal(0)
    if way == "filled":
        played.exchange.reports[played.order_id] = _found(played.order_id, played.now, fill)
        played.stage.engine.desk.reconcile(played.now)
    else:
        played.exchange.reports[played.order_id] = _found(played.order_id, played.now)
        played.stage.engine.desk.reconcile(played.now)
        assert played.order().status is OrderStatus.ACCEPTED
        played.exchange.queue.append(fill)
    played.tick(8)
    assert played.stage.lots() == 10_000
    # the exit is not refused for an order whose fate is known by now
    assert played.stage.engine.counts.refusals == 0
    assert len(played.exchange.submitted) == 2


def test_deaf_venue_leaves_an_accepted_order_as_it_is(play: Make) -> None:
    played = play()
    played.tick()
    played.exchange.queue.append(_accepted(played.order_id, played.now))
    played.tick()
    played.exchange.is_deaf = True
    played.stage.engine.desk.reconcile(played.now)
    assert played.order().status is OrderStatus.ACCEPTED


def test_position_that_only_the_venue_has_is_on_record_as_a_difference(play: Make) -> None:
    played = play(scores=[NAN] * 12)
    played.exchange.held[BTC] = Decimal(3)
    played.stage.engine.desk.reconcile(played.now)
    (record,) = played.stage.all(Reconciled)
    assert len(record.differences) == 1
    assert "BTC-USDT-PERP" in record.differences[0]


# ---- what did not leave, what was refused ----


def test_order_that_did_not_leave_is_sent_again_and_then_fails(play: Make) -> None:
    played = play(*(Transient("busy", venue="SIM") for _ in range(3)))
    played.tick(2)
    assert [order.intent.id for order in played.exchange.submitted] == [played.order_id] * 2
    assert played.order().status is OrderStatus.SENT
    played.tick()
    first, second = played.stage.orders().values()
    assert first.status is OrderStatus.FAILED
    assert first.detail == "not sent after 3 attempts: SIM: busy"
    # the instrument is free again in the same tick, and the signal still stands
    assert [order.intent.id for order in played.exchange.submitted] == [first.id] * 3 + [second.id]


def test_order_sent_again_in_time_is_one_order(play: Make) -> None:
    played = play(Transient("busy", venue="SIM"))
    played.tick(2)
    played.exchange.queue += [
        _accepted(played.order_id, played.now),
        _fill(played.order_id, "10.000", played.now),
    ]
    played.tick(3)
    assert played.order().status is OrderStatus.FILLED
    assert len(played.exchange.submitted) == 2
    assert played.intents() == 1


def test_rate_limit_is_waited_for(play: Make) -> None:
    played = play(RateLimited("slow down", venue="SIM", retry_after_s=2.5 * 3600.0))
    played.tick(3)
    assert len(played.exchange.submitted) == 1
    played.tick()
    assert len(played.exchange.submitted) == 2


def test_order_that_was_answered_meanwhile_is_not_sent_again(play: Make) -> None:
    played = play(Transient("busy", venue="SIM"))
    played.tick()
    played.exchange.queue.append(
        OrderRefused(order_id=played.order_id, ts=played.now, detail="never reached")
    )
    played.tick()
    assert [order.intent.id for order in played.exchange.submitted].count(played.order_id) == 1


def test_rejected_order_frees_its_instrument(play: Make) -> None:
    played = play(OrderRejected("below the smallest order", venue="SIM"))
    played.tick()
    order = played.order()
    assert (order.status, order.detail) == (OrderStatus.REJECTED, "SIM: below the smallest order")
    assert played.stage.account.book.working[0] == 0
    played.tick()
    assert len(played.exchange.submitted) == 2


# ---- answers out of order ----


def test_acceptance_that_comes_after_the_fill_changes_nothing(play: Make) -> None:
    played = play()
    played.tick()
    played.exchange.queue += [
        _fill(played.order_id, "10.000", played.now),
        _accepted(played.order_id, played.now),
    ]
    played.tick(2)
    assert played.order().status is OrderStatus.FILLED
    assert played.stage.lots() == 10_000
    assert played.stage.account.book.working[0] == 0


def test_fill_that_is_told_twice_is_booked_once(play: Make) -> None:
    played = play()
    played.tick()
    played.exchange.queue += [_fill(played.order_id, "4.000", played.now)] * 2
    played.tick()
    played.exchange.queue.append(_fill(played.order_id, "4.000", played.now))
    played.tick()
    assert played.stage.lots() == 4000
    assert played.stage.account.book.working[0] == 6000
    assert played.order().status is OrderStatus.PARTIALLY_FILLED


def test_fills_off_the_step_add_up_to_what_is_held(play: Make) -> None:
    # where a coarser step is configured than the venue matches in
    played = play(scores=[1.0] + [NAN] * 11)
    played.tick()
    book, order_id = played.stage.account.book, played.order_id
    played.exchange.queue.append(_fill(order_id, "9.9995", played.now))
    played.tick()
    # half a lot is at work: nothing else may be sent
    assert (book.lots[0], book.working[0]) == (9_999, 1)
    played.exchange.queue.append(_fill(order_id, "0.0005", played.now, "f2"))
    played.tick()
    assert (book.lots[0], book.working[0]) == (10_000, 0)
    assert played.order().status is OrderStatus.FILLED


def test_late_fill_of_a_cancelled_order_is_booked(play: Make) -> None:
    played = play()
    played.tick()
    played.exchange.queue += [
        _accepted(played.order_id, played.now),
        OrderCancelled(order_id=played.order_id, ts=played.now, detail="by the venue"),
    ]
    played.tick()
    # the signal stands, and a new order is at work by now
    assert len(played.exchange.submitted) == 2
    before = int(played.stage.account.book.working[0])
    played.exchange.queue.append(_fill(played.order_id, "10.000", played.now))
    played.tick()
    assert played.stage.lots() == 10_000
    assert played.stage.account.book.working[0] == before
    assert played.stage.orders()[played.order_id].status is OrderStatus.FILLED


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(lambda order_id, ts: _fill(order_id, "10.001", ts), id="overfill"),
        pytest.param(lambda order_id, ts: _fill("another", "1.000", ts), id="unknown-order"),
    ],
)
def test_impossible_event_halts_everything(play: Make, event: Make) -> None:
    played = play()
    played.tick()
    played.exchange.queue.append(event(played.order_id, played.now))
    with pytest.raises(InvariantBroken):
        played.tick()
    assert played.stage.all(Fill) == []


# ---- cancelling ----


@pytest.mark.parametrize(
    "error",
    [OrderRejected("no such order", venue="SIM"), Transient("busy", venue="SIM")],
    ids=["ended-meanwhile", "busy"],
)
def test_cancellation_that_fails_is_settled_by_the_venues_events(
    play: Make, error: VenueError
) -> None:
    played = play(
        execution__order_type="limit", execution__limit_offset_bps=5.0,
        execution__time_in_force_bars=1, scores=[1.0] + [NAN] * 11,
    )  # fmt: skip
    played.tick()
    played.exchange.queue.append(_accepted(played.order_id, played.now))
    played.exchange.raises.append(error)
    played.tick()
    assert played.exchange.cancelled == [played.order_id]
    assert played.order().status is OrderStatus.CANCEL_SENT
    played.exchange.queue.append(_fill(played.order_id, "10.000", played.now))
    played.tick()
    assert played.order().status is OrderStatus.FILLED
    assert played.stage.lots() == 10_000


def test_cancellation_that_did_not_leave_is_asked_for_again(play: Make) -> None:
    played = play(
        execution__order_type="limit", execution__limit_offset_bps=5.0,
        execution__time_in_force_bars=1, scores=[1.0] + [NAN] * 11,
    )  # fmt: skip
    played.tick()
    played.exchange.queue.append(_accepted(played.order_id, played.now))
    played.exchange.raises.append(Transient("busy", venue="SIM"))
    played.tick(3)
    assert len(played.exchange.cancelled) > 1


def test_cancellation_that_the_venue_never_took_is_asked_for_again_in_time(play: Make) -> None:
    # the request was lost, or refused for as long as the adapter tried: the order works on there
    played = play(
        execution__order_type="limit", execution__limit_offset_bps=5.0,
        execution__time_in_force_bars=1, scores=[1.0] + [NAN] * 11,
    )  # fmt: skip
    played.tick()
    played.exchange.queue.append(_accepted(played.order_id, played.now))
    played.tick()
    assert played.order().status is OrderStatus.CANCEL_SENT
    played.exchange.reports[played.order_id] = _found(played.order_id, played.now)
    desk, patience_ns = played.stage.engine.desk, 10 * SECOND
    desk.reconcile(played.now + patience_ns - 1, patience_ns=patience_ns)
    assert len(played.exchange.cancelled) == 1
    desk.reconcile(played.now + patience_ns, patience_ns=patience_ns)
    assert played.exchange.cancelled == [played.order_id] * 2


# ---- durability ----


def test_venue_hears_of_nothing_that_is_not_on_record(stage: Make, make_bars: Make) -> None:
    seen: list[tuple[str, list[str]]] = []

    class Watchful(Exchange):
        def submit(self, order: ApprovedOrder, ts: int) -> None:
            rows = [row.kind for row in played.store.rows if row.ref == order.intent.id]
            seen.append((order.intent.id, rows))

        def cancel(self, order_id: str, ts: int) -> None:
            seen.append((order_id, [r.body for r in played.store.rows if r.ref == order_id][-1:]))

    exchange = Watchful()
    played = stage(
        make_bars([[100.0]] * 4), [1.0, NAN, NAN, NAN], venues=lambda plan: {"SIM": exchange},
        execution__order_type="limit", execution__limit_offset_bps=5.0,
    )  # fmt: skip
    played.play(0, 1)
    ((order_id, rows),) = seen
    assert rows == ["intent", "approval", "order"]
    exchange.queue.append(_accepted(order_id, int(played.block.known_at[0])))
    played.play(1, 2)
    ((_, (body,)),) = seen[1:]
    assert '"cancel_sent"' in body


def test_full_disk_keeps_an_order_from_leaving(stage: Make, make_bars: Make) -> None:
    exchange = Exchange()
    played = stage(make_bars([[100.0]] * 3), [1.0] * 3, venues=lambda plan: {"SIM": exchange})
    played.store.fails = lambda rows: any(row.kind == "intent" for row in rows)
    with pytest.raises(OSError, match="no space"):
        played.play()
    assert exchange.submitted == []
    assert played.store.rows == []


def test_full_disk_keeps_a_cancellation_from_leaving(stage: Make, make_bars: Make) -> None:
    exchange = Exchange()
    played = stage(
        make_bars([[100.0]] * 4), [1.0, NAN, NAN, NAN], venues=lambda plan: {"SIM": exchange},
        execution__order_type="limit", execution__limit_offset_bps=5.0,
    )  # fmt: skip
    played.play(0, 1)
    order_id = exchange.submitted[0].intent.id
    exchange.queue.append(_accepted(order_id, int(played.block.known_at[0])))
    played.store.fails = lambda rows: True
    with pytest.raises(OSError, match="no space"):
        played.play(1, 2)
    assert exchange.cancelled == []


def test_silent_listener_takes_no_notice(stage: Make, make_bars: Make) -> None:
    played = stage(
        make_bars([[100.0]] * 4, funding=[[0.0], [0.001], [0.001], [0.0]]), [1.0, NAN, NAN, NAN],
        listener=Silent(),
    )  # fmt: skip
    played.play()
    assert played.lots() == 10_000
