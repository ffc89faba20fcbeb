"""How much each agent weighs in each regime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.model.errors import ConfigError
from tutti.model.opinion import Regime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.model.market import FloatArray

REGIME_WEIGHTS: dict[Regime, dict[str, float]] = {
    Regime.RANGE_BOUND: {
        "momentum_hunter": 0.15,
        "breakout_sniper": 0.25,
        "trend_surfer": 0.1,
        "volatility_harvester": 0.2,
        "mean_reversion": 2.5,
        "vpin": 0.2,
        "strategy_optimizer": 0.3,
    },
    Regime.BULL_TRENDING: {
        "momentum_hunter": 1.5,
        "breakout_sniper": 1.2,
        "trend_surfer": 1.6,
        "volatility_harvester": 0.7,
        "mean_reversion": 0.3,
        "vpin": 0.8,
    },
    Regime.BULL_VOLATILE: {
        "momentum_hunter": 1.0,
        "breakout_sniper": 1.2,
        "trend_surfer": 0.8,
        "volatility_harvester": 1.4,
        "mean_reversion": 0.8,
        "vpin": 1.3,
    },
    Regime.BEAR_TRENDING: {
        "momentum_hunter": 1.5,
        "breakout_sniper": 1.2,
        "trend_surfer": 1.6,
        "volatility_harvester": 1.0,
        "mean_reversion": 0.3,
        "vpin": 0.8,
    },
    Regime.BEAR_VOLATILE: {
        "momentum_hunter": 0.9,
        "breakout_sniper": 1.0,
        "trend_surfer": 0.8,
        "volatility_harvester": 1.6,
        "mean_reversion": 0.8,
        "vpin": 1.4,
    },
}
"""Multiplier of an agent's configured weight; an agent that is not named weighs 1 times."""


def regime_weights(
    agents: Sequence[str], table: Mapping[Regime, Mapping[str, float]] = REGIME_WEIGHTS
) -> FloatArray:
    """Return the table as an array of shape (5, A), rows by the regime's code.

    Raises
    ------
    ConfigError
        If a weight is negative or not finite.
    """
    weights = np.array(
        [[float(table.get(regime, {}).get(name, 1.0)) for name in agents] for regime in Regime]
    ).reshape(len(Regime), len(agents))
    wrong = np.argwhere(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        code, a = wrong[0]
        raise ConfigError(
            f"regime weight of {agents[a]} in {Regime(code).name} must be at least 0, "
            f"was {weights[code, a]!r}"
        )
    return weights
