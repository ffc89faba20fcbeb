"""An order and its venues, to the orders at each of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tutti.execution.router.children import MOST_CHILDREN, Wanted, child_id, route
from tutti.execution.router.offers import MOST_LOTS, Ladder, Offer, offers_of
from tutti.execution.router.split import Strategy
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import Side

PARENT = "018cc251f400" + "000007" + "0123456789abcd"


def _offer(venue: str, *book: tuple[float, float], room: str | None = None, **terms: Any) -> Offer:
    is_free = terms.pop("is_free", False)
    values: dict[str, Any] = {
        "id": InstrumentId("BTC-USD", venue),
        "kind": InstrumentKind.SPOT,
        "price_step": Decimal("0.01"),
        "quantity_step": Decimal("0.001"),
        "taker_fee": Decimal(0),
    }
    return Offer(
        instrument=Instrument(**(values | terms)),
        ladder=Ladder(np.array([price for price, _ in book]), np.array([size for _, size in book])),
        room=None if room is None else Decimal(room),
        is_free=is_free,
    )


def _wanted(lots: int, **changes: Any) -> Wanted:
    values: dict[str, Any] = {
        "parent": PARENT,
        "side": Side.BUY,
        "lots": lots,
        "lot": Decimal("0.001"),
    }
    return Wanted(**(values | changes))


# ---- offers ----


def test_book_counts_in_lots_whatever_the_venues_own_step() -> None:
    offers = offers_of(
        [
            _offer("A", (100.0, 0.5)),
            _offer("B", (101.0, 2.0), (102.0, 1.0), quantity_step=Decimal("0.1")),
        ],
        Decimal("0.001"),
    )
    assert offers.lots.tolist() == [[500.0, 0.0], [2000.0, 1000.0]]
    assert offers.step.tolist() == [1, 100]
    assert offers.room.tolist() == [MOST_LOTS, MOST_LOTS]


def test_step_that_is_no_multiple_of_the_lot_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.0015 is no multiple of 0\.001"):
        offers_of([_offer("A", quantity_step=Decimal("0.0015"))], Decimal("0.001"))
    with pytest.raises(ValueError, match="no multiple"):
        offers_of([_offer("A", quantity_step=Decimal("0.0001"))], Decimal("0.001"))


@pytest.mark.parametrize(
    ("terms", "least"),
    [
        ({}, 1),
        ({"min_quantity": Decimal("0.005")}, 5),
        ({"min_notional": Decimal(10)}, 100),
        ({"min_notional": Decimal("10.01")}, 101),
        ({"min_notional": Decimal(10), "quantity_step": Decimal("0.03")}, 120),
        ({"min_notional": Decimal(10), "is_free": True}, 1),
    ],
)
def test_smallest_order_is_in_whole_steps_of_the_venue(terms: Any, least: int) -> None:
    offers = offers_of([_offer("A", (100.0, 1.0), **terms)], Decimal("0.001"))
    assert offers.least.tolist() == [least]


def test_smallest_order_of_a_limit_order_is_reckoned_at_its_price() -> None:
    offer = _offer("A", (100.0, 1.0), min_notional=Decimal(10))
    assert offers_of([offer], Decimal("0.001"), Decimal(50)).least.tolist() == [200]


def test_room_is_what_the_account_can_take_in_whole_lots() -> None:
    offers = offers_of(
        [_offer("A", (1.0, 1.0), room="0.0129"), _offer("B", (1.0, 1.0), room="-3")],
        Decimal("0.001"),
    )
    assert offers.room.tolist() == [12, 0]


# ---- children ----


def test_children_are_orders_at_their_venues_that_name_their_parent() -> None:
    first, second = route(
        _wanted(300), [_offer("A", (100.0, 0.1)), _offer("B", (101.0, 5.0))], Strategy.LIQUIDITY
    )
    assert (first.instrument.venue, first.quantity) == ("A", Decimal("0.100"))
    assert (second.instrument.venue, second.quantity) == ("B", Decimal("0.200"))
    assert (first.parent, second.parent) == (PARENT, PARENT)
    assert (first.expected_price, second.expected_price) == (100.0, 101.0)


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "99.5"), (Side.SELL, "100.0")])
def test_limit_is_on_each_venues_grid_and_never_worse(side: Side, price: str) -> None:
    offers = [_offer("A", (100.0, 0.1), price_step=Decimal("0.5"))]
    (child,) = route(_wanted(300, side=side, limit=Decimal("99.99")), offers)
    assert child.price == Decimal(price)


def test_venue_that_gets_nothing_gets_no_order() -> None:
    (only,) = route(_wanted(300), [_offer("A", (101.0, 5.0)), _offer("B", (100.0, 5.0))])
    assert only.instrument.venue == "B"


def test_nothing_wanted_or_nobody_to_ask_gives_no_children() -> None:
    assert route(_wanted(0), [_offer("A", (100.0, 5.0))]) == ()
    assert route(_wanted(5), []) == ()
    assert route(_wanted(5), [_offer("A")]) == ()


def test_child_routed_with_a_price_but_no_size_is_expected_at_that_price() -> None:
    (only,) = route(_wanted(5), [_offer("A", (100.0, 0.0))])
    assert only.expected_price == 100.0


def test_ids_of_children_follow_from_the_parents_and_go_on_after_those_it_has() -> None:
    offers = [_offer("A", (100.0, 0.1)), _offer("B", (101.0, 5.0))]
    first = route(_wanted(300), offers)
    more = route(_wanted(300, first=3), offers)
    ids = [child.id for child in (*first, *more)]
    assert len({PARENT, *ids}) == 5
    assert ids == [child_id(PARENT, number) for number in (1, 2, 3, 4)]


def test_id_of_a_child_is_as_long_as_its_parents_and_keeps_its_time() -> None:
    ids = {child_id(PARENT, number) for number in range(1, MOST_CHILDREN + 1)}
    assert len(ids) == MOST_CHILDREN
    assert PARENT not in ids
    assert {len(each) for each in ids} == {32}
    assert {each[:29] for each in ids} == {PARENT[:29]}
    assert int(max(ids), 16) > 0


def test_id_that_is_no_number_of_ours_gets_a_suffix() -> None:
    assert child_id("order", 2) == "order-2"


@pytest.mark.parametrize("number", [0, MOST_CHILDREN + 1])
def test_child_without_an_id_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="numbered"):
        child_id(PARENT, number)
