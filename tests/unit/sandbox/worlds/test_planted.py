"""The planted edge is where it is said to be, and as large."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.sandbox.worlds.moves import Walk
from tutti.sandbox.worlds.planted import Edge, drift_of, informed, planted_world

_WALK = Walk(n_instruments=4, n_ticks=8760)


def test_holding_the_sides_that_are_known_earns_the_planted_sharpe_ratio() -> None:
    ratios = []
    for seed in range(150):
        moves, sides = planted_world(_WALK, Edge(sharpe=3.0), np.random.default_rng(seed))
        profits = (sides[:-1] * moves.close[1:]).sum(axis=1)
        ratios.append(profits.mean() / profits.std() * math.sqrt(8760))
    assert np.mean(ratios) == pytest.approx(3.0, abs=4 / math.sqrt(150))


def test_sides_turn_as_often_as_asked_and_are_known_a_bar_ahead() -> None:
    edge = Edge(sharpe=1.5, hold_ticks=20)
    moves, sides = planted_world(_WALK, edge, np.random.default_rng(1))
    assert np.mean(sides[1:] != sides[:-1]) == pytest.approx(1 / 20, rel=0.1)
    assert set(np.unique(sides)) == {-1.0, 1.0}
    plain, _ = planted_world(_WALK, edge._replace(sharpe=0.0), np.random.default_rng(1))
    np.testing.assert_allclose(
        moves.close[1:] - plain.close[1:], drift_of(edge, _WALK) * sides[:-1], atol=1e-15
    )


def test_informed_trader_holds_the_same_of_each_on_the_known_side() -> None:
    signals = informed(np.array([[1.0, -1.0]]), 500.0)
    np.testing.assert_array_equal(signals.score, [[1.0, -1.0]])
    np.testing.assert_array_equal(signals.size, [[500.0, 500.0]])
    assert (signals.lead == -1).all()
