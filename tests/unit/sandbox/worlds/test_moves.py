"""Moves: undone they are the bars again, mirrored they pay the opposite, and walks are fair."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.kernel.clock import HOUR
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named
from tutti.sandbox.montecarlo.resample import Recording
from tutti.sandbox.worlds.moves import (
    Walk,
    block_of,
    mirrored,
    recorded_moves,
    reordered,
    walk_moves,
)

_WALK = Walk(n_instruments=2, n_ticks=4000)


def _recording() -> Recording:
    return Recording(
        SimulatedMarket(
            [MarketSpec(instrument=InstrumentId(f"C{i}-USDT-PERP", "X")) for i in range(2)],
            seed=5, step=HOUR, start=_WALK.start,
            regime_schedule=RegimeChain(regimes_named("trend", "crash"), mean_bars=20.0),
        ).next_block(80)
    )  # fmt: skip


def test_recorded_moves_make_the_recorded_bars_again() -> None:
    recording = _recording()
    block = recording.block
    for name in ("open", "high", "low", "close", "volume"):
        getattr(block, name)[10, 1] = math.nan
    recording = Recording(block)
    made = block_of(
        recorded_moves(recording), block.instruments, block.ts, HOUR, recording.reference[0]
    )
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_allclose(getattr(made, name), getattr(block, name), rtol=1e-12)
    assert not made.funding.any()


def test_mirrored_move_has_the_opposite_profit_and_its_extremes_turned_round() -> None:
    moves = recorded_moves(_recording())
    signs = np.where(np.arange(80) % 2 == 0, 1.0, -1.0)
    turned = mirrored(moves, signs)
    np.testing.assert_array_equal(turned.close[1::2], -moves.close[1::2])
    np.testing.assert_array_equal(turned.high[1::2], -moves.low[1::2])
    np.testing.assert_array_equal(turned.close[::2], moves.close[::2])
    np.testing.assert_array_equal(mirrored(turned, signs).low, moves.low)
    assert (turned.high >= np.maximum(turned.open, turned.close) - 1e-12).all()


def test_move_of_more_than_ninety_per_cent_counts_as_ninety() -> None:
    recording = _recording()
    recording.block.close[20] *= 3.0
    moves = recorded_moves(Recording(recording.block))
    assert np.nanmax(moves.close) == 0.9


def test_reordered_moves_are_those_of_the_rows() -> None:
    moves = recorded_moves(_recording())
    rows = np.arange(80)[::-1].copy()
    np.testing.assert_array_equal(reordered(moves, rows).notional[0], moves.notional[79])


def test_walk_has_the_volatility_and_correlation_that_it_says_and_no_drift() -> None:
    moves = [walk_moves(_WALK, np.random.default_rng(seed)).close for seed in range(40)]
    every = np.concatenate(moves)
    per_bar = 0.7 / math.sqrt(8760)
    assert every.std() == pytest.approx(per_bar, rel=0.03)
    assert np.corrcoef(every[:, 0], every[:, 1])[0, 1] == pytest.approx(0.5, abs=0.03)
    assert abs(every.mean()) < 4 * per_bar / math.sqrt(len(every))
    # volatility comes in clusters, direction in none
    flat = every[:, 0]
    assert np.corrcoef(np.abs(flat[1:]), np.abs(flat[:-1]))[0, 1] > 0.05
    assert abs(np.corrcoef(flat[1:], flat[:-1])[0, 1]) < 0.01


def test_walk_makes_possible_bars_that_open_at_the_close_before() -> None:
    block = block_of(
        walk_moves(_WALK, np.random.default_rng(1)), _WALK.instruments, _WALK.ts, _WALK.step,
        np.full(2, 100.0),
    )  # fmt: skip
    np.testing.assert_allclose(block.open[1:], block.close[:-1])
    assert (block.high >= np.maximum(block.open, block.close) * (1 - 1e-12)).all()
    assert (block.low <= np.minimum(block.open, block.close) * (1 + 1e-12)).all()
    assert (block.volume > 0).all()


def test_walk_with_a_drift_is_the_same_walk_and_the_drift() -> None:
    drift = np.full((4000, 2), 0.001)
    plain, drifting = (
        walk_moves(_WALK, np.random.default_rng(2), each).close for each in (None, drift)
    )
    np.testing.assert_allclose(drifting - plain, drift)
