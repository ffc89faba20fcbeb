"""Circuit breakers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.model.arrays import (
    DAY_START_EQUITY,
    EQUITY,
    FLATTEN,
    MODE,
    PAUSED,
    PEAK_EQUITY,
    REDUCE_ONLY,
    TRADING,
)
from tutti.risk.breakers import (
    ErrorBreaker,
    flatten,
    may_lead,
    pause,
    pause_wild,
    reset,
    start_day,
    unpause,
    update_mode,
)
from tutti.risk.limits import RiskSettings

if TYPE_CHECKING:
    from tests.unit.risk.conftest import MakeBook

pytestmark = pytest.mark.kernels

_LIMITS = RiskSettings(max_drawdown=0.2, max_daily_loss=1_000.0).limits()


@pytest.mark.parametrize(
    ("equity", "peak", "day_start", "mode"),
    [
        pytest.param(10_000.0, 10_000.0, 10_000.0, TRADING, id="nothing lost"),
        pytest.param(8_000.1, 10_000.0, 8_000.1, TRADING, id="just under the drawdown limit"),
        pytest.param(8_000.0, 10_000.0, 8_000.0, FLATTEN, id="at the drawdown limit"),
        pytest.param(9_000.1, 10_000.0, 10_000.0, TRADING, id="just under the daily limit"),
        pytest.param(9_000.0, 10_000.0, 10_000.0, REDUCE_ONLY, id="at the daily limit"),
        pytest.param(7_000.0, 10_000.0, 10_000.0, FLATTEN, id="both: the graver"),
        pytest.param(-1.0, 10_000.0, -1.0, FLATTEN, id="ruined"),
        pytest.param(0.0, 0.0, 0.0, FLATTEN, id="never had anything"),
        pytest.param(math.nan, 10_000.0, 10_000.0, FLATTEN, id="equity unknown"),
    ],
)
def test_update_mode_losses_set_the_mode_at_their_limits(
    make_book: MakeBook, equity: float, peak: float, day_start: float, mode: float
) -> None:
    book = make_book()
    book.account[[EQUITY, PEAK_EQUITY, DAY_START_EQUITY]] = equity, peak, day_start
    update_mode(book, _LIMITS, 0)
    assert book.account[MODE] == mode


def test_update_mode_drawdown_stop_outlasts_recovery_and_midnight(make_book: MakeBook) -> None:
    book = make_book()
    book.account[EQUITY] = 10_000.0
    update_mode(book, _LIMITS, 0)
    book.account[EQUITY] = 20_000.0
    start_day(book)
    update_mode(book, _LIMITS, 0)
    assert book.account[MODE] == FLATTEN


def test_update_mode_daily_loss_stop_outlasts_recovery_but_not_midnight(
    make_book: MakeBook,
) -> None:
    book = make_book()
    book.account[EQUITY] = 18_900.0
    update_mode(book, _LIMITS, 0)
    book.account[EQUITY] = 19_900.0
    update_mode(book, _LIMITS, 0)
    assert book.account[MODE] == REDUCE_ONLY
    book.account[DAY_START_EQUITY] = 19_900.0
    start_day(book)
    update_mode(book, _LIMITS, 0)
    assert book.account[MODE] == TRADING


def test_update_mode_without_loss_limits_stops_only_at_ruin(make_book: MakeBook) -> None:
    limits = RiskSettings(max_drawdown=0.0, max_daily_loss=0.0).limits()
    book = make_book()
    book.account[EQUITY] = 1.0
    update_mode(book, limits, 0)
    assert book.account[MODE] == TRADING
    book.account[EQUITY] = 0.0
    update_mode(book, limits, 0)
    assert book.account[MODE] == FLATTEN


def test_flatten_and_reset_operator_stops_and_starts_trading(make_book: MakeBook) -> None:
    book = make_book()
    book.account[EQUITY] = 5_000.0
    book.agent_day[:] = -700.0
    flatten(book)
    assert book.account[MODE] == FLATTEN
    reset(book)
    update_mode(book, _LIMITS, 0)
    assert book.account[MODE] == TRADING
    assert may_lead(0, book, _LIMITS)


@pytest.mark.parametrize(
    ("agent", "profit", "may"),
    [(0, -499.99, True), (0, -500.0, False), (1, 0.0, True), (-1, -500.0, True)],
)
def test_may_lead_agent_at_its_daily_loss_is_paused(
    make_book: MakeBook, agent: int, profit: float, may: bool
) -> None:
    book = make_book()
    book.agent_day[0] = profit
    assert may_lead(agent, book, _LIMITS) == may


def test_error_breaker_errors_in_a_row_trip_it_until_reset() -> None:
    breaker = ErrorBreaker(3)
    assert not breaker.failed("no answer")
    assert not breaker.failed("no answer")
    breaker.succeeded()
    assert [breaker.failed(f"error {k}") for k in range(3)] == [False, False, True]
    assert breaker.last == "error 2"
    breaker.succeeded()
    assert breaker.tripped
    assert breaker.failed("again")
    breaker.reset()
    assert not breaker.failed("first of a new row")


def test_close_too_far_from_the_last_pauses_entries_for_a_while(make_book: MakeBook) -> None:
    limits = RiskSettings(max_bar_move=0.1, pause_s=60.0).limits()
    book = make_book()
    close = book.mark * np.array([1.11, 0.89, 1.09, np.nan])
    pause_wild(book, close, limits, 1_000)
    assert book.paused_until.tolist() == [60 * 10**9 + 1_000] * 2 + [0, 0]


def test_first_close_of_an_instrument_is_no_move(make_book: MakeBook) -> None:
    book = make_book()
    book.mark[:] = np.nan
    pause_wild(book, np.full(4, 100.0), _LIMITS, 1_000)
    assert not book.paused_until.any()


def test_pause_lasts_over_a_new_day_until_an_operator_ends_it(make_book: MakeBook) -> None:
    book = make_book()
    pause(book)
    start_day(book)
    update_mode(book, _LIMITS, 0)
    assert book.account[MODE] == PAUSED
    unpause(book)
    assert book.account[MODE] == TRADING


def test_pause_gives_way_to_a_drawdown_stop(make_book: MakeBook) -> None:
    book = make_book()
    pause(book)
    book.account[[EQUITY, PEAK_EQUITY]] = 5_000.0, 10_000.0
    update_mode(book, _LIMITS, 0)
    assert book.account[MODE] == FLATTEN


def test_pause_and_its_end_leave_an_account_that_is_flattened_so(make_book: MakeBook) -> None:
    book = make_book()
    flatten(book)
    pause(book)
    unpause(book)
    assert book.account[MODE] == FLATTEN
