"""Labels, purged folds and walks forward: nothing is learnt that was not known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from tutti.agents.models.training import (
    Labels,
    forward_return,
    k_folds,
    triple_barrier,
    walk_forward,
    walk_forward_folds,
)
from tutti.kernel.clock import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.model.market import FloatArray

T0 = pd.Timestamp("2024-01-01", tz="UTC").value


def frame(closes: Any, reach: float = 0.0) -> Any:
    close = np.array(closes, float)
    index = pd.date_range("2024-01-01", periods=len(close), freq="1h", tz="UTC")
    return pd.DataFrame({"high": close + reach, "low": close - reach, "close": close}, index=index)


def hours(ts: Any) -> list[int]:
    found: list[int] = ((np.asarray(ts) - T0) // HOUR).tolist()
    return found


def test_forward_return_ends_with_its_horizon() -> None:
    labels = forward_return(frame([100, 110, 121, 121]), 2)
    assert labels.outcomes[:2] == pytest.approx([math.log(1.21), math.log(1.1)])
    assert np.isnan(labels.outcomes[2:]).all()
    assert hours(labels.starts) == [0, 1, 2, 3]
    assert hours(labels.ends) == [2, 3, 3, 3]


@pytest.mark.parametrize(
    ("closes", "value", "end"),
    [
        ([100, 101, 106, 90], 1, 2),
        ([100, 99, 94, 110], -1, 2),
        ([100, 101, 102, 103], 0, 3),
        ([100, 106, 90, 90], 1, 1),
    ],
)
def test_barrier_that_is_touched_first_is_the_label(
    closes: list[float], value: int, end: int
) -> None:
    labels = triple_barrier(frame(closes), 3, up=0.05, down=0.05)
    assert labels.outcomes[0] == value
    assert hours(labels.ends)[0] == end


def test_bar_that_touches_both_barriers_is_neither() -> None:
    labels = triple_barrier(frame([100, 100, 100], reach=10), 1, up=0.05, down=0.05)
    assert labels.outcomes[0] == 0
    assert hours(labels.ends)[0] == 1


def test_barrier_not_touched_before_the_data_end_is_not_known() -> None:
    assert np.isnan(triple_barrier(frame([100, 101]), 3, up=0.05, down=0.05).outcomes).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: forward_return(frame([1, 2]), 0),
        lambda: triple_barrier(frame([1, 2]), 1, up=0, down=0.1),
        lambda: triple_barrier(frame([1, 2]), 1, up=0.1, down=1),
        lambda: Labels(starts=np.array([1, 0]), ends=np.array([1, 1]), outcomes=np.zeros(2)),
        lambda: Labels(starts=np.array([0, 1]), ends=np.array([0, 0]), outcomes=np.zeros(2)),
        lambda: Labels(starts=np.array([0]), ends=np.array([0, 1]), outcomes=np.zeros(2)),
        lambda: list(
            walk_forward_folds(forward_return(frame([1] * 9), 1), train=4, test=2, embargo=-1)
        ),
    ],
)
def test_what_can_not_be_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"must|may"):
        make()


def test_label_that_reaches_into_the_test_is_purged() -> None:
    labels = forward_return(frame(np.arange(1, 41)), 5)
    first, *_ = walk_forward_folds(labels, train=20, test=10)
    assert first.test.tolist() == list(range(20, 30))
    # the label of row 14 ends with row 19, that of row 15 with the first of the test
    assert first.train.tolist() == list(range(15))
    assert first.n_purged == 5
    held, *_ = walk_forward_folds(labels, train=20, test=10, embargo=3 * HOUR)
    assert held.train.tolist() == list(range(12))
    for fold in walk_forward_folds(labels, train=20, test=5, expanding=True):
        assert labels.ends[fold.train].max() < labels.starts[fold.test[0]]


def test_folds_on_both_sides_are_purged_too() -> None:
    labels = forward_return(frame(np.arange(1, 41)), 3)
    middle = list(k_folds(labels, n_folds=4, embargo=2 * HOUR))[1]
    assert middle.test.tolist() == list(range(10, 20))
    assert 7 not in middle.train
    assert 6 in middle.train
    assert middle.train[middle.train > 19][0] == 25
    assert middle.n_purged == 30 - len(middle.train)


def nearest(rows: Any, values: FloatArray) -> Callable[[Any], FloatArray]:
    """Return what answers with the label of the nearest row learnt from: it learns by heart."""
    known = rows.index.asi8

    def predict(others: Any) -> FloatArray:
        near = np.abs(others.index.asi8[:, None] - known[None, :]).argmin(axis=1)
        found: FloatArray = values[near]
        return found

    return predict


def test_leak_through_overlapping_labels_is_closed_by_purging() -> None:
    # a walk nobody can predict, labels that overlap, and a learner by heart of its neighbours
    rng = np.random.default_rng(5)
    market = frame(100 * np.exp(np.cumsum(rng.normal(scale=0.01, size=3000))))
    labels = forward_return(market, 50)
    bare = Labels(starts=labels.starts, ends=labels.starts, outcomes=labels.outcomes)
    leaky = walk_forward(market, bare, nearest, train=200, test=10).score
    honest = walk_forward(market, labels, nearest, train=200, test=10).score
    assert leaky.n_purged == 0
    assert leaky.rank_correlation > 0.8
    assert {fold.n_purged for fold in walk_forward_folds(labels, train=200, test=10)} == {50}
    assert honest.rank_correlation < 0.3


def test_predictions_are_those_of_models_that_had_not_seen_the_rows() -> None:
    rng = np.random.default_rng(6)
    moves = np.zeros(600)
    noise = rng.normal(scale=0.01, size=600)
    for t in range(1, 600):
        moves[t] = 0.8 * moves[t - 1] + noise[t]
    market = frame(100 * np.exp(np.cumsum(moves)))
    market["last"] = pd.Series(moves, index=market.index)
    labels = forward_return(market, 1)

    def fit(rows: Any, values: FloatArray) -> Callable[[Any], Any]:
        slope = np.polyfit(rows["last"], values, 1)
        return lambda others: np.polyval(slope, others["last"])

    found = walk_forward(market, labels, fit, train=200, test=50)
    assert len(found.folds) == 8
    assert found.ts.tolist() == labels.starts[200:600].tolist()
    assert found.score.n == 399  # what comes after the last row is not known
    assert found.score.rank_correlation > 0.6
    assert found.score.hit_rate > 0.7


def test_walk_that_can_not_be_is_refused() -> None:
    market = frame(np.arange(1, 41))
    with pytest.raises(ValueError, match="one label a row, was 40 and 39"):
        walk_forward(market.iloc[1:], forward_return(market, 1), nearest, train=10, test=5)
    with pytest.raises(ValueError, match="nothing to learn from"):
        walk_forward(market, forward_return(market, 12), nearest, train=10, test=5)
    with pytest.raises(ValueError, match="predictions must be one a row"):
        walk_forward(
            market, forward_return(market, 1), lambda x, y: lambda z: [1], train=10, test=5
        )


def test_score_of_what_never_takes_a_side_is_not_known() -> None:
    market = frame(np.arange(1, 41))
    flat = walk_forward(
        market, forward_return(market, 1), lambda x, y: lambda z: np.zeros(len(z)), train=10, test=5
    )
    assert math.isnan(flat.score.hit_rate)
    assert math.isnan(flat.score.rank_correlation)
