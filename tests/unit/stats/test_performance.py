from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from tutti.stats.account import DAY_NS, YEAR_NS
from tutti.stats.performance import (
    cagr,
    calmar,
    exposure,
    hit_rate,
    performance,
    profit_factor,
    returns,
    sharpe,
    sortino,
    turnover,
    volatility,
)

_HOUR = 3_600_000_000_000


def _figures(equity: object, *, step: int = _HOUR, **changes: object) -> dict[str, float]:
    length = len(np.atleast_1d(np.asarray(equity)))
    arguments = {
        "step_ns": step,
        "span_ns": (length - 1) * step,
        "trade_pnls": [],
        "fees": 0.0,
        "slippage_bps": 0.0,
        "traded_notional": 0.0,
    }
    return performance(equity, **{**arguments, **changes})  # type: ignore[arg-type]


def test_cagr_doubling_in_two_years_is_the_root_of_two() -> None:
    assert cagr([100.0, 120.0, 200.0], 1.0) == pytest.approx(math.sqrt(2.0) - 1.0)


def test_cagr_after_ruin_is_everything_lost() -> None:
    assert cagr([100.0, 0.0], 365.0) == -1.0


def test_cagr_without_time_or_beyond_all_numbers_is_undefined() -> None:
    assert math.isnan(cagr([100.0], 365.0))
    assert math.isnan(cagr([1.0, 100.0], 525_600.0))


def test_sharpe_is_the_t_statistic_per_root_year() -> None:
    values = np.random.default_rng(1).normal(0.001, 0.02, size=500)
    expected = stats.ttest_1samp(values, 0.0).statistic / math.sqrt(500 / 365)
    assert sharpe(values, 365.0) == pytest.approx(expected, rel=1e-12)


def test_sharpe_by_hand() -> None:
    # mean 0.01, sample deviation 0.02
    assert sharpe([-0.01, 0.01, 0.03], 4.0) == pytest.approx(1.0)


@pytest.mark.parametrize("values", [[], [0.1], [0.0, 0.0, 0.0], [0.1, 0.1, 0.1]])
def test_sharpe_without_deviation_is_undefined(values: list[float]) -> None:
    assert math.isnan(sharpe(values, 365.0))


def test_sortino_by_hand() -> None:
    # mean 0.01; squares of losses: 0, 0.02 ** 2, 0, 0, so their mean is 0.01 ** 2
    assert sortino([0.03, -0.02, 0.02, 0.01], 9.0) == pytest.approx(3.0)


@pytest.mark.parametrize("values", [[], [-0.1], [0.1, 0.2, 0.0]])
def test_sortino_without_losses_is_undefined(values: list[float]) -> None:
    assert math.isnan(sortino(values, 365.0))


def test_volatility_is_the_sample_deviation_times_the_root_of_periods() -> None:
    values = np.random.default_rng(2).standard_normal(50)
    assert volatility(values, 16.0) == pytest.approx(4.0 * stats.tstd(values))


def test_calmar_is_growth_over_the_deepest_fall() -> None:
    assert calmar([100.0, 80.0, 130.0], 2.0) == pytest.approx(0.3 / 0.2)
    assert math.isnan(calmar([100.0, 130.0], 1.0))


def test_hit_rate_counts_gains_among_all_trades() -> None:
    assert hit_rate([5.0, -1.0, 0.0, 3.0]) == 0.5
    assert math.isnan(hit_rate([]))


def test_profit_factor_is_gains_over_losses() -> None:
    assert profit_factor([5.0, -1.0, 0.0, 3.0, -3.0]) == 2.0
    assert math.isnan(profit_factor([5.0]))


def test_turnover_is_times_the_mean_equity_a_year() -> None:
    assert turnover(600.0, [100.0, 200.0], 0.5) == pytest.approx(8.0)
    assert math.isnan(turnover(600.0, [100.0], 0.0))


def test_exposure_is_the_mean_over_time() -> None:
    assert exposure([0.0, 0.5, 1.0]) == 0.5
    assert math.isnan(exposure([]))


def test_performance_of_hours_annualises_daily_returns() -> None:
    rng = np.random.default_rng(4)
    equity = 1000.0 * np.cumprod(1.0 + rng.normal(0.0, 0.01, size=24 * 60))
    found = _figures(equity)
    # bars known at 01:00, 02:00 ... so every 24th value ends a day
    daily = returns(np.concatenate([equity[:1], equity[23::24]]))
    assert found["sharpe"] == pytest.approx(daily.mean() / daily.std(ddof=1) * math.sqrt(365))
    assert found["volatility"] == pytest.approx(daily.std(ddof=1) * math.sqrt(365))
    assert found["sortino"] == pytest.approx(
        daily.mean() / np.sqrt(np.mean(np.minimum(daily, 0.0) ** 2)) * math.sqrt(365)
    )
    hourly = returns(equity)
    assert found["sharpe_bars"] == pytest.approx(
        hourly.mean() / hourly.std(ddof=1) * math.sqrt(8760)
    )
    years = (24 * 60 - 1) / 8760
    growth = (equity[-1] / equity[0]) ** (1.0 / years) - 1.0
    assert found["cagr"] == pytest.approx(growth)
    assert found["calmar"] == pytest.approx(growth / found["max_drawdown"])


def test_performance_of_days_and_weeks_takes_their_own_returns() -> None:
    equity = [100.0, 103.0, 99.0, 104.0]
    values = returns(equity)
    for days, per_year in ((1, 365.0), (7, 365.0 / 7.0)):
        found = _figures(equity, step=days * DAY_NS)
        assert found["sharpe"] == pytest.approx(sharpe(values, per_year))
        assert found["sharpe_bars"] == pytest.approx(found["sharpe"])


def test_performance_of_bars_of_a_day_counts_the_days_on_which_the_market_is_closed() -> None:
    # two weeks from Monday to Friday, the same as of an account that is told of each evening
    open_days = np.array([1, 2, 3, 4, 5, 8, 9, 10, 11, 12]) * DAY_NS
    every_day = np.arange(1, 13) * DAY_NS
    equity = np.array([100.0, 101, 100, 102, 103, 101, 104, 105, 103, 106])
    carried = equity[[0, 1, 2, 3, 4, 4, 4, 5, 6, 7, 8, 9]]
    found = _figures(equity, ts=open_days, step=DAY_NS, span_ns=11 * DAY_NS)
    same = _figures(carried, ts=every_day, step=DAY_NS, span_ns=11 * DAY_NS)
    assert found["sharpe"] == same["sharpe"] == pytest.approx(sharpe(returns(carried), 365.0))
    assert found["volatility"] == same["volatility"]
    assert found["sharpe_bars"] == pytest.approx(sharpe(returns(equity), 9 / 11 * 365.0))


def test_performance_with_times_follows_the_calendar() -> None:
    # a market that trades one hour a day, on Friday and Monday
    ts = np.array([10, 34, 106]) * _HOUR
    found = _figures([100.0, 110.0, 99.0], ts=ts, span_ns=96 * _HOUR)
    daily = [0.0, 0.1, 0.0, 0.0, -0.1]
    # the first value is alone on its day: the days after it are four
    assert found["volatility"] == pytest.approx(volatility(daily[1:], 365.0))
    assert found["max_drawdown_days"] == pytest.approx(3.0)


def test_performance_passes_on_the_figures_of_trading() -> None:
    found = _figures(
        [100.0, 100.0],
        span_ns=YEAR_NS,
        trade_pnls=[2.0, -1.0, 2.0],
        fees=1.5,
        slippage_bps=-0.4,
        traded_notional=300.0,
    )
    assert found["hit_rate"] == pytest.approx(2 / 3)
    assert found["profit_factor"] == 4.0
    assert found["turnover"] == 3.0
    assert (found["fees"], found["slippage_bps"], found["n_trades"]) == (1.5, -0.4, 3)


@pytest.mark.parametrize(
    "equity",
    [[100.0], [100.0] * 500, [100.0, 0.0], [100.0] * 200 + [-7.0] * 3, [1.0, 1e300], [1e-300, 1.0]],
    ids=["one bar", "flat", "lost at once", "lost", "huge", "from nothing"],
)
def test_performance_undefined_figures_are_0_in_json(equity: list[float]) -> None:
    found = _figures(equity, slippage_bps=math.nan)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["slippage_bps"] == 0.0


def test_performance_flat_equity_is_all_0() -> None:
    assert set(_figures([100.0] * 500).values()) == {0.0}


def test_performance_total_loss_is_called_one() -> None:
    found = _figures([100.0, 90.0, *[0.0] * 60])
    assert found["cagr"] == -1.0
    assert found["max_drawdown"] == 1.0
    assert found["max_drawdown_days"] == pytest.approx(61 / 24)


def test_performance_less_than_a_day_has_no_growth_rate() -> None:
    assert _figures([100.0, 101.0, 102.0])["cagr"] == 0.0
