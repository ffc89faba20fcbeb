"""In a blinded run no agent tells names on the ledger, whether or not it asks a model."""

from __future__ import annotations

import math

import pytest

from tutti.agents.llm.blinding import Blinding
from tutti.app.veiled import Veiled
from tutti.model.instrument import InstrumentId
from tutti.model.market import Snapshot
from tutti.model.opinion import Abstention, Opinion

BTC = InstrumentId("BTC-USDT", "SIM")
_AS_OF = 1_704_067_200_000_000_000


class _Outspoken:
    name = "outspoken"
    cadence = 7

    def __init__(self, said: Opinion | Abstention) -> None:
        self._said = said

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return Snapshot(instrument=instrument, as_of=ts, close=42_000.0, features={})

    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        return self._said


async def _heard(said: Opinion | Abstention) -> Opinion | Abstention:
    agent = Veiled(_Outspoken(said), Blinding(7, [BTC]))
    assert (agent.name, agent.cadence) == ("outspoken", 7)
    return await agent.infer(await agent.fetch_context(BTC, _AS_OF))


async def test_reasons_and_sources_are_told_in_the_words_of_the_run() -> None:
    told = await _heard(
        Opinion(
            agent="outspoken", instrument=BTC, bias=0.5, confidence=0.5, as_of=_AS_OF,
            rationale="newest: Bitcoin soars on 31 December 2023", sources=("wire:1",),
        )
    )  # fmt: skip
    assert isinstance(told, Opinion)
    assert "Bitcoin" not in told.rationale
    assert "2023" not in told.rationale
    assert told.rationale.startswith("newest: ")
    assert told.sources == (Blinding(7, [BTC]).source("wire:1"),)
    assert math.isclose(told.bias, 0.5)


async def test_reason_of_an_abstention_too() -> None:
    told = await _heard(
        Abstention(agent="outspoken", instrument=BTC, as_of=_AS_OF, reason="nothing on Bitcoin")
    )
    assert isinstance(told, Abstention)
    assert "Bitcoin" not in told.reason


def test_what_the_agent_can_not_is_missing() -> None:
    said = Abstention(agent="outspoken", instrument=BTC, as_of=1, reason="x")
    with pytest.raises(AttributeError):
        _ = Veiled(_Outspoken(said), Blinding(7, [BTC])).observe
