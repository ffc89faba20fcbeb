"""Agents that have to be awaited: asked when due, under their timeout, heard until they fade."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tutti.agents.board import OpinionBoard
from tutti.agents.panel import NoMetrics
from tutti.app.late import LateAgents
from tutti.app.settings import AgentSettings
from tutti.kernel.clock import SECOND
from tutti.model.instrument import InstrumentId
from tutti.model.market import Snapshot
from tutti.model.opinion import Abstention, Opinion

BTC, ETH = InstrumentId("BTC-USDT", "SIM"), InstrumentId("ETH-USDT", "SIM")


class Pundit:
    """Says the same of everything, after a while."""

    name = "pundit"

    def __init__(self, takes_s: float = 0.0) -> None:
        self.asked: list[tuple[InstrumentId, int]] = []
        self._takes_s = takes_s

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return Snapshot(instrument=instrument, as_of=ts, close=1.0, features={})

    async def infer(self, context: Snapshot) -> Opinion:
        self.asked.append((context.instrument, context.as_of))
        await asyncio.sleep(self._takes_s)
        return Opinion(
            agent=self.name,
            instrument=context.instrument,
            bias=0.5,
            confidence=0.8,
            as_of=context.as_of,
            rationale="as always",
        )


def _late(pundit: Pundit, **settings: float) -> tuple[LateAgents, OpinionBoard]:
    board = OpinionBoard([pundit.name], [BTC, ETH])
    seat = AgentSettings(name=pundit.name, **settings)
    return LateAgents([(seat, pundit)], board, [BTC, ETH], NoMetrics()), board


async def test_agent_is_asked_about_every_instrument_at_its_own_pace() -> None:
    pundit = Pundit()
    late, _ = _late(pundit, cadence_s=10.0)
    for ts in (0, 5 * SECOND, 10 * SECOND):
        await late.ask(ts)
    assert pundit.asked == [(BTC, 0), (ETH, 0), (BTC, 10 * SECOND), (ETH, 10 * SECOND)]


async def test_opinion_fades_until_the_agent_is_asked_again() -> None:
    late, board = _late(Pundit(), cadence_s=10.0)
    await late.ask(0)
    (view,) = board.views(5 * SECOND)
    assert view.bias[0].tolist() == [0.5, 0.5]
    assert view.confidence[0].tolist() == pytest.approx([0.4, 0.4])
    (view,) = board.views(10 * SECOND)
    assert np.isnan(view.bias).all()


async def test_agent_that_is_late_abstains_and_holds_nobody_up() -> None:
    late, board = _late(Pundit(takes_s=5.0), timeout_s=0.02)
    began = asyncio.get_running_loop().time()
    said = await late.ask(0)
    assert asyncio.get_running_loop().time() - began < 0.5
    assert all(isinstance(each, Abstention) and "0.02 s" in each.reason for each in said)
    assert np.isnan(board.views(0)[0].bias).all()
