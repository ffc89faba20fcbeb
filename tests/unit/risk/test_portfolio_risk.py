"""Risk of the portfolio as a whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.model.errors import ConfigError
from tutti.risk.portfolio_risk import (
    PortfolioRisk,
    RiskFlag,
    RiskThresholds,
    assess,
    average_correlation,
    concentration,
    conditional_value_at_risk,
    flags,
    value_at_risk,
)


def test_value_at_risk_and_its_tail_mean_are_those_of_the_worst_twentieth() -> None:
    returns = np.arange(100) / 1000 - 0.05
    assert value_at_risk(returns) == pytest.approx(0.046)
    assert conditional_value_at_risk(returns) == pytest.approx(0.048)
    assert value_at_risk(returns, 0.99) == pytest.approx(0.05)


def test_value_at_risk_of_few_bars_is_the_worst_of_them() -> None:
    assert value_at_risk(np.array([0.01, -0.03, 0.02])) == 0.03
    assert conditional_value_at_risk(np.array([0.01, -0.03, 0.02])) == 0.03


def test_value_at_risk_without_bars_is_unknown() -> None:
    assert math.isnan(value_at_risk(np.array([])))
    assert math.isnan(conditional_value_at_risk(np.array([])))


@pytest.mark.parametrize("level", [0.0, 1.0, math.nan])
def test_value_at_risk_level_out_of_range_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level must be in"):
        value_at_risk(np.array([0.1]), level)


@pytest.mark.parametrize(
    ("weights", "index"),
    [([0.5, 0.0], 1.0), ([0.2, -0.2], 0.5), ([0.1] * 10, 0.1), ([0.0, 0.0], 0.0)],
)
def test_concentration_equal_positions_give_one_over_their_number(
    weights: list[float], index: float
) -> None:
    assert concentration(np.array(weights)) == pytest.approx(index)


def test_average_correlation_counts_positions_not_instruments() -> None:
    up = np.array([0.01, -0.02, 0.03, 0.0])
    returns = np.column_stack([up, 2 * up, [0.5, math.nan, 0.1, 0.2]])
    assert average_correlation(returns, np.array([0.1, 0.3, 0.0])) == pytest.approx(1.0)
    assert average_correlation(returns, np.array([0.1, -0.3, 0.0])) == pytest.approx(-1.0)


def test_average_correlation_agrees_with_numpy() -> None:
    returns = np.random.default_rng(7).normal(size=(50, 4)) @ np.triu(np.ones((4, 4)))
    expected = np.asarray(np.corrcoef(returns.T))[np.triu_indices(4, 1)].mean()
    assert average_correlation(returns, np.ones(4)) == pytest.approx(expected)


def test_average_correlation_of_a_frozen_price_is_none() -> None:
    returns = np.column_stack([[0.01, -0.02, 0.03], [0.0, 0.0, 0.0]])
    assert average_correlation(returns, np.ones(2)) == 0.0


@pytest.mark.parametrize(
    ("rows", "weights"), [(5, [0.1, 0.0]), (1, [0.1, 0.1])], ids=["one position", "one bar"]
)
def test_average_correlation_of_too_little_is_unknown(rows: int, weights: list[float]) -> None:
    assert math.isnan(average_correlation(np.ones((rows, 2)), np.array(weights)))


def test_assess_flags_what_is_over_its_threshold() -> None:
    returns = np.random.default_rng(7).normal(0.0, 0.01, size=(500, 1)) * np.ones((1, 3))
    weights = np.array([0.5, 0.4, 0.3])
    risk = assess(returns, weights, drawdown=0.05)
    assert risk.net_exposure == pytest.approx(1.2)
    assert risk.conditional_value_at_risk > risk.value_at_risk > 0
    found = flags(
        risk,
        RiskThresholds(value_at_risk=0.015, conditional_value_at_risk=0.5, drawdown=0.05),
    )
    assert found == (
        RiskFlag.VALUE_AT_RISK,
        RiskFlag.GROSS_EXPOSURE,
        RiskFlag.AVERAGE_CORRELATION,
        RiskFlag.DRAWDOWN,
    )


def test_flags_of_an_empty_portfolio_are_none() -> None:
    risk = assess(np.empty((0, 2)), np.zeros(2), drawdown=0.0)
    assert isinstance(risk, PortfolioRisk)
    assert flags(risk, RiskThresholds()) == ()


def test_risk_thresholds_not_positive_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"risk\.flags\.drawdown must be positive, was 0"):
        RiskThresholds(drawdown=0)
