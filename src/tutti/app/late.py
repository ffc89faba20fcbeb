"""Asks the agents that have to be awaited, when they are due, and puts up what they say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tutti.agents.panel import Panel
from tutti.kernel.clock import SECOND
from tutti.model.opinion import Opinion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.board import OpinionBoard
    from tutti.agents.panel import AgentMetrics
    from tutti.agents.port import Agent
    from tutti.app.settings import AgentSettings
    from tutti.model.instrument import InstrumentId
    from tutti.model.opinion import Abstention


@dataclass(slots=True)
class _Seat:
    panel: Panel
    cadence: int
    due: int = 0


class LateAgents:
    """Asks each agent at its own pace and waits for no longer than its timeout.

    Parameters
    ----------
    seats : sequence of (AgentSettings, Agent)
        With cadence (0: every tick) and timeout, both in seconds.
    board : OpinionBoard
        Where opinions hang until they have faded. One without a time to live of its own lasts until
        the agent is asked again.
    instruments : sequence of InstrumentId
    metrics : AgentMetrics
    """

    def __init__(
        self,
        seats: Sequence[tuple[AgentSettings, Agent]],
        board: OpinionBoard,
        instruments: Sequence[InstrumentId],
        metrics: AgentMetrics,
    ) -> None:
        self._board = board
        self._instruments = tuple(instruments)
        self._seats = [
            _Seat(
                Panel([agent], timeouts_s={settings.name: settings.timeout_s}, metrics=metrics),
                round(settings.cadence_s * SECOND),
            )
            for settings, agent in seats
        ]

    async def ask(self, ts: int) -> list[Opinion | Abstention]:
        """Ask all that are due at ``ts`` (ns UTC), together, and return what they said."""
        due = [seat for seat in self._seats if seat.due <= ts]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._answer(seat, instrument, ts))
                for seat in due
                for instrument in self._instruments
            ]
        for seat in due:
            seat.due = ts + seat.cadence
        said = [task.result() for task in tasks]
        self._board.post_all(said)
        return said

    async def _answer(self, seat: _Seat, instrument: InstrumentId, ts: int) -> Opinion | Abstention:
        (answer,) = await seat.panel.ask(instrument, ts)
        if isinstance(answer, Opinion) and not answer.time_to_live and seat.cadence:
            return msgspec.structs.replace(answer, time_to_live=seat.cadence)
        return answer
