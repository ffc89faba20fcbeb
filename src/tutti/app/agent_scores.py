"""Whether an agent's stated confidence means something: its opinions, judged by what came."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.agents.calibration import chance, corrected
from tutti.agents.outcome import outcomes
from tutti.model.market import FloatArray, IntArray
from tutti.sandbox.calibration.estimates import Estimate, by_period_mean
from tutti.sandbox.signals import Confusion, confusion
from tutti.stats.scoring import (
    Bin,
    brier_losses,
    calibration_error,
    calibration_slope,
    effective_share,
    log_losses,
    reliability,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.agents.calibration import ConfidenceMap
    from tutti.app.opinion_record import OpinionRecord

EDGES = tuple(np.linspace(0.5, 1.0, 11).tolist())
"""Of the bins of stated chances."""

_SUREST = 0.0005


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cases:
    """Opinions that took a side and whose outcome is known, in time order.

    Parameters
    ----------
    confidence, right : ndarray of float64, shape (k,)
        As stated, and 1 where the side was right, 0 where it was not.
    tick : ndarray of int64, shape (k,)
        Row of the record.
    said_at, known_at : ndarray of int64, shape (k,)
        When each was given, and when its outcome was known, ns UTC.
    sides : Confusion
        Of all opinions with a known outcome. Those after which the price stood still are neither
        right nor wrong, and no case.
    """

    confidence: FloatArray
    right: FloatArray
    tick: IntArray
    said_at: IntArray
    known_at: IntArray
    sides: Confusion


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scores:
    """How good an agent's stated chances were, on the opinions given.

    Parameters
    ----------
    n : int
        Opinions that took a side and whose outcome is known.
    n_effective : float
        Independent cases that these are worth.
    brier, log_loss, hit_rate : Estimate
        With errors that count that horizons overlap and instruments move together.
    by_chance : float
        Hit rate of sides as often up and down that know nothing.
    slope : float
        1 where log odds were right, below 1 where it was too sure, at most 0 where more confidence
        was no better.
    bins : tuple of Bin
    error : float
        Mean distance of what was stated from what came.
    """

    n: int
    n_effective: float
    brier: Estimate
    log_loss: Estimate
    hit_rate: Estimate
    by_chance: float
    slope: float
    bins: tuple[Bin, ...]
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """Brier scores before and after correction by maps that knew no outcome of what they corrected.

    Parameters
    ----------
    n : int
        Opinions after the first map; 0 where there is no map.
    before, after : float
    """

    n: int
    before: float
    after: float


def cases_of(record: OpinionRecord, a: int, horizon: int) -> Cases:
    """Return the opinions of agent ``a`` that can be judged, over ``horizon`` bars."""
    came = outcomes(record.opens, horizon)
    bias, confidence = record.views.bias[a], record.views.confidence[a]
    sided = record.fresh[a] & (np.nan_to_num(bias) != 0.0)
    moved = sided & (np.nan_to_num(came.move) != 0.0)
    tick, column = np.nonzero(moved)
    return Cases(
        confidence=confidence[moved],
        right=(np.sign(bias[moved]) == np.sign(came.move[moved])).astype(np.float64),
        tick=tick,
        said_at=record.ts[tick],
        # a bar begins a step before it is known, and its first price is the outcome
        known_at=record.ts[came.known[tick, column]] - record.step,
        sides=confusion(
            record.names[a], np.where(record.fresh[a], bias, np.nan), came.move, horizon=horizon
        ),
    )


def scores_of(cases: Cases, horizon: int) -> Scores:
    """Return how good the stated chances of some opinions were."""
    stated = chance(cases.confidence)
    brier = brier_losses(stated, cases.right)
    hits = cases.sides.hit_rate
    share = effective_share(cases.right, hits.standard_error)
    bins = reliability(stated, cases.right, EDGES, share_told=share)
    return Scores(
        n=len(brier),
        n_effective=len(brier) * share,
        brier=by_period_mean(brier, cases.tick, overlap=horizon),
        log_loss=by_period_mean(
            log_losses(stated, cases.right, surest=_SUREST), cases.tick, overlap=horizon
        ),
        hit_rate=hits,
        by_chance=cases.sides.by_chance,
        slope=calibration_slope(stated, cases.right),
        bins=bins,
        error=calibration_error(bins),
    )


def share_of(cases: Cases, horizon: int) -> Callable[[IntArray], float]:
    """Return what tells how many independent cases a case among some rows of ``cases`` is worth."""

    def share(rows: IntArray) -> float:
        right = cases.right[rows]
        error = by_period_mean(right, cases.tick[rows], overlap=horizon).standard_error
        return effective_share(right, error)

    return share


def correction_of(cases: Cases, maps: tuple[ConfidenceMap, ...]) -> Corrected:
    """Return what correcting confidences by maps does to the cases after the first of them."""
    if not maps:
        return Corrected(n=0, before=math.nan, after=math.nan)
    later = cases.said_at >= maps[0].valid_from
    if not later.any():
        return Corrected(n=0, before=math.nan, after=math.nan)
    fixed = corrected(cases.confidence, cases.said_at, maps)
    right = cases.right[later]
    return Corrected(
        n=int(later.sum()),
        before=float(brier_losses(chance(cases.confidence[later]), right).mean()),
        after=float(brier_losses(chance(fixed[later]), right).mean()),
    )
