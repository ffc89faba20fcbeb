"""Figures of other libraries on the same returns; benchmarks/golden_statistics.py wrote them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.stats.account import DAY_NS
from tutti.stats.dependence import long_run_covariance
from tutti.stats.drawdowns import max_drawdown, worst_drawdown
from tutti.stats.inference import (
    Moments,
    deflated_sharpe,
    expected_max_sharpe,
    min_track_record_length,
    moments,
    probabilistic_sharpe,
)
from tutti.stats.overfitting import overfitting
from tutti.stats.performance import (
    cagr,
    calmar,
    hit_rate,
    performance,
    profit_factor,
    sharpe,
    sortino,
    volatility,
)
from tutti.stats.splits import combinatorial_folds, path_folds, walk_forward
from tutti.stats.superiority import bootstrap_variance, superiority
from tutti.stats.tails import conditional_value_at_risk, tail_ratio, value_at_risk

if TYPE_CHECKING:
    from collections.abc import Callable

_GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden.json").read_text())
_RETURNS = np.array(_GOLDEN["inputs"]["returns"])
_TRIALS = np.array(_GOLDEN["inputs"]["trials"])
_EQUITY = np.concatenate([[1.0], np.cumprod(1.0 + _RETURNS)])
_DAYS = 365.0

_OURS: dict[str, Callable[[], float]] = {
    "cagr": lambda: cagr(_EQUITY, _DAYS),
    "sharpe": lambda: sharpe(_RETURNS, _DAYS),
    "sortino": lambda: sortino(_RETURNS, _DAYS),
    "calmar": lambda: calmar(_EQUITY, _DAYS),
    "volatility": lambda: volatility(_RETURNS, _DAYS),
    "max_drawdown": lambda: max_drawdown(_EQUITY),
    # days under water, the day of the return not counted
    "max_drawdown_days": lambda: worst_drawdown(_EQUITY).length - 1,
    "tail_ratio": lambda: tail_ratio(_RETURNS),
    "profit_factor": lambda: profit_factor(_RETURNS),
    "hit_rate": lambda: hit_rate(_RETURNS),
    "value_at_risk": lambda: value_at_risk(_RETURNS),
    "conditional_value_at_risk": lambda: conditional_value_at_risk(_RETURNS),
}


@pytest.mark.parametrize(
    ("library", "figure"),
    [(name, key) for name, table in _GOLDEN["performance"].items() for key in table],
)
def test_figure_is_that_of_another_library(library: str, figure: str) -> None:
    expected = _GOLDEN["performance"][library][figure]
    assert _OURS[figure]() == pytest.approx(expected, rel=1e-9)


def test_every_figure_is_checked_by_someone_and_most_by_two() -> None:
    tables = _GOLDEN["performance"].values()
    assert {key for table in tables for key in table} == set(_OURS)


def test_summary_of_a_run_has_the_same_figures() -> None:
    found = performance(
        _EQUITY, step_ns=DAY_NS, span_ns=601 * DAY_NS, trade_pnls=[], fees=0.0, slippage_bps=0.0,
        traded_notional=0.0,
    )  # fmt: skip
    expected = _GOLDEN["performance"]["empyrical"]
    for key in ("cagr", "sharpe", "sortino", "calmar", "max_drawdown", "tail_ratio"):
        assert found[key] == pytest.approx(expected[key], rel=1e-9)
    assert found["var_95"] == pytest.approx(expected["value_at_risk"], rel=1e-9)
    assert found["cvar_95"] == pytest.approx(expected["conditional_value_at_risk"], rel=1e-9)


def test_inference_is_that_of_skfolio() -> None:
    expected = _GOLDEN["inference"]
    sharpes = _TRIALS.mean(axis=0) / _TRIALS.std(axis=0, ddof=1)
    variance = float(sharpes.var(ddof=1))
    found = moments(_RETURNS)
    assert probabilistic_sharpe(found, 0.03) == pytest.approx(
        expected["probabilistic_sharpe"], abs=1e-9
    )
    assert expected_max_sharpe(8, variance) == pytest.approx(
        expected["expected_max_sharpe"], rel=1e-9
    )
    assert deflated_sharpe(found, 8, variance) == pytest.approx(
        expected["deflated_sharpe"], rel=1e-9
    )


def test_min_track_record_length_is_that_of_purgedcv() -> None:
    of = Moments(n=100, sharpe=0.1, skewness=-0.6, kurtosis=7.0)
    found = min_track_record_length(of, 0.04)
    assert np.ceil(found) == _GOLDEN["inference"]["min_track_record_length"]


def test_long_run_covariance_is_that_of_arch() -> None:
    found = long_run_covariance(np.column_stack([_RETURNS, _RETURNS**2]), 5)
    assert found == pytest.approx(np.array(_GOLDEN["inference"]["long_run_covariance"]), rel=1e-9)


def test_superior_ability_is_that_of_arch() -> None:
    expected = _GOLDEN["superiority"]
    found = superiority(
        _TRIALS, np.random.default_rng(7), n_samples=500, mean_block=10, level=0.35,
        studentize=False,
    )  # fmt: skip
    p_values = [found.spa_lower, found.spa, found.spa_upper]
    assert p_values == pytest.approx(expected["p_values"], abs=1e-12)
    assert found.reality_check == found.spa_upper
    assert list(found.superior) == expected["superior_at_35"]
    assert bootstrap_variance(_TRIALS, 10) == pytest.approx(expected["variance"], rel=1e-9)


def test_probability_of_overfitting_is_that_of_purgedcv() -> None:
    expected = _GOLDEN["overfitting"]
    found = overfitting(_TRIALS[:240], n_blocks=8)
    assert found.n_combinations == expected["n_combinations"]
    assert found.pbo == pytest.approx(expected["pbo"], abs=1e-12)
    assert found.degradation == pytest.approx(expected["degradation"], rel=1e-9)


def test_combinatorial_folds_are_those_of_skfolio() -> None:
    place = np.arange(60)
    splits = list(combinatorial_folds(place, place + 2, n_folds=6, n_test=2, embargo=3))
    expected = _GOLDEN["splits"]["combinatorial"]
    assert [[s.train.tolist(), s.test.tolist()] for s in splits] == expected


def test_paths_are_those_of_skfolio() -> None:
    paths = path_folds(6, 2)
    for split, folds in enumerate(itertools.combinations(range(6), 2)):
        ids = [int(np.flatnonzero(paths[:, fold] == split)[0]) for fold in folds]
        assert ids == _GOLDEN["splits"]["path_ids"][split]


def test_walk_forward_is_that_of_skfolio() -> None:
    splits = walk_forward(60, train=20, test=10, gap=3)
    expected = _GOLDEN["splits"]["walk_forward"]
    assert [[s.train.tolist(), s.test.tolist()] for s in splits] == expected
