"""Null worlds: what each shows and what it trades."""

from __future__ import annotations

import numpy as np

from tutti.sandbox.worlds.moves import Walk, walk_moves
from tutti.sandbox.worlds.null import World, coins, null_world

_MOVES = walk_moves(Walk(n_instruments=2, n_ticks=600), np.random.default_rng(1))


def _world(world: World, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    seen, traded = null_world(world, _MOVES, np.random.default_rng(seed))
    return seen.close, traded.close


def test_random_walk_is_seen_and_traded_as_it_is() -> None:
    seen, traded = _world(World.RANDOM_WALK)
    assert seen is traded is _MOVES.close


def test_reversed_time_runs_backwards_and_mirrored() -> None:
    seen, traded = _world(World.TIME_REVERSED)
    assert seen is traded
    np.testing.assert_array_equal(seen, -_MOVES.close[::-1])


def test_shuffled_labels_are_traded_in_another_order_than_seen() -> None:
    seen, traded = _world(World.SHUFFLED_LABELS)
    assert seen is _MOVES.close
    np.testing.assert_allclose(np.sort(np.abs(traded), axis=0), np.sort(np.abs(seen), axis=0))
    # rows stay whole
    assert np.corrcoef(traded.T)[0, 1] > 0.3
    assert abs(np.corrcoef(traded[:, 0], seen[:, 0])[0, 1]) < 0.15


def test_coins_are_fair_and_nothing_but_one_and_minus_one() -> None:
    thrown = coins(10_000, np.random.default_rng(3))
    assert set(thrown.tolist()) == {1.0, -1.0}
    assert abs(thrown.mean()) < 0.03
