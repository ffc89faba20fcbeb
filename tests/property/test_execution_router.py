"""Whatever the books, terms and strategy: no minimum, step or total is ever broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tutti.execution.router.offers import MOST_LOTS, Offers
from tutti.execution.router.split import Strategy, split

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
