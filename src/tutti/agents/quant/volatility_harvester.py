"""Volatility Harvester: when volatility expands, the side of the move that expands it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.agents.quant.recipe import Factor, Gate, Recipe
from tutti.agents.quant.scored import ScoredAgent, scored_agent

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPE = Recipe(
    name="volatility_harvester",
    display_name="Volatility Harvester",
    purpose="quiet in calm markets; in expansion it goes with the impulse",
    source=(
        "Range expansion: Crabel (1990), Day Trading with Short Term Price Patterns and Opening "
        "Range Breakout; bands that widen: Bollinger (2002), Bollinger on Bollinger "
        "Bands. Volatility clusters (Mandelbrot 1963; Engle 1982), so an expansion "
        "outlives its first bar. Ranks over 250 bars stand for their narrow-range days."
    ),
    factors=(
        Factor(
            says="5-bar return {:+.1f} sd",
            why="the impulse, while realised volatility ranks high",
            weight=0.40,
            feature="momentum_5",
            over="volatility_100",
            unit=math.sqrt(5),
            scale=1.5,
            gate=Gate(feature="volatility_rank_250", closed=0.5, open=0.9, label="volatility rank"),
        ),
        Factor(
            says="Bollinger position {:.2f}",
            why="riding a band that widens",
            weight=0.35,
            feature="bollinger_position_20",
            centre=0.5,
            scale=0.5,
            gate=Gate(
                feature="bollinger_width_rank_250", closed=0.5, open=0.9, label="band-width rank"
            ),
        ),
        Factor(
            says="last return {:+.1f} sd",
            why="a single wide bar on heavy volume",
            weight=0.25,
            feature="momentum_1",
            over="volatility_100",
            scale=2.0,
            gate=Gate(feature="volume_z_50", closed=0.5, open=2.5, label="volume z"),
        ),
    ),
    buy=0.25,
    sell=-0.25,
    full=0.75,
)


def volatility_harvester(params: Mapping[str, object] | None = None) -> ScoredAgent:
    """Return the agent; ``params`` may replace its limits."""
    return scored_agent(RECIPE, params)
