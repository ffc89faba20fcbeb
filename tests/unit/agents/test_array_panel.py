"""The panel of array agents: all asked, in order, none heard that may not speak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.agents.array_panel import ArrayPanel
from tutti.agents.port import ArrayAgent, MetaAgent
from tutti.agents.quant import quant_agents
from tutti.agents.quant.strategy_optimizer import OptimizerRules, StrategyOptimizer
from tutti.features.block import FeatureBlock
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion, Views

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.kernels

_BTC = InstrumentId("BTC-USDT", "SIM")
_OPTIMIZER = StrategyOptimizer(("louder", "absent", "echo"), OptimizerRules(min_outcomes=0.0))


class _Louder:
    """Follows the last return."""

    name = "louder"
    needs: tuple[str, ...] = ("momentum_1",)

    def opine(self, features: FeatureBlock) -> Views:
        bias = np.clip(features["momentum_1"] * 50, -1, 1)
        return Views(bias, np.abs(bias))

    def explain(self, row: Mapping[str, float]) -> str:
        return f"moved {row['momentum_1']:+.1%}"


class _Echo:
    """Repeats the first agent it hears."""

    name = "echo"
    needs: tuple[str, ...] = ()
    heard: tuple[str, ...] = ("louder", "echo")

    def opine_over(self, features: FeatureBlock, others: tuple[Views, ...]) -> Views:
        assert np.isnan(others[1].bias).all()
        return others[0]

    def evidence(self, t: int, i: int) -> dict[str, float]:
        return {"tick": t, "instrument": i}

    def explain(self, row: Mapping[str, float]) -> str:
        return f"heard at {row['tick']:.0f}, {row['instrument']:.0f}: {row['momentum_1']:+.1%}"


class _Misshapen(_Louder):
    name = "misshapen"

    def opine(self, features: FeatureBlock) -> Views:
        return Views(np.zeros(3), np.zeros(3))


def _features(names: tuple[str, ...], ticks: int = 60, n: int = 2) -> FeatureBlock:
    rng = np.random.default_rng(8)
    values = rng.normal(scale=0.01, size=(len(names), ticks, n))
    for k, name in enumerate(names):
        if name.startswith(("volatility", "atr")):
            values[k] = rng.uniform(0.005, 0.02, size=(ticks, n))
        elif not name.startswith(("mom", "macd", "ema", "sma", "channel")):
            values[k] = rng.uniform(0, 1, size=(ticks, n))
    return FeatureBlock(names, values)


def _said(
    panel: ArrayPanel, features: FeatureBlock, views: tuple[Views, ...], cell: tuple[int, int]
) -> list[Opinion | Abstention]:
    at_cell = [(float(view.bias[cell]), float(view.confidence[cell])) for view in views]
    return panel.opinions(features.row(*cell), at_cell, cell, _BTC, 99)


def test_panel_gives_what_each_agent_says_alone_in_order() -> None:
    panel = ArrayPanel(quant_agents())
    features = _features(panel.needs)
    views = panel.opine(features)
    assert len(views) == len(panel.names) == 7
    alone: list[Views] = []
    for agent, view in zip(quant_agents(), views, strict=True):
        answer = (
            agent.opine_over(features, tuple(alone))
            if isinstance(agent, MetaAgent)
            else agent.opine(features)
        )
        alone.append(answer)
        np.testing.assert_array_equal(view.bias, answer.bias)
        np.testing.assert_array_equal(view.confidence, answer.confidence)


def test_panel_asks_meta_agents_last_wherever_they_stand() -> None:
    panel = ArrayPanel((_Echo(), *quant_agents(("vpin",)), _Louder()))
    echo, _, louder = panel.opine(_features(panel.needs))
    np.testing.assert_array_equal(echo.bias, louder.bias)


def test_panel_stacks_views_by_agent() -> None:
    panel = ArrayPanel((_Louder(), *quant_agents(("vpin",))))
    features = _features(panel.needs)
    stacked = panel.opine_stacked(features)
    assert stacked.bias.shape == stacked.confidence.shape == (2, 60, 2)
    for a, view in enumerate(panel.opine(features)):
        np.testing.assert_array_equal(stacked.bias[a], view.bias)


def test_panel_needs_each_feature_once() -> None:
    panel = ArrayPanel((_Louder(), _Misshapen(), *quant_agents(("vpin",))))
    assert len(set(panel.needs)) == len(panel.needs)
    assert panel.needs[0] == "momentum_1"


def test_panel_silences_who_may_not_speak_also_towards_meta_agents() -> None:
    agents: list[ArrayAgent | MetaAgent] = [*quant_agents(("vpin",)), _Louder(), _Echo()]
    panel = ArrayPanel(agents, active=np.array([[1, 1], [1, 0], [1, 1]]))
    features = _features(panel.needs)
    views = panel.opine(features)
    _, louder, echo = views
    assert not np.isnan(louder.bias[:, 0]).any()
    assert np.isnan(louder.bias[:, 1]).all()
    assert np.isnan(louder.confidence[:, 1]).all()
    assert np.isnan(echo.bias[:, 1]).all()
    said = _said(panel, features, views, (4, 1))
    assert said[1] == Abstention(
        agent="louder", instrument=_BTC, as_of=99, reason="may not speak about this instrument"
    )


def test_panel_silences_meta_agents_too() -> None:
    panel = ArrayPanel((_Louder(), _Echo()), active=np.array([[1, 1], [0, 1]]))
    louder, echo = panel.opine(_features(panel.needs))
    assert np.isnan(echo.bias[:, 0]).all()
    np.testing.assert_array_equal(echo.bias[:, 1], louder.bias[:, 1])


def test_panel_lets_a_meta_agent_hear_an_abstention_for_who_is_not_there() -> None:
    panel = ArrayPanel((_Louder(), _OPTIMIZER))
    panel.opine(_features(panel.needs))
    assert _OPTIMIZER.evidence(10, 0)["share of louder"] == 1.0


def test_panel_names_opinions_with_reasons() -> None:
    panel = ArrayPanel((_Louder(), _Echo()))
    features = _features(panel.needs)
    views = panel.opine(features)
    louder, echo = _said(panel, features, views, (4, 1))
    moved = features["momentum_1"][4, 1]
    assert louder == Opinion(
        agent="louder",
        instrument=_BTC,
        bias=float(views[0].bias[4, 1]),
        confidence=float(views[0].confidence[4, 1]),
        as_of=99,
        rationale=f"moved {moved:+.1%}",
    )
    assert isinstance(echo, Opinion)
    assert echo.rationale == f"heard at 4, 1: {moved:+.1%}"


def test_panel_names_abstentions_with_reasons() -> None:
    panel = ArrayPanel(quant_agents(("vpin",)))
    features = FeatureBlock(panel.needs, np.full((len(panel.needs), 1, 1), np.nan))
    (said,) = _said(panel, features, panel.opine(features), (0, 0))
    assert isinstance(said, Abstention)
    assert said.reason.startswith("no view: momentum_15")


def test_panel_of_nobody_says_nothing() -> None:
    panel = ArrayPanel(())
    assert panel.opine(_features(("momentum_1",))) == ()
    assert panel.needs == ()


def test_panel_with_two_of_one_name_is_refused() -> None:
    with pytest.raises(ValueError, match="one name"):
        ArrayPanel((_Louder(), _Louder()))


def test_panel_refuses_an_answer_of_another_shape() -> None:
    panel = ArrayPanel((_Misshapen(),))
    with pytest.raises(ValueError, match="agent 0 answered in shape"):
        panel.opine(_features(panel.needs))
