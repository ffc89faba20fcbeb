"""VPIN: when order flow turns toxic, the side that the informed have been pushing to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.agents.quant.recipe import Factor, Gate, Recipe, Shape
from tutti.agents.quant.scored import ScoredAgent, scored_agent

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOXIC = Gate(feature="vpin_50", closed=0.45, open=0.60, label="VPIN")

RECIPE = Recipe(
    name="vpin",
    display_name="VPIN HFT",
    purpose="silent while flow is balanced; follows the recent move when flow is toxic",
    source=(
        "Easley, Lopez de Prado and O'Hara (2012), Flow Toxicity and Liquidity in a "
        "High-Frequency World, Review of Financial Studies 25(5): VPIN has no direction, so the "
        "recent move gives it, on their reading that liquidity leaves the side that the informed "
        "take. Time bars stand for volume buckets. Andersen and Bondarenko (2014), VPIN and the "
        "Flash Crash, Journal of Financial Markets 17, find that it adds little to volume and "
        "volatility: hence the ceiling on confidence."
    ),
    factors=(
        Factor(
            says="15-bar return {:+.1f} sd",
            why="where the flow has pushed",
            weight=0.50,
            feature="momentum_15",
            over="volatility_100",
            unit=math.sqrt(15),
            shape=Shape.SOFT,
            gate=_TOXIC,
        ),
        Factor(
            says="5-bar return {:+.1f} sd",
            why="and is still pushing",
            weight=0.30,
            feature="momentum_5",
            over="volatility_100",
            unit=math.sqrt(5),
            shape=Shape.SOFT,
            gate=_TOXIC,
        ),
        Factor(
            says="last return {:+.1f} sd",
            why="on volume out of the ordinary",
            weight=0.20,
            feature="momentum_1",
            over="volatility_100",
            scale=2.0,
            gate=Gate(feature="volume_z_50", closed=0.0, open=2.0, label="volume z"),
        ),
    ),
    buy=0.25,
    sell=-0.25,
    full=0.70,
    ceiling=0.80,
)


def vpin(params: Mapping[str, object] | None = None) -> ScoredAgent:
    """Return the agent; ``params`` may replace its limits."""
    return scored_agent(RECIPE, params)
