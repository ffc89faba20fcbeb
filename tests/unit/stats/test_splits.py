from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.stats.splits import (
    combinatorial_folds,
    n_paths,
    path_folds,
    purged_folds,
    walk_forward,
)


def test_purged_folds_leave_out_what_touches_the_test() -> None:
    place = np.arange(10)
    splits = list(purged_folds(place, place + 1, n_folds=5, embargo=1))
    assert [split.test.tolist() for split in splits] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    # 1 reaches into the test at 2; the test reaches to 4, and 5 is under embargo
    assert splits[1].train.tolist() == [0, 6, 7, 8, 9]
    assert splits[4].train.tolist() == list(range(7))


def test_purged_folds_of_spans_of_their_own_length_leave_out_long_ones() -> None:
    starts = np.arange(8) * 10
    ends = starts + np.array([5, 75, 5, 5, 5, 5, 5, 5])
    (first, second) = purged_folds(starts, ends, n_folds=2)
    assert second.train.tolist() == [0, 2, 3]
    assert first.train.tolist() == []  # a test observation lasts to the end


def test_combinatorial_folds_test_every_fold_equally_often() -> None:
    place = np.arange(60)
    splits = list(combinatorial_folds(place, place, n_folds=6, n_test=2))
    assert len(splits) == 15
    tested = np.bincount(np.concatenate([split.test for split in splits]))
    assert set(tested.tolist()) == {n_paths(6, 2)} == {5}


@pytest.mark.parametrize(("n_folds", "n_test"), [(4, 1), (5, 2), (6, 3)])
def test_paths_take_each_test_of_each_split_once(n_folds: int, n_test: int) -> None:
    paths = path_folds(n_folds, n_test)
    chosen = list(itertools.combinations(range(n_folds), n_test))
    taken = [(int(split), fold) for path in paths for fold, split in enumerate(path)]
    assert all(fold in chosen[split] for split, fold in taken)
    assert len(set(taken)) == len(taken) == len(chosen) * n_test


@given(
    n=st.integers(6, 40),
    span=st.integers(0, 6),
    embargo=st.integers(0, 6),
    n_folds=st.integers(2, 6),
    data=st.data(),
)
def test_no_training_observation_touches_a_test(
    n: int, span: int, embargo: int, n_folds: int, data: st.DataObject
) -> None:
    n_test = data.draw(st.integers(1, n_folds - 1))
    starts = np.arange(n)
    ends = starts + span
    for split in combinatorial_folds(starts, ends, n_folds=n_folds, n_test=n_test, embargo=embargo):
        for t, k in itertools.product(split.train.tolist(), split.test.tolist()):
            assert ends[t] < starts[k] or starts[t] > ends[k] + (embargo if t > k else 0)


def test_walk_forward_moves_on_and_never_looks_ahead() -> None:
    splits = list(walk_forward(30, train=10, test=5, gap=2))
    assert [(s.train[0], s.train[-1], s.test[0], s.test[-1]) for s in splits] == [
        (0, 9, 12, 16),
        (5, 14, 17, 21),
        (10, 19, 22, 26),
    ]


def test_walk_forward_that_expands_learns_from_the_beginning() -> None:
    splits = list(walk_forward(30, train=10, test=5, step=10, expanding=True))
    assert [(s.train[0], s.train[-1], s.test[0]) for s in splits] == [(0, 9, 10), (0, 19, 20)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"n_folds": 1}, "folds must be from 2 to 9, was 1"),
        ({"n_folds": 10}, "folds must be from 2 to 9, was 10"),
        ({"n_test": 3}, "folds to test on must be from 1 to 2, was 3"),
        ({"embargo": -1}, "the embargo must not be negative, was -1"),
        ({"ends": [1] * 8}, r"must have shape \(n,\), were \(9,\), \(8,\)"),
        ({"starts": [1, 0] + [9] * 7, "ends": [9] * 9}, "starts must rise"),
        ({"ends": [0] * 9}, "no observation ends before it starts"),
    ],
)
def test_folds_that_can_not_be_are_refused(changes: dict[str, object], says: str) -> None:
    values = {
        "starts": np.arange(9), "ends": np.arange(9), "n_folds": 3, "n_test": 1, "embargo": 0
    } | changes  # fmt: skip
    with pytest.raises(ValueError, match=says):
        list(combinatorial_folds(**values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train": 0}, "must be at least 1"),
        ({"step": 0}, "must be at least 1"),
        ({"gap": -1}, "must be at least 1"),
        ({"train": 28}, r"28 \+ 0 \+ 5 observations are needed, there are 30"),
    ],
)
def test_walk_that_can_not_be_is_refused(changes: dict[str, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        walk_forward(30, **{"train": 10, "test": 5} | changes)  # type: ignore[arg-type]
