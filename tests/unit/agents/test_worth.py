from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.agents.aggregation import Aggregation
from tutti.agents.worth import Pool, Share, by_span, gains, next_weights, worths
from tutti.model.opinion import Views

_DAY = 86_400_000_000_000


def _pool(bias: np.ndarray, move: np.ndarray, cost: float = 0.0) -> Pool:
    n = len(bias)
    return Pool(
        views=Views(bias, np.where(np.isnan(bias), np.nan, 1.0)),
        regime=np.full(move.shape, -1, np.int64),
        weights=np.ones(n),
        regime_weights=np.ones((5, n)),
        active=np.ones((n, move.shape[1]), np.int64),
        method=Aggregation.WEIGHTED_AVERAGE,
        move=move,
        cost=np.full(move.shape[1], cost),
    )


def _share(value: float, error: float) -> Share:
    return Share(value=value, low=value - 2 * error, high=value + 2 * error, standard_error=error)


def test_gains_are_positions_times_moves_less_what_trading_cost() -> None:
    positions = np.array([[1.0, 0.0], [1.0, -1.0], [np.nan, -1.0]])
    move = np.array([[0.1, 0.1], [0.2, -0.1], [0.3, np.nan]])
    found = gains(positions, move, np.array([0.01, 0.02]))
    assert found.tolist() == pytest.approx([(0.1 - 0.01) / 2, (0.3 - 0.02) / 2, -0.01 / 2])


def test_positions_over_a_horizon_are_built_and_given_up_bit_by_bit() -> None:
    positions = np.array([[1.0], [0.0], [0.0], [0.0]])
    found = gains(positions, np.full((4, 1), 0.1), np.zeros(1), 2)
    assert found.tolist() == pytest.approx([0.05, 0.05, 0.0, 0.0])


def test_spans_without_a_tick_gained_nothing() -> None:
    ts = np.array([1, _DAY, _DAY + 1, 3 * _DAY + 1])
    assert by_span(np.array([1.0, 2.0, 4.0, 8.0]), ts, _DAY).tolist() == [3.0, 4.0, 0.0, 8.0]


def test_who_knows_the_future_is_worth_all_that_the_panel_reaches() -> None:
    rng = np.random.default_rng(5)
    move = rng.normal(0, 0.01, (300, 3))
    bias = np.stack([np.sign(move), np.zeros_like(move)])
    ts = np.arange(1, 301) * _DAY
    found = worths(_pool(bias, move), ts, _DAY, rng, per_year=365.0, mean_block=1.0)
    oracle, idle = found.shapley
    assert oracle.is_told
    assert oracle.value > 10.0
    assert found.together.value == pytest.approx(oracle.value + idle.value)
    assert found.alone[1].value == 0.0
    assert found.n_coalitions == 4
    assert found.spans.shape == (300, 2)
    # a hold lowers the conviction of the pool, not its Sharpe ratio
    assert idle.value == pytest.approx(0.0, abs=1e-9)


def test_noise_is_not_told_from_nothing() -> None:
    rng = np.random.default_rng(6)
    move = rng.normal(0, 0.01, (400, 2))
    bias = rng.choice([-1.0, 1.0], (3, 400, 2))
    ts = np.arange(1, 401) * _DAY
    found = worths(_pool(bias, move), ts, _DAY, rng, per_year=365.0, mean_block=1.0)
    assert sum(each.is_told for each in found.shapley) <= 1
    assert found.shapley[0].standard_error > 0.2


def test_too_many_agents_for_all_coalitions_are_sampled_with_a_wider_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(7)
    move = rng.normal(0, 0.01, (120, 2))
    bias = np.sign(move + rng.normal(0, 0.03, (6, 120, 2)))
    ts = np.arange(1, 121) * _DAY
    exact = worths(
        _pool(bias, move), ts, _DAY, np.random.default_rng(1), per_year=365.0, mean_block=1.0
    )
    monkeypatch.setattr("tutti.agents.worth.EXACT", 4)
    found = worths(
        _pool(bias, move), ts, _DAY, np.random.default_rng(1),
        per_year=365.0, mean_block=1.0, n_samples=60, n_pairs=25,
    )  # fmt: skip
    assert found.n_coalitions < 64
    assert sum(each.value for each in found.shapley) == pytest.approx(found.together.value)
    for ours, theirs in zip(found.shapley, exact.shapley, strict=True):
        assert ours.value == pytest.approx(theirs.value, abs=0.8)
    assert [each.value for each in found.left_out] == pytest.approx(
        [each.value for each in exact.left_out]
    )


def test_too_few_samples_give_no_interval() -> None:
    move = np.full((30, 1), 0.01)
    found = worths(
        _pool(np.ones((1, 30, 1)), move), np.arange(1, 31) * _DAY, _DAY,
        np.random.default_rng(1), per_year=365.0, mean_block=1.0, n_samples=5,
    )  # fmt: skip
    assert math.isnan(found.together.low)
    assert not found.together.is_told


def test_weights_step_towards_worth_and_stay_within_their_bounds() -> None:
    configured = np.array([1.0, 1.0, 2.0])
    worth = [_share(1.0, 0.1), _share(-1.0, 0.1), _share(0.05, 0.5)]
    weights = configured
    steps = []
    for _ in range(60):
        weights = next_weights(weights, configured, worth, max_step=0.1, least=0.25, most=4.0)
        steps.append(weights)
    assert steps[0].tolist() == pytest.approx([1.1, 0.9, 2.2])
    assert steps[-1].tolist() == pytest.approx([4.0, 0.25, 2.0 * (1.0 + 0.05 * 3.0)])


def test_weights_of_unknown_worth_return_to_what_is_configured() -> None:
    unknown = [Share(value=math.nan, low=math.nan, high=math.nan, standard_error=math.nan)]
    found = next_weights(
        np.array([1.3]), np.array([1.0]), unknown, max_step=0.1, least=0.5, most=2.0
    )
    assert found.tolist() == pytest.approx([1.2])


def test_weight_of_one_who_never_speaks_does_not_follow_rounding() -> None:
    dust = [Share(value=-1e-17, low=-2e-17, high=-1e-18, standard_error=1e-18)]
    assert not dust[0].is_told
    found = next_weights(np.ones(1), np.ones(1), dust, max_step=0.1, least=0.5, most=2.0)
    assert found.tolist() == [1.0]
