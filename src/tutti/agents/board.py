"""The board where agents with a pace of their own leave opinions, which fade until replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.model.opinion import Abstention, Opinion, Views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tutti.model.instrument import InstrumentId
    from tutti.model.market import FloatArray


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

    def at(self, ts: int) -> Views:
        """Return all opinions as they stand at ``ts`` (ns UTC).

        Returns
        -------
        Views
            Bias and faded confidence, shape (A, N); NaN in both where there is no opinion, it has
            expired, or it is from after ``ts``.
        """
        age = ts - self._as_of
        lives = (age == 0) | ((age > 0) & (age < self._time_to_live))
        span = np.where(self._time_to_live > 0, self._time_to_live, 1)
        faded: FloatArray = self._confidence * (1.0 - age / span)
        return Views(np.where(lives, self._bias, np.nan), np.where(lives, faded, np.nan))

    def views(self, ts: int) -> tuple[Views, ...]:
        """Return one entry an agent, arrays of shape (1, N), as they stand at ``ts`` (ns UTC)."""
        bias, confidence = self.at(ts)
        return tuple(Views(bias[a : a + 1], confidence[a : a + 1]) for a in range(len(self.names)))

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
        confidence = self.at(ts).confidence[:, column]
        return [self._standing(a, column, ts, float(faded)) for a, faded in enumerate(confidence)]

    def _standing(self, a: int, column: int, ts: int, faded: float) -> Opinion | Abstention:
        posted = self._opinions.get((a, column))
        if posted is not None and faded == faded:
            return Opinion(
                agent=posted.agent,
                instrument=posted.instrument,
                bias=posted.bias,
                confidence=faded,
                as_of=posted.as_of,
                rationale=posted.rationale,
                time_to_live=posted.time_to_live,
            )
        return Abstention(
            agent=self.names[a],
            instrument=self.instruments[column],
            as_of=ts,
            reason="nothing posted yet" if posted is None else "its last opinion has expired",
        )
