"""An array agent asked about one instrument at one instant, through the agent port."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tutti.agents.port import Agent, ArrayAgent, SnapshotSource
from tutti.features.block import FeatureBlock
from tutti.model.errors import AgentError
from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import Snapshot


class PointwiseAgent(Agent):
    """Presents an array agent as an asynchronous one.

    Parameters
    ----------
    agent : ArrayAgent
        Without state: it is shown single ticks, of one instrument after another.
    source : SnapshotSource
        Where its features come from.
    time_to_live : int
        Of its opinions, ns.
    """

    def __init__(self, agent: ArrayAgent, source: SnapshotSource, time_to_live: int = 0) -> None:
        self.name = agent.name
        self._agent = agent
        self._source = source
        self._time_to_live = time_to_live

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return the source's snapshot."""
        return await self._source.snapshot(instrument, ts)

    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        """Return the view of the snapshot's features with the reasons for it.

        Raises
        ------
        AgentError
            If the snapshot lacks a feature that the agent needs.
        """
        missing = [name for name in self._agent.needs if name not in context.features]
        if missing:
            raise AgentError(f"{self.name}: snapshot of {context.instrument} lacks {missing}")
        values = [context.features[name] for name in self._agent.needs]
        block = FeatureBlock(self._agent.needs, np.array(values, float).reshape(-1, 1, 1))
        view = self._agent.opine(block)
        bias, confidence = float(view.bias[0, 0]), float(view.confidence[0, 0])
        why = self._agent.explain(context.features)
        if math.isnan(bias) or math.isnan(confidence):
            return Abstention(
                agent=self.name, instrument=context.instrument, as_of=context.as_of, reason=why
            )
        return Opinion(
            agent=self.name,
            instrument=context.instrument,
            bias=bias,
            confidence=confidence,
            as_of=context.as_of,
            rationale=why,
            time_to_live=self._time_to_live,
        )
