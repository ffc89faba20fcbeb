from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.stats.robustness import (
    STATES,
    by_part,
    by_state,
    capacity,
    cost_bearing,
    market_states,
)


def test_gain_at_other_costs_moves_by_what_they_cost_more() -> None:
    found = cost_bearing(50.0, 100.0, balance=1000.0, traded=20_000.0, multiples=(0.0, 1.0, 2.0))
    assert found.total_returns == pytest.approx((0.15, 0.05, -0.05))
    assert found.break_even_multiple == pytest.approx(1.5)
    assert found.break_even_bps == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("gain", "cost", "even"),
    [(50.0, 0.0, math.inf), (50.0, -5.0, math.inf), (-100.0, 100.0, 0.0), (-150.0, 100.0, 0.0)],
)
def test_break_even_without_costs_or_without_an_edge(gain: float, cost: float, even: float) -> None:
    found = cost_bearing(gain, cost, balance=1000.0, traded=0.0)
    assert found.break_even_multiple == even
    assert math.isnan(found.break_even_bps)


def test_capacity_is_where_the_square_root_law_leaves_most_and_nothing() -> None:
    gain, impact = 900.0, 100.0
    found = capacity(gain, impact)

    multiples = np.append(np.linspace(0.1, 100.0, 100_000), [1.0, found.break_even])
    left = multiples * (gain + impact) - multiples**1.5 * impact
    assert left[-2:] == pytest.approx([gain, 0.0], abs=1e-9)
    assert found.most_profit == pytest.approx(multiples[np.argmax(left)], abs=2e-3)


def test_capacity_without_an_edge_is_nothing_and_without_impact_unknown() -> None:
    assert (capacity(-10.0, 5.0).most_profit, capacity(-10.0, 5.0).break_even) == (0.0, 0.0)
    assert math.isnan(capacity(10.0, 0.0).most_profit)
    assert math.isnan(capacity(10.0, 0.0).break_even)


def test_market_states_are_its_direction_and_its_roughness() -> None:
    rng = np.random.default_rng(1)
    market = np.concatenate(
        [rng.normal(mean, deviation, 100)
         for mean, deviation in ((0.01, 0.01), (0.02, 0.05), (-0.01, 0.01), (-0.02, 0.05))]
    )  # fmt: skip
    states = market_states(market)
    assert set(states[:29].tolist()) == {-1}
    for k in range(4):
        inside = states[100 * k + 40 : 100 * (k + 1)]
        assert np.mean(inside == k) > 0.8, STATES[k]


def test_market_states_of_a_few_days_are_unknown() -> None:
    assert set(market_states(np.full(19, 0.01)).tolist()) == {-1}
    assert market_states(np.random.default_rng(1).normal(size=20)).max() >= 0


def test_market_state_of_a_day_does_not_depend_on_its_scale() -> None:
    market = np.random.default_rng(1).normal(size=200)
    assert market_states(market).tolist() == market_states(9.0 * market).tolist()


def test_stretches_are_what_was_earned_in_each_state() -> None:
    daily = np.array([0.1, 0.2, -0.1, 0.3, 0.05, 0.0])
    states = np.array([-1, 0, 2, 0, 0, 2])
    rising, falling = by_state(daily, states)
    assert (rising.name, rising.days, rising.share) == ("rising, calm", 3, 0.5)
    assert rising.total_return == pytest.approx(1.2 * 1.3 * 1.05 - 1)
    part = np.array([0.2, 0.3, 0.05])
    assert rising.sharpe == pytest.approx(part.mean() / part.std(ddof=1))
    assert (falling.name, falling.days) == ("falling, calm", 2)
    assert math.isnan(falling.sharpe)
    assert math.isnan(falling.sharpe_se)


def test_parts_follow_each_other_and_make_up_the_whole() -> None:
    daily = np.random.default_rng(1).normal(0.001, 0.01, 103)
    parts = by_part(daily)
    assert [part.days for part in parts] == [26, 26, 25, 26]
    assert [part.name for part in parts] == ["0", "26", "52", "77"]
    whole = math.prod(1.0 + part.total_return for part in parts)
    assert whole == pytest.approx(np.prod(1.0 + daily))
    assert [part.days for part in by_part(daily[:2])] == [1, 1]


def test_states_of_other_days_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"states must have the shape of daily, \(3,\), was \(2,\)"
    ):
        by_state([0.1, 0.2, 0.3], np.array([0, 1]))
