"""Average-cost accounting on arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.kernel.clock import DAY
from tutti.model.arrays import (
    DAY_NUMBER,
    DAY_START_EQUITY,
    EQUITY,
    FEES_PAID,
    FUNDING_RECEIVED,
    PEAK_EQUITY,
    TURNOVER,
    Book,
    Terms,
)
from tutti.portfolio.accounting import apply_fill, equity, mark, new_book, new_day, pay_funding

pytestmark = pytest.mark.kernels

_FIRST, _SECOND, _NOBODY = 0, 1, -1
_N = 2
_ONES = np.ones(_N)
_TERMS = Terms(
    lot=np.array([0.5, 0.1]),
    tick=_ONES,
    min_lots=np.zeros(_N, dtype=np.int64),
    min_notional=_ONES,
    maker_fee=_ONES,
    taker_fee=_ONES,
    is_perpetual=np.ones(_N, dtype=np.int64),
    max_leverage=_ONES,
    maintenance_margin=_ONES,
    venue=np.array([0, 1]),
)


@pytest.fixture
def book() -> Book:
    """Return a book of two venues, whose first instrument was last traded at 100."""
    book = new_book(_N, 2, [1_000.0, 500.0], 3 * DAY + 5)
    mark(book, _TERMS, np.array([100.0, math.nan]), 7)
    return book


def _fill(
    book: Book, lots: int, price: float, *, fee: float = 0.0, ts: int = 10, lead: int = _FIRST
) -> float:
    return float(apply_fill(book, _TERMS, 0, lots, price, fee, ts, lead))


def _position(book: Book) -> tuple[int, float, int, int]:
    return (
        int(book.lots[0]),
        float(book.average_price[0]),
        int(book.opened_at[0]),
        int(book.lead[0]),
    )


def test_new_book_holds_cash_only(book: Book) -> None:
    assert equity(book, _TERMS) == 1_500.0
    assert book.account[[EQUITY, PEAK_EQUITY, DAY_START_EQUITY]].tolist() == [1_500.0] * 3
    assert book.account[DAY_NUMBER] == 3.0
    assert _position(book) == (0, 0.0, 0, _NOBODY)
    assert math.isnan(book.mark[1])


def test_first_fill_opens_the_position_at_its_price(book: Book) -> None:
    assert _fill(book, 4, 90.0, fee=1.0) == 0.0
    assert _position(book) == (4, 90.0, 10, _FIRST)
    assert book.cash.tolist() == [1_000.0 - 180.0 - 1.0, 500.0]
    assert book.account[[FEES_PAID, TURNOVER]].tolist() == [1.0, 180.0]
    assert equity(book, _TERMS) == 1_500.0 + 20.0 - 1.0
    assert book.agent_day.tolist() == [19.0, 0.0]


def test_adding_moves_the_average_and_keeps_time_and_lead(book: Book) -> None:
    _fill(book, -4, 90.0)
    assert _fill(book, -12, 110.0, ts=20, lead=_SECOND) == 0.0
    assert _position(book) == (-16, 105.0, 10, _FIRST)
    assert book.agent_day.tolist() == [-20.0 + 60.0, 0.0]


@pytest.mark.parametrize(("side", "realised"), [(1, 30.0), (-1, -30.0)])
def test_reducing_realises_a_part_and_keeps_the_average(
    book: Book, side: int, realised: float
) -> None:
    _fill(book, side * 10, 90.0)
    assert _fill(book, -side * 6, 100.0, ts=20, lead=_SECOND) == realised
    assert _position(book) == (side * 4, 90.0, 10, _FIRST)


@pytest.mark.parametrize("side", [1, -1])
def test_closing_leaves_a_flat_book_behind(book: Book, side: int) -> None:
    _fill(book, side * 3, 90.1)
    _fill(book, side * 4, 90.7)
    _fill(book, -side * 7, 95.3, ts=20, lead=_SECOND)
    assert _position(book) == (0, 0.0, 0, _NOBODY)
    assert equity(book, _TERMS) == float(book.cash.sum())


def test_turning_closes_and_opens_the_rest_at_the_price_of_the_fill(book: Book) -> None:
    _fill(book, 10, 90.0)
    book.agent_day[:] = 0.0
    assert _fill(book, -15, 95.0, fee=3.0, ts=20, lead=_SECOND) == 25.0
    assert _position(book) == (-5, 95.0, 20, _SECOND)
    # ten lots sold five under the mark are the first's, five the second's; the fee likewise
    assert book.agent_day.tolist() == [-25.0 - 2.0, -12.5 - 1.0]


def test_profit_of_a_fill_without_a_lead_is_nobodys(book: Book) -> None:
    _fill(book, 10, 90.0, fee=3.0, lead=_NOBODY)
    assert book.agent_day.tolist() == [0.0, 0.0]


def test_fill_before_any_close_is_marked_at_its_own_price() -> None:
    book = new_book(_N, 1, [1_000.0, 0.0], 0)
    apply_fill(book, _TERMS, 1, 10, 50.0, 0.0, 10, _NOBODY)
    assert (book.mark[1], book.marked_at[1]) == (50.0, 10)
    assert equity(book, _TERMS) == 1_000.0
    assert book.cash.tolist() == [1_000.0, -50.0]


def test_mark_books_the_move_to_the_lead_and_remembers_the_peak(book: Book) -> None:
    _fill(book, 10, 100.0)
    mark(book, _TERMS, np.array([104.0, 1.0]), 20)
    mark(book, _TERMS, np.array([103.0, 1.0]), 30)
    assert book.agent_day.tolist() == [15.0, 0.0]
    assert book.account[[EQUITY, PEAK_EQUITY]].tolist() == [1_515.0, 1_520.0]
    assert book.marked_at.tolist() == [30, 30]


def test_mark_stays_where_the_bar_is_missing(book: Book) -> None:
    _fill(book, 10, 100.0)
    mark(book, _TERMS, np.array([math.nan, math.nan]), 20)
    assert (book.mark[0], book.marked_at[0]) == (100.0, 7)
    assert book.account[EQUITY] == 1_500.0


def test_move_since_an_earlier_process_is_nobodys_profit_of_today(book: Book) -> None:
    _fill(book, 10, 100.0)
    book.mark[0], book.marked_at[0] = 90.0, -1
    mark(book, _TERMS, np.array([104.0, 1.0]), 20)
    assert book.account[EQUITY] == 1_520.0
    assert book.agent_day.tolist() == [0.0, 0.0]
    mark(book, _TERMS, np.array([105.0, 1.0]), 30)
    assert book.agent_day.tolist() == [5.0, 0.0]


@pytest.mark.parametrize("side", [1, -1])
def test_funding_is_paid_by_longs_and_received_by_shorts(book: Book, side: int) -> None:
    _fill(book, side * 10, 100.0)
    assert pay_funding(book, _TERMS, 0, 0.01, 102.0) == pytest.approx(-side * 5.1)
    assert book.account[FUNDING_RECEIVED] == pytest.approx(-side * 5.1)
    assert book.agent_day[0] == pytest.approx(-side * 5.1)
    assert equity(book, _TERMS) == pytest.approx(1_500.0 - side * 5.1)


def test_day_begins_once_with_the_equity_of_then(book: Book) -> None:
    _fill(book, 10, 90.0)
    mark(book, _TERMS, np.array([100.0, math.nan]), 20)
    assert not new_day(book, 4 * DAY - 1)
    assert book.agent_day[0] == 50.0
    assert new_day(book, 4 * DAY)
    assert book.agent_day.tolist() == [0.0, 0.0]
    assert book.account[[DAY_NUMBER, DAY_START_EQUITY]].tolist() == [4.0, 1_550.0]
    assert not new_day(book, 4 * DAY)
