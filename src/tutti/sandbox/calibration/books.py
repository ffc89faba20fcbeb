"""Replays a recorded order book, and walks it with orders that were never sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.errors import DataError
from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.sandbox.calibration.recording import BookEvents


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """An order book at one instant, best level first on both sides.

    Parameters
    ----------
    bids, asks : ndarray of float64, shape (levels, 2)
        Price and size.
    """

    ts: int
    bids: FloatArray
    asks: FloatArray

    @property
    def mid(self) -> float:
        """Middle of the best bid and ask."""
        return float(self.bids[0, 0] + self.asks[0, 0]) / 2.0


def ladders(book: BookEvents, instants: IntArray) -> Iterator[Ladder]:
    """Give the book at each instant: what was received before it or with it.

    An instant before the first snapshot, or with an empty or crossed side, has no book and is left
    out. Updates that came before a snapshot and belong after it by their number are applied to it,
    and those that it already includes are dropped.

    Parameters
    ----------
    instants : ndarray of int64, shape (k,)
        ns UTC, rising.

    Raises
    ------
    DataError
        If the recording holds no snapshot: a book of changes alone is never known to be whole.
    """
    order = _playable(book)
    times = book.ts[order].tolist()
    sides = book.side[order].tolist()
    prices = book.price[order].tolist()
    sizes = book.quantity[order].tolist()
    fresh = _starts_anew(book, order)
    levels: tuple[dict[float, float], dict[float, float]] = ({}, {})
    row, n_rows = 0, len(times)
    for instant in instants.tolist():
        while row < n_rows and times[row] <= instant:
            if fresh[row]:
                levels = ({}, {})
            held = levels[0] if sides[row] > 0 else levels[1]
            if sizes[row] > 0.0:
                held[prices[row]] = sizes[row]
            else:
                held.pop(prices[row], None)
            row += 1
        if row and levels[0] and levels[1] and max(levels[0]) < min(levels[1]):
            yield Ladder(
                ts=instant,
                bids=np.array(sorted(levels[0].items(), reverse=True)),
                asks=np.array(sorted(levels[1].items())),
            )


def walked(levels: FloatArray, quantities: FloatArray) -> FloatArray:
    """Return the average price that taking each quantity at once pays; NaN where it isn't there.

    Parameters
    ----------
    levels : ndarray of float64, shape (l, 2)
        Price and size, best first.
    quantities : ndarray of float64, shape (k,)
        Positive.
    """
    depth = np.cumsum(levels[:, 1])
    paid = np.cumsum(levels[:, 0] * levels[:, 1])
    last = np.searchsorted(depth, quantities)
    there = last < len(depth)
    at = np.minimum(last, len(depth) - 1)
    before_size = np.where(at > 0, depth[at - 1], 0.0)
    before_paid = np.where(at > 0, paid[at - 1], 0.0)
    total = before_paid + (quantities - before_size) * levels[at, 0]
    prices: FloatArray = np.where(there, total / quantities, np.nan)
    return prices


def _playable(book: BookEvents) -> IntArray:
    # a snapshot is asked for while updates already stream in: those wait for it
    begins = np.flatnonzero(book.is_snapshot)
    if not len(begins):
        raise DataError(
            "the recording of the book has no snapshot; record one at the start, or leave --book out"
        )
    first, last = int(begins[0]), int(begins[0])
    while last + 1 < len(book.ts) and book.is_snapshot[last + 1]:
        last += 1
    known = book.last_id[first]
    early = np.flatnonzero(book.last_id[:first] > known) if known else np.zeros(0, np.int64)
    later = np.arange(last + 1, len(book.ts))
    if known:
        later = later[book.is_snapshot[later] | (book.last_id[later] > known)]
    return np.concatenate([np.arange(first, last + 1), early, later])


def _starts_anew(book: BookEvents, order: IntArray) -> list[bool]:
    # a snapshot begins where one of another time, or an update, stood before
    snapshot, ts = book.is_snapshot[order], book.ts[order]
    follows = np.zeros(len(order), bool)
    follows[1:] = snapshot[:-1] & (ts[1:] == ts[:-1])
    anew: list[bool] = (snapshot & ~follows).tolist()
    return anew
