"""Breakout Sniper: a close beyond the channel of the last 55 bars, with volume behind it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.agents.quant.recipe import Factor, Gate, Recipe, Shape
from tutti.agents.quant.scored import ScoredAgent, scored_agent

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPE = Recipe(
    name="breakout_sniper",
    display_name="Breakout Sniper",
    purpose="speaks only near the edge of the channel, loudest once price has left it",
    source=(
        "Trading-range break: Brock, Lakonishok and LeBaron (1992), Simple Technical Trading "
        "Rules and the Stochastic Properties of Stock Returns, Journal of Finance 47(5); "
        "the 55-bar channel is Donchian's as used by the Turtles (Faith 2007, Way of the "
        "Turtle, system 2). The distance is counted in average true ranges and begins to count "
        "a little before the break."
    ),
    factors=(
        Factor(
            says="close {:+.1f} ATR from the 55-bar high, {:+.1f} from the low",
            why="0 until a quarter ATR short of the edge, 1 half an ATR beyond it",
            weight=0.55,
            feature="channel_high_55",
            other="channel_low_55",
            over="atr_14",
            centre=-0.25,
            scale=0.75,
            shape=Shape.BREAK,
        ),
        Factor(
            says="5-bar return {:+.1f} sd",
            why="volume tells how good the signal in a move is (Blume, Easley and O'Hara 1994)",
            weight=0.20,
            feature="momentum_5",
            over="volatility_100",
            unit=math.sqrt(5),
            scale=2.0,
            gate=Gate(feature="volume_z_50", closed=0.0, open=2.0, label="volume z"),
        ),
        Factor(
            says="Bollinger position {:.2f}",
            why="the same edge seen in standard deviations",
            weight=0.25,
            feature="bollinger_position_20",
            centre=0.5,
            scale=0.6,
        ),
    ),
    buy=0.35,
    sell=-0.35,
    full=0.80,
)


def breakout_sniper(params: Mapping[str, object] | None = None) -> ScoredAgent:
    """Return the agent; ``params`` may replace its limits."""
    return scored_agent(RECIPE, params)
