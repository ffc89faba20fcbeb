"""Trend Surfer: the side of the averages that price is on, while directional movement agrees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.agents.quant.recipe import Factor, Gate, Recipe, Shape
from tutti.agents.quant.scored import ScoredAgent, scored_agent

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPE = Recipe(
    name="trend_surfer",
    display_name="Trend Surfer",
    purpose="stays with extended moves, on the side of the slow averages",
    source=(
        "Directional movement: Wilder (1978), New Concepts in Technical Trading Systems (ADX, "
        "DI); side of a moving average: Brock, Lakonishok and LeBaron (1992), Simple Technical "
        "Trading Rules, and Faber (2007), A Quantitative Approach to Tactical Asset Allocation. Distances "
        "are divided by the standard deviation they would have in a random walk, the square root "
        "of a third of the window times the volatility."
    ),
    factors=(
        Factor(
            says="close {:+.1f} sd from its 50-bar average",
            why="the wave that is ridden",
            weight=0.30,
            feature="ema_distance_50",
            over="volatility_100",
            unit=math.sqrt(50 / 3),
            shape=Shape.SOFT,
        ),
        Factor(
            says="close {:+.1f} sd from its 200-bar average",
            why="the tide under it",
            weight=0.25,
            feature="sma_distance_200",
            over="volatility_100",
            unit=math.sqrt(200 / 3),
            shape=Shape.SOFT,
        ),
        Factor(
            says="+DI less -DI {:+.0f}",
            why="directional movement, once ADX says that there is a trend",
            weight=0.30,
            feature="plus_di_14",
            other="minus_di_14",
            other_times=-1.0,
            scale=25.0,
            gate=Gate(feature="adx_14", closed=15.0, open=30.0, label="ADX"),
        ),
        Factor(
            says="MACD {:+.1f} sd",
            why="the fast average against the slow one",
            weight=0.15,
            feature="macd",
            over="volatility_100",
            scale=2.0,
            shape=Shape.SOFT,
        ),
    ),
    buy=0.30,
    sell=-0.30,
    full=0.75,
)


def trend_surfer(params: Mapping[str, object] | None = None) -> ScoredAgent:
    """Return the agent; ``params`` may replace its limits."""
    return scored_agent(RECIPE, params)
