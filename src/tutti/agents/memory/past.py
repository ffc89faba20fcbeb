"""Situations in memory, and the nearest of them at any instant.

Features are compared in units of their spread among the situations that may be told of at that
instant, so that none counts for more because of its unit, and nothing is scaled by what came later::

    distance^2 = mean over the features of the present of ((x - y) / spread)^2

A feature that the present doesn't know is left out. One that only the past doesn't know counts 2,
which is what two independent draws from one distribution are apart on average: not to know makes a
situation ordinary, neither near nor far. Of situations that overlap in time only the nearest is told, for neighbouring ticks are one
situation and not several.

Source: nearest neighbours by standardised Euclidean distance; Hastie, Tibshirani and Friedman
(2009), The elements of statistical learning, 2.3.2 and 14.3.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tutti.agents.memory.port import Memory
from tutti.model.market import IntArray, Situation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tutti.model.instrument import InstrumentId

_Plane = NDArray[np.float32]

UNKNOWN = 2.0
"""Squared distance in a feature that a past situation doesn't know."""
_FIRST = 64
_FEWEST = 2
_PART = 256
_TRIED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """A situation of the past, and how far it is from the one asked about; 0 for the same."""

    situation: Situation
    distance: float


class PastSituations(Memory):
    """Memory that lasts as long as the process.

    Parameters
    ----------
    situations : iterable of Situation, optional
        To begin with.
    """

    def __init__(self, situations: Iterable[Situation] = ()) -> None:
        self._shelves: dict[InstrumentId, _Shelf] = {}
        self.remember_all(situations)

    def __len__(self) -> int:
        return sum(len(shelf) for shelf in self._shelves.values())

    def remember(self, situation: Situation) -> None:
        """Keep a situation; see the port."""
        self.remember_all([situation])

    def remember_all(self, situations: Iterable[Situation]) -> None:
        """Keep many: much faster than one by one where they come in no order."""
        given: dict[InstrumentId, list[Situation]] = {}
        for situation in situations:
            given.setdefault(situation.instrument, []).append(situation)
        for instrument, them in given.items():
            shelf = self._shelves.get(instrument)
            self._shelves[instrument] = (_Shelf() if shelf is None else shelf).with_(them)

    def nearest(
        self, instrument: InstrumentId, features: Mapping[str, float], as_of: int, k: int
    ) -> tuple[Situation, ...]:
        """Return the past situations most like the present; see the port."""
        return tuple(like.situation for like in self.likenesses(instrument, features, as_of, k))

    def likenesses(
        self, instrument: InstrumentId, features: Mapping[str, float], as_of: int, k: int
    ) -> tuple[Likeness, ...]:
        """Return what `nearest` does, each with its distance."""
        shelf = self._shelves.get(instrument)
        return () if shelf is None or k < 1 else shelf.nearest(features, as_of, k)

    def situations(self, instrument: InstrumentId, as_of: int) -> tuple[Situation, ...]:
        """Return all that may be told of at ``as_of``, in the order they became known."""
        shelf = self._shelves.get(instrument)
        return () if shelf is None else shelf.known(as_of)

    def features(self, instrument: InstrumentId) -> tuple[str, ...]:
        """Return the names of the features that situations of an instrument have, in order."""
        shelf = self._shelves.get(instrument)
        return () if shelf is None else shelf.names

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """What there are situations of, in order."""
        return tuple(sorted(self._shelves))


class _Shelf:
    # Situations of one instrument in the order they became known; a plane of features each, less the
    # feature's first value, so that single precision is enough for one that hardly moves.

    def __init__(self) -> None:
        self._situations: list[Situation] = []
        self._seen: set[int] = set()
        self._names: dict[str, int] = {}
        self._origin: list[float] = []
        self._known_at: IntArray = np.empty(_FIRST, np.int64)
        self._planes: _Plane = np.empty((0, _FIRST), np.float32)
        self._has_gaps: list[bool] = []
        self._spreads: dict[int, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._situations)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._names))

    def with_(self, situations: list[Situation]) -> _Shelf:
        # itself where they follow what it has, else another one with all in order
        ordered = sorted(situations, key=_order)
        replaced = any(each.as_of in self._seen for each in ordered)
        last = _order(self._situations[-1]) if self._situations else _order(ordered[0])
        shelf = self
        if replaced or _order(ordered[0]) < last:
            kept = {each.as_of: each for each in (*self._situations, *ordered)}
            shelf, ordered = _Shelf(), sorted(kept.values(), key=_order)
        for each in ordered:
            shelf._append(each)
        return shelf

    def known(self, as_of: int) -> tuple[Situation, ...]:
        return tuple(self._situations[: self._count(as_of)])

    def nearest(self, features: Mapping[str, float], as_of: int, k: int) -> tuple[Likeness, ...]:
        count = self._count(as_of)
        if count == 0:
            return ()
        distances = self._distances(features, count)
        chosen: list[int] = []
        for row in _ascending(distances, k):
            if all(self._apart(row, other) for other in chosen):
                chosen.append(row)
                if len(chosen) == k:
                    break
        return tuple(
            Likeness(situation=self._situations[row], distance=math.sqrt(float(distances[row])))
            for row in chosen
        )

    def _append(self, situation: Situation) -> None:
        row = len(self._situations)
        if row == len(self._known_at):
            self._known_at = np.resize(self._known_at, 2 * row)
            wider = np.full((len(self._planes), 2 * row), np.nan, np.float32)
            wider[:, :row] = self._planes[:, :row]
            self._planes = wider
        self._known_at[row] = situation.known_at
        self._widen(situation, row)
        for name, plane in self._names.items():
            value = situation.features.get(name, math.nan) - self._origin[plane]
            is_known = math.isfinite(value)
            self._planes[plane, row] = value if is_known else math.nan
            self._has_gaps[plane] |= not is_known
        self._seen.add(situation.as_of)
        self._situations.append(situation)

    def _widen(self, situation: Situation, row: int) -> None:
        new = [
            name
            for name, value in situation.features.items()
            if name not in self._names and math.isfinite(value)
        ]
        if not new:
            return
        more = np.full((len(new), len(self._known_at)), np.nan, np.float32)
        self._planes = np.concatenate([self._planes, more])
        for name in new:
            self._names[name] = len(self._names)
            self._origin.append(situation.features[name])
            self._has_gaps.append(row > 0)

    def _count(self, as_of: int) -> int:
        known = self._known_at[: len(self._situations)]
        return int(np.searchsorted(known, as_of, side="right"))

    def _distances(self, features: Mapping[str, float], count: int) -> _Plane:
        total = np.zeros(count, np.float32)
        compared = 0
        for name, plane in self._names.items():
            values = self._planes[plane, :count]
            asked = features.get(name, math.nan) - self._origin[plane]
            if not math.isfinite(asked):
                continue
            spread = self._spread(plane, count)
            if not spread > 0.0:
                continue
            compared += 1
            apart = values - np.float32(asked)
            apart *= np.float32(1.0 / spread)
            apart *= apart
            if self._has_gaps[plane]:
                np.nan_to_num(apart, copy=False, nan=UNKNOWN)
            total += apart
        total /= np.float32(max(1, compared))
        return total

    def _spread(self, plane: int, count: int) -> float:
        # standard deviation of what is known; of many, up to the last full part, so that it is
        # worked out again only now and then, and is the same whoever asked before
        basis = count - count % _PART if count > _PART else count
        kept = self._spreads.get(plane)
        if kept is None or kept[0] != basis:
            kept = basis, self._spread_of(plane, self._planes[plane, :basis])
            self._spreads[plane] = kept
        return kept[1]

    def _spread_of(self, plane: int, values: _Plane) -> float:
        if self._has_gaps[plane]:
            values = values[np.isfinite(values)]
        if len(values) < _FEWEST:
            return 0.0
        off = values - np.float32(values.mean(dtype=np.float64))
        return math.sqrt(float(np.dot(off, off)) / len(values))

    def _apart(self, one: int, other: int) -> bool:
        first, second = sorted((self._situations[one], self._situations[other]), key=_by_instant)
        return first.known_at <= second.as_of


def _order(situation: Situation) -> tuple[int, int]:
    return situation.known_at, situation.as_of


def _by_instant(situation: Situation) -> int:
    return situation.as_of


def _ascending(distances: _Plane, k: int) -> Iterable[int]:
    # rows by distance, the earlier first among equals; all of them only when they are asked for
    most = len(distances)
    width = min(most, _TRIED * k)
    done = 0
    while done < most:
        part = np.argpartition(distances, width - 1)[:width] if width < most else np.arange(most)
        bound = distances[part].max()
        part = np.flatnonzero(distances <= bound) if width < most else part
        ordered = part[np.lexsort((part, distances[part]))]
        yield from ordered[done:].tolist()
        done, width = len(ordered), min(most, 8 * width)
