"""What makes something an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.agents.port import Agent, MetaAgent
from tutti.agents.quant import quant_agents
from tutti.model.instrument import InstrumentId
from tutti.model.market import Snapshot

if TYPE_CHECKING:
    from tutti.model.opinion import Abstention, Opinion

_BTC = InstrumentId("BTC-USDT", "SIM")


class _Unfinished(Agent):
    name = "unfinished"

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return await super().fetch_context(instrument, ts)  # type: ignore[safe-super]


class _Careless(_Unfinished):
    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        return await super().infer(context)  # type: ignore[safe-super]


def test_agent_without_all_methods_can_not_be_made() -> None:
    assert Agent in _Unfinished.__mro__
    with pytest.raises(TypeError, match="infer"):
        _Unfinished()  # type: ignore[abstract]


async def test_agent_that_calls_the_abstract_methods_is_told_so() -> None:
    agent = _Careless()
    with pytest.raises(NotImplementedError):
        await agent.fetch_context(_BTC, 1)
    with pytest.raises(NotImplementedError):
        await agent.infer(Snapshot(instrument=_BTC, as_of=1, close=1.0, features={}))


def test_meta_agents_are_those_that_opine_over_others() -> None:
    assert [isinstance(agent, MetaAgent) for agent in quant_agents()] == [False] * 6 + [True]
