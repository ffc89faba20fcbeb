"""An array agent behind the asynchronous port."""

from __future__ import annotations

import math

import pytest

from tutti.agents.pointwise import PointwiseAgent
from tutti.agents.quant import RECIPES
from tutti.agents.quant.scored import ScoredAgent
from tutti.model.errors import AgentError
from tutti.model.instrument import InstrumentId
from tutti.model.market import Snapshot
from tutti.model.opinion import Abstention, Opinion

_BTC = InstrumentId("BTC-USDT", "SIM")
_OVERSOLD = {
    "rsi_14": 24.1,
    "close_z_50": -1.9,
    "bollinger_position_20": 0.02,
    "momentum_5": -0.02,
    "volatility_100": 0.005,
    "adx_14": 20.0,
}


class _Source:
    def __init__(self, features: dict[str, float]) -> None:
        self._features = features

    async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return Snapshot(instrument=instrument, as_of=ts - 5, close=100.0, features=self._features)


async def _asked(features: dict[str, float]) -> Opinion | Abstention:
    agent = PointwiseAgent(
        ScoredAgent(RECIPES["mean_reversion"]), _Source(features), time_to_live=60
    )
    return await agent.infer(await agent.fetch_context(_BTC, 1000))


async def test_pointwise_agent_gives_the_array_agents_view_as_an_opinion() -> None:
    opinion = await _asked(_OVERSOLD | {"unused": 1.0})
    assert isinstance(opinion, Opinion)
    assert (opinion.agent, opinion.instrument, opinion.as_of) == ("mean_reversion", _BTC, 995)
    assert opinion.bias == pytest.approx(0.90, abs=0.005)
    assert opinion.confidence == 1.0
    assert opinion.time_to_live == 60
    assert "RSI 24.1" in opinion.rationale


async def test_pointwise_agent_with_a_cold_feature_abstains_and_names_it() -> None:
    abstention = await _asked(_OVERSOLD | {"rsi_14": math.nan})
    assert abstention == Abstention(
        agent="mean_reversion",
        instrument=_BTC,
        as_of=995,
        reason="no view: rsi_14 not known or zero",
    )


async def test_pointwise_agent_without_a_needed_feature_can_not_form_an_opinion() -> None:
    with pytest.raises(AgentError, match=r"lacks \['rsi_14'"):
        await _asked({})
