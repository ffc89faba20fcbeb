"""What the venue's answers mean for our orders."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tutti.execution.book_of_orders import OpenOrders
from tutti.execution.lifecycle import unanswered
from tutti.execution.port import VenueOrderReport
from tutti.execution.reconcile import (
    Reconciliation,
    compare_cash,
    compare_positions,
    reconcile_orders,
)
from tutti.model.difference import Difference, DifferenceKind, Resolution
from tutti.model.errors import Transient
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    ApprovedOrder,
    Order,
    OrderFilled,
    OrderStatus,
    OrderType,
    Side,
    VenueEvent,
)

_BTC = InstrumentId("BTC-USD", "V")
_ETH = InstrumentId("ETH-USD", "V")


class _Venue:
    """Venue that knows what it is told to know."""

    name = "V"

    def __init__(self, *reports: VenueOrderReport, is_authoritative: bool = True) -> None:
        self.is_authoritative = is_authoritative
        self.is_down = False
        self._reports = {report.order_id: report for report in reports}
        self.held: dict[InstrumentId, Decimal] = {}
        self.cash: dict[str, Decimal] = {}

    def submit(self, order: ApprovedOrder, ts: int) -> None:
        raise AssertionError(f"reconciliation sends nothing, was {order!r} at {ts}")

    def cancel(self, order_id: str, ts: int) -> None:
        raise AssertionError(f"reconciliation cancels nothing, was {order_id} at {ts}")

    def events(self) -> list[VenueEvent]:
        return []

    def find(self, order_id: str) -> VenueOrderReport | None:
        if self.is_down:
            raise Transient("down", venue=self.name)
        return self._reports.get(order_id)

    def positions(self) -> dict[InstrumentId, Decimal]:
        return self.held

    def balances(self) -> dict[str, Decimal]:
        return self.cash


def _order(status: OrderStatus, filled: int = 0, venue_order_id: str = "") -> Order:
    return Order(
        id="1",
        instrument=_BTC,
        side=Side.BUY,
        quantity=Decimal(10),
        type=OrderType.MARKET,
        price=None,
        status=status,
        created_at=0,
        updated_at=100,
        filled=Decimal(filled),
        average_price=Decimal(100 if filled else 0),
        venue_order_id=venue_order_id,
    )


def _fill(quantity: int, fill_id: str) -> OrderFilled:
    return OrderFilled(
        order_id="1",
        ts=150,
        fill_id=fill_id,
        quantity=Decimal(quantity),
        price=Decimal(100),
        fee=Decimal(0),
        is_maker=False,
    )


def _report(
    status: OrderStatus, *fills: OrderFilled, filled: int | None = None
) -> VenueOrderReport:
    listed = sum((fill.quantity for fill in fills), Decimal(0))
    return VenueOrderReport(
        order_id="1",
        venue_order_id="v1",
        status=status,
        filled=listed if filled is None else Decimal(filled),
        fills=fills,
        ts=200,
        detail="said the venue",
    )


def _reconcile(order: Order, venue: _Venue, ts: int = 200) -> Reconciliation:
    return reconcile_orders([order], venue, ts, patience_ns=100)


def _noted(kind: DifferenceKind, subject: str, ours: str, theirs: str) -> Difference:
    return Difference(
        venue="V", kind=kind, subject=subject, ours=ours, theirs=theirs,
        resolution=Resolution.NOTED,
    )  # fmt: skip


def _settled(order: Order, venue: _Venue) -> Order:
    orders = OpenOrders()
    orders.add(order)
    for event in _reconcile(order, venue).events:
        orders.apply(event)
    settled = orders.get("1")
    assert settled is not None
    return settled


@pytest.mark.parametrize(
    "before", [OrderStatus.SENT, OrderStatus.UNRESOLVED, OrderStatus.CANCEL_SENT]
)
@pytest.mark.parametrize(
    "status", [OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED]
)
def test_order_that_the_venue_ended_ends_the_same_way(
    before: OrderStatus, status: OrderStatus
) -> None:
    settled = _settled(_order(before), _Venue(_report(status)))
    assert (settled.status, settled.detail) == (status, "said the venue")


def test_order_that_the_venue_works_is_accepted() -> None:
    venue = _Venue(_report(OrderStatus.ACCEPTED))
    settled = _settled(_order(OrderStatus.SENT), venue)
    assert (settled.status, settled.venue_order_id) == (OrderStatus.ACCEPTED, "v1")


def test_order_that_was_filled_meanwhile_is_filled_fill_by_fill() -> None:
    venue = _Venue(_report(OrderStatus.FILLED, _fill(4, "f"), _fill(6, "g")))
    assert _settled(_order(OrderStatus.SENT), venue).status is OrderStatus.FILLED
    assert _reconcile(_order(OrderStatus.SENT), venue).differences == ()


def test_order_filled_in_part_and_cancelled_keeps_its_fill() -> None:
    venue = _Venue(_report(OrderStatus.CANCELLED, _fill(4, "f")))
    settled = _settled(_order(OrderStatus.ACCEPTED), venue)
    assert (settled.status, settled.filled) == (OrderStatus.CANCELLED, Decimal(4))


def test_order_that_the_venue_certainly_does_not_have_is_refused() -> None:
    settled = _settled(_order(OrderStatus.SENT), _Venue())
    assert (settled.status, settled.detail) == (OrderStatus.REJECTED, "never reached the venue")


@pytest.mark.parametrize(
    "order",
    [_order(OrderStatus.ACCEPTED, 0, "v1"), _order(OrderStatus.PARTIALLY_FILLED, 4)],
    ids=["accepted", "filled in part"],
)
def test_order_that_the_venue_no_longer_has_is_cancelled(order: Order) -> None:
    settled = _settled(order, _Venue())
    assert (settled.status, settled.detail) == (OrderStatus.CANCELLED, "no longer at the venue")


def test_order_whose_request_is_still_on_its_way_is_waited_for_however_long() -> None:
    found = _reconcile(_order(OrderStatus.SENT), _Venue(_report(OrderStatus.SENT)), ts=10_000)
    assert (found.waiting, found.events, found.applied) == (("1",), (), ())


def test_absent_order_may_still_turn_up_while_patience_lasts() -> None:
    found = _reconcile(_order(OrderStatus.SENT), _Venue(), ts=199)
    assert (found.waiting, found.events, found.unresolved) == (("1",), (), ())


def test_absent_order_is_unresolved_when_the_venue_may_have_missed_it() -> None:
    venue = _Venue(is_authoritative=False)
    found = _reconcile(_order(OrderStatus.SENT), venue)
    assert (found.unresolved, found.events, found.waiting) == (("1",), (), ())
    again = _reconcile(unanswered(_order(OrderStatus.SENT)), venue)
    assert again == Reconciliation(events=(), unresolved=(), waiting=(), differences=())


def test_unresolved_order_is_resolved_when_the_venue_finds_it() -> None:
    venue = _Venue(_report(OrderStatus.FILLED, _fill(10, "f")), is_authoritative=False)
    assert _settled(unanswered(_order(OrderStatus.SENT)), venue).status is OrderStatus.FILLED


def test_venue_that_can_not_be_asked_settles_nothing() -> None:
    venue = _Venue()
    venue.is_down = True
    assert _reconcile(_order(OrderStatus.SENT), venue, ts=199).waiting == ("1",)
    assert _reconcile(_order(OrderStatus.SENT), venue, ts=200).unresolved == ("1",)
    assert _reconcile(_order(OrderStatus.ACCEPTED), venue, ts=10_000).waiting == ("1",)


@pytest.mark.parametrize("status", [OrderStatus.CREATED, OrderStatus.FILLED, OrderStatus.REJECTED])
def test_order_that_never_left_or_has_ended_is_not_asked_about(status: OrderStatus) -> None:
    found = _reconcile(_order(status), _Venue())
    assert found == Reconciliation(events=(), unresolved=(), waiting=(), differences=())


@pytest.mark.parametrize(
    ("order", "report", "difference"),
    [
        (
            _order(OrderStatus.SENT),
            _report(OrderStatus.FILLED, _fill(4, "f"), filled=10),
            ("1", "4", "10"),
        ),
        (
            _order(OrderStatus.PARTIALLY_FILLED, 6),
            _report(OrderStatus.PARTIALLY_FILLED, _fill(4, "f")),
            ("1", "6", "4"),
        ),
    ],
    ids=["executions are missing", "we have more"],
)
def test_executions_that_do_not_add_up_are_a_difference(
    order: Order, report: VenueOrderReport, difference: tuple[str, str, str]
) -> None:
    expected = (_noted(DifferenceKind.FILLED, *difference),)
    assert _reconcile(order, _Venue(report)).differences == expected


def test_positions_that_differ_are_named_in_order() -> None:
    venue = _Venue()
    venue.held = {_ETH: Decimal(5), _BTC: Decimal(1)}
    assert compare_positions({_BTC: Decimal(1), _ETH: Decimal(5)}, venue) == ()
    assert compare_positions({_BTC: Decimal(2)}, venue) == (
        _noted(DifferenceKind.POSITION, "BTC-USD.V", "2", "1"),
        _noted(DifferenceKind.POSITION, "ETH-USD.V", "0", "5"),
    )


@pytest.mark.parametrize("currency", ["USD", "USDT"])
def test_cash_that_differs_by_more_than_the_tolerance_is_named(currency: str) -> None:
    venue = _Venue()
    venue.cash = {"USD": Decimal("90.01"), "EUR": Decimal(10), "BTC": Decimal(7)}

    def compared(ours: str, tolerance: str) -> tuple[Difference, ...]:
        return compare_cash(
            Decimal(ours),
            venue,
            currency=currency,
            quotes=("USD", "EUR"),
            tolerance=Decimal(tolerance),
        )

    assert compared("100", "0.01") == ()
    expected = (_noted(DifferenceKind.BALANCE, currency, "100", "100.01"),)
    assert compared("100", "0.001") == expected


def test_terms_that_somebody_changed_at_the_venue_are_taken_over() -> None:
    report = replace(
        _report(OrderStatus.PARTIALLY_FILLED, _fill(4, "f")), quantity=Decimal(6), price=Decimal(99)
    )
    settled = _settled(_order(OrderStatus.SENT), _Venue(report))
    assert (settled.quantity, settled.price) == (Decimal(6), Decimal(99))
    assert settled.filled == Decimal(4)
    same = replace(_report(OrderStatus.ACCEPTED), quantity=Decimal(10))
    assert _settled(_order(OrderStatus.SENT), _Venue(same)).quantity == Decimal(10)


# ---- what the events explain is on record, too ----


@pytest.mark.parametrize(
    ("order", "reports", "ours", "theirs"),
    [
        (_order(OrderStatus.SENT), [], "sent, filled 0", "rejected, filled 0"),
        (
            _order(OrderStatus.PARTIALLY_FILLED, 4),
            [],
            "partially_filled, filled 4",
            "cancelled, filled 4",
        ),
        (
            _order(OrderStatus.ACCEPTED),
            [_report(OrderStatus.FILLED, _fill(10, "f"))],
            "accepted, filled 0",
            "filled, filled 10",
        ),
        (
            _order(OrderStatus.CANCEL_SENT),
            [_report(OrderStatus.PARTIALLY_FILLED, _fill(4, "f"))],
            "cancel_sent, filled 0",
            "partially_filled, filled 4",
        ),
    ],
    ids=["never arrived", "gone", "filled unheard", "filled while it was being cancelled"],
)
def test_news_from_the_venue_is_a_difference_that_was_applied(
    order: Order, reports: list[VenueOrderReport], ours: str, theirs: str
) -> None:
    (difference,) = _reconcile(order, _Venue(*reports)).applied
    assert (difference.ours, difference.theirs) == (ours, theirs)
    assert (difference.kind, difference.resolution) == (DifferenceKind.ORDER, Resolution.APPLIED)
    assert (difference.venue, difference.subject) == ("V", "1")


@pytest.mark.parametrize("status", [OrderStatus.ACCEPTED, OrderStatus.CANCEL_SENT])
def test_order_that_both_sides_see_alike_is_no_difference(status: OrderStatus) -> None:
    found = _reconcile(_order(status), _Venue(_report(OrderStatus.ACCEPTED)))
    assert (found.applied, found.differences) == ((), ())
