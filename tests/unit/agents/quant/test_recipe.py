"""What a recipe refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tutti.agents.quant.recipe import Factor, Gate, Recipe, Shape

_RECIPE = Recipe(
    name="scout",
    display_name="Scout",
    purpose="follows x",
    source="none",
    factors=(
        Factor(says="x {}", why="", weight=0.5, feature="x", over="y"),
        Factor(
            says="z {}",
            why="",
            weight=0.5,
            feature="z",
            other="x",
            gate=Gate(feature="g", closed=0, open=1, label="g"),
        ),
    ),
    buy=0.2,
    sell=-0.2,
    full=0.8,
)


def test_recipe_needs_each_feature_once_in_order_of_use() -> None:
    gated = replace(_RECIPE, gate=Gate(feature="calm", closed=1, open=0, label="calm"))
    assert _RECIPE.needs == ("x", "y", "z", "g")
    assert gated.needs == ("x", "y", "z", "g", "calm")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"factors": _RECIPE.factors[:1]}, "weights must sum to 1"),
        (
            {
                "factors": (
                    replace(_RECIPE.factors[0], weight=1.5),
                    replace(_RECIPE.factors[1], weight=-0.5),
                )
            },
            "every weight must be positive",
        ),
        ({"sell": 0.1}, "sell < 0 < buy"),
        ({"buy": -0.1}, "sell < 0 < buy"),
        ({"full": 0.2}, "beyond both thresholds"),
        ({"full": 1.2}, "beyond both thresholds"),
        ({"sell": -0.9}, "beyond both thresholds"),
        ({"ceiling": 0.0}, "ceiling"),
        ({"ceiling": 1.1}, "ceiling"),
        ({"buy": float("nan")}, "sell < 0 < buy"),
    ],
)
def test_recipe_that_makes_no_sense_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(_RECIPE, **changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scale": 0.0}, "scale must not be 0"),
        ({"unit": 0.0}, "unit must be positive"),
        ({"shape": Shape.BREAK}, "needs the lower bound"),
    ],
)
def test_factor_that_makes_no_sense_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(_RECIPE.factors[0], **changes)


def test_gate_without_width_is_refused() -> None:
    with pytest.raises(ValueError, match="must differ"):
        Gate(feature="g", closed=0.5, open=0.5, label="g")
