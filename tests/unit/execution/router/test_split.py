"""How an order is split over venues, on books that can be checked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tutti.execution.router.offers import MOST_LOTS, Offers
from tutti.execution.router.split import Strategy, expected_price, split

BUY, SELL = 1, -1


def _offers(*books: list[tuple[float, float]], **changes: Any) -> Offers:
    depth = max(len(book) for book in books)
    prices = np.full((len(books), max(depth, 1)), math.nan)
    lots = np.zeros(prices.shape)
    for v, book in enumerate(books):
        for k, (price, size) in enumerate(book):
            prices[v, k], lots[v, k] = price, size
    count = len(books)
    values: dict[str, Any] = {
        "fee": np.zeros(count),
        "step": np.ones(count, np.int64),
        "least": np.ones(count, np.int64),
        "room": np.full(count, MOST_LOTS, np.int64),
    }
    for name, given in changes.items():
        values[name] = np.array(given, values[name].dtype)
    return Offers(prices=prices, lots=lots, **values)


def _split(
    lots: int, offers: Offers, strategy: Strategy = Strategy.BEST_PRICE, side: int = BUY
) -> list[int]:
    return [int(each) for each in split(lots, side, offers, strategy)]


# ---- best price ----


def test_best_price_takes_the_venue_that_fills_it_all_cheapest() -> None:
    # the best first level is at the first venue, but what lies behind it is dear
    offers = _offers([(99.0, 1), (110.0, 100)], [(100.0, 100)])
    assert _split(10, offers) == [0, 10]
    assert _split(1, offers) == [1, 0]


def test_best_price_counts_the_fee() -> None:
    offers = _offers([(100.0, 50)], [(100.05, 50)], fee=[0.001, 0.0002])
    assert _split(10, offers) == [0, 10]
    assert _split(10, offers, side=SELL) == [0, 10]


def test_best_price_of_a_sale_is_the_highest() -> None:
    assert _split(10, _offers([(100.0, 50)], [(100.1, 50)]), side=SELL) == [0, 10]


def test_best_price_goes_on_at_the_next_venue_where_the_book_ends() -> None:
    assert _split(30, _offers([(100.0, 20)], [(101.0, 50)])) == [20, 10]


def test_what_no_book_holds_goes_to_the_venues_in_use() -> None:
    assert _split(30, _offers([(100.0, 5)], [(101.0, 5)])) == [25, 5]


def test_venue_that_tells_a_price_but_no_size_can_be_sent_to() -> None:
    assert _split(30, _offers([(100.0, 0)], [])) == [30, 0]


def test_venue_without_a_book_gets_nothing() -> None:
    for strategy in Strategy:
        assert _split(30, _offers([], [(100.0, 50)]), strategy) == [0, 30]
        assert _split(30, _offers([], []), strategy) == [0, 0]


# ---- equal, priority ----


def test_equal_split_gives_everybody_the_same() -> None:
    offers = _offers([(100.0, 50)], [(100.0, 50)], [(100.0, 50)])
    assert _split(30, offers, Strategy.EQUAL_SPLIT) == [10, 10, 10]


def test_remainder_of_an_equal_split_goes_where_it_is_cheapest() -> None:
    offers = _offers([(101.0, 50)], [(100.0, 50)], [(102.0, 50)])
    assert _split(32, offers, Strategy.EQUAL_SPLIT) == [10, 12, 10]


def test_equal_split_leaves_out_the_dearest_where_shares_are_too_small() -> None:
    offers = _offers([(100.0, 50)], [(102.0, 50)], [(101.0, 50)], least=[12, 12, 12])
    assert _split(30, offers, Strategy.EQUAL_SPLIT) == [15, 0, 15]


def test_equal_split_shares_what_one_has_no_room_for() -> None:
    offers = _offers([(100.0, 50)], [(100.0, 50)], [(100.0, 50)], room=[4, 100, 100])
    assert _split(30, offers, Strategy.EQUAL_SPLIT) == [4, 13, 13]


def test_priority_takes_the_first_that_has_room_whatever_the_price() -> None:
    offers = _offers([(105.0, 5)], [(100.0, 50)], room=[20, 100])
    assert _split(15, offers, Strategy.PRIORITY) == [15, 0]
    assert _split(30, offers, Strategy.PRIORITY) == [20, 10]


# ---- liquidity ----


def test_liquidity_takes_the_cheapest_levels_of_all_books() -> None:
    offers = _offers([(100.0, 10), (103.0, 10)], [(101.0, 5), (102.0, 10)])
    assert _split(20, offers, Strategy.LIQUIDITY) == [10, 10]
    assert _split(27, offers, Strategy.LIQUIDITY) == [12, 15]


def test_liquidity_counts_the_fee_at_every_level() -> None:
    offers = _offers([(100.0, 10)], [(100.5, 10)], fee=[0.01, 0.0])
    assert _split(10, offers, Strategy.LIQUIDITY) == [0, 10]


def test_liquidity_beyond_all_books_is_spread_as_they_are_deep() -> None:
    offers = _offers([(100.0, 10)], [(101.0, 30)])
    assert _split(80, offers, Strategy.LIQUIDITY) == [20, 60]


def test_liquidity_counts_a_book_only_as_far_as_the_account_reaches() -> None:
    offers = _offers([(100.0, 10)], [(101.0, 30)], room=[4, 30])
    assert _split(12, offers, Strategy.LIQUIDITY) == [4, 8]


def test_liquidity_leaves_out_what_would_be_too_small() -> None:
    offers = _offers([(100.0, 2)], [(101.0, 30)], least=[5, 5])
    assert _split(20, offers, Strategy.LIQUIDITY) == [0, 20]


# ---- steps, minimums, room ----


@pytest.mark.parametrize("strategy", list(Strategy))
def test_parts_are_whole_steps_of_each_venue(strategy: Strategy) -> None:
    offers = _offers([(100.0, 13)], [(101.0, 33)], step=[10, 4], least=[10, 4])
    got = _split(27, offers, strategy)
    assert got[0] % 10 == 0
    assert got[1] % 4 == 0
    assert 0 <= 27 - sum(got) < 10


@pytest.mark.parametrize("strategy", list(Strategy))
def test_order_smaller_than_every_minimum_goes_nowhere(strategy: Strategy) -> None:
    assert _split(4, _offers([(100.0, 50)], [(100.0, 50)], least=[5, 5]), strategy) == [0, 0]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_order_goes_to_the_one_venue_whose_minimum_it_meets(strategy: Strategy) -> None:
    assert _split(7, _offers([(100.0, 50)], [(120.0, 50)], least=[8, 5]), strategy) == [0, 7]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_nothing_is_sent_where_there_is_no_room(strategy: Strategy) -> None:
    offers = _offers([(100.0, 50)], [(101.0, 50)], room=[0, 6])
    assert _split(10, offers, strategy) == [0, 6]


# ---- what it is expected to cost ----


def test_expected_price_is_the_average_over_the_levels_taken() -> None:
    offers = _offers([(100.0, 10), (102.0, 10)], [(99.0, 0)], [])
    assert expected_price(20, offers, 0) == pytest.approx(101.0)
    assert expected_price(40, offers, 0) == pytest.approx(101.5)
    assert expected_price(10, offers, 0) == pytest.approx(100.0)
    assert expected_price(10, offers, 1) == 99.0
    assert math.isnan(expected_price(10, offers, 2))


@pytest.mark.parametrize("strategy", list(Strategy))
def test_remainder_too_small_for_another_venue_is_left_over(strategy: Strategy) -> None:
    offers = _offers([(100.0, 50)], [(101.0, 50)], room=[20, 50], least=[1, 25])
    assert _split(24, offers, strategy) == [20, 0]
