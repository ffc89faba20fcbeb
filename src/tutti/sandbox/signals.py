"""Signals against what the market did next: confusion matrix, hit rate, and what chance would do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tutti.model.market import IntArray
from tutti.sandbox.calibration.estimates import Estimate, by_period_mean

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

SIDES: Final = ("down", "flat", "up")
"""Rows and columns of a confusion matrix, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """What was said, and what came.

    Parameters
    ----------
    counts : ndarray of int64, shape (3, 3)
        By signal (rows) and by what the price did (columns), as in `SIDES`; abstentions and
        moves that are not known are left out.
    hit_rate : Estimate
        Share of the signals up or down whose move, where there was one, went their way. Its error
        counts that instruments move together, and that moves over several bars overlap.
    by_chance : float
        The hit rate of signals as often up and down that know nothing of the market.
    coverage : float
        Share of all instants and instruments on which a side was taken.
    """

    name: str
    counts: IntArray
    hit_rate: Estimate
    by_chance: float
    coverage: float

    @property
    def is_told(self) -> bool:
        """Whether the hit rate is two standard errors above what chance gives."""
        edge = self.hit_rate.value - self.by_chance
        return bool(edge > 2.0 * self.hit_rate.standard_error)


def forward_moves(closes: FloatArray, horizon: int) -> FloatArray:
    """Return the log return from each close to the one ``horizon`` bars later; NaN without either.

    This looks ahead: it judges signals and must never make one.

    Parameters
    ----------
    closes : ndarray of float64, shape (t, n)
    horizon : int
        Bars, at least 1.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1 bar, was {horizon!r}")
    moves = np.full(closes.shape, np.nan)
    moves[:-horizon] = np.log(closes[horizon:] / closes[:-horizon])
    return moves


def confusion(
    name: str, signals: FloatArray, moves: FloatArray, *, horizon: int = 1, band: float = 0.0
) -> Confusion:
    """Hold signals against moves.

    Parameters
    ----------
    signals : ndarray of float64, shape (t, n)
        Its sign is the side taken, 0 is flat, NaN an abstention.
    moves : ndarray of float64, shape (t, n)
        See `forward_moves`.
    horizon : int
        Bars that a move takes: moves of neighbouring bars share all but one of them.
    band : float
        Moves not larger than this either way count as flat.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if signals.shape != moves.shape:
        raise ValueError(f"moves must have shape {signals.shape}, was {moves.shape}")
    known = np.isfinite(signals) & np.isfinite(moves)
    said = np.sign(signals[known]).astype(np.int64)
    came = (np.sign(moves[known]) * (np.abs(moves[known]) > band)).astype(np.int64)
    counts = np.zeros((3, 3), np.int64)
    np.add.at(counts, (said + 1, came + 1), 1)
    sided = (said != 0) & (came != 0)
    tick = np.nonzero(known)[0][sided]
    right = (said[sided] == came[sided]).astype(np.float64)
    hits = by_period_mean(right, tick, overlap=horizon)
    return Confusion(
        name=name,
        counts=counts,
        hit_rate=hits,
        by_chance=_by_chance(counts),
        coverage=float((said != 0).sum()) / signals.size if signals.size else math.nan,
    )


def _by_chance(counts: IntArray) -> float:
    sided = counts[np.ix_((0, 2), (0, 2))].astype(np.float64)
    total = sided.sum()
    if total <= 0.0:
        return math.nan
    said, came = sided.sum(axis=1) / total, sided.sum(axis=0) / total
    return float((said * came).sum())
