"""Estimates find what was planted, and their errors cover it as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.sandbox.calibration.estimates import Estimate, mean_estimate, pooled, power, slope


def test_mean_of_independent_values_has_the_usual_error() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 4000)
    found = mean_estimate(values)
    assert found.n == 4000
    assert found.value == pytest.approx(3.0, abs=0.1)
    assert found.standard_error == pytest.approx(2.0 / math.sqrt(4000), rel=0.15)


def test_mean_of_values_that_hang_together_is_less_sure() -> None:
    shocks = np.random.default_rng(2).normal(size=4000)
    smooth = np.convolve(shocks, np.ones(5) / 5, "valid")
    naive = smooth.std() / math.sqrt(len(smooth))
    assert mean_estimate(smooth).standard_error > 1.7 * naive


@pytest.mark.parametrize("count", [0, 1, 2])
def test_mean_of_too_few_values_has_no_error(count: int) -> None:
    assert math.isnan(mean_estimate(np.ones(count)).standard_error)


def test_slope_is_found_within_its_error() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 2.0, 3000)
    period = np.repeat(np.arange(300), 10)
    y = 0.7 * x + np.repeat(rng.normal(0.0, 0.3, 300), 10)
    found = slope(x, y, period)
    assert found.value == pytest.approx(0.7, abs=3 * found.standard_error)
    # ten samples of a bar with one shock are worth little more than one
    naive = 0.3 / np.sqrt((x * x).sum())
    assert found.standard_error > 2 * naive


def test_slope_errors_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(300):
        x = rng.uniform(0.5, 2.0, 400)
        y = 0.5 * x + rng.normal(0.0, 1.0, 400)
        found = slope(x, y, np.repeat(np.arange(100), 4))
        hits += abs(found.value - 0.5) < 1.96 * found.standard_error
    assert 0.90 < hits / 300 < 0.98


def test_slope_on_nothing_is_no_number() -> None:
    assert math.isnan(slope(np.zeros(5), np.ones(5), np.arange(5)).value)


@pytest.mark.parametrize("exponent", [0.5, 0.6, 1.0])
def test_power_finds_coefficient_and_exponent(exponent: float) -> None:
    rng = np.random.default_rng(5)
    share = rng.uniform(0.001, 1.0, 4000)
    sigma = rng.uniform(1.0, 3.0, 4000)
    y = 0.8 * sigma * share**exponent + rng.normal(0.0, 0.05, 4000)
    coefficient, found = power(share, sigma, y, np.repeat(np.arange(400), 10))
    assert found.value == pytest.approx(exponent, abs=4 * found.standard_error + 1e-3)
    assert coefficient.value == pytest.approx(0.8, abs=4 * coefficient.standard_error + 1e-3)
    assert 0.0 < found.standard_error < 0.02


def test_power_of_two_periods_has_no_error() -> None:
    share = np.array([0.1, 0.2, 0.4, 0.8])
    _, found = power(share, np.ones(4), share**0.5, np.array([0, 0, 1, 1]))
    assert found.value == pytest.approx(0.5, abs=1e-4)
    assert math.isnan(found.standard_error)


def test_pooled_estimates_that_agree_are_surer_than_each() -> None:
    each = Estimate(value=1.0, standard_error=0.2, n=10)
    found = pooled([each, each, each, each])
    assert found.value == pytest.approx(1.0)
    assert found.standard_error == pytest.approx(0.1)
    assert found.n == 40


def test_pooled_estimates_that_differ_are_less_sure_than_each() -> None:
    found = pooled([Estimate(value=v, standard_error=0.01, n=10) for v in (0.2, 0.8)])
    assert found.value == pytest.approx(0.5, abs=1e-3)
    assert found.standard_error == pytest.approx(0.3, rel=0.01)


def test_pooled_single_estimate_is_itself_and_unknown_errors_are_left_out() -> None:
    known = Estimate(value=1.0, standard_error=0.1, n=5)
    unknown = Estimate(value=9.0, standard_error=math.nan, n=5)
    assert pooled([known, unknown]) == known
    assert pooled([unknown]) is unknown
