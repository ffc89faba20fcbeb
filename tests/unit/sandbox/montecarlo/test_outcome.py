"""Figures of a path, and of many."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.kernel.clock import DAY, HOUR
from tutti.sandbox.montecarlo.outcome import (
    FIGURES,
    LEVELS,
    Paths,
    Yardstick,
    fan_of,
    no_paths,
    share_of,
    spreads_of,
    together,
)
from tutti.stats.account import daily_equity, returns
from tutti.stats.drawdowns import max_drawdown
from tutti.stats.performance import sharpe

_START = 1_704_067_200_000_000_000


def test_measured_path_has_the_figures_that_reports_have() -> None:
    known_at = _START + HOUR * np.arange(1, 24 * 30 + 1, dtype=np.int64)
    equity = 1000.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.003, len(known_at))))
    equity[0] = 1000.0
    yardstick = Yardstick(known_at, 1000.0)
    paths = no_paths(1, len(yardstick.rows))
    yardstick.measure(equity, 12.0, 34, paths, 0)
    found = dict(zip(FIGURES, paths.figures[0].tolist(), strict=True))
    assert found["total_return"] == equity[-1] / 1000.0 - 1.0
    assert found["max_drawdown"] == pytest.approx(max_drawdown(equity))
    assert found["lowest"] == equity.min() / 1000.0
    assert (found["fees"], found["n_fills"]) == (12.0, 34.0)
    assert found["sharpe"] == pytest.approx(sharpe(returns(daily_equity(known_at, equity)), 365.0))
    assert yardstick.ts[0] == known_at[0]
    assert paths.curves[0, -1] == equity[-1]


def test_path_that_loses_everything_and_more_has_fallen_whole() -> None:
    yardstick = Yardstick(_START + DAY * np.arange(1, 5, dtype=np.int64), 100.0)
    paths = no_paths(1, len(yardstick.rows))
    yardstick.measure(np.array([90.0, 10.0, -20.0, -20.0]), 0.0, 1, paths, 0)
    found = dict(zip(FIGURES, paths.figures[0].tolist(), strict=True))
    assert found["max_drawdown"] == 1.0
    assert found["lowest"] == -0.2
    assert math.isfinite(found["sharpe"])


def test_spreads_are_over_the_paths_where_a_figure_is_defined() -> None:
    figures = np.tile(np.arange(101.0)[:, None], (1, len(FIGURES)))
    figures[:, 2] = math.nan
    paths = together(
        [Paths(figures[:50], np.zeros((50, 3))), Paths(figures[50:], np.zeros((51, 3)))]
    )
    spreads = spreads_of(paths, np.array([25.0, 0, 1.0, math.nan, 0, 0]))
    first = spreads["total_return"]
    assert (first.mean, first.quantiles[0.05], first.recorded_rank) == (50.0, 5.0, 26 / 101)
    assert spreads["sharpe"].to_dict()["mean"] is None
    assert spreads["sharpe"].to_dict()["recorded"] == 1.0
    assert spreads["lowest"].to_dict()["recorded_rank"] is None


def test_spread_of_one_path_has_no_deviation() -> None:
    spreads = spreads_of(Paths(np.ones((1, len(FIGURES))), np.ones((1, 2))), np.ones(len(FIGURES)))
    assert spreads["fees"].to_dict()["deviation"] is None


def test_fan_holds_the_quantiles_of_each_instant() -> None:
    curves = np.linspace(0.0, 1.0, 101)[:, None] * np.array([100.0, 200.0])
    fan = fan_of(Paths(np.zeros((101, len(FIGURES))), curves))
    np.testing.assert_allclose(fan[LEVELS.index(0.05)], [5.0, 10.0])


def test_share_has_the_interval_of_wilson() -> None:
    # Brown, Cai and DasGupta (2001), Interval estimation for a binomial proportion, eq. 4
    share = share_of(np.array([True] * 5 + [False] * 95))
    assert share.value == 0.05
    assert share.low == pytest.approx(0.0215, abs=1e-4)
    assert share.high == pytest.approx(0.1118, abs=1e-4)
    none = share_of(np.zeros(100, bool))
    assert none.to_dict() == {"value": 0.0, "low": 0.0, "high": pytest.approx(0.0370, abs=1e-4)}
