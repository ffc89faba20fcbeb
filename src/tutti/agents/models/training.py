"""Learning from bars without learning what was not known: labels with their ends, purged splits.

A label says what came after a row, and ends when that was known. A row may be learnt from only where
its label ended before the test begins: what overlaps is purged, and what ended shortly before is held
back for an embargo, because its neighbours in the test rest on the same bars.

Source: López de Prado (2018), Advances in Financial Machine Learning, ch. 3 (triple barrier), ch. 7
(purging, embargo). Here a bar that touches both barriers is labelled 0, for nobody knows which came
first, and all tests lie after their training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tutti.model.market import FloatArray, IntArray
from tutti.stats.splits import Split, purged_folds
from tutti.stats.splits import walk_forward as successive

if TYPE_CHECKING:
    from collections.abc import Iterator

Fit: TypeAlias = Callable[[Any, FloatArray], Callable[[Any], Any]]
"""Takes rows of a frame with their labels, and returns what predicts from rows: one number each,
positive for a rise."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Labels:
    """What came after each row.

    Parameters
    ----------
    starts : ndarray of int64, shape (n,)
        Start of the row's bar, ns UTC, rising.
    ends : ndarray of int64, shape (n,)
        Start of the last bar that the label rests on, ns UTC.
    outcomes : ndarray of float64, shape (n,)
        NaN where what came is not known.
    """

    starts: IntArray
    ends: IntArray
    outcomes: FloatArray

    def __post_init__(self) -> None:
        if not self.starts.shape == self.ends.shape == self.outcomes.shape:
            raise ValueError("starts, ends and outcomes must have one shape")
        if np.any(np.diff(self.starts) <= 0) or np.any(self.ends < self.starts):
            raise ValueError("starts must rise, and no label may end before it starts")

    def __len__(self) -> int:
        return len(self.starts)


def forward_return(frame: Any, horizon: int) -> Labels:
    """Return the log return of the close over the ``horizon`` rows that follow each row.

    Parameters
    ----------
    frame : pandas.DataFrame
        As models are shown it, with a column ``close``.
    horizon : int
        Rows, at least 1.
    """
    close, starts = _series(frame, "close"), _starts(frame)
    _check_horizon(horizon)
    values = np.full(len(close), np.nan)
    values[:-horizon] = np.log(close[horizon:] / close[:-horizon])
    last = np.minimum(np.arange(len(close)) + horizon, len(close) - 1)
    return Labels(starts=starts, ends=starts[last], outcomes=values)


def triple_barrier(frame: Any, horizon: int, *, up: float, down: float) -> Labels:
    """Return which barrier the price touched first: 1 above, -1 below, 0 neither in time.

    Parameters
    ----------
    frame : pandas.DataFrame
        With columns ``high``, ``low`` and ``close``.
    horizon : int
        Rows until it is given up, at least 1; fewer are left at the end, which is not known unless
        a barrier was touched.
    up, down : float
        Distances of the barriers from the row's close, positive fractions.
    """
    _check_horizon(horizon)
    if not (up > 0 and 0 < down < 1):
        raise ValueError(f"barriers must be positive, below 1 downwards; were {up!r}, {down!r}")
    high, low, close = (_series(frame, name) for name in ("high", "low", "close"))
    starts, n = _starts(frame), len(close)
    rows = np.arange(n)
    values, last = np.full(n, np.nan), np.minimum(rows + horizon, n - 1)
    is_open = np.ones(n, dtype=bool)
    for ahead in range(1, horizon + 1):
        later = np.minimum(rows + ahead, n - 1)
        exists = is_open & (rows + ahead < n)
        above = exists & (high[later] >= close * (1 + up))
        below = exists & (low[later] <= close * (1 - down))
        touched = above | below
        values[touched] = above[touched].astype(float) - below[touched].astype(float)
        last[touched] = later[touched]
        is_open &= ~touched
    values[is_open & (rows + horizon < n)] = 0.0
    return Labels(starts=starts, ends=starts[last], outcomes=values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Rows to learn from and to test on, and how many were purged between."""

    train: IntArray
    test: IntArray
    n_purged: int


def walk_forward_folds(
    labels: Labels, *, train: int, test: int, embargo: int = 0, expanding: bool = False
) -> Iterator[Fold]:
    """Yield folds that learn on the past and test on what follows, moving forward.

    Parameters
    ----------
    train, test : int
        Rows of each part, before purging.
    embargo : int
        Between the end of the last label learnt from and the first row of the test, ns.
    expanding : bool
        Learn from the beginning on, instead of from the last ``train`` rows only.
    """
    for split in successive(len(labels), train=train, test=test, expanding=expanding):
        yield _purged(split, labels, embargo)


def k_folds(labels: Labels, *, n_folds: int, embargo: int = 0) -> Iterator[Fold]:
    """Yield a fold for each of ``n_folds`` parts as the test, learning from both its sides.

    Purged and held back on both sides; for choosing settings. How good a model is, only
    `walk_forward` tells: here it has seen the years that follow its test.
    """
    for split in purged_folds(labels.starts, labels.ends, n_folds=n_folds, embargo=embargo):
        n_others = len(labels) - len(split.test)
        yield Fold(train=split.train, test=split.test, n_purged=n_others - len(split.train))


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How predictions went with what came.

    Parameters
    ----------
    n : int
        Rows that were predicted and whose label is known.
    n_train, n_purged : int
        Rows learnt from, and those left out because their label reached into the test.
    rank_correlation : float
        Of prediction and label, Spearman's; NaN where either is constant.
    hit_rate : float
        Share of the predictions with a side, where something came, that had the right one.
    """

    n: int
    n_train: int
    n_purged: int
    rank_correlation: float
    hit_rate: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OutOfSample:
    """What models said of rows that they had not seen.

    Parameters
    ----------
    ts : ndarray of int64, shape (n,)
    predicted, came : ndarray of float64, shape (n,)
    folds : tuple of Score
        One a fold; ``score`` is over all of them.
    """

    ts: IntArray
    predicted: FloatArray
    came: FloatArray
    folds: tuple[Score, ...]
    score: Score


def walk_forward(  # noqa: PLR0913 - what a walk takes
    frame: Any,
    labels: Labels,
    fit: Fit,
    *,
    train: int,
    test: int,
    embargo: int = 0,
    expanding: bool = False,
) -> OutOfSample:
    """Learn on the past, predict what follows, move on; return the predictions and how they went.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row for each label.
    labels : Labels
    fit : callable
        See `Fit`; called once a fold, with rows whose label is known.
    train, test, embargo, expanding
        As for `walk_forward_folds`.

    Raises
    ------
    ValueError
        If rows and labels differ in number, a fold has nothing to learn from, or predictions are
        not one a row.
    """
    if len(frame) != len(labels):
        raise ValueError(f"needs one label a row, was {len(labels)} and {len(frame)}")
    known = np.isfinite(labels.outcomes)
    tests, predictions, scores = [], [], []
    folds = walk_forward_folds(labels, train=train, test=test, embargo=embargo, expanding=expanding)
    for fold in folds:
        learnt = fold.train[known[fold.train]]
        if not len(learnt):
            raise ValueError("a fold has nothing to learn from; make train longer")
        predict = fit(frame.iloc[learnt], labels.outcomes[learnt])
        said = np.asarray(predict(frame.iloc[fold.test]), dtype=np.float64)
        if said.shape != fold.test.shape:
            raise ValueError(f"predictions must be one a row, was {said.shape}")
        tests.append(fold.test)
        predictions.append(said)
        scores.append(_score(said, labels.outcomes[fold.test], len(learnt), fold.n_purged))
    rows, predicted = np.concatenate(tests), np.concatenate(predictions)
    came = labels.outcomes[rows]
    whole = _score(predicted, came, sum(s.n_train for s in scores), sum(s.n_purged for s in scores))
    return OutOfSample(
        ts=labels.starts[rows],
        predicted=predicted,
        came=came,
        folds=tuple(scores),
        score=whole,
    )


def _purged(split: Split, labels: Labels, embargo: int) -> Fold:
    if embargo < 0:
        raise ValueError(f"the embargo must not be negative, was {embargo!r}")
    begin = labels.starts[split.test[0]]
    kept = split.train[labels.ends[split.train] + embargo < begin]
    return Fold(train=kept, test=split.test, n_purged=len(split.train) - len(kept))


def _score(predicted: FloatArray, came: FloatArray, n_train: int, n_purged: int) -> Score:
    both = np.isfinite(predicted) & np.isfinite(came)
    said, truth = predicted[both], came[both]
    sided = (said != 0) & (truth != 0)
    hits = np.sign(said[sided]) == np.sign(truth[sided])
    return Score(
        n=int(both.sum()),
        n_train=n_train,
        n_purged=n_purged,
        rank_correlation=_rank_correlation(said, truth),
        hit_rate=float(hits.mean()) if len(hits) else float("nan"),
    )


def _rank_correlation(a: FloatArray, b: FloatArray) -> float:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:  # noqa: PLR2004 (a line takes two points)
        return float("nan")
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: FloatArray) -> FloatArray:
    # ties share the mean of their places
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: FloatArray = (last - (counts - 1) / 2)[place]
    return ranks


def _series(frame: Any, name: str) -> FloatArray:
    return np.asarray(frame[name], dtype=np.float64)


def _starts(frame: Any) -> IntArray:
    return np.asarray(frame.index.as_unit("ns").asi8, dtype=np.int64)


def _check_horizon(horizon: int) -> None:
    if horizon < 1:
        raise ValueError(f"the horizon must be at least 1 row, was {horizon!r}")
