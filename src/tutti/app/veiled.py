"""Hides in a blinded run what agents say that see everything as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from tutti.agents.llm.sight import Sight
    from tutti.agents.port import Agent
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import Snapshot


class Veiled:
    """Agent whose reasons go to the ledger without names, dates and levels.

    Parameters
    ----------
    agent : Agent
        Asks no model, or one of its own; whatever else it can, this can too.
    sight : Sight
        Of the run.
    """

    def __init__(self, agent: Agent, sight: Sight) -> None:
        self.name = agent.name
        self._agent = agent
        self._sight = sight

    def __getattr__(self, name: str) -> Any:
        """Return what the agent has beside what every agent has."""
        return getattr(self._agent, name)

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return what the agent is shown."""
        return await self._agent.fetch_context(instrument, ts)

    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        """Return what the agent says, in the run's own words."""
        said, sight = await self._agent.infer(context), self._sight
        if isinstance(said, Abstention):
            return msgspec.structs.replace(said, reason=sight.text(said.reason, as_of=said.as_of))
        return msgspec.structs.replace(
            said,
            rationale=sight.text(said.rationale, as_of=said.as_of, close=context.close),
            sources=tuple(map(sight.source, said.sources)),
        )
