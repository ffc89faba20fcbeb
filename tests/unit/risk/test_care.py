"""Care of open positions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from tutti.model.order import Reason
from tutti.risk.care import CareRules, care_at, endangered_venues, is_resting, margin_ratio

if TYPE_CHECKING:
    from tests.unit.risk.conftest import MakeBook

    from tutti.model.arrays import Book, Terms

pytestmark = pytest.mark.kernels

_HOUR = 3600 * 10**9
_RULES = CareRules(
    take_profit=0.04,
    stop_loss=0.02,
    stale_after_ns=4 * _HOUR,
    stale_move=0.005,
    liquidation_margin=0.05,
    cooldown_ns=4 * _HOUR,
)
_OFF = CareRules(
    take_profit=0.0,
    stop_loss=0.0,
    stale_after_ns=0,
    stale_move=0.0,
    liquidation_margin=0.0,
    cooldown_ns=0,
)


def _care(
    book: Book, terms: Terms, price: float, rules: CareRules = _RULES, age: int = 0, bits: int = 0
) -> Reason:
    ts = int(book.opened_at[0]) + age
    return Reason.of(care_at(0, ts, book, price, terms, rules, bits))


@pytest.mark.parametrize(
    ("lots", "price", "reason"),
    [
        pytest.param(100, 52_000.0, Reason.TAKE_PROFIT, id="long gains 4 %"),
        pytest.param(100, 51_999.0, Reason.NONE, id="long gains less"),
        pytest.param(100, 49_000.0, Reason.STOP_LOSS, id="long loses 2 %"),
        pytest.param(100, 49_001.0, Reason.NONE, id="long loses less"),
        pytest.param(-100, 48_000.0, Reason.TAKE_PROFIT, id="short gains 4 %"),
        pytest.param(-100, 48_001.0, Reason.NONE, id="short gains less"),
        pytest.param(-100, 51_000.0, Reason.STOP_LOSS, id="short loses 2 %"),
        pytest.param(-100, 50_999.0, Reason.NONE, id="short loses less"),
        pytest.param(100, math.nan, Reason.NONE, id="no bar"),
        pytest.param(0, 10_000.0, Reason.NONE, id="flat"),
    ],
)
def test_care_price_against_average_closes_at_the_threshold(
    make_book: MakeBook, terms: Terms, lots: int, price: float, reason: Reason
) -> None:
    assert _care(make_book({0: lots}), terms, price) is reason


def test_care_threshold_that_no_float_hits_exactly_still_fires(
    make_book: MakeBook, terms: Terms
) -> None:
    # 0.1 * 1.1 is one bit more than 0.11
    book = make_book({0: 100}, average={0: 0.1})
    rules = _OFF._replace(take_profit=0.1)
    assert _care(book, terms, 0.11, rules) is Reason.TAKE_PROFIT


@pytest.mark.parametrize(
    ("age", "price", "reason"),
    [
        pytest.param(4 * _HOUR, 50_249.0, Reason.STALE_POSITION, id="four hours, barely moved"),
        pytest.param(4 * _HOUR, 49_751.0, Reason.STALE_POSITION, id="four hours, barely fell"),
        pytest.param(4 * _HOUR, 50_250.0, Reason.NONE, id="four hours, moved half a percent"),
        pytest.param(4 * _HOUR - 1, 50_000.0, Reason.NONE, id="not four hours yet"),
    ],
)
def test_care_old_position_that_did_not_move_is_stale(
    make_book: MakeBook, terms: Terms, age: int, price: float, reason: Reason
) -> None:
    assert _care(make_book({0: 100}), terms, price, age=age) is reason


@pytest.mark.parametrize("price", [1.0, 49_000.0, 50_000.0, 52_000.0, 1e6])
def test_care_with_all_rules_off_never_closes(
    make_book: MakeBook, terms: Terms, price: float
) -> None:
    book = make_book({0: 100})
    assert endangered_venues(book, terms, _OFF) == 0
    assert _care(book, terms, price, _OFF, age=1000 * _HOUR) is Reason.NONE


def test_margin_ratio_of_a_venue_counts_cash_positions_and_maintenance(
    make_book: MakeBook, terms: Terms
) -> None:
    # 1 BTC long and 10 ETH short at venue 0, and spot worth 1,000 that lends its value only
    book = make_book({0: 1000, 1: -1000, 2: 100}, cash=(10_000.0, 500.0))
    maintenance = 50_000 * 0.01 + 25_000 * 0.02
    assert margin_ratio(0, book, terms) == pytest.approx((10_000 - maintenance) / 75_000)
    assert margin_ratio(1, book, terms) == math.inf


@pytest.mark.parametrize(
    ("cash", "bits"),
    [
        pytest.param(3_000.0, 0, id="at 5 % exactly"),
        pytest.param(2_999.0, 1, id="just under 5 %"),
    ],
)
def test_endangered_venues_margin_under_the_guard_sets_the_bit(
    make_book: MakeBook, terms: Terms, cash: float, bits: int
) -> None:
    # 1 BTC: 5 % of 50,000 and 1 % maintenance
    book = make_book({0: 1000}, cash=(cash, 0.0))
    assert endangered_venues(book, terms, _RULES) == bits


def test_endangered_venues_several_at_once_are_all_found(make_book: MakeBook, terms: Terms) -> None:
    book = make_book({0: 1000, 3: 10_000}, cash=(100.0, 100.0))
    assert endangered_venues(book, terms, _RULES) == 0b11


def test_care_endangered_venue_closes_its_perpetuals_at_once_and_leaves_spot(
    make_book: MakeBook, terms: Terms
) -> None:
    book = make_book({0: 100, 2: 10, 3: 100})
    reasons = [Reason.of(care_at(i, 0, book, math.nan, terms, _RULES, 0b01)) for i in range(4)]
    assert reasons == [Reason.LIQUIDATION_GUARD, Reason.NONE, Reason.NONE, Reason.NONE]


def test_care_several_reasons_names_the_gravest(make_book: MakeBook, terms: Terms) -> None:
    book = make_book({0: 100})
    assert _care(book, terms, 45_000.0, age=5 * _HOUR, bits=1) is Reason.LIQUIDATION_GUARD
    rules = _RULES._replace(stale_move=1.0)
    assert _care(book, terms, 45_000.0, rules, age=5 * _HOUR) is Reason.STOP_LOSS


@pytest.mark.parametrize(
    ("lots", "since_close", "rests"),
    [(0, 4 * _HOUR - 1, True), (0, 4 * _HOUR, False), (5, 1, False)],
    ids=["just closed", "rested", "held"],
)
def test_instrument_rests_after_a_close_until_the_cooldown_is_over(
    make_book: MakeBook, lots: int, since_close: int, rests: bool
) -> None:
    book = make_book()
    book.lots[0], book.closed_at[0] = lots, 10 * _HOUR
    assert is_resting(0, 10 * _HOUR + since_close, book, _RULES) == rests
    assert not is_resting(0, 10 * _HOUR + since_close, book, _OFF)


def test_instrument_that_was_never_held_does_not_rest(make_book: MakeBook) -> None:
    book = make_book()
    book.lots[0] = 0
    assert not is_resting(0, _HOUR, book, _RULES)
