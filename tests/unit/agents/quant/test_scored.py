"""The reasons that an agent gives are the figures it used."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from tutti.agents.quant import RECIPES
from tutti.agents.quant.scored import ScoredAgent, scored_agent
from tutti.features.block import FeatureBlock
from tutti.model.errors import ConfigError

pytestmark = pytest.mark.kernels

_OVERSOLD = {
    "rsi_14": 24.1,
    "close_z_50": -1.9,
    "bollinger_position_20": 0.02,
    "momentum_5": -0.02,
    "volatility_100": 0.005,
    "adx_14": 20.0,
}


def test_explain_lists_each_factor_with_its_contribution_and_the_verdict() -> None:
    said = ScoredAgent(RECIPES["mean_reversion"]).explain(_OVERSOLD)
    assert said == (
        "RSI 24.1 (+0.30), close -1.9 sd from its 50-bar mean (+0.23), "
        "Bollinger position 0.02 (+0.24), 5-bar return -1.8 sd (+0.13), "
        "all times 1.00 at ADX 20.00 -> score +0.90 above +0.35: long"
    )


def test_explain_with_something_unknown_names_it() -> None:
    agent = ScoredAgent(RECIPES["mean_reversion"])
    without = {name: value for name, value in _OVERSOLD.items() if name != "volatility_100"}
    still = _OVERSOLD | {"volatility_100": 0.0}
    cold = _OVERSOLD | {"rsi_14": math.nan}
    assert agent.explain(without) == "no view: volatility_100 not known or zero"
    assert agent.explain(still) == "no view: volatility_100 not known or zero"
    assert agent.explain(cold) == "no view: rsi_14 not known or zero"


@pytest.mark.parametrize("name", list(RECIPES))
def test_explain_reaches_the_verdict_that_the_kernel_reached(name: str) -> None:
    agent = ScoredAgent(RECIPES[name])
    rng = np.random.default_rng(3)
    values = rng.normal(size=(len(agent.needs), 120, 1)) * 0.3
    for k, feature in enumerate(agent.needs):
        if feature.startswith(("volatility_100", "volatility_20", "atr")):
            values[k] = rng.uniform(0.05, 0.2, size=(120, 1))
        if feature.startswith(("rsi", "adx")):
            values[k] = rng.uniform(0, 60, size=(120, 1))
        if feature.startswith(("volume_z", "vpin")) or "rank" in feature:
            values[k] = rng.uniform(0, 1, size=(120, 1))
    block = FeatureBlock(agent.needs, values)
    bias = agent.opine(block).bias[:, 0]
    verdicts = {1.0: "long", -1.0: "short", 0.0: "hold"}
    for t in range(120):
        said = agent.explain(block.row(t, 0))
        assert said.endswith(verdicts[float(np.sign(bias[t]))])
        score = re.search(r"-> score ([+-]\d\.\d\d)", said)
        assert score is not None
        if bias[t] != 0:
            assert float(score.group(1)) == pytest.approx(bias[t], abs=0.0051)
    assert 10 < np.count_nonzero(bias) < 120


def test_parameters_replace_the_limits_of_a_recipe() -> None:
    agent = scored_agent(RECIPES["vpin"], {"buy": 0.1, "ceiling": 0.5})
    assert agent.recipe == replace(RECIPES["vpin"], buy=0.1, ceiling=0.5)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"bye": 0.1}, r"vpin: unknown parameters \['bye'\]"),
        ({"buy": -1.0}, "sell < 0 < buy"),
        ({"buy": "high"}, "vpin: buy must be a number, was 'high'"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        scored_agent(RECIPES["vpin"], params)
