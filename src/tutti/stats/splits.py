"""Ways to cut a sample into training and test parts so that nothing of the test is known before.

An observation uses what happens from its start to its end (a label over the next day ends a day
later). Training observations whose span touches a test's are purged, and those that begin soon
after a test are held back for an embargo, because what is seen then still echoes the test.

Source: López de Prado (2018), Advances in Financial Machine Learning, ch. 7 (purging, embargo) and
ch. 12 (combinatorial purged cross-validation).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.market import IntArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike

_FEWEST = 2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Split:
    """Rows to learn from and rows to test on, both rising.

    Parameters
    ----------
    train, test : ndarray of int64
    folds : tuple of int
        Numbers of the folds that ``test`` consists of.
    """

    train: IntArray
    test: IntArray
    folds: tuple[int, ...]


def purged_folds(
    starts: ArrayLike, ends: ArrayLike, *, n_folds: int, embargo: int = 0
) -> Iterator[Split]:
    """Yield a split for each of ``n_folds`` successive parts as the test.

    Parameters
    ----------
    starts, ends : array-like of int, shape (n,)
        Span of each observation, in any unit, ends included; ``starts`` rising.
    n_folds : int
        From 2 to n.
    embargo : int
        After the end of a test, in the unit of the spans.

    Raises
    ------
    ValueError
        If the spans or the numbers can't be.
    """
    return combinatorial_folds(starts, ends, n_folds=n_folds, n_test=1, embargo=embargo)


def combinatorial_folds(
    starts: ArrayLike, ends: ArrayLike, *, n_folds: int, n_test: int, embargo: int = 0
) -> Iterator[Split]:
    """Yield a split for each choice of ``n_test`` of the folds, in lexical order.

    Arguments and errors are those of `purged_folds`; ``n_test`` is from 1 to ``n_folds - 1``.
    """
    first, last = _spans(starts, ends)
    if not _FEWEST <= n_folds <= len(first):
        raise ValueError(f"folds must be from 2 to {len(first)}, was {n_folds!r}")
    if not 1 <= n_test < n_folds:
        raise ValueError(f"folds to test on must be from 1 to {n_folds - 1}, was {n_test!r}")
    if embargo < 0:
        raise ValueError(f"the embargo must not be negative, was {embargo!r}")
    folds = np.array_split(np.arange(len(first)), n_folds)
    return _combinations(first, last, folds, n_test, embargo)


def n_paths(n_folds: int, n_test: int) -> int:
    """Return how many whole out-of-sample histories the combinatorial splits make."""
    return math.comb(n_folds - 1, n_test - 1)


def path_folds(n_folds: int, n_test: int) -> IntArray:
    """Return which split tests each fold of each path.

    Returns
    -------
    ndarray of int64, shape (n_paths, n_folds)
        Numbers of the splits in the order of `combinatorial_folds`; put together, the tests of a
        row are one history in which every fold was tested by a model that had not seen it.
    """
    paths = np.empty((n_paths(n_folds, n_test), n_folds), dtype=np.int64)
    used = [0] * n_folds
    for split, chosen in enumerate(itertools.combinations(range(n_folds), n_test)):
        for fold in chosen:
            paths[used[fold], fold] = split
            used[fold] += 1
    return paths


def walk_forward(
    n: int,
    *,
    train: int,
    test: int,
    gap: int = 0,
    step: int | None = None,
    expanding: bool = False,
) -> Iterator[Split]:
    """Yield splits that learn on the past and test on what follows, moving forward.

    Parameters
    ----------
    n : int
        Observations.
    train, test : int
        Observations in each part.
    gap : int
        Left out between them: as many as an observation's span is long, less one.
    step : int, optional
        How far the next split moves; ``test`` when left out, so that tests don't overlap.
    expanding : bool
        Learn from the beginning on, instead of from the last ``train`` only.

    Raises
    ------
    ValueError
        If a number can't be, or there is no room for one split.
    """
    stride = test if step is None else step
    if min(train, test, stride) < 1 or gap < 0:
        raise ValueError(
            f"train, test and step must be at least 1 and gap at least 0, were {train}, {test}, "
            f"{stride}, {gap}"
        )
    if train + gap + test > n:
        raise ValueError(f"{train} + {gap} + {test} observations are needed, there are {n}")
    return _walk(n, train, test, gap, stride, expanding=expanding)


def _spans(starts: ArrayLike, ends: ArrayLike) -> tuple[IntArray, IntArray]:
    first, last = np.asarray(starts, dtype=np.int64), np.asarray(ends, dtype=np.int64)
    if first.ndim != 1 or first.shape != last.shape:
        raise ValueError(f"starts and ends must have shape (n,), were {first.shape}, {last.shape}")
    if np.any(np.diff(first) < 0):
        raise ValueError("starts must rise")
    if np.any(last < first):
        raise ValueError("no observation ends before it starts")
    return first, last


def _combinations(
    first: IntArray, last: IntArray, folds: list[IntArray], n_test: int, embargo: int
) -> Iterator[Split]:
    for chosen in itertools.combinations(range(len(folds)), n_test):
        kept = np.ones(len(first), dtype=bool)
        for fold in chosen:
            rows = folds[fold]
            begin, end = first[rows[0]], last[rows].max()
            kept &= (last < begin) | (first > end + embargo)
        test = np.concatenate([folds[fold] for fold in chosen])
        kept[test] = False
        yield Split(train=np.flatnonzero(kept), test=test, folds=chosen)


def _walk(
    n: int, train: int, test: int, gap: int, step: int, *, expanding: bool
) -> Iterator[Split]:
    for number, begin in enumerate(range(train + gap, n - test + 1, step)):
        end = begin - gap
        yield Split(
            train=np.arange(0 if expanding else end - train, end),
            test=np.arange(begin, begin + test),
            folds=(number,),
        )
