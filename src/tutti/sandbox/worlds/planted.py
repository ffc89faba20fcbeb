"""A market with an edge of known size, and the signals of somebody who knows where it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.model.arrays import Signals
from tutti.sandbox.worlds.moves import walk_moves

if TYPE_CHECKING:
    from tutti.model.market import FloatArray
    from tutti.sandbox.worlds.moves import Moves, Walk

_YEAR = 365 * 86_400_000_000_000


class Edge(NamedTuple):
    """What can be known of the next bar.

    Parameters
    ----------
    sharpe : float
        True Sharpe ratio of a year, before costs, of holding equal notionals of all instruments on
        the side of their drift.
    hold_ticks : int
        Bars that a drift keeps its side, on average.
    """

    sharpe: float = 1.5
    hold_ticks: int = 240


def drift_of(edge: Edge, walk: Walk) -> float:
    """Return the size of the drift of each instrument, a fraction a bar.

    Sides are independent, so n positions of one notional earn n drifts a bar with the variance of n
    moves, however much the moves are correlated: a bar's ratio is ``drift * sqrt(n) / deviation``.
    """
    deviation = walk.volatility * math.sqrt(walk.step / _YEAR)
    bars = _YEAR / walk.step
    return edge.sharpe * deviation / math.sqrt(bars * walk.n_instruments)


def planted_world(walk: Walk, edge: Edge, random: np.random.Generator) -> tuple[Moves, FloatArray]:
    """Return the moves, and the side of the drift of the *next* bar as known at each close.

    Returns
    -------
    Moves
    ndarray of float64, shape (t, n)
        1 or -1.
    """
    shape = (walk.n_ticks, walk.n_instruments)
    turns = random.random(shape) * edge.hold_ticks < 1.0
    start = random.integers(0, 2, walk.n_instruments)
    sides = np.where((start + np.cumsum(turns, axis=0)) % 2 == 1, -1.0, 1.0)
    drift = np.zeros(shape)
    drift[1:] = drift_of(edge, walk) * sides[:-1]
    return walk_moves(walk, random, drift), sides


def informed(sides: FloatArray, notional: float) -> Signals:
    """Return the signals of somebody who knows the sides, and holds ``notional`` of each."""
    return Signals(
        score=sides,
        confidence=np.ones(sides.shape),
        size=np.full(sides.shape, notional),
        lead=np.full(sides.shape, -1, np.int64),
    )
