"""Walking a book costs what taking its levels one by one costs, and more is never cheaper."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.sandbox.calibration.books import ladders, walked
from tutti.sandbox.calibration.recording import BookEvents

SIZES = st.lists(st.floats(0.01, 100.0), min_size=1, max_size=12)


def one_by_one(levels: list[tuple[float, float]], quantity: float) -> float:
    left, paid = quantity, 0.0
    for price, size in levels:
        taken = min(left, size)
        paid += taken * price
        left -= taken
        if left <= 1e-12 * quantity:
            return paid / quantity
    return float("nan")


@given(sizes=SIZES, share=st.floats(0.001, 1.2))
def test_walk_equals_taking_level_by_level(sizes: list[float], share: float) -> None:
    levels = [(100.0 + 0.5 * k, size) for k, size in enumerate(sizes)]
    quantity = share * sum(sizes)
    (found,) = walked(np.array(levels), np.array([quantity]))
    if abs(share - 1.0) > 1e-9:
        assert found == pytest.approx(one_by_one(levels, quantity), rel=1e-9, nan_ok=True)


@given(sizes=SIZES, shares=st.lists(st.floats(0.001, 0.999), min_size=2, max_size=8))
def test_more_is_never_cheaper(sizes: list[float], shares: list[float]) -> None:
    levels = np.array([(100.0 + 0.5 * k, size) for k, size in enumerate(sizes)])
    paid = walked(levels, np.sort(np.array(shares)) * levels[:, 1].sum())
    assert (np.diff(paid) >= -1e-9).all()


@given(
    updates=st.lists(
        st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=60
    )
)
def test_replayed_book_is_the_last_size_of_each_level(
    updates: list[tuple[bool, int, int]],
) -> None:
    first = [(True, 80.0, 1.0), (False, 130.0, 1.0)]  # these stay
    prices = [(b, p) for b, p, _ in first]
    sizes = [s for *_, s in first]
    for is_bid, level, size in updates:
        prices.append((is_bid, 90.0 - level if is_bid else 110.0 + level))
        sizes.append(float(size))
    count = len(prices)
    book = BookEvents(
        ts=np.array([0, 0, *range(1, count - 1)], np.int64),
        is_snapshot=np.array([True, True] + [False] * (count - 2)),
        side=np.array([1 if is_bid else -1 for is_bid, _ in prices], np.int64),
        price=np.array([price for _, price in prices]),
        quantity=np.array(sizes),
        last_id=np.zeros(count, np.int64),
    )
    (ladder,) = ladders(book, np.array([count]))
    expected = dict(zip(prices, sizes, strict=True))
    bids = sorted(((p, s) for (b, p), s in expected.items() if b and s > 0), reverse=True)
    asks = sorted((p, s) for (b, p), s in expected.items() if not b and s > 0)
    assert [tuple(row) for row in ladder.bids.tolist()] == bids
    assert [tuple(row) for row in ladder.asks.tolist()] == asks
