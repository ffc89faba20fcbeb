from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.stats.dependence import (
    automatic_lags,
    corrected_error,
    corrected_sharpe,
    long_run_covariance,
)
from tutti.stats.inference import moments, sharpe_error
from tutti.stats.performance import sharpe


def _following(coefficient: float, n: int, seed: int = 2) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0.0, 0.01, n)
    values = np.zeros(n)
    for t in range(1, n):
        values[t] = coefficient * values[t - 1] + noise[t]
    return values + 0.001


@pytest.mark.parametrize(("n", "lags"), [(1, 0), (2, 1), (100, 4), (365, 5), (10_000, 11)])
def test_automatic_lags_grow_slowly_with_the_sample(n: int, lags: int) -> None:
    assert automatic_lags(n) == lags


def test_long_run_covariance_without_lags_is_the_plain_one() -> None:
    values = np.random.default_rng(1).normal(size=(50, 2))
    assert long_run_covariance(values, 0) == pytest.approx(np.cov(values.T, ddof=0))


def test_long_run_covariance_is_what_a_mean_scatters_by() -> None:
    # an AR(1) with coefficient 0.5 and unit noise: 1 / (1 - 0.5)² = 4
    rows = np.array([_following(0.5, 50_000, seed) for seed in range(5)]) * 100.0
    found = [long_run_covariance(row[:, None], 60)[0, 0] for row in rows]
    assert np.mean(found) == pytest.approx(4.0, rel=0.1)


def test_corrected_sharpe_of_independent_returns_is_the_plain_one() -> None:
    values = np.random.default_rng(1).normal(0.001, 0.01, 20_000)
    assert corrected_sharpe(values, 365.0) == pytest.approx(sharpe(values, 365.0), rel=0.03)
    plain = corrected_sharpe(values, 365.0, 0)
    assert plain == pytest.approx(sharpe(values, 365.0) * math.sqrt(20_000 / 19_999), rel=1e-12)


def test_corrected_sharpe_of_returns_that_follow_their_trend_is_lower() -> None:
    values = _following(0.5, 5000)
    # in the limit sqrt((1 - 0.5) / (1 + 0.5))
    ratio = corrected_sharpe(values, 365.0, 40) / sharpe(values, 365.0)
    assert ratio == pytest.approx(math.sqrt(1.0 / 3.0), rel=0.05)


def test_corrected_error_without_lags_is_that_of_independent_returns() -> None:
    values = np.random.default_rng(4).standard_t(6, 500) * 0.01 + 0.002
    # population moments against sample ones: they differ by the order of 1 / n
    assert corrected_error(values, 0) == pytest.approx(sharpe_error(moments(values)), rel=5e-3)


def test_corrected_error_of_returns_that_follow_their_trend_is_larger() -> None:
    values = _following(0.5, 5000)
    assert corrected_error(values, 40) > 1.5 * sharpe_error(moments(values))


def test_corrected_figures_of_returns_that_never_vary_are_undefined() -> None:
    assert math.isnan(corrected_sharpe([0.01] * 9, 365.0))
    assert math.isnan(corrected_error([0.01] * 9))
    assert math.isnan(corrected_sharpe([0.0] * 9, 365.0))
    assert math.isnan(corrected_error([0.0] * 9))
