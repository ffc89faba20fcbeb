"""Momentum Hunter: what has risen over several horizons, measured by its volatility, rises on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.agents.quant.recipe import Factor, Recipe, Shape
from tutti.agents.quant.scored import ScoredAgent, scored_agent

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPE = Recipe(
    name="momentum_hunter",
    display_name="Momentum Hunter",
    purpose="follows the sign and size of past returns over a quarter, one and four lookbacks",
    source=(
        "Time-series momentum: Moskowitz, Ooi and Pedersen (2012), Time Series Momentum, Journal "
        "of Financial Economics 104(2), returns divided by volatility; several "
        "horizons at once and a bounded response as in Baz et al. (2015), Dissecting Investment "
        "Strategies in the Cross Section and Time Series. They use months; here the horizons "
        "count bars."
    ),
    factors=(
        Factor(
            says="15-bar return {:+.1f} sd",
            why="the newest leg",
            weight=0.20,
            feature="momentum_15",
            over="volatility_20",
            unit=math.sqrt(15),
            shape=Shape.SOFT,
        ),
        Factor(
            says="60-bar return {:+.1f} sd",
            why="the main horizon",
            weight=0.35,
            feature="momentum_60",
            over="volatility_100",
            unit=math.sqrt(60),
            shape=Shape.SOFT,
        ),
        Factor(
            says="240-bar return {:+.1f} sd",
            why="the long horizon, slow to turn",
            weight=0.25,
            feature="momentum_240",
            over="volatility_100",
            unit=math.sqrt(240),
            shape=Shape.SOFT,
        ),
        Factor(
            says="MACD histogram {:+.2f} sd",
            why="whether the move gathers or loses pace (Appel 1979)",
            weight=0.20,
            feature="macd_histogram",
            over="volatility_20",
            scale=0.5,
            shape=Shape.SOFT,
        ),
    ),
    buy=0.30,
    sell=-0.30,
    full=0.75,
)


def momentum_hunter(params: Mapping[str, object] | None = None) -> ScoredAgent:
    """Return the agent; ``params`` may replace its limits."""
    return scored_agent(RECIPE, params)
