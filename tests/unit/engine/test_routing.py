"""One instrument at several venues: decided on as one, traded at each, added up again."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.execution.router.offers import Ladder
from tutti.ledger.kinds import Approval, Routed
from tutti.model.arrays import FUNDING_RECEIVED
from tutti.model.errors import InsufficientFunds, OutcomeUnknown, Transient, VenueError
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    ApprovedOrder,
    Fill,
    FundingPaid,
    Liquidated,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderIntent,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    VenueEvent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.execution.port import VenueOrderReport

    Make = Callable[..., Any]

A = InstrumentId("BTC-USDT-PERP", "A")
B = InstrumentId("BTC-USDT-PERP", "B")
C = InstrumentId("BTC-USDT-PERP", "C")

pytestmark = pytest.mark.kernels


def _routes(strategy: str, *ids: InstrumentId) -> dict[str, Any]:
    legs = [str(each) for each in ids]
    return {"routes": {legs[0]: {"strategy": strategy, "instruments": legs}}}


# ---- on simulated venues: the same functions as everywhere ----


@pytest.fixture
def split(stage: Make, make_bars: Make) -> Make:
    """Return what makes an engine on one instrument at two simulated venues."""

    def make(scores: list[float], strategy: str = "equal_split", **changes: Any) -> Any:
        closes = [[100.0, 100.0]] * len(scores)
        block = make_bars(closes, ids=(A, B), **changes.pop("sides", {}))
        # what is said of the leg is not listened to
        return stage(
            block, [[score, -1.0] for score in scores], **_routes(strategy, A, B), **changes
        )

    return make


def test_order_is_split_over_the_venues_and_is_one_position(split: Make) -> None:
    played = split([1.0] * 4)
    played.play()
    parent, *children = played.orders().values()
    assert [child.instrument for child in children] == [A, B]
    assert {child.parent for child in children} == {parent.id}
    assert (parent.status, parent.filled) == (OrderStatus.FILLED, Decimal("10.000"))
    assert parent.average_price == Decimal(100)
    assert [child.quantity for child in children] == [Decimal("5.000")] * 2
    assert played.lots() == 10_000
    assert played.lots(1) == 0
    assert played.account.book.working.tolist() == [0, 0]
    held = {each.instrument: each.quantity for each in played.account.portfolio.positions()}
    assert held == {A: Decimal("5.000"), B: Decimal("5.000")}
    assert played.venue("A").positions() == {A: Decimal("5.000")}
    assert played.venue("B").positions() == {B: Decimal("5.000")}


def test_rows_of_a_split_order_go_from_the_intent_to_each_fill(split: Make) -> None:
    played = split([1.0] * 3)
    played.play()
    (intent,) = played.all(OrderIntent)
    (routed,) = played.all(Routed)
    assert (routed.parent, routed.strategy) == (intent.id, "equal_split")
    assert routed.arrival_price == intent.reference_price
    assert routed.left == 0
    assert len(played.all(Approval)) == 1
    assert [fill.order_id for fill in played.all(Fill)] == [each.id for each in routed.children]
    kinds = played.kinds()
    first = kinds.index("intent")
    assert kinds[first : first + 6] == ["intent", "approval", "order", "route", "order", "order"]
    assert [each.instrument for each in routed.children] == [A, B]


def test_slippage_of_each_child_counts_from_the_arrival_price(split: Make) -> None:
    changes = {"venues__A__half_spread_bps": 10.0, "venues__B__half_spread_bps": 30.0}
    played = split([1.0] * 3, **changes)
    played.play()
    first, second = played.all(Fill)
    assert (first.instrument.venue, first.slippage_bps) == ("A", pytest.approx(10.0))
    assert (second.instrument.venue, second.slippage_bps) == ("B", pytest.approx(30.0))


def test_best_price_after_fees_takes_the_cheaper_venue(split: Make) -> None:
    changes = {"venues__A__half_spread_bps": 10.0, "venues__B__half_spread_bps": 5.0}
    played = split([1.0] * 3, "best_price", **changes)
    played.play()
    (fill,) = played.all(Fill)
    assert fill.instrument == B
    assert played.lots() == 10_000


def test_exit_closes_what_each_venue_holds(split: Make) -> None:
    played = split([1.0] * 4 + [0.0] * 4, "best_price", venues__A__half_spread_bps=10.0)
    played.play(0, 3)
    assert played.venue("B").positions() == {B: Decimal("10.000")}
    played.play(3, 8)
    assert played.lots() == 0
    assert played.venue("A").positions() == played.venue("B").positions() == {}


def test_flip_closes_and_opens_where_each_belongs(split: Make) -> None:
    played = split([1.0] * 3 + [-1.0] * 4)
    played.play()
    assert played.lots() < 0
    held = {**played.venue("A").positions(), **played.venue("B").positions()}
    assert sum(held.values()) == played.lots() * Decimal("0.001")
    assert all(quantity < 0 for quantity in held.values())


def test_money_of_both_venues_carries_the_position(split: Make) -> None:
    # each venue has 5,000: a position of 9,000 needs the margin, and the equity, of both
    played = split([1.0] * 3, fraction=0.9)
    played.play()
    assert played.lots() == 90_000
    assert played.equity == pytest.approx(10_000.0)


def test_equity_is_what_both_venues_hold(split: Make) -> None:
    sides = {"opens": [[100.0, 100.0]] * 2 + [[110.0, 110.0]] * 2}
    played = split([1.0] * 4, sides=sides, venues__default__taker_fee=0.001)
    played.play()
    cash = sum(played.account.portfolio.cash.values())
    assert played.equity == pytest.approx(float(cash) + 10.0 * 100.0)
    assert sum(played.account.book.cash) == pytest.approx(float(cash))


def test_funding_of_each_leg_is_booked_as_it_was_paid(split: Make) -> None:
    rates = [[0.0, 0.0]] * 2 + [[0.001, 0.003]] + [[0.0, 0.0]]
    played = split([1.0] * 4, sides={"funding": rates})
    played.play()
    assert [paid.amount for paid in played.all(FundingPaid)] == [Decimal("-0.5"), Decimal("-1.5")]
    assert played.account.book.account[FUNDING_RECEIVED] == pytest.approx(-2.0)
    assert played.equity == pytest.approx(9_998.0)


def test_lead_of_a_position_earns_the_funding_of_its_legs(split: Make) -> None:
    rates = [[0.0, 0.0]] * 2 + [[0.0, 0.003]] + [[0.0, 0.0]]
    played = split([1.0] * 4, sides={"funding": rates}, agents=["vpin"])
    played.script.lead[:] = 0
    played.play()
    assert played.account.book.agent_day.tolist() == pytest.approx([-1.5])


def test_dust_that_fits_no_venue_is_not_asked_for(split: Make, make_terms: Make) -> None:
    coarse = [make_terms(A), make_terms(B)]
    terms = [
        make_terms(each.id, quantity_step=step, min_quantity=Decimal(50))
        for each, step in zip(coarse, (Decimal("0.001"), Decimal("0.1")), strict=True)
    ]
    played = split([1.0] * 3, instruments=terms)
    played.play()
    assert played.all(OrderIntent) == []


def test_run_without_routes_knows_nothing_of_them(stage: Make, make_bars: Make) -> None:
    played = stage(make_bars([[100.0]] * 3), [1.0] * 3)
    played.play()
    assert played.all(Routed) == []
    assert {order.parent for order in played.all(Order)} == {""}


# ---- on venues that refuse, fall silent and speak late ----


@dataclass
class Exchange:
    """Venue written by hand, with a book."""

    name: str
    is_authoritative: bool = False
    raises: list[VenueError] = field(default_factory=list)
    submitted: list[ApprovedOrder] = field(default_factory=list)
    queue: list[VenueEvent] = field(default_factory=list)
    held: dict[InstrumentId, Decimal] = field(default_factory=dict)
    book: Ladder | None = None

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        self.submitted.append(order)
        if self.raises:
            raise self.raises.pop(0)

    def cancel(self, order_id: str, ts: int) -> None:
        raise AssertionError(order_id)

    def events(self) -> list[VenueEvent]:
        said, self.queue = self.queue, []
        return said

    def find(self, order_id: str) -> VenueOrderReport | None:
        return None

    def positions(self) -> dict[InstrumentId, Decimal]:
        return self.held

    def balances(self) -> dict[str, Decimal]:
        return {}

    def ladder(self, instrument: InstrumentId, side: Side) -> Ladder | None:
        return self.book

    def fill(self, quantity: str, ts: int, price: str = "100") -> OrderFilled:
        order_id = self.submitted[-1].intent.id
        return OrderFilled(
            order_id=order_id, ts=ts, fill_id=f"{order_id}-{len(self.queue)}-{ts}",
            quantity=Decimal(quantity), price=Decimal(price), fee=Decimal(0), is_maker=False,
        )  # fmt: skip


class _Play:
    """One instrument at three exchanges."""

    def __init__(self, stage: Make, make_bars: Make, strategy: str, **changes: Any) -> None:
        self.exchanges = {name: Exchange(name) for name in "ABC"}
        ids = changes.pop("ids", (A, B, C))
        self.block = make_bars([[100.0] * 3] * 12, ids=ids)
        self.stage = stage(
            self.block, changes.pop("scores", [[1.0] * 3] * 12),
            venues=lambda plan: self.exchanges, **_routes(strategy, *ids), **changes,
        )  # fmt: skip
        self.t = 0

    def __getitem__(self, name: str) -> Exchange:
        return self.exchanges[name]

    def tick(self, count: int = 1) -> None:
        self.stage.play(self.t, self.t + count)
        self.t += count

    @property
    def now(self) -> int:
        return int(self.block.known_at[self.t - 1])

    def parent(self) -> Order:
        found: Order = next(iter(self.stage.orders().values()))
        return found

    def sent(self) -> dict[str, list[Decimal]]:
        return {
            name: [each.intent.quantity for each in exchange.submitted]
            for name, exchange in self.exchanges.items()
        }


@pytest.fixture
def play(stage: Make, make_bars: Make) -> Make:
    return lambda strategy="priority", **changes: _Play(stage, make_bars, strategy, **changes)


def test_what_a_venue_refuses_goes_to_the_next(play: Make) -> None:
    played = play()
    played["A"].raises.append(InsufficientFunds("no money", venue="A"))
    played.tick()
    assert played.sent() == {"A": [Decimal("10.000")], "B": [Decimal("10.000")], "C": []}
    _, again = played.stage.all(Routed)
    assert again.detail == "A took none of 10.000: A: no money"
    assert [child.instrument for child in again.children] == [B]
    assert len({each.intent.id for x in "AB" for each in played[x].submitted}) == 2
    played["B"].queue.append(played["B"].fill("10.000", played.now))
    played.tick()
    assert (played.parent().status, played.stage.lots()) == (OrderStatus.FILLED, 10_000)
    # the venue that took it in the end ends the row of failures
    assert played.stage.engine.halted == ""


def test_refusal_told_later_is_routed_again_once_durable(play: Make) -> None:
    played = play()
    played["A"].raises.append(Transient("busy", venue="A"))
    played.tick()
    assert played.sent() == {"A": [Decimal("10.000")], "B": [], "C": []}
    played["A"].raises += [Transient("busy", venue="A")] * 2
    committed: list[int] = []
    submit = played["B"].submit

    def watched(order: ApprovedOrder, ts: int) -> None:
        committed.append(sum(row.kind == "route" for row in played.stage.store.rows))
        submit(order, ts)

    played["B"].submit = watched
    played.tick(3)
    assert played.sent() == {"A": [Decimal("10.000")] * 3, "B": [Decimal("10.000")], "C": []}
    assert committed == [2]


def test_order_that_every_venue_refuses_is_rejected(play: Make) -> None:
    played = play()
    for name in "ABC":
        played[name].raises.append(InsufficientFunds("no money", venue=name))
    played.tick()
    parent = played.parent()
    assert (parent.status, parent.filled) == (OrderStatus.REJECTED, Decimal(0))
    assert parent.detail == "C took none of 10.000: C: no money"
    assert played.stage.account.book.working.tolist() == [0, 0, 0]
    assert played.stage.account.orders.is_idle
    last = played.stage.all(Routed)[-1]
    assert (last.children, last.left) == ((), Decimal("10.000"))


def test_order_cancelled_at_its_venues_is_cancelled_with_what_it_has(play: Make) -> None:
    played = play("equal_split", scores=[[1.0] * 3] + [[float("nan")] * 3] * 11)
    played.tick()
    a, b, c = (played[name] for name in "ABC")
    a.queue.append(a.fill("3.334", played.now))
    b.queue += [
        b.fill("1.000", played.now, "104"),
        OrderCancelled(order_id=b.submitted[0].intent.id, ts=played.now, detail="by hand"),
    ]
    played.tick()
    parent = played.stage.account.orders.get(played.stage.all(OrderIntent)[0].id)
    assert (parent.status, parent.filled) == (OrderStatus.CREATED, Decimal("4.334"))
    assert played.stage.account.book.working[0] == 10_000 - 4_334
    c.queue.append(OrderCancelled(order_id=c.submitted[0].intent.id, ts=played.now, detail=""))
    played.tick()
    parent = played.parent()
    assert (parent.status, parent.filled) == (OrderStatus.CANCELLED, Decimal("4.334"))
    assert parent.detail == "its children ended with 5.666 unfilled"
    assert float(parent.average_price) == pytest.approx((3.334 * 100 + 104) / 4.334)
    assert played.stage.account.book.working[0] == 0
    # a fill that comes after the end is booked and added up all the same
    b.queue.append(b.fill("1.000", played.now))
    played.tick()
    assert played.stage.lots() == 5_334
    assert played.parent().filled == Decimal("5.334")


def test_child_of_unknown_fate_locks_the_instrument(play: Make) -> None:
    played = play("equal_split")
    played["B"].raises.append(OutcomeUnknown("timed out", venue="B"))
    played.tick()
    played["A"].queue.append(played["A"].fill("3.334", played.now))
    played["C"].queue.append(played["C"].fill("3.333", played.now))
    played.tick()
    played["A"].held[A], played["C"].held[C] = Decimal("3.334"), Decimal("3.333")
    played.stage.engine.desk.reconcile(played.now)
    assert played.stage.engine.desk.locks.tolist() == [1, 0, 0]
    played["B"].queue.append(played["B"].fill("3.333", played.now))
    played.tick()
    assert played.stage.engine.desk.locks.tolist() == [0, 0, 0]
    assert played.parent().status is OrderStatus.FILLED


def test_venues_book_says_where_it_is_cheapest(play: Make) -> None:
    played = play("best_price")
    played["C"].book = Ladder(np.array([99.0]), np.array([50.0]))
    played["A"].book = Ladder(np.empty(0), np.empty(0))
    played.tick()
    assert played.sent() == {"A": [], "B": [], "C": [Decimal("10.000")]}
    (routed,) = played.stage.all(Routed)
    assert routed.children[0].expected_price == 99.0


def test_liquidation_of_a_leg_is_booked_in_the_whole(play: Make) -> None:
    played = play("equal_split")
    played.tick()
    for name, quantity in (("A", "3.334"), ("B", "3.333"), ("C", "3.333")):
        played[name].queue.append(played[name].fill(quantity, played.now))
    played.tick()
    played["B"].queue.append(
        Liquidated(
            instrument=B,
            ts=played.now,
            fill_id="forced",
            side=Side.SELL,
            quantity=Decimal("3.333"),
            price=Decimal(90),
            fee=Decimal(1),
        )
    )
    played.stage.engine.hear(played.now)
    assert played.stage.lots() == 6_667


def test_acceptance_of_a_child_leaves_the_order_as_it_is(play: Make) -> None:
    played = play()
    played.tick()
    order_id = played["A"].submitted[0].intent.id
    played["A"].queue.append(OrderAccepted(order_id=order_id, ts=played.now, venue_order_id="v"))
    played.tick()
    assert played.parent().status is OrderStatus.CREATED
    assert played.stage.account.book.working[0] == 10_000


def test_split_order_is_taken_up_after_a_restart(play: Make, stage: Make) -> None:
    played = play("equal_split")
    played.tick()
    played["A"].queue.append(played["A"].fill("3.334", played.now))
    played.stage.engine.hear(played.now)
    orders = played.stage.account.orders
    intents = {each.id: each for each in played.stage.all(OrderIntent)}
    for x in "ABC":
        intents |= {each.intent.id: each.intent for each in played[x].submitted}

    again = stage(
        played.block, [[float("nan")] * 3] * 12, venues=lambda plan: played.exchanges,
        **_routes("equal_split", A, B, C),
    )  # fmt: skip
    for order in orders.open():
        again.account.orders.add(order)
    again.engine.desk.adopt(intents)
    assert again.account.book.working.tolist() == [6_666, 0, 0]
    for name in "BC":
        child = played[name].submitted[0].intent
        played[name].queue.append(
            OrderCancelled(order_id=child.id, ts=played.now + 1, detail="gone")
        )
    again.engine.hear(played.now + 1)
    parent = next(iter(again.orders().values()))
    ended = again.orders()[intents.keys().__iter__().__next__()]
    assert ended.status is OrderStatus.CANCELLED
    assert (ended.filled, parent.parent) == (Decimal("3.334"), ended.id)


def test_split_order_whose_children_all_ended_ends_at_the_restart(play: Make, stage: Make) -> None:
    played = play("equal_split")
    played.tick()
    (intent,) = played.stage.all(OrderIntent)
    parent = played.stage.account.orders.get(intent.id)
    again = stage(
        played.block, [[float("nan")] * 3] * 12, venues=lambda plan: played.exchanges,
        **_routes("equal_split", A, B, C),
    )  # fmt: skip
    again.account.orders.add(parent)
    again.engine.desk.adopt({intent.id: intent})
    assert again.orders()[intent.id].status is OrderStatus.REJECTED
    assert again.account.orders.is_idle


def test_room_of_an_account_is_what_its_money_carries(play: Make, make_terms: Make) -> None:
    # spot: each venue has a third of 10,000
    ids = tuple(InstrumentId("BTC-USDT", name) for name in "ABC")
    spot = [make_terms(each) for each in ids]
    played = play("priority", ids=ids, instruments=spot, fraction=0.9)
    played.tick()
    first, second, third = (sum(each) for each in played.sent().values())
    assert 32 < first < 33.4
    assert first == second
    assert first + second + third == Decimal("90.000")


def test_limit_orders_keep_to_each_venues_grid(play: Make, make_terms: Make) -> None:
    terms = [make_terms(A), make_terms(B, price_step=Decimal("0.4")), make_terms(C)]
    played = play(
        "equal_split", instruments=terms, execution__order_type="limit",
        execution__limit_offset_bps=10.0,
    )  # fmt: skip
    played.tick()
    prices = [played[name].submitted[0].intent.price for name in "ABC"]
    assert prices == [Decimal("99.90"), Decimal("99.6"), Decimal("99.90")]


def test_entry_too_small_for_any_venue_at_its_limit_is_not_asked_for(
    play: Make, make_terms: Make
) -> None:
    # the first has no money, and for the others it is worth enough at the close alone
    terms = [make_terms(A)] + [make_terms(each, min_notional=Decimal(1_000)) for each in (B, C)]
    played = play(
        "priority", instruments=terms, execution__order_type="limit",
        execution__limit_offset_bps=10.0, venues__A__starting_balance=0,
    )  # fmt: skip
    played.tick(3)
    assert played.stage.all(OrderIntent) == []


def test_order_opened_by_hand_that_fits_no_venue_is_rejected(play: Make, make_terms: Make) -> None:
    played = play("priority", scores=[[float("nan")] * 3] * 12)
    played.tick()
    intent = OrderIntent(
        id="by hand", instrument=A, as_of=played.now, side=Side.BUY, quantity=Decimal("0.001"),
        type=OrderType.MARKET, price=None, reference_price=Decimal(100), reason=Reason.OPERATOR,
        lead="script", reduces=False,
    )  # fmt: skip
    for exchange in played.exchanges.values():
        exchange.book = Ladder(np.empty(0), np.empty(0))
    approved = ApprovedOrder(intent=intent, approved_at=played.now, rules=())
    desk = played.stage.engine.desk
    desk.open(approved, played.now, 0, 1, -1)
    desk.send(approved, played.now)
    assert (played.parent().status, played.parent().detail) == (
        OrderStatus.REJECTED,
        "it fits no venue",
    )
    assert played.stage.account.book.working[0] == 0


def test_exit_that_its_venue_refuses_opens_nothing_at_another(play: Make) -> None:
    played = play("priority", scores=[[1.0] * 3] * 2 + [[0.0] * 3] * 10)
    played.tick()
    played["A"].queue.append(played["A"].fill("10.000", played.now))
    played["A"].raises = [InsufficientFunds("under maintenance", venue="A")]
    played["A"].held[A] = Decimal("10.000")
    played.tick(2)
    # it was approved as one that only reduces, by fewer rules than one that opens
    assert played.sent() == {"A": [Decimal("10.000")] * 2, "B": [], "C": []}
    left = played.stage.all(Routed)[-1]
    assert (left.children, left.left) == ((), Decimal("10.000"))
    assert left.detail == "A took none of 10.000: A: under maintenance"
    assert played.stage.lots() == 10_000
