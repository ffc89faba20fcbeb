from __future__ import annotations

import numpy as np
import pytest

from tutti.agents.earnings import AgentEarnings
from tutti.agents.outcome import outcomes
from tutti.agents.worth import gains
from tutti.model.opinion import Views


def test_earnings_tick_by_tick_sum_to_those_of_the_whole_record() -> None:
    rng = np.random.default_rng(3)
    opens = np.exp(np.cumsum(rng.normal(0, 0.02, (60, 2)), axis=0))
    opens[10:13, 1] = np.nan
    bias = rng.uniform(-1, 1, (3, 60, 2))
    bias[1, 20:30] = np.nan
    bias[:, 10:13, 1] = np.nan
    confidence = np.where(np.isnan(bias), np.nan, rng.random((3, 60, 2)))
    # nobody holds anything at the end, so that nothing is left to be earned
    confidence[:, -3:] = 0.0
    cost = np.array([0.001, 0.002])
    earnings = AgentEarnings(3, cost)
    told = [earnings.step(opens[t], Views(bias[:, t], confidence[:, t]))[0] for t in range(60)]
    move = outcomes(opens, 1).move
    for a in range(3):
        # where there is no bar, a record holds what was said last
        positions = (bias * confidence)[a]
        for i in range(2):
            for t in range(60):
                if np.isnan(opens[t, i]):
                    positions[t, i] = positions[t - 1, i]
        whole = gains(positions, move, cost)
        assert np.sum(told, axis=0)[a] == pytest.approx(whole.sum())


def test_nothing_is_held_before_the_next_bar_opens() -> None:
    earnings = AgentEarnings(1, np.zeros(1))
    sure = Views(np.ones((1, 1)), np.ones((1, 1)))
    assert earnings.step(np.array([100.0]), sure)[0].tolist() == [0.0]
    assert not earnings.is_held.any()
    gained, market = earnings.step(np.array([110.0]), sure)
    assert gained.tolist() == [0.0]
    assert market == pytest.approx(0.1)
    assert earnings.is_held.all()
    assert earnings.step(np.array([121.0]), sure)[0].tolist() == pytest.approx([0.1])
