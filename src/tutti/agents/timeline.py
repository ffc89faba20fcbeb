"""Opinions over a stretch of time that lies behind: who had said what at each tick."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.agents.board import faded, stands
from tutti.model.market import FloatArray, IntArray
from tutti.model.opinion import Abstention, Opinion, Views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tutti.model.instrument import InstrumentId


class Heard(NamedTuple):
    """An answer, and the tick from which on it counts (ns UTC)."""

    ts: int
    answer: Opinion | Abstention


class _Series(NamedTuple):
    # one agent's opinions on one instrument that were news when they came, oldest first
    ts: IntArray
    as_of: IntArray
    time_to_live: IntArray
    bias: FloatArray
    confidence: FloatArray
    opinions: tuple[Opinion, ...]


class OpinionTimeline:
    """Opinions of agents that were asked ahead, as an `OpinionBoard` would have shown them.

    Parameters
    ----------
    names : sequence of str
        The A agents, in order.
    instruments : sequence of InstrumentId
        The N columns.
    answers : iterable of Heard
        In any order; those that count from one tick on are kept in the order given.
    """

    def __init__(
        self,
        names: Sequence[str],
        instruments: Sequence[InstrumentId],
        answers: Iterable[Heard] = (),
    ) -> None:
        self.names = tuple(names)
        self.instruments = tuple(instruments)
        self.answers = tuple(sorted(answers, key=attrgetter("ts")))
        rows = {name: a for a, name in enumerate(self.names)}
        columns = {instrument: i for i, instrument in enumerate(self.instruments)}
        cells: dict[tuple[int, int], list[Heard]] = {}
        for heard in self.answers:
            if isinstance(heard.answer, Opinion):
                cell = rows[heard.answer.agent], columns[heard.answer.instrument]
                cells.setdefault(cell, []).append(heard)
        self._columns = columns
        self._cells = {cell: _series(told) for cell, told in cells.items()}

    def between(self, first: int, last: int) -> tuple[Heard, ...]:
        """Return the answers that count from a tick in ``[first, last]`` on, in order."""
        begin = bisect_left(self.answers, first, key=attrgetter("ts"))
        return self.answers[begin : bisect_right(self.answers, last, key=attrgetter("ts"))]

    def views(self, ts: IntArray) -> Views:
        """Return all opinions as they stood at each of the instants ``ts``, arrays (A, t, N)."""
        shape = (len(self.names), len(ts), len(self.instruments))
        views = Views(np.full(shape, np.nan), np.full(shape, np.nan))
        for (a, i), told in self._cells.items():
            newest = np.searchsorted(told.ts, ts, side="right") - 1
            known = newest >= 0
            if not known.any():
                continue
            newest = newest[known]
            left = faded(
                told.confidence[newest], told.as_of[newest], told.time_to_live[newest], ts[known]
            )
            views.confidence[a, known, i] = left
            views.bias[a, known, i] = np.where(np.isnan(left), np.nan, told.bias[newest])
        return views

    def standing(self, instrument: InstrumentId, ts: int) -> list[Opinion | Abstention]:
        """Return what each agent had to say about an instrument at ``ts``, confidence faded.

        Raises
        ------
        ValueError
            If there is no such instrument.
        """
        column = self._columns.get(instrument)
        if column is None:
            raise ValueError(f"{instrument} is not on this timeline")
        said: list[Opinion | Abstention] = []
        for a, name in enumerate(self.names):
            told = self._cells.get((a, column))
            k = -1 if told is None else int(np.searchsorted(told.ts, ts, side="right")) - 1
            if told is None or k < 0:
                said.append(stands(None, name, instrument, ts, np.nan))
                continue
            one = slice(k, k + 1)
            at = np.array([ts])
            left = faded(told.confidence[one], told.as_of[one], told.time_to_live[one], at)
            said.append(stands(told.opinions[k], name, instrument, ts, float(left[0])))
        return said


def _series(told: Sequence[Heard]) -> _Series:
    news: list[tuple[int, Opinion]] = []
    for ts, answer in told:
        # as on a board: what is older than what hangs there is not put up
        if isinstance(answer, Opinion) and (not news or answer.as_of > news[-1][1].as_of):
            news.append((ts, answer))
    opinions = tuple(opinion for _, opinion in news)
    return _Series(
        ts=np.array([ts for ts, _ in news], np.int64),
        as_of=np.array([each.as_of for each in opinions], np.int64),
        time_to_live=np.array([each.time_to_live for each in opinions], np.int64),
        bias=np.array([each.bias for each in opinions], np.float64),
        confidence=np.array([each.confidence for each in opinions], np.float64),
        opinions=opinions,
    )
