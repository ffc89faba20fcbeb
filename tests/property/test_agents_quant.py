"""What holds of every quant agent, on any features."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.array_panel import ArrayPanel
from tutti.agents.quant import RECIPES, quant_agents
from tutti.features.block import FeatureBlock

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

_TICKS, _N = 40, 2
_NEEDS = ArrayPanel(quant_agents()).needs


def _market(seed: int, missing: float = 0.1) -> FloatArray:
    # any features: wild, some missing, volatilities sometimes zero
    rng = np.random.default_rng(seed)
    values = rng.standard_t(2, size=(len(_NEEDS), _TICKS, _N)) * 10 ** rng.uniform(-3, 2)
    for k, name in enumerate(_NEEDS):
        if name.startswith(("volatility_1", "volatility_2", "atr")):
            values[k] = np.abs(values[k]) * rng.integers(0, 2, size=(_TICKS, _N))
    values[rng.random(values.shape) < missing / 10] = np.nan
    values[:, rng.random((_TICKS, _N)) < missing] = np.nan
    return values


def _panel() -> ArrayPanel:
    return ArrayPanel(quant_agents(params={"strategy_optimizer": {"min_outcomes": 3}}))


@given(seed=st.integers(0, 2**32 - 1))
def test_views_stay_within_bounds_and_a_hold_has_no_confidence(seed: int) -> None:
    bias, confidence = _panel().opine_stacked(FeatureBlock(_NEEDS, _market(seed)))
    np.testing.assert_array_equal(np.isnan(bias), np.isnan(confidence))
    known = ~np.isnan(bias)
    assert (np.abs(bias[known]) <= 1).all()
    assert ((confidence[known] >= 0) & (confidence[known] <= 1)).all()
    assert (confidence[bias == 0] == 0).all()


@given(seed=st.integers(0, 2**32 - 1))
def test_agents_abstain_exactly_while_something_they_need_is_unknown_or_still(seed: int) -> None:
    features = FeatureBlock(_NEEDS, _market(seed))
    for view, agent in zip(_panel().opine(features), quant_agents(), strict=True):
        recipe = RECIPES.get(agent.name)
        if recipe is None:
            continue
        unknown = np.isnan(np.stack([features[name] for name in recipe.needs])).any(axis=0)
        for factor in recipe.factors:
            if factor.over is not None:
                unknown |= features[factor.over] <= 0
        np.testing.assert_array_equal(np.isnan(view.bias), unknown)


@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(1, _TICKS - 1), max_size=6, unique=True),
)
def test_history_in_blocks_gives_the_bits_of_history_in_bulk(seed: int, cuts: list[int]) -> None:
    values = _market(seed)
    bulk = _panel().opine_stacked(FeatureBlock(_NEEDS, values))
    panel = _panel()
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), _TICKS], strict=True):
        part = panel.opine_stacked(FeatureBlock(_NEEDS, values[:, start:stop]))
        np.testing.assert_array_equal(part.bias, bulk.bias[:, start:stop])
        np.testing.assert_array_equal(part.confidence, bulk.confidence[:, start:stop])


@given(seed=st.integers(0, 2**32 - 1), now=st.integers(1, _TICKS - 1))
def test_no_view_changes_when_the_future_does(seed: int, now: int) -> None:
    values = _market(seed)
    poisoned = values.copy()
    poisoned[:, now:] = _market(seed + 1)[:, now:] * -7.0
    one = _panel().opine_stacked(FeatureBlock(_NEEDS, values))
    other = _panel().opine_stacked(FeatureBlock(_NEEDS, poisoned))
    np.testing.assert_array_equal(one.bias[:, :now], other.bias[:, :now])
    np.testing.assert_array_equal(one.confidence[:, :now], other.confidence[:, :now])


@pytest.mark.parametrize("name", list(RECIPES))
@given(seed=st.integers(0, 2**32 - 1))
def test_every_view_can_be_explained(name: str, seed: int) -> None:
    (agent,) = ArrayPanel(quant_agents((name,))).agents
    panel = ArrayPanel((agent,))
    features = FeatureBlock(_NEEDS, _market(seed))
    (view,) = panel.opine(features)
    for t in range(0, _TICKS, 8):
        said = panel.explain(0, features, (t, 1))
        bias = view.bias[t, 1]
        endings = ("long", "short", "hold")
        expected = 2 if bias == 0 else int(bias < 0)
        assert said.startswith("no view") if math.isnan(bias) else said.endswith(endings[expected])
