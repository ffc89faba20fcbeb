"""Whether an agent's confidence means something, and what it should have said.

A confidence c in an opinion that takes a side states the chance that this side is right::

    chance = (1 + c) / 2          even odds at c = 0, certainty at c = 1

which is how the Bayesian pool of `tutti.agents.aggregation` reads it. Held against what happened,
stated chances have scores (`tutti.stats.scoring`) and can be corrected: a map that never falls is
fitted to (confidence, right or wrong), pulled towards even odds where little is known, and gives
the confidence that would have been true::

    corrected = max(0, 2 * map(c) - 1)

It never turns an opinion round. The map is fitted on outcomes known before it is used: each map
carries the instant from which it may be, and one fitted over successive spans of a record can be
applied to that very record without knowing its future. Sources: Zadrozny and Elkan (2002) for
isotonic correction, see `tutti.stats.isotonic`; the pull towards even odds is Laplace's rule of
succession with ``prior`` imagined cases, half of them right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.opinion import Views
from tutti.stats.isotonic import Rising, isotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tutti.model.market import FloatArray, IntArray

PRIOR = 20.0
"""Imagined cases at even odds that each level of a map is pulled by."""

FEWEST = 100
"""Independent cases below which no map is fitted."""

_EVEN = 0.5
_PLACES = 32


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ConfidenceMap:
    """What an agent's confidence should have been.

    Parameters
    ----------
    corrected : Rising
        From stated to corrected confidence, both in [0, 1].
    valid_from : int
        When the last outcome that it was fitted on was known, ns UTC: never to be used before.
    fitted_from : int
        First opinion that it was fitted on, ns UTC.
    n : int
        Opinions that it was fitted on.
    """

    corrected: Rising
    valid_from: int
    fitted_from: int
    n: int


def chance(confidence: FloatArray) -> FloatArray:
    """Return the stated chance that an opinion's side is right, in [0.5, 1]."""
    return np.asarray(0.5 * (1.0 + confidence))


def fit(
    confidence: FloatArray, right: FloatArray, *, share_told: float = 1.0, prior: float = PRIOR
) -> Rising:
    """Return the map from stated to corrected confidence.

    Parameters
    ----------
    confidence : ndarray of float64, shape (n,)
        Of opinions that took a side, in [0, 1]; at least one.
    right : ndarray of float64, shape (n,)
        1 where the side was right, 0 where it was not.
    share_told : float
        Independent cases for each opinion, in (0, 1]: those whose horizons overlap, or of
        instruments that move together, are fewer cases than they are opinions.
    prior : float
        See `PRIOR`.
    """
    # about as many cases on each place: a map is told by its levels, not by single opinions
    edges = np.unique(np.quantile(confidence, np.linspace(0.0, 1.0, _PLACES + 1)))
    place = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, len(edges) - 1)
    count = np.bincount(place, minlength=len(edges))
    there = count > 0
    stated = np.bincount(place, confidence, len(edges))[there] / count[there]
    share = np.bincount(place, right, len(edges))[there] / count[there]
    first = isotonic(stated, share, count[there])
    level = first(stated)
    values, group = np.unique(level, return_inverse=True)
    cases = np.bincount(group, count[there]) * share_told
    pulled = (values * cases + _EVEN * prior) / (cases + prior)
    # a level of few cases may have been pulled across its neighbour
    second = isotonic(stated, pulled[group], count[there])
    return Rising(second.x, np.clip(2.0 * second.y - 1.0, 0.0, 1.0))


def fit_forward(  # noqa: PLR0913 - what is known of the opinions
    confidence: FloatArray,
    right: FloatArray,
    said_at: IntArray,
    known_at: IntArray,
    *,
    share_told: Callable[[IntArray], float] = lambda _: 1.0,
    n_folds: int = 5,
    prior: float = PRIOR,
) -> tuple[ConfidenceMap, ...]:
    """Return maps fitted one after the other, each on all outcomes known by then.

    The record is cut into ``n_folds`` spans of as many opinions; at the end of each a map is
    fitted on every opinion whose outcome was known by then. Opinions whose horizon reaches across
    the cut are left out of it, which is an embargo of the horizon.

    Parameters
    ----------
    said_at, known_at : ndarray of int64, shape (n,)
        When each opinion was given, rising, and when its outcome was known; ns UTC.
    share_told : callable
        Independent cases for each opinion among those of some rows; see `fit`.
    n_folds : int
        At least 1.

    Returns
    -------
    tuple of ConfidenceMap
        In time order; none where no span has enough (`FEWEST`) independent cases before its end.
    """
    if n_folds < 1:
        raise ValueError(f"folds must be at least 1, was {n_folds!r}")
    found = []
    for part in range(1, n_folds + 1):
        last = part * len(said_at) // n_folds - 1
        if last < 0:
            continue
        # the newest map knows everything there is
        until = int(known_at.max()) if part == n_folds else int(said_at[last])
        usable = np.flatnonzero(known_at <= until)
        share = share_told(usable) if len(usable) else 0.0
        if len(usable) * share < FEWEST:
            continue
        found.append(
            ConfidenceMap(
                corrected=fit(confidence[usable], right[usable], share_told=share, prior=prior),
                valid_from=int(known_at[usable].max()),
                fitted_from=int(said_at[usable].min()),
                n=len(usable),
            )
        )
    return tuple(found)


def corrected(
    confidence: FloatArray, said_at: IntArray, maps: Sequence[ConfidenceMap]
) -> FloatArray:
    """Return confidences as the newest map that was known at their time corrects them.

    Parameters
    ----------
    confidence : ndarray of float64, shape (t, ...)
        NaN stays NaN.
    said_at : ndarray of int64, shape (t,)
        ns UTC, rising.
    maps : sequence of ConfidenceMap
        In the order of ``valid_from``; before the first, nothing is corrected.
    """
    found = np.array(confidence, np.float64)
    cuts = [int(np.searchsorted(said_at, each.valid_from)) for each in maps] + [len(said_at)]
    for each, begin, end in zip(maps, cuts, cuts[1:], strict=False):
        if begin < end:
            found[begin:end] = each.corrected(confidence[begin:end])
    return found


class Correction:
    """Corrects what a panel says before it is pooled; remembers nothing.

    Parameters
    ----------
    names : sequence of str
        The panel's agents, in order.
    maps : mapping of str to sequence of ConfidenceMap
        Of those agents that have any.
    """

    def __init__(self, names: Sequence[str], maps: Mapping[str, Sequence[ConfidenceMap]]) -> None:
        self._maps = [(a, tuple(maps[name])) for a, name in enumerate(names) if maps.get(name)]

    def __call__(self, views: Views, known_at: IntArray) -> Views:
        """Return the views as they are to be pooled; those given, where nothing is to be corrected.

        Parameters
        ----------
        views : Views
            Of shape (A, t, n).
        known_at : ndarray of int64, shape (t,)
            When the ticks' bars became known, ns UTC.
        """
        due = [(a, maps) for a, maps in self._maps if maps[0].valid_from <= int(known_at[-1])]
        if not due:
            return views
        confidence = views.confidence.copy()
        for a, maps in due:
            # maps are of opinions that take a side: what a hold is sure of, nothing was learnt of
            fixed = corrected(confidence[a], known_at, maps)
            confidence[a] = np.where(views.bias[a] == 0.0, confidence[a], fixed)
        return Views(views.bias, confidence)
