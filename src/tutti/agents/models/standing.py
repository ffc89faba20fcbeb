"""What a model last said of each instrument, spread over the ticks of a block as it fades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.clock import SECOND
from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Sequence


SIGNAL, CONFIDENCE = "model_signal", "model_confidence"
AGE_S, REASON = "model_opinion_age_s", "model_reason"
"""Names under which an analyst's answer stands beside features: what was said, how long ago, and the
number of the reason why there is no view, -1 where there is one."""

WARMING, EXPIRED = 0, 1
"""Numbers of the reasons that are no fault: nothing said yet, and what was said has faded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came of one bar: a view (``reason`` -1), or the number of the reason for none."""

    row: int
    signal: float
    confidence: float
    reason: int


class Standing:
    """Newest view of each instrument.

    Confidence falls linearly to nothing at the end of the time to live, as on the board of agents
    that are awaited; a fault takes nothing back.

    Parameters
    ----------
    n : int
        Instruments.
    time_to_live : int
        ns.
    """

    def __init__(self, n: int, time_to_live: int) -> None:
        self._time_to_live = time_to_live
        # of each instrument: side and confidence of the last view, and when it was known
        self._view = np.full((n, 2), np.nan)
        self._as_of = np.zeros(n, np.int64)
        self._reason = np.full(n, WARMING, np.int64)

    def spread(self, known_at: IntArray, said: Sequence[Sequence[Said]]) -> Spread:
        """Return the views at each tick, given what came of each instrument's bars, in order.

        Parameters
        ----------
        known_at : ndarray of int64, shape (t,)
            End of each tick, ns UTC.
        """
        shape = (len(known_at), len(said))
        made = Spread(
            signal=np.empty(shape),
            said=np.empty(shape),
            age=np.empty(shape, np.int64),
            reason=np.empty(shape, np.int64),
            time_to_live=self._time_to_live,
        )
        for i, column in enumerate(said):
            self._fill(i, known_at, column, made)
        return made

    def _fill(self, i: int, known_at: IntArray, said: Sequence[Said], made: Spread) -> None:
        views = [each for each in said if each.reason < 0]
        signal = np.array([self._view[i, 0], *(each.signal for each in views)])
        sure = np.array([self._view[i, 1], *(each.confidence for each in views)])
        as_of = np.array([self._as_of[i], *(known_at[each.row] for each in views)], np.int64)
        newest = _newest([each.row for each in views], len(known_at))
        made.signal[:, i], made.said[:, i] = signal[newest], sure[newest]
        made.age[:, i] = known_at - as_of[newest]
        reasons = np.array([self._reason[i], *(each.reason for each in said)], np.int64)
        told = reasons[_newest([each.row for each in said], len(known_at))]
        # after a view, what stands in its place once it has faded is that it has
        made.reason[:, i] = np.where(told < 0, EXPIRED, told)
        self._view[i] = signal[-1], sure[-1]
        self._as_of[i], self._reason[i] = as_of[-1], reasons[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Views at each tick; arrays of shape (t, n).

    Parameters
    ----------
    signal, said : ndarray of float64
        Side and confidence as the model gave them; NaN before the first answer.
    age : ndarray of int64
        ns since then.
    reason : ndarray of int64
        Why there is no view, where there is none.
    """

    signal: FloatArray
    said: FloatArray
    age: IntArray
    reason: IntArray
    time_to_live: int

    @property
    def lives(self) -> FloatArray:
        """1 where the view counts, 0 where it is absent or has faded."""
        alive = np.isfinite(self.signal) & ((self.age == 0) | (self.age < self.time_to_live))
        ones: FloatArray = alive.astype(np.float64)
        return ones

    @property
    def bias(self) -> FloatArray:
        """NaN where there is no view."""
        bias: FloatArray = np.where(self.lives > 0, self.signal, np.nan)
        return bias

    @property
    def confidence(self) -> FloatArray:
        """Faded; NaN where there is no view."""
        faded: FloatArray = self.said * (1.0 - self.age / self.time_to_live)
        living: FloatArray = np.where(self.lives > 0, faded, np.nan)
        return living

    def row(self, t: int, i: int) -> dict[str, float]:
        """Return what is behind the view of one cell, by name."""
        alive = self.lives[t, i] > 0
        return {
            SIGNAL: float(self.signal[t, i]),
            CONFIDENCE: float(self.said[t, i]),
            AGE_S: float(self.age[t, i]) / SECOND,
            REASON: -1.0 if alive else float(self.reason[t, i]),
        }


def _newest(rows: Sequence[int], n: int) -> IntArray:
    # at each tick, how many of the rows have come
    count = np.zeros(n, np.int64)
    np.add.at(count, np.asarray(rows, np.int64), 1)
    newest: IntArray = np.cumsum(count)
    return newest
