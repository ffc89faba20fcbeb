"""Signals are held against what came, and against what chance would have given."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.sandbox.signals import confusion, forward_moves


def test_moves_reach_from_a_close_to_the_one_a_horizon_later() -> None:
    closes = np.array([[1.0], [2.0], [4.0], [np.nan], [16.0]])
    moves = forward_moves(closes, 2)
    assert moves[:2, 0] == pytest.approx([np.log(4.0), np.nan], nan_ok=True)
    assert moves[2, 0] == pytest.approx(np.log(4.0))
    assert np.isnan(moves[3:]).all()
    with pytest.raises(ValueError, match="at least 1 bar"):
        forward_moves(closes, 0)


def test_counts_are_by_what_was_said_and_what_came() -> None:
    signals = np.array([[0.5, -0.2], [0.0, np.nan], [-1.0, 1.0]])
    moves = np.array([[0.01, 0.02], [-0.01, 0.5], [0.0, np.nan]])
    found = confusion("agent", signals, moves)
    assert found.counts.tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 1]]
    assert found.hit_rate.value == pytest.approx(0.5)  # one right, one wrong, a flat move aside
    assert found.coverage == pytest.approx(3 / 6)
    wide = confusion("agent", signals, moves, band=0.015)
    assert wide.counts[:, 1].sum() == 3


def test_signals_that_know_nothing_are_not_told_from_chance() -> None:
    rng = np.random.default_rng(1)
    found = confusion("coin", rng.normal(size=(2000, 3)), rng.normal(size=(2000, 3)))
    assert found.hit_rate.value == pytest.approx(0.5, abs=0.02)
    assert found.by_chance == pytest.approx(0.5, abs=0.01)
    assert not found.is_told


def test_signals_that_know_something_are_told() -> None:
    rng = np.random.default_rng(2)
    moves = rng.normal(size=(2000, 3))
    found = confusion("seer", moves + rng.normal(size=(2000, 3)), moves)
    assert found.hit_rate.value > 0.7
    assert found.is_told


def test_always_up_in_a_rising_market_is_no_better_than_chance() -> None:
    moves = np.abs(np.random.default_rng(3).normal(size=(500, 2)))
    moves[::4] *= -1
    found = confusion("bull", np.ones((500, 2)), moves)
    assert found.hit_rate.value == pytest.approx(0.75)
    assert found.by_chance == pytest.approx(0.75)
    assert not found.is_told


def test_moves_that_overlap_make_hits_less_sure() -> None:
    rng = np.random.default_rng(4)
    closes = np.exp(np.cumsum(rng.normal(0, 0.01, (3000, 1)), axis=0))
    moves = forward_moves(closes, 48)
    steady = np.sign(np.sin(np.arange(3000) / 200.0))[:, None]
    naive = confusion("slow", steady, moves)
    honest = confusion("slow", steady, moves, horizon=48)
    assert honest.hit_rate.standard_error > 1.3 * naive.hit_rate.standard_error


def test_nothing_said_is_no_hit_rate() -> None:
    found = confusion("mute", np.full((5, 1), np.nan), np.ones((5, 1)))
    assert np.isnan(found.hit_rate.value)
    assert np.isnan(found.by_chance)
    assert found.coverage == 0.0
    with pytest.raises(ValueError, match="must have shape"):
        confusion("mute", np.ones((5, 1)), np.ones((4, 1)))
