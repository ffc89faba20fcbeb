"""A replayed book is the book that was, and walking it costs what its levels say."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.model.errors import DataError
from tutti.sandbox.calibration.books import ladders, walked
from tutti.sandbox.calibration.recording import BookEvents


def events(*rows: tuple[int, bool, int, float, float, int]) -> BookEvents:
    ts, snapshot, side, price, size, last_id = zip(*rows, strict=True)
    return BookEvents(
        ts=np.array(ts, np.int64),
        is_snapshot=np.array(snapshot, bool),
        side=np.array(side, np.int64),
        price=np.array(price, np.float64),
        quantity=np.array(size, np.float64),
        last_id=np.array(last_id, np.int64),
    )


SNAPSHOT = (
    (10, True, 1, 99.0, 2.0, 5),
    (10, True, 1, 98.0, 4.0, 5),
    (10, True, -1, 101.0, 1.0, 5),
    (10, True, -1, 102.0, 3.0, 5),
)


def book_at(book: BookEvents, ts: int) -> tuple[list[list[float]], list[list[float]]]:
    (ladder,) = ladders(book, np.array([ts]))
    return ladder.bids.tolist(), ladder.asks.tolist()


def test_ladder_of_a_snapshot_has_the_best_level_first() -> None:
    bids, asks = book_at(events(*SNAPSHOT), 10)
    assert bids == [[99.0, 2.0], [98.0, 4.0]]
    assert asks == [[101.0, 1.0], [102.0, 3.0]]


def test_update_replaces_a_level_and_a_size_of_zero_removes_it() -> None:
    book = events(*SNAPSHOT, (11, False, 1, 99.0, 7.0, 6), (12, False, -1, 101.0, 0.0, 7))
    assert book_at(book, 11)[0][0] == [99.0, 7.0]
    assert book_at(book, 12)[1] == [[102.0, 3.0]]


def test_update_after_the_instant_is_not_known_yet() -> None:
    book = events(*SNAPSHOT, (12, False, 1, 99.0, 7.0, 6))
    assert book_at(book, 11)[0][0] == [99.0, 2.0]


def test_update_received_before_the_snapshot_counts_by_its_number() -> None:
    stale, fresh = (8, False, 1, 97.0, 9.0, 5), (9, False, 1, 98.5, 1.0, 6)
    bids, _ = book_at(events(stale, fresh, *SNAPSHOT), 10)
    assert bids == [[99.0, 2.0], [98.5, 1.0], [98.0, 4.0]]


def test_update_that_the_snapshot_includes_is_dropped() -> None:
    bids, _ = book_at(events(*SNAPSHOT, (11, False, 1, 99.0, 0.0, 4)), 12)
    assert bids[0] == [99.0, 2.0]


def test_later_snapshot_replaces_the_whole_book() -> None:
    again = ((20, True, 1, 90.0, 1.0, 9), (20, True, -1, 91.0, 1.0, 9))
    assert book_at(events(*SNAPSHOT, *again), 20) == ([[90.0, 1.0]], [[91.0, 1.0]])


@pytest.mark.parametrize(
    ("row", "ts"),
    [((11, False, 1, 101.5, 1.0, 6), 11), ((11, False, 1, 99.0, 1.0, 6), 9)],
    ids=["crossed", "before the snapshot"],
)
def test_instant_without_a_whole_book_is_left_out(
    row: tuple[int, bool, int, float, float, int], ts: int
) -> None:
    assert not list(ladders(events(*SNAPSHOT, row), np.array([ts])))


def test_book_without_a_snapshot_is_refused() -> None:
    with pytest.raises(DataError, match="no snapshot"):
        list(ladders(events((1, False, 1, 99.0, 1.0, 1)), np.array([2])))


def test_snapshots_without_numbers_are_taken_as_they_come() -> None:
    rows = [(*row[:5], 0) for row in SNAPSHOT]
    assert book_at(events(*rows, (11, False, 1, 99.0, 7.0, 0)), 11)[0][0] == [99.0, 7.0]


def test_walk_pays_each_level_it_takes() -> None:
    levels = np.array([[101.0, 1.0], [102.0, 3.0], [104.0, 1.0]])
    paid = walked(levels, np.array([0.5, 1.0, 2.0, 5.0, 5.1]))
    assert paid[:4] == pytest.approx([101.0, 101.0, 101.5, (101 + 306 + 104) / 5])
    assert np.isnan(paid[4])
