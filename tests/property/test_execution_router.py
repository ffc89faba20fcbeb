"""Whatever the books, terms and strategy: no minimum, step or total is ever broken."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tutti.execution.router.children import Wanted, route
from tutti.execution.router.offers import MOST_LOTS, Ladder, Offer, Offers
from tutti.execution.router.split import Strategy, split
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import ApprovedOrder, OrderIntent, OrderType, Reason, Side
from tutti.risk.parts import approved_parts

if TYPE_CHECKING:
    from tutti.model.market import IntArray

_LEVEL = st.tuples(st.floats(0.01, 1e5), st.floats(0.0, 1e6))


@st.composite
def _markets(draw: st.DrawFn, *, rooms: bool) -> tuple[Offers, int]:
    side = draw(st.sampled_from([1, -1]))
    count = draw(st.integers(1, 5))
    books = [draw(st.lists(_LEVEL, max_size=6)) for _ in range(count)]
    depth = max(1, *(len(book) for book in books))
    prices = np.full((count, depth), np.nan)
    lots = np.zeros((count, depth))
    for v, book in enumerate(books):
        for k, (price, size) in enumerate(sorted(book, reverse=side < 0)):
            prices[v, k], lots[v, k] = price, size
    step = np.array(
        draw(st.lists(st.sampled_from([1, 2, 10, 100]), min_size=count, max_size=count))
    )
    steps = np.array(draw(st.lists(st.integers(1, 200), min_size=count, max_size=count)))
    room = draw(st.lists(st.integers(0, 10_000), min_size=count, max_size=count))
    fee = draw(st.lists(st.floats(-0.001, 0.01), min_size=count, max_size=count))
    offers = Offers(
        prices=prices,
        lots=lots,
        fee=np.array(fee),
        step=step,
        least=step * steps,
        room=np.array(room) if rooms else np.full(count, MOST_LOTS),
    )
    return offers, side


@given(_markets(rooms=True), st.integers(1, 50_000), st.sampled_from(list(Strategy)))
def test_parts_keep_to_steps_minimums_room_and_total(
    market: tuple[Offers, int], lots: int, strategy: Strategy
) -> None:
    offers, side = market
    got = split(lots, side, offers, strategy)
    used = got > 0
    assert (got >= 0).all()
    assert got.sum() <= lots
    assert (got % offers.step == 0).all()
    assert (got[used] >= offers.least[used]).all()
    assert (got <= offers.room).all()
    assert not used[np.isnan(offers.prices[:, 0])].any()


@given(_markets(rooms=False), st.integers(1, 50_000), st.sampled_from(list(Strategy)))
def test_parts_add_up_to_the_order_within_a_step_wherever_a_venue_takes_it(
    market: tuple[Offers, int], lots: int, strategy: Strategy
) -> None:
    offers, side = market
    got = split(lots, side, offers, strategy)
    can = (offers.least <= lots) & ~np.isnan(offers.prices[:, 0])
    if not can.any():
        assert not got.any()
    else:
        used = got > 0
        assert used.any()
        assert lots - got.sum() < offers.step[used].min()


def _cost(offers: Offers, side: int, got: IntArray) -> float:
    total = 0.0
    for v, lots in enumerate(got.tolist()):
        left = float(lots)
        for price, size in zip(offers.prices[v], offers.lots[v], strict=True):
            taken = min(left, size)
            total += taken * side * price * (1.0 + side * offers.fee[v]) if taken else 0.0
            left -= taken
    return total


@given(_markets(rooms=False), st.integers(1, 50_000))
def test_liquidity_never_costs_more_than_best_price_where_the_books_hold_the_order(
    market: tuple[Offers, int], lots: int
) -> None:
    offers, side = market
    free = offers._replace(
        lots=np.floor(offers.lots), step=np.ones_like(offers.step), least=np.ones_like(offers.step)
    )
    assume(free.lots.sum() >= lots)
    spread = _cost(free, side, split(lots, side, free, Strategy.LIQUIDITY))
    single = _cost(free, side, split(lots, side, free, Strategy.BEST_PRICE))
    assert spread <= single + 1e-9 * abs(single)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_routing_over_five_venues_of_a_hundred_levels_is_exact(strategy: Strategy) -> None:
    random = np.random.default_rng(5)
    prices = 100.0 + np.cumsum(random.random((5, 100)) * 0.01, axis=1)
    offers = Offers(
        prices=prices,
        lots=random.random((5, 100)) * 1000,
        fee=random.random(5) * 0.001,
        step=np.array([1, 1, 10, 10, 100]),
        least=np.array([5, 5, 10, 20, 100]),
        room=np.full(5, MOST_LOTS),
    )
    assert split(54_321, 1, offers, strategy).sum() == pytest.approx(54_321, abs=100)


_LOT = Decimal("0.001")


def _approved(lots: int) -> ApprovedOrder:
    intent = OrderIntent(
        id="018cc251f4000000070123456789abcd",
        instrument=InstrumentId("BTC-USD", "A"),
        as_of=1,
        side=Side.BUY,
        quantity=lots * _LOT,
        type=OrderType.MARKET,
        price=None,
        reference_price=Decimal(100),
        reason=Reason.ENTRY,
        lead="",
        reduces=False,
    )
    return ApprovedOrder(intent=intent, approved_at=1, rules=())


@st.composite
def _venues(draw: st.DrawFn) -> list[Offer]:
    offers = []
    for name in "ABCD"[: draw(st.integers(1, 4))]:
        terms = Instrument(
            id=InstrumentId("BTC-USD", name),
            kind=InstrumentKind.SPOT,
            price_step=Decimal("0.01"),
            quantity_step=draw(st.sampled_from([1, 2, 10, 25])) * _LOT,
            min_quantity=draw(st.integers(0, 100)) * _LOT,
            min_notional=Decimal(draw(st.integers(0, 20))),
            taker_fee=Decimal(draw(st.integers(0, 60))) / 10_000,
        )
        levels = draw(st.lists(st.floats(90.0, 110.0), min_size=1, max_size=4))
        sizes = draw(st.lists(st.floats(0.0, 3.0), min_size=len(levels), max_size=len(levels)))
        room = draw(st.none() | st.integers(0, 3_000))
        offers.append(
            Offer(
                instrument=terms,
                ladder=Ladder(np.sort(np.array(levels)), np.array(sizes)),
                room=None if room is None else room * _LOT,
            )
        )
    return offers


@given(_venues(), st.integers(1, 5_000), st.sampled_from(list(Strategy)), st.data())
def test_children_and_what_is_left_add_up_to_the_order_whoever_refuses(
    venues: list[Offer], lots: int, strategy: Strategy, data: st.DataObject
) -> None:
    approved = _approved(lots)
    quantity = approved.intent.quantity
    filled = left = Decimal(0)
    refused: set[str] = set()
    ids = [approved.intent.id]
    to_place = quantity
    while to_place:
        wanted = Wanted(
            parent=approved.intent.id,
            side=Side.BUY,
            lots=int(to_place / _LOT),
            lot=_LOT,
            first=len(ids),
        )
        open_to = [each for each in venues if each.instrument.id.venue not in refused]
        children = route(wanted, open_to, strategy)
        parts = approved_parts(approved, children, quantity - to_place)
        left += to_place - sum((child.quantity for child in children), Decimal(0))
        to_place = Decimal(0)
        for part in parts:
            ids.append(part.intent.id)
            if data.draw(st.booleans()):
                refused.add(part.intent.instrument.venue)
                to_place += part.intent.quantity
            else:
                filled += part.intent.quantity
    assert filled + left == quantity
    assert len(set(ids)) == len(ids)
