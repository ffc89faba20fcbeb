"""Recipes in writing."""

from __future__ import annotations

from tutti.agents.catalogue import catalogue, page
from tutti.agents.quant import DISPLAY_NAMES
from tutti.agents.quant.recipe import Factor, Gate, Recipe, Shape

_GATE = Gate(feature="g", closed=0.0, open=0.5, label="G")
_RECIPE = Recipe(
    name="scout",
    display_name="Scout",
    purpose="looks around",
    source="Nobody (2020), Nothing.",
    factors=(
        Factor(says="", why="plain", weight=0.1, feature="x"),
        Factor(says="", why="scaled", weight=0.1, feature="x", unit=4.0, centre=-1.0, scale=2.0),
        Factor(says="", why="sum", weight=0.1, feature="x", other="z", other_times=0.5, over="y"),
        Factor(says="", why="spread", weight=0.3, feature="x", other="z", other_times=-1.0),
        Factor(
            says="",
            why="edge",
            weight=0.4,
            feature="up",
            other="down",
            over="y",
            unit=2.0,
            centre=0.25,
            shape=Shape.BREAK,
            gate=_GATE,
        ),
    ),
    buy=0.2,
    sell=-0.3,
    full=0.8,
    ceiling=0.9,
)


def test_page_writes_each_factor_as_its_formula() -> None:
    rows = [line for line in page(_RECIPE).splitlines() if line.startswith("| 0")]
    assert rows == [
        "| 0.1 | `clip(x)` |  | plain |",
        "| 0.1 | `clip((x / 4 + 1) / 2)` |  | scaled |",
        "| 0.1 | `clip((x + 0.5 * z) / y)` |  | sum |",
        "| 0.3 | `clip((x - z))` |  | spread |",
        "| 0.4 | `edge(((up, down) / (y * 2) - 0.25))` | G (`g`): closed at 0, open at 0.5 | edge |",
    ]


def test_page_states_limits_and_source() -> None:
    said = page(_RECIPE)
    assert (
        "Buy above +0.2, sell below -0.3, fully convinced at 0.8, confidence at most 0.9." in said
    )
    assert "Source. Nobody (2020), Nothing." in said


def test_catalogue_has_a_chapter_for_each_agent() -> None:
    said = catalogue()
    for name, title in DISPLAY_NAMES.items():
        assert f"### {title} (`{name}`)" in said
