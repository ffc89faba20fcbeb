"""Watches what agents earn beyond a baseline, window by window, and says who keeps failing.

The information ratio of a window is the mean of an agent's gains less the baseline's over their
standard deviation, annualised. Windows lie end to end and are counted from the epoch, so that they
do not depend on when a run began. A window in which an agent never took a side says nothing of it.
Source: Grinold and Kahn (2000), Active Portfolio Management, ch. 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.market import FloatArray, IntArray

_NO_DEVIATION = 1e-12
_FEWEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How one agent did in one window.

    Parameters
    ----------
    start, end : int
        ns UTC, the start excluded.
    ratio : float
        Information ratio a year; NaN where it took no side, or too few spans are known.
    bad : int
        Windows in a row, this one the last, in which it was negative.
    is_alert : bool
        True where that are as many as are too many.
    """

    agent: str
    start: int
    end: int
    ratio: float
    bad: int
    is_alert: bool


class AgentMonitor:
    """Information ratio of each agent in successive windows.

    Parameters
    ----------
    names : sequence of str
        The A agents.
    window, span : int
        Length of a window, and of the spans whose gains are compared, ns; a window is a whole
        number of spans.
    per_year : float
        Spans in a year.
    patience : int
        Negative windows in a row that raise an alert.

    Raises
    ------
    ValueError
        If the window is not a whole number of spans.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        window: int,
        span: int,
        per_year: float,
        patience: int = 3,
    ) -> None:
        if span < 1 or window < span or window % span or patience < 1:
            raise ValueError(
                f"a window must be a whole number of spans, was {window!r} of {span!r}; and "
                f"patience at least 1, was {patience!r}"
            )
        self.names = tuple(names)
        self.window = window
        self._span = span
        self._root = math.sqrt(per_year)
        self._patience = patience
        self._bad = [0] * len(self.names)
        self._number: int | None = None
        self._sums = np.zeros((window // span, len(self.names)))
        self._taken = np.zeros(len(self.names), bool)
        self._seen = np.zeros(window // span, bool)

    def seat(self, names: Sequence[str]) -> None:
        """Go on with other agents; who stays keeps the window under way."""
        before = {name: a for a, name in enumerate(self.names)}
        sums, taken, bad = self._sums, self._taken, self._bad
        self.names = tuple(names)
        self._sums = np.zeros((len(sums), len(self.names)))
        self._taken = np.zeros(len(self.names), bool)
        self._bad = [0] * len(self.names)
        for a, name in enumerate(self.names):
            if name in before:
                self._sums[:, a] = sums[:, before[name]]
                self._taken[a] = taken[before[name]]
                self._bad[a] = bad[before[name]]

    def advance(self, ts: IntArray, excess: FloatArray, spoke: FloatArray) -> list[Window]:
        """Take in gains beyond the baseline; return the windows that ended, agent by agent.

        Parameters
        ----------
        ts : ndarray of int64, shape (t,)
            When they were gained, ns UTC, rising; never before what was taken in already.
        excess : ndarray of float64, shape (t, A)
        spoke : ndarray of bool, shape (t, A)
            Whether the agent held anything.
        """
        ended = []
        numbers = (ts - 1) // self.window
        for number in np.unique(numbers).tolist():
            if self._number is not None and number != self._number:
                ended += self._close(self._number)
            self._number = number
            rows = numbers == number
            place = (ts[rows] - 1) // self._span - number * (self.window // self._span)
            np.add.at(self._sums, place, excess[rows])
            self._seen[place] = True
            self._taken |= spoke[rows].any(axis=0)
        return ended

    def close(self, ts: int) -> list[Window]:
        """Return the window that is under way if it ended at ``ts`` (ns UTC) or before."""
        if self._number is None or ts < (self._number + 1) * self.window:
            return []
        ended = self._close(self._number)
        self._number = None
        return ended

    def _close(self, number: int) -> list[Window]:
        start = number * self.window
        found = []
        for a, name in enumerate(self.names):
            ratio = math.nan
            # a span without a tick counts as nothing gained once the window was seen at both ends
            first, last = np.flatnonzero(self._seen)[[0, -1]]
            values = self._sums[first : last + 1, a]
            if self._taken[a] and len(values) >= max(_FEWEST, len(self._sums) // 2):
                ratio = information_ratio(values) * self._root
            if ratio < 0.0:
                self._bad[a] += 1
            elif not math.isnan(ratio):
                self._bad[a] = 0
            found.append(
                Window(
                    agent=name,
                    start=start,
                    end=start + self.window,
                    ratio=ratio,
                    bad=self._bad[a],
                    is_alert=ratio < 0.0 and self._bad[a] >= self._patience,
                )
            )
        self._sums[:] = 0.0
        self._seen[:] = False
        self._taken[:] = False
        return found


def information_ratio(excess: FloatArray) -> float:
    """Return mean over standard deviation (with ``n - 1``) of one span; NaN where nothing varies."""
    if len(excess) < 2:  # noqa: PLR2004
        return math.nan
    deviation = float(excess.std(ddof=1))
    if not deviation > _NO_DEVIATION * float(np.abs(excess).max()):
        return math.nan
    return float(excess.mean()) / deviation
