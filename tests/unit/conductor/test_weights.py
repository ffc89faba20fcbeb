"""The table of weights by regime."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.agents.quant import QUANT_AGENTS
from tutti.conductor.weights import REGIME_WEIGHTS, regime_weights
from tutti.model.errors import ConfigError
from tutti.model.opinion import Regime


def test_table_names_every_regime_and_only_agents_that_exist() -> None:
    assert set(REGIME_WEIGHTS) == set(Regime)
    assert {name for row in REGIME_WEIGHTS.values() for name in row} <= set(QUANT_AGENTS)


def test_weights_have_a_row_for_each_regime_and_one_where_nothing_is_said() -> None:
    table = {Regime.BEAR_TRENDING: {"vpin": 0.5}}
    weights = regime_weights(("news", "vpin"), table)
    expected = np.ones((5, 2))
    expected[3, 1] = 0.5
    np.testing.assert_array_equal(weights, expected)


def test_trend_agents_weigh_most_in_trends_and_mean_reversion_in_a_range() -> None:
    names = tuple(QUANT_AGENTS)
    weights = regime_weights(names)
    assert names[weights[Regime.RANGE_BOUND].argmax()] == "mean_reversion"
    assert names[weights[Regime.BULL_TRENDING].argmax()] == "trend_surfer"
    assert names[weights[Regime.BEAR_VOLATILE].argmax()] == "volatility_harvester"


def test_weights_of_nobody_are_an_empty_table() -> None:
    assert regime_weights(()).shape == (5, 0)


@pytest.mark.parametrize("wrong", [-0.1, math.nan, math.inf])
def test_weight_that_makes_no_sense_is_refused_by_name(wrong: float) -> None:
    with pytest.raises(ConfigError, match="weight of vpin in BULL_VOLATILE"):
        regime_weights(("news", "vpin"), {Regime.BULL_VOLATILE: {"vpin": wrong}})
