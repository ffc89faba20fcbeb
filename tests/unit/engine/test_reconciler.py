"""What venues hold and we don't know of: found, acted on once, and on record."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tutti.engine.run import Reconciling
from tutti.execution.port import VenueOrderReport
from tutti.kernel.clock import HOUR, SECOND
from tutti.ledger.kinds import Adopted, Reconciled, Transfer
from tutti.model.arrays import FUNDING_RECEIVED
from tutti.model.difference import Difference, DifferenceKind, Resolution
from tutti.model.errors import OutcomeUnknown, Transient, VenueError
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    ApprovedOrder,
    FundingPaid,
    Order,
    OrderAccepted,
    OrderAmended,
    OrderFilled,
    OrderStatus,
    OrderUnanswered,
    OrderUnsent,
    Position,
    VenueEvent,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Make = Callable[..., Any]

BTC = InstrumentId("BTC-USDT-PERP", "SIM")
ETH = InstrumentId("ETH-USDT-PERP", "SIM")

pytestmark = pytest.mark.kernels


@dataclass
class Exchange:
    """Venue written by hand: does, says and holds what the test puts in."""

    name: str = "SIM"
    is_authoritative: bool = False
    raises: list[VenueError] = field(default_factory=list)
    submitted: list[ApprovedOrder] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    queue: list[VenueEvent] = field(default_factory=list)
    reports: dict[str, VenueOrderReport] = field(default_factory=dict)
    held: dict[InstrumentId, Decimal] = field(default_factory=dict)
    cash: dict[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(10_000)})
    is_deaf: bool = False

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        self.submitted.append(order)
        if self.raises:
            raise self.raises.pop(0)

    def cancel(self, order_id: str, ts: int) -> None:
        self.cancelled.append(order_id)

    def events(self) -> list[VenueEvent]:
        said, self.queue = self.queue, []
        return said

    def find(self, order_id: str) -> VenueOrderReport | None:
        return self.reports.get(order_id)

    def positions(self) -> dict[InstrumentId, Decimal]:
        if self.is_deaf:
            raise Transient("no answer", venue=self.name)
        return self.held

    def balances(self) -> dict[str, Decimal]:
        return self.cash


@dataclass
class Distant(Exchange):
    """The same behind a network: it answers from a snapshot."""

    as_of: int = 0

    async def start(self) -> None:
        raise AssertionError

    async def refresh(self, order_ids: Sequence[str] = ()) -> None:
        raise AssertionError(order_ids)

    async def close(self) -> None:
        raise AssertionError


class _Play:
    def __init__(
        self, stage: Make, make_bars: Make, exchange: Exchange | None = None, **changes: Any
    ) -> None:
        self.exchange = exchange or Exchange()
        prices = changes.pop("prices", [[100.0]] * 12)
        self.block = make_bars(prices, ids=changes.pop("ids", (BTC,)))
        rules = changes.pop("rules", {})
        self.stage = stage(
            self.block, changes.pop("scores", [float("nan")] * 12),
            venues=lambda plan: {"SIM": self.exchange},
            reconciling=Reconciling(currency="USDT", **rules), **changes,
        )  # fmt: skip
        self.t = 0

    def tick(self, count: int = 1) -> None:
        self.stage.play(self.t, self.t + count)
        self.t += count

    def reconcile(self, after_s: float = 0.0, patience_s: float = 0.0) -> list[Difference]:
        """Compare with the venue some time after the last tick; return what is new on record."""
        before = len(self.differences())
        self.stage.engine.desk.reconcile(
            self.now + round(after_s * SECOND), patience_ns=round(patience_s * SECOND)
        )
        return self.differences()[before:]

    def differences(self) -> list[Difference]:
        found: list[Difference] = self.stage.all(Difference)
        return found

    def order(self) -> Order:
        found: Order = list(self.stage.orders().values())[-1]
        return found

    @property
    def order_id(self) -> str:
        return self.exchange.submitted[-1].intent.id

    @property
    def now(self) -> int:
        return int(self.block.known_at[self.t - 1])

    @property
    def lock(self) -> int:
        return int(self.stage.engine.desk.locks[0])


@pytest.fixture
def play(stage: Make, make_bars: Make) -> Make:
    def make(exchange: Exchange | None = None, **changes: Any) -> _Play:
        played = _Play(stage, make_bars, exchange, **changes)
        played.tick()
        return played

    return make


def _said(differences: list[Difference]) -> list[tuple[str, str, str, str]]:
    return [(str(d.kind), d.ours, d.theirs, str(d.resolution)) for d in differences]


# ---- positions that no order explains ----


def test_unknown_position_is_quarantined_once_and_let_go_when_it_is_gone(play: Make) -> None:
    played = play(scores=[float("nan")] * 3 + [1.0] * 9)
    played.exchange.held[BTC] = Decimal(3)
    assert _said(played.reconcile()) == [("position", "0", "3", "quarantined")]
    assert played.lock == 1
    assert played.reconcile(after_s=60) == []
    played.tick(4)
    assert played.exchange.submitted == []
    assert played.stage.engine.counts.refusals > 0
    played.exchange.held.clear()
    assert _said(played.reconcile()) == [("position", "0", "3", "settled")]
    assert played.lock == 0
    played.tick()
    assert len(played.exchange.submitted) == 1
    assert played.stage.engine.counts.differences == {"SIM": 2}


def test_position_that_changes_again_is_a_new_difference(play: Make) -> None:
    played = play()
    played.exchange.held[BTC] = Decimal(3)
    played.reconcile()
    played.exchange.held[BTC] = Decimal(4)
    assert _said(played.reconcile()) == [("position", "0", "4", "quarantined")]


def test_unknown_position_is_adopted_where_that_is_asked_for(play: Make) -> None:
    played = play(rules={"adopts": True})
    played.exchange.held[BTC] = Decimal("-3.5")
    # as a venue has it whose perpetuals are paid for in the balance
    played.exchange.cash["USDT"] = Decimal(10_350)
    assert _said(played.reconcile()) == [("position", "0", "-3.5", "adopted")]
    (adopted,) = played.stage.all(Adopted)
    assert (adopted.instrument, adopted.quantity, adopted.price) == (BTC, Decimal("-3.5"), 100)
    (position,) = played.stage.all(Position)
    assert (position.quantity, position.lead) == (Decimal("-3.5"), "script")
    assert played.stage.lots() == -3_500
    assert played.stage.account.portfolio.cash == {"SIM": Decimal(10_350)}
    assert played.stage.account.book.cash.tolist() == [10_350.0]
    assert played.lock == 0
    assert played.reconcile() == []


def test_position_off_the_step_is_quarantined_all_the_same(play: Make) -> None:
    played = play(rules={"adopts": True})
    played.exchange.held[BTC] = Decimal("0.0005")
    assert _said(played.reconcile()) == [("position", "0", "0.0005", "quarantined")]


def test_position_without_a_price_is_quarantined_until_there_is_one(
    stage: Make, make_bars: Make
) -> None:
    played = _Play(stage, make_bars, rules={"adopts": True})
    played.exchange.held[BTC] = Decimal(1)
    played.stage.engine.desk.reconcile(int(played.block.ts[0]))
    assert _said(played.differences()) == [("position", "0", "1", "quarantined")]


def test_position_in_what_is_not_traded_here_is_noted(play: Make) -> None:
    played = play()
    played.exchange.held[InstrumentId("DOGE-USDT", "SIM")] = Decimal(9)
    assert _said(played.reconcile()) == [("position", "0", "9", "noted")]
    played.exchange.held.clear()
    assert _said(played.reconcile()) == [("position", "0", "9", "settled")]


# ---- cash ----


def test_cash_that_differs_is_noted_once(play: Make) -> None:
    played = play()
    played.exchange.cash = {"USDT": Decimal(9_998), "BNB": Decimal(4)}
    assert _said(played.reconcile()) == [("balance", "10000", "9998", "noted")]
    assert played.reconcile() == []
    assert played.stage.account.portfolio.cash == {"SIM": Decimal(10_000)}


def test_cash_within_the_tolerance_is_the_same(play: Make) -> None:
    played = play()
    played.exchange.cash["USDT"] = Decimal("10000.99")
    assert played.reconcile() == []


def test_cash_is_adopted_where_that_is_asked_for(play: Make) -> None:
    played = play(rules={"adopts": True})
    played.exchange.cash["USDT"] = Decimal(12_500)
    assert _said(played.reconcile()) == [("balance", "10000", "12500", "adopted")]
    (transfer,) = played.stage.all(Transfer)
    assert (transfer.venue, transfer.amount) == ("SIM", Decimal(2_500))
    assert played.stage.account.book.cash.tolist() == [12_500.0]
    assert played.reconcile() == []


@pytest.mark.parametrize("adopts", [False, True])
def test_cash_of_a_venue_is_all_the_money_that_its_instruments_are_traded_in(
    adopts: bool, play: Make
) -> None:
    # an account in USDT, and a venue that keeps dollars and euros for it
    ids = (InstrumentId("BTC-USD", "SIM"), InstrumentId("BTC-EUR", "SIM"))
    rules, views = {"adopts": adopts}, [float("nan")] * 24
    played = play(ids=ids, rules=rules, prices=[[100.0, 100.0]] * 12, scores=views)
    played.exchange.cash = {"USD": Decimal(6_000), "EUR": Decimal(4_000), "BTC": Decimal(3)}
    assert played.reconcile() == []
    played.exchange.cash["EUR"] = Decimal(3_500)
    resolution = "adopted" if adopts else "noted"
    assert _said(played.reconcile()) == [("balance", "10000", "9500", resolution)]


def test_cash_is_left_alone_where_its_currency_is_not_known(stage: Make, make_bars: Make) -> None:
    played = _Play(stage, make_bars)
    played.stage.engine.desk._reconciler._rules = Reconciling()
    played.exchange.cash["USDT"] = Decimal(1)
    played.tick()
    assert played.reconcile() == []


def test_funding_of_which_only_the_amount_is_told_is_booked_by_it(play: Make) -> None:
    played = play(scores=[1.0] + [float("nan")] * 11)
    played.exchange.queue.append(
        FundingPaid(instrument=BTC, ts=played.now, rate=0.0, amount=Decimal("-2.5"))
    )
    played.stage.engine.hear(played.now)
    account = played.stage.account
    assert account.portfolio.cash == {"SIM": Decimal("9997.5")}
    assert account.book.cash.tolist() == [9_997.5]
    assert account.book.account[FUNDING_RECEIVED] == -2.5
    played.exchange.cash["USDT"] = Decimal("9997.5")
    assert all(each.kind is not DifferenceKind.BALANCE for each in played.reconcile())


# ---- patience, schedule, silence ----


def test_difference_counts_only_after_it_has_stood(play: Make) -> None:
    played = play()
    played.exchange.held[BTC] = Decimal(3)
    assert played.reconcile(after_s=1, patience_s=10) == []
    assert played.reconcile(after_s=5, patience_s=10) == []
    assert _said(played.reconcile(after_s=11, patience_s=10))[0][3] == "quarantined"
    # one that comes and goes meanwhile was never there
    played.exchange.held[ETH] = Decimal(1)
    played.reconcile(after_s=20, patience_s=10)
    del played.exchange.held[ETH]
    assert played.reconcile(after_s=31, patience_s=10) == []


def test_position_that_an_order_may_explain_is_waited_for(play: Make) -> None:
    played = play(scores=[1.0] * 12)
    played.exchange.held[BTC] = Decimal(10)
    assert len(played.exchange.submitted) == 1
    for after_s in (1, 20):
        said = _said(played.reconcile(after_s=after_s, patience_s=10))
        assert all(kind == "order" for kind, *_ in said)


def test_snapshot_from_before_our_last_fill_says_nothing_of_the_position(play: Make) -> None:
    played = play(Distant(as_of=0), scores=[1.0] * 12)
    played.exchange.queue.append(
        OrderFilled(
            order_id=played.order_id,
            ts=played.now + 5 * SECOND,
            fill_id="f",
            quantity=Decimal(10),
            price=Decimal(100),
            fee=Decimal(0),
            is_maker=False,
        )
    )
    played.stage.engine.hear(played.now + 5 * SECOND)
    played.exchange.as_of = played.now
    played.exchange.cash["USDT"] = Decimal(9_000)
    for after_s in (10, 30):
        assert played.reconcile(after_s=after_s, patience_s=10) == []
    played.exchange.as_of = played.now + 40 * SECOND
    played.reconcile(after_s=41, patience_s=10)
    assert _said(played.reconcile(after_s=60, patience_s=10)) == [
        ("position", "10", "0", "quarantined")
    ]


def test_order_at_work_does_not_settle_what_is_quarantined(play: Make) -> None:
    played = play(scores=[1.0] * 12)
    played.exchange.held[BTC] = Decimal(3)
    played.reconcile()
    assert played.lock == 1
    assert played.reconcile(after_s=5, patience_s=10) == []
    assert played.lock == 1


def test_deaf_venue_settles_nothing(play: Make) -> None:
    played = play()
    played.exchange.held[BTC] = Decimal(3)
    played.reconcile()
    played.exchange.is_deaf = True
    assert played.reconcile() == []
    assert played.lock == 1


def test_comparison_is_made_as_often_as_is_asked_for(play: Make) -> None:
    played = play(rules={"every_ns": 2 * HOUR, "patience_ns": 0})
    played.exchange.held[BTC] = Decimal(3)
    played.tick()
    assert played.differences() == []
    played.tick()
    assert len(played.differences()) == 1
    # what was found is committed with a row of the tick's own time
    assert played.stage.store.rows[-1].ts == played.now


def test_quiet_comparison_leaves_no_row_but_at_a_start(play: Make) -> None:
    played = play()
    played.reconcile(after_s=5, patience_s=10)
    assert played.stage.all(Reconciled) == []
    played.reconcile()
    (record,) = played.stage.all(Reconciled)
    assert (record.checked, record.differences) == (0, ())


def test_what_was_explained_is_no_difference_of_the_comparison(play: Make) -> None:
    played = play()
    played.exchange.held[BTC] = Decimal(3)
    played.reconcile()
    played.exchange.held.clear()
    played.reconcile()
    first, second = played.stage.all(Reconciled)
    assert len(first.differences) == 1
    assert second.differences == ()


# ---- orders nobody knows of ----


def test_order_that_nobody_knows_of_is_a_difference_and_asked_about(play: Make) -> None:
    played = play(Exchange(raises=[OutcomeUnknown("timed out", venue="SIM")]), scores=[1.0] * 12)
    assert played.stage.engine.desk.doubtful() == {"SIM": [played.order_id]}
    assert played.reconcile(after_s=1, patience_s=10) == []
    (lost,) = played.reconcile(after_s=11, patience_s=10)
    assert (lost.kind, lost.subject) == (DifferenceKind.ORDER, played.order_id)
    assert (lost.ours, lost.theirs) == ("sent", "unknown")
    assert lost.resolution is Resolution.UNRESOLVED
    assert played.lock == 1
    assert played.stage.engine.desk.doubtful() == {"SIM": [played.order_id]}
    played.exchange.queue.append(
        OrderAccepted(order_id=played.order_id, ts=played.now, venue_order_id="v")
    )
    played.stage.engine.hear(played.now)
    assert played.lock == 0
    assert played.stage.engine.desk.doubtful() == {}


def test_quarantine_outlasts_an_order_that_was_found(play: Make) -> None:
    played = play(Exchange(raises=[OutcomeUnknown("timed out", venue="SIM")]), scores=[1.0] * 12)
    played.exchange.held[BTC] = Decimal(3)
    played.reconcile()
    played.exchange.queue.append(
        OrderAccepted(order_id=played.order_id, ts=played.now, venue_order_id="v")
    )
    played.stage.engine.hear(played.now)
    assert played.lock == 1


# ---- what venues behind a network tell of requests ----


def _unsent(played: _Play, after_s: float, retry_after_s: float = 0.0) -> None:
    played.exchange.queue.append(
        OrderUnsent(
            order_id=played.order_id,
            ts=played.now + round(after_s * SECOND),
            detail="no route",
            retry_after_s=retry_after_s,
        )
    )
    played.stage.engine.hear(played.now + round(after_s * SECOND))


def test_order_told_unsent_is_sent_again_and_then_fails(play: Make) -> None:
    played = play(scores=[1.0] + [float("nan")] * 11)
    first = played.order_id
    _unsent(played, 1)
    assert len(played.exchange.submitted) == 1
    played.stage.engine.hear(played.now + 2 * SECOND)
    assert [each.intent.id for each in played.exchange.submitted] == [first] * 2
    _unsent(played, 3, retry_after_s=30.0)
    played.stage.engine.hear(played.now + 32 * SECOND)
    assert len(played.exchange.submitted) == 2
    played.stage.engine.hear(played.now + 33 * SECOND)
    assert [each.intent.id for each in played.exchange.submitted] == [first] * 3
    _unsent(played, 34)
    order = played.order()
    assert (order.status, order.detail) == (
        OrderStatus.FAILED,
        "not sent after 3 attempts: no route",
    )
    assert played.stage.account.book.working[0] == 0
    _unsent(played, 35)
    assert len(played.exchange.submitted) == 3


def test_order_told_unanswered_is_never_sent_again(play: Make) -> None:
    played = play(scores=[1.0] * 12)
    for _ in range(2):
        played.exchange.queue.append(
            OrderUnanswered(order_id=played.order_id, ts=played.now, detail="timed out")
        )
    played.tick(3)
    order = played.order()
    assert (order.status, order.detail) == (OrderStatus.SENT, "timed out")
    assert len(played.exchange.submitted) == 1
    assert len(played.stage.all(Order)) == 2


def test_request_of_an_earlier_process_is_left_to_reconciliation(play: Make) -> None:
    played = play()
    played.exchange.queue.append(OrderUnsent(order_id="unknown", ts=played.now, detail=""))
    played.stage.engine.hear(played.now)
    assert played.exchange.submitted == []


def test_order_changed_at_the_venue_works_on_what_is_left(play: Make) -> None:
    played = play(scores=[1.0] * 12)
    played.exchange.queue.append(
        OrderAmended(order_id=played.order_id, ts=played.now, quantity=Decimal(4), price=None)
    )
    played.tick()
    assert (played.order().status, played.order().quantity) == (OrderStatus.ACCEPTED, Decimal(4))
    assert played.stage.account.book.working[0] == 4_000


# ---- cancelling ----


def test_working_order_is_cancelled_on_record_and_one_unanswered_is_asked_for(play: Make) -> None:
    played = play(scores=[1.0] * 12)
    desk = played.stage.engine.desk
    desk.cancel(played.order(), played.now)
    assert played.order().status is OrderStatus.SENT
    played.exchange.queue.append(
        OrderAccepted(order_id=played.order_id, ts=played.now, venue_order_id="v")
    )
    played.stage.engine.hear(played.now)
    desk.cancel(played.order(), played.now)
    assert played.order().status is OrderStatus.CANCEL_SENT
    desk.cancel(played.order(), played.now)
    assert played.exchange.cancelled == [played.order_id] * 3


# ---- errors in a row ----


def test_refusals_told_later_halt_openings_but_not_exits(play: Make) -> None:
    played = play(scores=[1.0] * 2 + [-1.0] * 10, limits={"max_consecutive_errors": 2})
    played.exchange.queue.append(
        OrderFilled(
            order_id=played.order_id,
            ts=played.now,
            fill_id="f",
            quantity=Decimal(10),
            price=Decimal(100),
            fee=Decimal(0),
            is_maker=False,
        )
    )
    played.tick()
    refused = Transient("busy", venue="SIM")
    played.exchange.raises += [refused] * 60
    for _ in range(8):
        played.tick()
    halted = played.stage.engine.halted
    assert halted.startswith("2 orders in a row failed")
    assert played.stage.engine.desk.locks.tolist() == [2]
    # what closes is still tried; nothing turns the position round
    last = played.exchange.submitted[-1].intent
    assert (last.quantity, last.reduces) == (Decimal("10.000"), True)
    played.stage.engine.resume(played.now)
    assert played.stage.engine.desk.locks.tolist() == [0]
