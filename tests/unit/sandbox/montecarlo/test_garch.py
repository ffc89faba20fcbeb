"""The model of returns: parameters that are known are found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.model.errors import DataError
from tutti.sandbox.montecarlo.garch import (
    Garch,
    find_jumps,
    fit_garch,
    log_likelihood,
    simulate,
    variances,
)

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

_TRUE = Garch(mean=0.0002, variance=1e-4, alpha=0.08, beta=0.88)


def _simulated(count: int, model: Garch = _TRUE, seed: int = 1) -> FloatArray:
    draws = np.random.default_rng(seed).standard_normal((count, 1))
    shocks, deviations = np.empty_like(draws), np.empty_like(draws)
    simulate(
        draws, np.array([model.omega]), np.array([model.alpha]), np.array([model.beta]),
        np.array([model.variance]), shocks, deviations,
    )  # fmt: skip
    returns: FloatArray = shocks[:, 0] + model.mean
    return returns


def test_fit_garch_finds_the_parameters_that_returns_were_made_with() -> None:
    found = fit_garch(_simulated(20_000))
    assert found.alpha == pytest.approx(_TRUE.alpha, abs=0.015)
    assert found.beta == pytest.approx(_TRUE.beta, abs=0.03)
    assert found.variance == pytest.approx(_TRUE.variance, rel=0.1)
    assert found.mean == pytest.approx(_TRUE.mean, abs=3e-4)


def test_fit_garch_of_constant_volatility_finds_next_to_no_clusters() -> None:
    found = fit_garch(np.random.default_rng(2).normal(0.0, 0.01, 10_000))
    assert found.alpha < 0.03


def test_fit_garch_of_too_few_or_still_returns_is_refused() -> None:
    with pytest.raises(DataError, match="at least 200 returns, there are 199"):
        fit_garch(np.zeros(199))
    with pytest.raises(DataError, match="never does"):
        fit_garch(np.zeros(300))


@pytest.mark.kernels
def test_likelihood_and_variances_follow_the_recursion() -> None:
    shocks = np.array([0.02, -0.01, 0.03])
    model = Garch(mean=0.0, variance=1e-4, alpha=0.1, beta=0.8)
    second = model.omega + 0.1 * 0.02**2 + 0.8 * 1e-4
    third = model.omega + 0.1 * 0.01**2 + 0.8 * second
    np.testing.assert_allclose(variances(shocks, model), [1e-4, second, third])
    wanted = -sum(
        np.log(now) + shock**2 / now
        for now, shock in zip((1e-4, second, third), shocks, strict=True)
    )
    assert log_likelihood(shocks, 1e-4, 0.1, 0.8) == pytest.approx(wanted)


@pytest.mark.kernels
def test_simulate_gives_each_shock_the_deviation_that_those_before_imply() -> None:
    draws = np.array([[1.0], [-2.0], [0.5]])
    shocks, deviations = np.empty_like(draws), np.empty_like(draws)
    variance = np.array([1e-4])
    simulate(
        draws, np.array([1e-5]), np.array([0.1]), np.array([0.8]), variance, shocks, deviations
    )
    np.testing.assert_allclose(shocks, draws * deviations)
    assert deviations[1, 0] ** 2 == pytest.approx(1e-5 + 0.1 * 1e-4 + 0.8 * 1e-4)
    assert variance[0] == pytest.approx(
        1e-5 + 0.1 * shocks[2, 0] ** 2 + 0.8 * deviations[2, 0] ** 2
    )


def test_find_jumps_finds_those_put_in_and_hardly_any_other() -> None:
    returns = _simulated(8000)
    places = np.arange(300, 8000, 400)
    returns[places] += np.where(np.arange(len(places)) % 2, 0.12, -0.12)
    jumps = find_jumps(returns)
    assert np.mean(jumps[places] != 0.0) > 0.95
    assert np.count_nonzero(jumps) - len(places) < 15


def test_find_jumps_of_less_than_a_week_finds_none() -> None:
    assert not find_jumps(np.full(100, 0.5)).any()
