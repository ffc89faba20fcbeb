from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tutti.stats.inference import (
    Moments,
    deflated_sharpe,
    expected_max_sharpe,
    min_track_record_length,
    moments,
    probabilistic_sharpe,
    sharpe_error,
)


def _yearly(
    sharpe: float, periods: int, n: int = 100, skewness: float = 0.0, kurtosis: float = 3.0
) -> Moments:
    return Moments(n=n, sharpe=sharpe / math.sqrt(periods), skewness=skewness, kurtosis=kurtosis)


def test_deflated_sharpe_is_that_of_the_paper() -> None:
    # Bailey and López de Prado (2014), section "A numerical example"
    found = _yearly(2.5, 250, n=1250, skewness=-3.0, kurtosis=10.0)
    variance = 0.5 / 250
    assert round(expected_max_sharpe(100, variance), 4) == 0.1132
    assert round(deflated_sharpe(found, 100, variance), 4) == 0.9004
    assert round(deflated_sharpe(found, 46, variance), 4) == 0.9505
    assert round(deflated_sharpe(_yearly(2.5, 250, n=1250), 88, variance), 4) == 0.9505


def test_probabilistic_sharpe_is_that_of_the_paper() -> None:
    # Bailey and López de Prado (2012), section 5: two years of months of a hedge fund
    assert round(probabilistic_sharpe(Moments(n=24, sharpe=0.458)), 3) == 0.982
    skewed = Moments(n=24, sharpe=0.458, skewness=-2.448, kurtosis=10.164)
    assert round(probabilistic_sharpe(skewed), 3) == 0.913


@pytest.mark.parametrize(
    ("periods", "skewness", "kurtosis", "years"),
    [(250, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_min_track_record_length_is_that_of_the_paper(
    periods: int, skewness: float, kurtosis: float, years: float
) -> None:
    # the same, section 6: a Sharpe ratio of 2 proven to be above 1
    found = _yearly(2.0, periods, skewness=skewness, kurtosis=kurtosis)
    needed = min_track_record_length(found, 1.0 / math.sqrt(periods))
    assert round(needed / periods, 2) == years


def test_min_track_record_length_is_where_the_confidence_is_reached() -> None:
    found = Moments(n=50, sharpe=0.1, skewness=-0.5, kurtosis=6.0)
    needed = min_track_record_length(found, 0.02, confidence=0.9)
    long_enough = Moments(n=math.ceil(needed), sharpe=0.1, skewness=-0.5, kurtosis=6.0)
    too_short = Moments(n=math.floor(needed), sharpe=0.1, skewness=-0.5, kurtosis=6.0)
    assert probabilistic_sharpe(too_short, 0.02) < 0.9 <= probabilistic_sharpe(long_enough, 0.02)


def test_min_track_record_length_below_the_benchmark_is_infinite() -> None:
    assert min_track_record_length(Moments(n=50, sharpe=0.1), 0.1) == math.inf


def test_min_track_record_length_at_certainty_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence must be between 0 and 1, was 1"):
        min_track_record_length(Moments(n=50, sharpe=0.1), confidence=1.0)


def test_moments_are_those_of_scipy() -> None:
    values = np.random.default_rng(1).standard_t(5, size=400) * 0.01 + 0.001
    found = moments(values)
    assert found.n == 400
    assert found.sharpe == pytest.approx(values.mean() / values.std(ddof=1), rel=1e-12)
    assert found.skewness == pytest.approx(stats.skew(values), rel=1e-10)
    assert found.kurtosis == pytest.approx(stats.kurtosis(values, fisher=False), rel=1e-10)


@pytest.mark.parametrize(
    ("returns", "says"),
    [
        ([], "at least 3 returns are needed, there are 0"),
        ([0.1, 0.2], "at least 3 returns are needed, there are 2"),
        ([0.1, math.nan, 0.2], "returns must be finite, was nan at 1"),
        ([0.1, 0.2, math.inf], "returns must be finite, was inf at 2"),
        ([0.0] * 9, "all 9 returns are equal"),
        ([0.1 + 1e-17 * k for k in range(9)], "all 9 returns are equal"),
        ([[0.1, 0.2, 0.3]], r"returns must have shape \(n,\), was \(1, 3\)"),
    ],
)
def test_moments_of_what_says_nothing_are_refused(returns: list[float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        moments(returns)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"n": 1}, "at least two returns are needed, there are 1"),
        ({"sharpe": math.nan}, "sharpe must be finite, was nan"),
        ({"skewness": -3.0, "kurtosis": 3.0}, "it is at least 10"),
    ],
)
def test_moments_that_no_returns_have_are_refused(values: dict[str, float], says: str) -> None:
    given = {"n": 10, "sharpe": 0.1, "skewness": 0.0, "kurtosis": 3.0} | values
    with pytest.raises(ValueError, match=says):
        Moments(**given)  # type: ignore[arg-type]


def test_sharpe_error_is_what_simulated_ratios_scatter_by() -> None:
    rng = np.random.default_rng(3)
    draws = rng.exponential(1.0, (20_000, 250)) - 0.9  # skewness 2, kurtosis 9
    ratios = draws.mean(axis=1) / draws.std(axis=1, ddof=1)
    told = sharpe_error(Moments(n=250, sharpe=0.1, skewness=2.0, kurtosis=9.0))
    assert ratios.std() == pytest.approx(told, rel=0.03)


def test_probabilistic_sharpe_without_error_is_certain() -> None:
    # two values, as likely as each other: the ratio has no error to first order where it is 1
    of = Moments(n=10, sharpe=1.0, skewness=2.0, kurtosis=5.0)
    assert sharpe_error(of) == 0.0
    assert [probabilistic_sharpe(of, at) for at in (0.5, 1.0, 1.5)] == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("n_trials", [10, 100, 1000])
def test_expected_max_sharpe_is_near_that_of_simulated_trials(n_trials: int) -> None:
    highest = np.random.default_rng(5).normal(0.0, 0.3, (2000, n_trials)).max(axis=1).mean()
    assert expected_max_sharpe(n_trials, 0.09) == pytest.approx(highest, rel=0.03)


def test_expected_max_sharpe_of_one_trial_is_nothing() -> None:
    assert expected_max_sharpe(1, 0.5) == 0.0
    assert expected_max_sharpe(1.01, 0.5) == 0.0
    found = Moments(n=50, sharpe=0.1)
    assert deflated_sharpe(found, 1, 0.5) == probabilistic_sharpe(found)


@pytest.mark.parametrize(
    ("n_trials", "variance", "says"),
    [
        (0.5, 0.1, "there is at least one trial, was 0.5"),
        (math.inf, 0.1, "there is at least one trial, was inf"),
        (2, -1.0, "the variance of the trials must not be negative, was -1"),
        (2, math.nan, "the variance of the trials must not be negative, was nan"),
    ],
)
def test_expected_max_sharpe_of_trials_that_can_not_be_is_refused(
    n_trials: float, variance: float, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        expected_max_sharpe(n_trials, variance)
