"""The board where agents with a pace of their own leave opinions, which fade until replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tutti.model.opinion import Abstention, Opinion, Views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tutti.model.instrument import InstrumentId
    from tutti.model.market import FloatArray, IntArray

_SILENT = "nothing posted yet"
_EXPIRED = "its last opinion has expired"


def faded(
    confidence: FloatArray, as_of: IntArray, time_to_live: IntArray, ts: IntArray
) -> FloatArray:
    """Return what is left of confidences at ``ts``; all arrays are broadcast against each other.

    Parameters
    ----------
    as_of, time_to_live, ts : ndarray of int64
        ns UTC; how long each lives, ns; and when it is looked at.

    Returns
    -------
    ndarray of float64
        NaN where nothing is left, or the opinion is from after ``ts``.
    """
    age = ts - as_of
    lives = (age == 0) | ((age > 0) & (age < time_to_live))
    span = np.where(time_to_live > 0, time_to_live, 1)
    left: FloatArray = np.where(lives, confidence * (1.0 - age / span), np.nan)
    return left


def stands(
    posted: Opinion | None, agent: str, instrument: InstrumentId, ts: int, left: float
) -> Opinion | Abstention:
    """Return what an agent has to say at ``ts``, given its last opinion and what is left of it."""
    if posted is not None and left == left:
        return msgspec.structs.replace(posted, confidence=left)
    reason = _SILENT if posted is None else _EXPIRED
    return Abstention(agent=agent, instrument=instrument, as_of=ts, reason=reason)


class OpinionBoard:
    """Newest opinion of each agent on each instrument, weaker the older it is.

    Confidence falls linearly from what was said at ``as_of`` to 0 at ``as_of + time_to_live``; from
    there on the agent abstains. A time to live of 0 holds at ``as_of`` only. An abstention posted
    later takes nothing back: the last opinion goes on fading.

    Parameters
    ----------
    names : sequence of str
        The A agents, in order.
    instruments : sequence of InstrumentId
        The N columns.
    """

    def __init__(self, names: Sequence[str], instruments: Sequence[InstrumentId]) -> None:
        self.names = tuple(names)
        self.instruments = tuple(instruments)
        self._rows = {name: a for a, name in enumerate(self.names)}
        self._columns = {instrument: i for i, instrument in enumerate(self.instruments)}
        shape = (len(self.names), len(self.instruments))
        self._bias = np.full(shape, np.nan)
        self._confidence = np.full(shape, np.nan)
        self._as_of = np.zeros(shape, np.int64)
        self._time_to_live = np.zeros(shape, np.int64)
        self._opinions: dict[tuple[int, int], Opinion] = {}

    def has_place_for(self, agent: str, instrument: InstrumentId) -> bool:
        """Tell whether an opinion of the agent on the instrument could hang here."""
        return agent in self._rows and instrument in self._columns

    def post(self, opinion: Opinion | Abstention) -> bool:
        """Put up an opinion; False when it is an abstention or not newer than what hangs there.

        Raises
        ------
        ValueError
            If the board has no such agent or instrument.
        """
        row = self._rows.get(opinion.agent)
        column = self._columns.get(opinion.instrument)
        if row is None or column is None:
            raise ValueError(f"no place for {opinion.agent} on {opinion.instrument} on this board")
        cell = (row, column)
        if isinstance(opinion, Abstention):
            return False
        if cell in self._opinions and opinion.as_of <= self._as_of[cell]:
            return False
        self._opinions[cell] = opinion
        self._bias[cell] = opinion.bias
        self._confidence[cell] = opinion.confidence
        self._as_of[cell] = opinion.as_of
        self._time_to_live[cell] = opinion.time_to_live
        return True

    def post_all(self, opinions: Iterable[Opinion | Abstention]) -> int:
        """Put up several; return how many were taken."""
        return sum(self.post(opinion) for opinion in opinions)

    def views(self, ts: IntArray) -> Views:
        """Return all opinions as they stand at each of the instants ``ts`` (ns UTC), shape (t,).

        Returns
        -------
        Views
            Bias and faded confidence, shape (A, t, N); NaN in both where there is no opinion, it
            has expired, or it is from after the instant.
        """
        left = faded(
            self._confidence[:, None],
            self._as_of[:, None],
            self._time_to_live[:, None],
            ts[None, :, None],
        )
        return Views(np.where(np.isnan(left), np.nan, self._bias[:, None]), left)

    def standing(self, instrument: InstrumentId, ts: int) -> list[Opinion | Abstention]:
        """Return what each agent has to say about an instrument at ``ts``, confidence faded.

        Raises
        ------
        ValueError
            If the board has no such instrument.
        """
        column = self._columns.get(instrument)
        if column is None:
            raise ValueError(f"{instrument} is not on this board")
        left = self.views(np.array([ts])).confidence[:, 0, column].tolist()
        return [
            stands(self._opinions.get((a, column)), name, instrument, ts, left[a])
            for a, name in enumerate(self.names)
        ]
