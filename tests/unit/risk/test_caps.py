"""Targets cut to the limits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tutti.model.arrays import EQUITY, Book, Terms
from tutti.risk.caps import cap_targets, margin_rate
from tutti.risk.limits import Limits, OwnLimits, RiskSettings, with_own

if TYPE_CHECKING:
    from tests.unit.risk.conftest import MakeBook

pytestmark = pytest.mark.kernels

_WIDE = RiskSettings(
    max_instrument_fraction=math.inf,
    max_venue_fraction=math.inf,
    max_gross_fraction=math.inf,
    max_notional_multiple=math.inf,
).limits()


def _capped(
    weights: list[float], book: Book, terms: Terms, limits: Limits, price: list[float] | None = None
) -> list[float]:
    array = np.array(weights)
    cap_targets(array, book, book.mark if price is None else np.array(price), terms, limits)
    result: list[float] = array.tolist()
    return result


def test_cap_targets_within_every_limit_are_left_as_they_are(
    make_book: MakeBook, terms: Terms
) -> None:
    weights = [0.0123, -0.0234, 0.0345, -0.0456]
    assert _capped(weights, make_book(), terms, _WIDE) == weights


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(_WIDE._replace(max_instrument_fraction=0.1), id="fraction of equity"),
        pytest.param(_WIDE._replace(max_notional_multiple=2000 / 150), id="multiple of base"),
    ],
)
def test_cap_targets_of_one_instrument_are_cut_to_whole_lots(
    make_book: MakeBook, terms: Terms, limits: Limits
) -> None:
    # equity is 20,000 and so the most 2,000: a hair under 40 lots of 50, 80 of 25, 4,000 of 0.5
    capped = _capped([0.5, -0.5, 0.05, 0.5], make_book(), terms, limits)
    assert_allclose(capped, [39 * 50 / 20e3, -79 * 25 / 20e3, 0.05, 3999 * 0.5 / 20e3], rtol=1e-12)


def test_cap_targets_of_an_instrument_are_cut_to_its_own_limits(
    make_book: MakeBook, terms: Terms
) -> None:
    limits = with_own(_WIDE, 4, {0: OwnLimits(max_fraction=0.1), 3: OwnLimits(max_notional=100.0)})
    capped = _capped([0.5, -0.05, 0.05, 0.5], make_book(), terms, limits)
    assert_allclose(capped, [39 * 50 / 20e3, -0.05, 0.05, 199 * 0.5 / 20e3], rtol=1e-12)


def test_cap_targets_of_an_instrument_that_leaves_open_nothing_and_may_close(
    make_book: MakeBook, terms: Terms
) -> None:
    limits = with_own(_WIDE, 4, {i: OwnLimits(max_notional=0.0) for i in range(4)})
    book = make_book({0: 10, 1: -4})
    assert _capped([0.5, 0.1, 0.0, 0.1], book, terms, limits) == [500 / 20e3, 0.0, 0.0, 0.0]


def test_cap_targets_over_the_gross_limit_are_scaled_alike(
    make_book: MakeBook, terms: Terms
) -> None:
    capped = _capped(
        [0.4, -0.4, 0.4, 0.4], make_book(), terms, _WIDE._replace(max_gross_fraction=0.8)
    )
    # 4,000 for each, less than a lot off
    assert_allclose(np.abs(capped) * 20_000, 4_000, atol=50.0)
    assert np.abs(capped).sum() <= 0.8
    assert capped[1] < 0


def test_cap_targets_over_a_venue_limit_leave_other_venues_alone(
    make_book: MakeBook, terms: Terms
) -> None:
    capped = _capped(
        [0.3, 0.3, 0.0, 0.3], make_book(), terms, _WIDE._replace(max_venue_fraction=0.4)
    )
    assert capped[3] == 0.3
    assert_allclose(capped[:2], 0.2, atol=0.0025)


def test_cap_targets_spot_is_bought_with_what_the_venue_has(
    make_book: MakeBook, terms: Terms
) -> None:
    capped = _capped([0.0, 0.0, 0.9, 0.0], make_book(), terms, _WIDE)
    # 10,000 at the venue must also pay the fee of 0.05 %
    assert capped[2] * 20_000 == pytest.approx(9_990.0)


def test_cap_targets_perpetuals_keep_clear_of_the_liquidation_guard(
    make_book: MakeBook, terms: Terms
) -> None:
    capped = _capped([10.0, 0.0, 0.0, 0.0], make_book(), terms, _WIDE)
    # leverage of 20 would do, but 1 % maintenance and the 5 % guard ask for 6.05 %
    assert capped[0] * 20_000 == pytest.approx(10_000 / 0.0605, abs=50.0)


def test_margin_rate_takes_the_higher_demand_and_no_rebate() -> None:
    assert margin_rate(20.0, 0.01, 0.05, 0.0005) == pytest.approx(0.0605)
    assert margin_rate(2.0, 0.01, 0.05, -0.0001) == pytest.approx(0.5)


def test_cap_targets_short_spot_becomes_flat(make_book: MakeBook, terms: Terms) -> None:
    assert _capped([0.0, 0.0, -0.1, 0.0], make_book(), terms, _WIDE)[2] == 0.0
    assert _capped([0.0, 0.0, -0.1, 0.0], make_book({2: 10}), terms, _WIDE)[2] == 0.0


def test_cap_targets_position_grown_over_its_limit_is_kept_but_not_added_to(
    make_book: MakeBook, terms: Terms
) -> None:
    book = make_book({0: 60})
    limits = _WIDE._replace(max_instrument_fraction=0.1)
    held = 60 * 50 / 20_000
    assert _capped([held, 0, 0, 0], book, terms, limits)[0] == held
    assert _capped([0.2, 0, 0, 0], book, terms, limits)[0] == held
    assert _capped([0.12, 0, 0, 0], book, terms, limits)[0] == 0.12
    assert _capped([-0.2, 0, 0, 0], book, terms, limits)[0] == pytest.approx(-39 * 50 / 20_000)


def test_cap_targets_account_over_its_gross_limit_only_reduces(
    make_book: MakeBook, terms: Terms
) -> None:
    book = make_book({0: 60, 1: -80})
    limits = _WIDE._replace(max_gross_fraction=0.2)
    capped = _capped([-0.1, -0.2, 0.05, 0.05], book, terms, limits)
    # the flip becomes an exit, the addition a hold, the entries nothing
    assert capped == [0.0, -80 * 25 / 20_000, 0.0, 0.0]


def test_cap_targets_what_is_sold_makes_no_room_yet(make_book: MakeBook, terms: Terms) -> None:
    book = make_book({0: 40})
    limits = _WIDE._replace(max_gross_fraction=0.1 / (1 - 1e-7))
    capped = _capped([0.0, 0.1, 0.0, 0.0], book, terms, limits)
    assert capped == [0.0, 0.0, 0.0, 0.0]


def test_cap_targets_order_at_work_takes_room(make_book: MakeBook, terms: Terms) -> None:
    limits = _WIDE._replace(max_gross_fraction=0.2)
    capped = _capped([0.0, 0.2, 0.0, 0.0], make_book(working={0: 40}), terms, limits)
    assert capped[1] == pytest.approx(79 * 25 / 20_000)


@pytest.mark.parametrize("equity", [0.0, -5.0, math.nan, math.inf])
def test_cap_targets_without_positive_equity_are_all_zero(
    make_book: MakeBook, terms: Terms, equity: float
) -> None:
    book = make_book({0: 10})
    book.account[EQUITY] = equity
    assert _capped([0.1, -0.1, 0.1, math.nan], book, terms, _WIDE) == [0.0] * 4


def test_cap_targets_without_a_price_hold_what_is_held(make_book: MakeBook, terms: Terms) -> None:
    book = make_book({0: 60})
    capped = _capped([0.9, 0.9, math.inf, -0.01], book, terms, _WIDE, [math.nan, 0.0, 100.0, 0.5])
    assert capped == [60 * 50 / 20_000, 0.0, 0.0, -0.01]


def test_cap_targets_holding_without_a_mark_leaves_no_room(
    make_book: MakeBook, terms: Terms
) -> None:
    book = make_book({0: 60})
    book.mark[0] = math.nan
    limits = _WIDE._replace(max_gross_fraction=5.0)
    capped = _capped([0.0, 0.1, 0.0, 0.1], book, terms, limits)
    assert capped == [0.0, 0.0, 0.0, 0.0]


def test_cap_targets_of_countless_lots_are_cut_without_rounding(
    make_book: MakeBook, terms: Terms
) -> None:
    limits = _WIDE._replace(max_instrument_fraction=0.1)
    capped = _capped([0.0, 0.0, 0.0, 0.5], make_book(), terms, limits, [5e4, 2500, 100, 1e-18])
    assert capped[3] == pytest.approx(0.1)
