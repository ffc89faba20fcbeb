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
    PEAK_EQUITY,
    REDUCE_ONLY,
    TRADING,
)
from tutti.model.errors import ConfigError
from tutti.risk.breakers import (
    HALTED,
    PAUSED,
    UNLOCKED,
    UNRESOLVED,
    ErrorBreaker,
    MarketBreaker,
    StaleDataBreaker,
    flatten,
    lock,
    may_lead,
    reset,
    start_day,
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


def test_stale_data_breaker_reports_what_went_and_what_came_back() -> None:
    breaker = StaleDataBreaker(max_age_ns=100)
    marked_at = np.array([1_000, 1_000, 950])
    assert breaker.update(marked_at, 1_050).gone == ()
    change = breaker.update(marked_at, 1_051)
    assert (change.gone, change.back) == ((2,), ())
    marked_at[2] = 1_140
    change = breaker.update(marked_at, 1_140)
    assert (change.gone, change.back) == ((0, 1), (2,))
    assert breaker.stale == {0, 1}


def test_market_breaker_wide_spread_or_wild_move_pauses_until_cooled_down() -> None:
    breaker = MarketBreaker(4, max_spread_bps=50.0, max_move=0.1, cool_down_ns=100)
    calm = np.zeros(4)
    breaker.update(np.array([50.1, 50.0, 0.0, math.nan]), np.array([0.0, 0.1, -0.2, math.nan]), 0)
    assert breaker.paused(0).tolist() == [True, False, True, False]
    breaker.update(calm, calm, 50)
    assert breaker.paused(100).tolist() == [True, False, True, False]
    assert not breaker.paused(101).any()


def test_market_breaker_bounds_of_zero_ignore_everything() -> None:
    breaker = MarketBreaker(1, max_spread_bps=0.0, max_move=0.0, cool_down_ns=100)
    breaker.update(np.array([1e9]), np.array([1e9]), 0)
    assert not breaker.paused(0).any()


@pytest.mark.parametrize("name", ["max_spread_bps", "max_move", "cool_down_ns"])
def test_market_breaker_negative_bound_is_refused(name: str) -> None:
    bounds = {"max_spread_bps": 0.0, "max_move": 0.0, "cool_down_ns": 0} | {name: -1}
    with pytest.raises(ConfigError, match=name):
        MarketBreaker(1, **bounds)  # type: ignore[arg-type]


def test_lock_halt_beats_unresolved_beats_pause() -> None:
    paused = np.array([True, True, False])
    assert lock(paused, unresolved={1}).tolist() == [PAUSED, UNRESOLVED, UNLOCKED]
    assert lock(paused, unresolved={1}, halted=True).tolist() == [HALTED] * 3
