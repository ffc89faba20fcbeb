"""Mean Reversion: fades what has gone too far from its mean, as long as no trend carries it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.agents.quant.recipe import Factor, Gate, Recipe
from tutti.agents.quant.scored import ScoredAgent, scored_agent

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPE = Recipe(
    name="mean_reversion",
    display_name="Mean Reversion",
    purpose="buys the oversold and sells the overbought, and steps aside in a trend",
    source=(
        "Short-horizon reversal: Jegadeesh (1990), Evidence of Predictable Behavior of Security "
        "Returns, Journal of Finance 45(3); Lehmann (1990), Fads, Martingales, and Market "
        "Efficiency, Quarterly Journal of Economics 105(1); their horizons are months and weeks, "
        "here bars. Measures: Wilder (1978), New Concepts in Technical Trading Systems (RSI, and "
        "ADX as the sign of a trend); Bollinger (2002), Bollinger on Bollinger Bands."
    ),
    factors=(
        Factor(
            says="RSI {:.1f}",
            why="full strength at 25 and 75",
            weight=0.30,
            feature="rsi_14",
            centre=50.0,
            scale=-25.0,
        ),
        Factor(
            says="close {:+.1f} sd from its 50-bar mean",
            why="stretch against the mean it may return to",
            weight=0.30,
            feature="close_z_50",
            scale=-2.5,
        ),
        Factor(
            says="Bollinger position {:.2f}",
            why="full strength at the bands, 2 sd",
            weight=0.25,
            feature="bollinger_position_20",
            centre=0.5,
            scale=-0.5,
        ),
        Factor(
            says="5-bar return {:+.1f} sd",
            why="the short reversal itself",
            weight=0.15,
            feature="momentum_5",
            over="volatility_100",
            unit=math.sqrt(5),
            scale=-2.0,
        ),
    ),
    buy=0.35,
    sell=-0.35,
    full=0.85,
    gate=Gate(feature="adx_14", closed=50.0, open=25.0, label="ADX"),
)


def mean_reversion(params: Mapping[str, object] | None = None) -> ScoredAgent:
    """Return the agent; ``params`` may replace its limits."""
    return scored_agent(RECIPE, params)
