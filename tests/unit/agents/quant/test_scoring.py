"""The kernel behind the quant agents, against figures worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tutti.agents.quant.recipe import Factor, Gate, Recipe, Shape
from tutti.agents.quant.scoring import ScoreCard, score_table
from tutti.features.block import FeatureBlock

pytestmark = pytest.mark.kernels

_NAN = math.nan


def _recipe(*factors: Factor, buy: float = 0.25, full: float = 0.5, ceiling: float = 1.0) -> Recipe:
    return Recipe(
        name="scout",
        display_name="Scout",
        purpose="follows x",
        source="none",
        factors=factors,
        buy=buy,
        sell=-buy,
        full=full,
        ceiling=ceiling,
    )


def _factor(feature: str, weight: float = 1.0) -> Factor:
    return Factor(says="{}", why="", weight=weight, feature=feature)


def _cell(recipe: Recipe, **features: float) -> tuple[float, float]:
    block = FeatureBlock(tuple(features), np.array([*features.values()]).reshape(-1, 1, 1))
    bias, confidence = ScoreCard((recipe,)).score(block)
    return float(bias[0, 0, 0]), float(confidence[0, 0, 0])


@pytest.mark.parametrize(
    ("x", "bias", "confidence"),
    [
        (0.75, 0.75, 1.0),
        (0.30, 0.30, 0.6),
        (0.25, 0.0, 0.0),
        (0.10, 0.0, 0.0),
        (-0.25, 0.0, 0.0),
        (-0.40, -0.40, 0.8),
        (-9.0, -1.0, 1.0),
    ],
)
def test_score_beyond_a_threshold_is_the_bias_and_within_both_a_hold(
    x: float, bias: float, confidence: float
) -> None:
    assert _cell(_recipe(_factor("x")), x=x) == pytest.approx((bias, confidence))


def test_score_of_factors_that_disagree_is_held_with_less_confidence() -> None:
    recipe = _recipe(_factor("x", 0.75), _factor("z", 0.25))
    assert _cell(recipe, x=0.8, z=-0.8)[0] == pytest.approx(0.4)
    # terms of +0.6 and -0.2 agree by half
    assert _cell(recipe, x=0.8, z=-0.8)[1] == pytest.approx(0.8 * (1 + 0.5) / 2)


def test_confidence_never_passes_the_ceiling() -> None:
    assert _cell(_recipe(_factor("x"), ceiling=0.7), x=5.0) == (1.0, 0.7)


def test_factor_is_measured_over_volatility_times_unit_and_centred() -> None:
    factor = replace(_factor("x"), over="y", unit=2.0, centre=1.0, scale=4.0)
    assert _cell(_recipe(factor), x=6.0, y=1.0)[0] == pytest.approx(0.5)


@pytest.mark.parametrize("y", [0.0, -1.0, _NAN])
def test_factor_over_nothing_that_moves_abstains(y: float) -> None:
    bias, confidence = _cell(_recipe(replace(_factor("x"), over="y")), x=1.0, y=y)
    assert math.isnan(bias)
    assert math.isnan(confidence)


def test_factor_of_two_features_adds_the_second_times_its_coefficient() -> None:
    factor = replace(_factor("x"), other="z", other_times=-0.5)
    assert _cell(_recipe(factor), x=0.9, z=0.6)[0] == pytest.approx(0.6)


@pytest.mark.parametrize(("u", "f"), [(1.0, 1 / math.sqrt(2)), (-3.0, -3 / math.sqrt(10))])
def test_soft_factor_bends_towards_one(u: float, f: float) -> None:
    recipe = _recipe(replace(_factor("x"), shape=Shape.SOFT))
    assert _cell(recipe, x=u)[0] == pytest.approx(f)


@pytest.mark.parametrize("x", [1e200, -1e200])
def test_soft_factor_of_an_absurd_value_is_still_one(x: float) -> None:
    recipe = _recipe(replace(_factor("x"), shape=Shape.SOFT))
    assert _cell(recipe, x=x)[0] == math.copysign(1.0, x)


@pytest.mark.parametrize(
    ("high", "low", "f"),
    [
        (0.01, 0.08, 1.0),
        (-0.01, 0.06, 0.5),
        (-0.04, 0.04, 0.0),
        (-0.06, 0.01, -0.5),
        (-0.08, -0.01, -1.0),
    ],
    ids=["broken out", "just short of the high", "in the middle", "just above the low", "broken"],
)
def test_edge_factor_rises_to_one_across_the_upper_bound_and_mirrors_at_the_lower(
    high: float, low: float, f: float
) -> None:
    factor = replace(
        _factor("high"), other="low", over="atr", shape=Shape.BREAK, centre=-2.0, scale=2.0
    )
    assert _cell(_recipe(factor), high=high, low=low, atr=0.01)[0] == pytest.approx(f)


@pytest.mark.parametrize(
    ("g", "f"), [(10.0, 0.0), (20.0, 0.0), (25.0, 0.4), (30.0, 0.8), (99, 0.8)]
)
def test_gate_lets_through_what_its_feature_allows(g: float, f: float) -> None:
    gate = Gate(feature="g", closed=20.0, open=30.0, label="g")
    assert _cell(_recipe(replace(_factor("x"), gate=gate)), x=0.8, g=g)[0] == pytest.approx(f)


def test_gate_of_the_agent_weakens_the_score_but_not_the_agreement() -> None:
    gate = Gate(feature="g", closed=50.0, open=30.0, label="g")
    recipe = replace(_recipe(_factor("x")), gate=gate)
    assert _cell(recipe, x=0.8, g=40.0) == pytest.approx((0.4, 0.8))
    assert _cell(recipe, x=0.8, g=60.0) == (0.0, 0.0)


@pytest.mark.parametrize("missing", ["x", "z", "y", "g", "calm"])
def test_any_needed_feature_that_is_missing_makes_an_abstention(missing: str) -> None:
    gate = Gate(feature="g", closed=0.0, open=1.0, label="g")
    recipe = replace(
        _recipe(replace(_factor("x", 0.5), over="y"), replace(_factor("z", 0.5), gate=gate)),
        gate=Gate(feature="calm", closed=1.0, open=0.0, label="calm"),
    )
    row = {"x": 1.0, "z": 1.0, "y": 1.0, "g": 1.0, "calm": 0.0, "unused": _NAN}
    assert _cell(recipe, **row) == (1.0, 1.0)
    assert all(math.isnan(value) for value in _cell(recipe, **(row | {missing: _NAN})))


def test_recipes_scored_together_say_what_each_says_alone() -> None:
    rng = np.random.default_rng(5)
    block = FeatureBlock(("x", "z", "y"), rng.normal(size=(3, 40, 3)))
    recipes = (
        _recipe(_factor("x", 0.4), replace(_factor("z", 0.6), shape=Shape.SOFT)),
        _recipe(replace(_factor("z"), over="y")),
    )
    together = ScoreCard(recipes).score(block)
    for a, recipe in enumerate(recipes):
        alone = ScoreCard((recipe,)).score(block)
        np.testing.assert_array_equal(together.bias[a], alone.bias[0])
        np.testing.assert_array_equal(together.confidence[a], alone.confidence[0])


def test_score_card_reads_features_by_name_in_any_order_and_layout() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(3, 20, 2))
    card = ScoreCard((_recipe(_factor("x", 0.4), _factor("z", 0.6)),))
    straight = card.score(FeatureBlock(("x", "z", "y"), values))
    turned = card.score(FeatureBlock(("y", "z", "x"), values[::-1]))
    np.testing.assert_array_equal(straight.bias, turned.bias)
    np.testing.assert_array_equal(straight.confidence, turned.confidence)


def test_score_table_without_a_needed_feature_names_it() -> None:
    with pytest.raises(ValueError, match=r"\['x'\] are needed"):
        score_table((_recipe(_factor("x")),), ("y", "z"))
