"""Lengths of time as people write them, a number of bars among them; and curves over time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND
from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SPAN = r"^(0|[1-9]\d{0,5}(s|m|h|d|w| ?bars?))$"
"""Pattern of a length: 0, 30s, 5m, 4h, 3d, 2w, or 3 bars."""

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_WRITTEN = re.compile(r"(\d+) ?([a-z]*)")


@dataclass(frozen=True, slots=True)
class Span:
    """Length of time, as it was written: ``4h``, ``3d``, ``2 bars`` or ``0``.

    Raises
    ------
    ValueError
        If it is written in no such way.
    """

    text: str

    def __post_init__(self) -> None:
        if not re.match(SPAN, self.text):
            raise ValueError(f"must be a length such as 30m, 4h, 3d or 2 bars, was {self.text!r}")

    def __str__(self) -> str:
        return self.text

    def ns(self, step: int) -> int:
        """Return the length in nanoseconds where a bar is ``step`` long."""
        found = _WRITTEN.match(self.text)
        assert found is not None  # checked when it was made
        return int(found[1]) * _UNITS.get(found[2], step if found[2] else 0)


NO_TIME = Span("0")


@dataclass(frozen=True, slots=True)
class Window:
    """Stretch of time ``[begin, end)``, ns UTC."""

    begin: int
    end: int

    def holds(self, ts: IntArray) -> NDArray[np.bool_]:
        """Return which of ``ts`` (ns UTC, shape (t,)) lie in it."""
        inside: NDArray[np.bool_] = (ts >= self.begin) & (ts < self.end)
        return inside

    def meets(self, ts: IntArray, step: int) -> IntArray:
        """Return the rows of the bars ``[ts, ts + step)`` that have a part in it."""
        return np.flatnonzero((ts < self.end) & (ts + step > self.begin))


@dataclass(frozen=True, slots=True)
class Course:
    """Quantity over time: straight lines between points, level before the first and after the last.

    Parameters
    ----------
    times : ndarray of int64, shape (p,)
        ns UTC, rising.
    levels : ndarray of float64, shape (p,)
    """

    times: IntArray
    levels: FloatArray

    @classmethod
    def through(cls, points: Sequence[tuple[int, float]]) -> Course:
        """Return the course through ``points``; of points at one time each comes a ns later."""
        times: list[int] = []
        for at, _ in points:
            times.append(max(at, times[-1] + 1) if times else at)
        return cls(np.array(times, np.int64), np.array([level for _, level in points]))

    @classmethod
    def total(cls, courses: Sequence[Course]) -> Course:
        """Return the sum of at least one course."""
        times = np.unique(np.concatenate([each.times for each in courses]))
        levels = courses[0].at(times)
        for each in courses[1:]:
            levels = levels + each.at(times)
        return cls(times, levels)

    def at(self, ts: IntArray) -> FloatArray:
        """Return the level at each of ``ts`` (ns UTC)."""
        first = self.times[0]
        inside = np.clip(ts, first, self.times[-1]) - first
        found: FloatArray = np.interp(inside, self.times - first, self.levels)
        return found

    def extremes(self, begin: IntArray, end: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and the highest level within each ``[begin, end]``."""
        ends = self.at(begin), self.at(end)
        low, high = np.minimum(*ends), np.maximum(*ends)
        for at, level in zip(self.times.tolist(), self.levels.tolist(), strict=True):
            inside = (begin < at) & (at < end)
            low[inside] = np.minimum(low[inside], level)
            high[inside] = np.maximum(high[inside], level)
        return low, high
