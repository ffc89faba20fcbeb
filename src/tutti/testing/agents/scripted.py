"""An agent that plays opinions from a list or a function."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from tutti.model.instrument import InstrumentId
from tutti.model.market import Snapshot
from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from tutti.agents.port import SnapshotSource

Line = tuple[float, float] | str | Opinion | Abstention | BaseException
"""Bias and confidence; the reason of an abstention; the whole answer; or what is raised."""

_Script = Callable[[InstrumentId, int], Line]


class ScriptedAgent:
    """Agent that says what it is told to.

    Parameters
    ----------
    name : str
    lines : callable, or list
        From instrument and instant (ns UTC) to a line; a list is played once, and its last entry
        from then on.
    source : SnapshotSource, optional
        Where its snapshots come from; they are empty without one.
    delay_s : float, or callable
        Until it answers, seconds of the event loop; from instrument and instant where it differs.
        ``math.inf`` never answers.
    time_to_live : int
        Of its opinions, ns.

    Attributes
    ----------
    asked : list of (InstrumentId, int)
        Everything that it was asked, in order.
    """

    def __init__(
        self,
        name: str,
        lines: _Script | list[Line],
        *,
        source: SnapshotSource | None = None,
        delay_s: float | Callable[[InstrumentId, int], float] = 0.0,
        time_to_live: int = 0,
    ) -> None:
        self.name = name
        self._lines = _played(lines) if isinstance(lines, list) else lines
        self._source = source
        self._delay = delay_s
        self._time_to_live = time_to_live
        self.asked: list[tuple[InstrumentId, int]] = []

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return the source's snapshot, or an empty one."""
        if self._source is not None:
            return await self._source.snapshot(instrument, ts)
        return Snapshot(instrument=instrument, as_of=ts, close=math.nan, features={})

    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        """Return or raise the next line, after its delay."""
        instrument, ts = context.instrument, context.as_of
        self.asked.append((instrument, ts))
        delay = self._delay(instrument, ts) if callable(self._delay) else self._delay
        if math.isinf(delay):
            await asyncio.Event().wait()
        await asyncio.sleep(delay)
        line = self._lines(instrument, ts)
        if isinstance(line, BaseException):
            raise line
        if isinstance(line, str):
            return Abstention(agent=self.name, instrument=instrument, as_of=ts, reason=line)
        if isinstance(line, Opinion | Abstention):
            return line
        bias, confidence = line
        return Opinion(
            agent=self.name,
            instrument=instrument,
            bias=bias,
            confidence=confidence,
            as_of=ts,
            rationale=f"the script says {bias:+g}",
            time_to_live=self._time_to_live,
        )


def _played(lines: list[Line]) -> _Script:
    if not lines:
        raise ValueError("a script needs something to say")
    left = list(lines)
    return lambda _instrument, _ts: left.pop(0) if len(left) > 1 else left[0]
