"""The Strategy Optimizer learns from what followed, and from nothing later."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.agents.quant.strategy_optimizer import (
    OptimizerRules,
    StrategyOptimizer,
    strategy_optimizer,
)
from tutti.features.block import FeatureBlock
from tutti.model.errors import ConfigError
from tutti.model.opinion import Views

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

pytestmark = pytest.mark.kernels

_EAGER = OptimizerRules(min_outcomes=0.0, threshold=0.0)


def _block(returns: FloatArray, volatility: float = 0.01) -> FeatureBlock:
    spread = np.where(np.isnan(returns), np.nan, volatility)
    return FeatureBlock(("momentum_1", "volatility_20"), np.stack([returns, spread]))


def _views(*bias: FloatArray) -> tuple[Views, ...]:
    return tuple(Views(b, np.where(np.isnan(b), np.nan, 0.5)) for b in bias)


def _market(seed: int = 1, ticks: int = 200) -> tuple[FloatArray, FloatArray, FloatArray]:
    # returns, an agent that sees the next one, an agent that is always wrong
    returns = np.random.default_rng(seed).normal(scale=0.01, size=(ticks, 1))
    right = np.sign(np.vstack([returns[1:], np.zeros((1, 1))])) * 0.8
    return returns, right, -right


def test_optimizer_learns_to_follow_the_agent_that_was_right() -> None:
    returns, right, wrong = _market()
    agent = StrategyOptimizer(("wrong", "right"))
    bias, confidence = agent.opine_over(_block(returns), _views(wrong, right))
    spoken = bias[60:-1]
    assert (np.sign(spoken) == np.sign(right[60:-1])).all()
    assert confidence[-2, 0] > 0.9
    assert agent.evidence(198, 0)["share of right"] > 0.99


def test_optimizer_turns_to_another_agent_when_the_first_goes_wrong() -> None:
    returns, right, wrong = _market(ticks=400)
    first = np.vstack([right[:200], wrong[200:]])
    agent = StrategyOptimizer(("first", "second"), OptimizerRules(half_life=20.0))
    agent.opine_over(_block(returns), _views(first, -first))
    assert agent.evidence(190, 0)["share of first"] > 0.9
    assert agent.evidence(398, 0)["share of second"] > 0.9


def test_optimizer_skill_is_the_decayed_product_of_last_bias_and_return() -> None:
    returns = np.array([[0.0], [0.01], [0.02], [-0.5]])
    one, other = np.array([[1.0], [0.5], [1.0], [0.0]]), np.array([[0.0], [-0.4], [0.2], [0.6]])
    agent = StrategyOptimizer(("one", "other"), _EAGER._replace(half_life=1.0, sharpness=1.0))
    agent.opine_over(_block(returns), _views(one, other))
    # outcomes in standard deviations are 1, 2 and -50, cut off at -4; each halves what was before
    skill_of_one = ((0.0 + 1.0 * 1.0) / 2 + 0.5 * 2.0) / 2
    skill_of_other = ((0.0 + 0.0 * 1.0) / 2 - 0.4 * 2.0) / 2
    odds = math.exp(skill_of_one - skill_of_other)
    assert agent.evidence(2, 0)["share of one"] == pytest.approx(odds / (1 + odds))
    last = math.exp((skill_of_one - 4.0) / 2 - (skill_of_other - 0.8) / 2)
    assert agent.evidence(3, 0)["share of one"] == pytest.approx(last / (1 + last))


def test_optimizer_view_is_the_shares_of_the_others_and_its_confidence_their_merit() -> None:
    returns = np.array([[0.0]])
    agent = StrategyOptimizer(("one", "other"), _EAGER)
    bias, confidence = agent.opine_over(
        _block(returns), _views(np.array([[0.9]]), np.array([[-0.3]]))
    )
    # nothing learnt yet: half each, agreement 0.3 / 0.6, trusted by half
    assert bias[0, 0] == pytest.approx(0.3)
    assert confidence[0, 0] == pytest.approx(0.3 / 0.6 * (1 + 0.5) / 2 * 0.5)


def test_optimizer_within_its_threshold_holds() -> None:
    agent = StrategyOptimizer(("one", "other"), _EAGER._replace(threshold=0.2))
    view = agent.opine_over(
        _block(np.zeros((1, 1))), _views(np.full((1, 1), 0.5), np.zeros((1, 1)))
    )
    assert view.bias[0, 0] == 0.25
    again = agent.opine_over(
        _block(np.zeros((1, 1))), _views(np.full((1, 1), 0.3), np.zeros((1, 1)))
    )
    assert (again.bias[0, 0], again.confidence[0, 0]) == (0.0, 0.0)


def test_optimizer_before_enough_outcomes_abstains() -> None:
    returns, right, wrong = _market(ticks=60)
    agent = StrategyOptimizer(("right", "wrong"), OptimizerRules(min_outcomes=48.0))
    bias, confidence = agent.opine_over(_block(returns), _views(right, wrong))
    assert np.isnan(bias[:48]).all()
    assert np.isnan(confidence[:48]).all()
    assert not np.isnan(bias[48:]).any()


def test_optimizer_gives_no_share_to_an_agent_that_abstains() -> None:
    returns, right, _ = _market(ticks=80)
    silent = np.full_like(right, np.nan)
    agent = StrategyOptimizer(("silent", "right"))
    bias, _ = agent.opine_over(_block(returns), _views(silent, right))
    assert agent.evidence(79, 0)["share of silent"] == 0.0
    np.testing.assert_array_equal(bias[48:], right[48:])


def test_optimizer_while_all_abstain_abstains() -> None:
    returns, right, _ = _market(ticks=80)
    silent = np.full_like(right, np.nan)
    agent = StrategyOptimizer(("one", "other"))
    bias, confidence = agent.opine_over(_block(returns), _views(silent, silent))
    assert np.isnan(bias).all()
    assert np.isnan(confidence).all()
    assert agent.explain(agent.evidence(79, 0)).startswith("no view")


def test_optimizer_at_a_missing_bar_abstains_and_settles_at_the_next() -> None:
    returns, right, wrong = _market(ticks=100)
    with_gap = np.insert(returns, 70, np.nan, axis=0)
    heard = [np.insert(b, 70, np.nan, axis=0) for b in (right, wrong)]
    whole, gapped = StrategyOptimizer(("right", "wrong")), StrategyOptimizer(("right", "wrong"))
    expected = whole.opine_over(_block(returns), _views(right, wrong)).bias
    bias = gapped.opine_over(_block(with_gap), _views(*heard)).bias
    assert math.isnan(bias[70, 0])
    np.testing.assert_array_equal(np.delete(bias, 70, axis=0), expected)


def test_optimizer_in_a_market_that_does_not_move_learns_nothing() -> None:
    agent = StrategyOptimizer(("one",), OptimizerRules(min_outcomes=1.0))
    still = _block(np.zeros((30, 1)), volatility=0.0)
    assert np.isnan(agent.opine_over(still, _views(np.ones((30, 1)))).bias).all()


def test_optimizer_explains_whom_it_follows() -> None:
    agent = StrategyOptimizer(("one", "other"), _EAGER._replace(threshold=0.2))
    agent.opine_over(_block(np.zeros((1, 1))), _views(np.full((1, 1), -0.9), np.full((1, 1), 0.2)))
    assert agent.explain(agent.evidence(0, 0)) == (
        "follows 50% one (-0.90), 50% other (+0.20) -> score -0.35 beyond 0.20: short"
    )
    agent.opine_over(_block(np.zeros((1, 1))), _views(np.full((1, 1), 0.1), np.zeros((1, 1))))
    assert agent.explain(agent.evidence(0, 0)).endswith("score +0.05 within 0.20: hold")


def test_optimizer_given_views_of_others_than_it_hears_refuses() -> None:
    agent = StrategyOptimizer(("one", "other"))
    with pytest.raises(ValueError, match="was given 1 views"):
        agent.opine_over(_block(np.zeros((1, 1))), _views(np.zeros((1, 1))))


def test_optimizer_given_another_number_of_instruments_refuses() -> None:
    agent = StrategyOptimizer(("one",))
    agent.opine_over(_block(np.zeros((1, 2))), _views(np.zeros((1, 2))))
    with pytest.raises(ValueError, match="follows 2 instruments, the block has 3"):
        agent.opine_over(_block(np.zeros((1, 3))), _views(np.zeros((1, 3))))


def test_optimizer_takes_parameters_by_name() -> None:
    agent = strategy_optimizer({"half_life": 100}, heard=("one",))
    assert agent.rules == OptimizerRules(half_life=100.0)
    assert agent.heard == ("one",)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"halflife": 3}, r"unknown parameters \['halflife'\]; there are half_life"),
        ({"half_life": 0}, "half_life must be positive"),
        ({"proven": -1}, "proven must be positive"),
        ({"sharpness": -1}, "must not be negative"),
        ({"min_outcomes": -1}, "must not be negative"),
        ({"threshold": 0.7}, "threshold < full"),
        ({"ceiling": 2}, "ceiling"),
        ({"half_life": math.nan}, "half_life must be a number"),
        ({"half_life": True}, "half_life must be a number, was True"),
    ],
)
def test_optimizer_parameters_that_make_no_sense_are_refused(
    params: dict[str, object], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        strategy_optimizer(params)
