from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.stats.tails import conditional_value_at_risk, value_at_risk

if TYPE_CHECKING:
    from collections.abc import Callable


def test_tail_of_twenty_returns_is_the_worst_one() -> None:
    values = [*np.linspace(-0.01, 0.05, 19), -0.3]
    assert value_at_risk(values) == pytest.approx(0.3)
    assert conditional_value_at_risk(values) == pytest.approx(0.3)


def test_tail_of_forty_one_returns_is_the_worst_three() -> None:
    values = [-0.4, -0.2, -0.1, *[0.01] * 38]
    assert value_at_risk(values) == pytest.approx(0.1)
    assert conditional_value_at_risk(values) == pytest.approx(0.7 / 3)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_value_at_risk_is_the_inverse_of_the_empirical_distribution(level: float) -> None:
    values = np.random.default_rng(3).standard_t(3, size=997)
    expected = -np.quantile(values, 1.0 - level, method="inverted_cdf")
    assert value_at_risk(values, level=level) == pytest.approx(expected)
    assert conditional_value_at_risk(values, level=level) == pytest.approx(
        -values[values <= -expected].mean()
    )


@pytest.mark.parametrize("of", [value_at_risk, conditional_value_at_risk])
def test_tail_of_nothing_is_undefined(of: Callable[..., float]) -> None:
    assert math.isnan(of([]))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_tail_level_outside_of_0_to_1_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        value_at_risk([0.1], level=level)
