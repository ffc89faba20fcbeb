"""Costs over time."""

from __future__ import annotations

import numpy as np

from tutti.execution.cost import costs_of
from tutti.sandbox.scenarios.conditions import Factor
from tutti.sandbox.scenarios.schedule import scheduled
from tutti.sandbox.scenarios.span import Window

_COSTS = costs_of(np.array([1.0, 2.0]), latency_ns=7)


def _factor(begin: int, end: int, *factors: float) -> Factor:
    return Factor(Window(begin, end), np.array(factors))


def test_spread_is_wider_within_its_window_alone() -> None:
    schedule = scheduled(_COSTS, [_factor(10, 20, 5.0, 1.0)])
    found = [schedule.at(ts).half_spread_bps.tolist() for ts in (9, 10, 19, 20)]
    assert found == [[1.0, 2.0], [5.0, 2.0], [5.0, 2.0], [1.0, 2.0]]
    assert schedule.at(15).latency_ns == 7


def test_spreads_that_overlap_multiply() -> None:
    schedule = scheduled(_COSTS, [_factor(10, 20, 5.0, 5.0), _factor(15, 30, 2.0, 2.0)])
    assert schedule.at(16).half_spread_bps.tolist() == [10.0, 20.0]


def test_spread_never_takes_the_whole_price() -> None:
    schedule = scheduled(_COSTS, [_factor(10, 20, 1e6, 1.0)])
    assert schedule.at(10).half_spread_bps[0] < 10_000.0


def test_pieces_cover_all_bars_once_each_at_the_costs_of_its_start() -> None:
    schedule = scheduled(_COSTS, [_factor(10, 20, 5.0, 1.0)])
    ts = np.array([0, 9, 12, 25], np.int64)
    pieces = list(schedule.pieces(ts))
    assert [rows for rows, _ in pieces] == [slice(0, 2), slice(2, 3), slice(3, 4)]
    assert all(costs is schedule.at(int(t)) for rows, costs in pieces for t in ts[rows])


def test_without_changes_there_is_one_piece() -> None:
    schedule = scheduled(_COSTS, [])
    assert [rows for rows, _ in schedule.pieces(np.array([1, 2], np.int64))] == [slice(0, 2)]
