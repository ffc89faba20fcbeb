"""A scripted language model, and snapshots to ask it about."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tutti.agents.llm.port import Answer, Call
from tutti.kernel.clock import HOUR, SECOND
from tutti.model.instrument import InstrumentId
from tutti.model.market import Reading, Situation, Snapshot, TextEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

BTC = InstrumentId("BTC-USDT-PERP", "SIM")
NOW = 1_700_000_000 * SECOND


class ScriptedModel:
    """Says what it was told to say, one line after the other; an error is raised."""

    def __init__(self, lines: Sequence[str | Exception], model: str = "test:model") -> None:
        self.lines = list(lines)
        self.model = model
        self.heard: list[Call] = []

    async def answer(self, call: Call) -> Answer:
        self.heard.append(call)
        line = self.lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return Answer(
            call=call.key,
            text=line,
            model=self.model,
            input_tokens=10,
            output_tokens=5,
            cost_usd=Decimal("0.001"),
            latency=SECOND,
        )


class FixedSource:
    """Hands over one snapshot, whoever asks."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.given = snapshot

    async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return self.given


def said(**changes: Any) -> str:
    answer = {
        "bias": 0.5,
        "confidence": 0.4,
        "rationale": "Two publishers report an approval.",
        "horizon_hours": 24,
        "sources": ["t1"],
    }
    return json.dumps({**answer, **changes})


def text(words: str, **changes: Any) -> TextEvent:
    given: dict[str, Any] = {
        "known_at": NOW - HOUR,
        "source": "Wire",
        "title": "",
        "id": f"id:{words[:12]}",
        "instruments": (BTC,),
    }
    return TextEvent(text=words, **{**given, **changes})


def snapshot(*texts: TextEvent, **changes: Any) -> Snapshot:
    given: dict[str, Any] = {
        "instrument": BTC,
        "as_of": NOW,
        "close": 37_000.5,
        "features": {"rsi_14": 55.123456, "adx_14": float("nan")},
    }
    return Snapshot(texts=texts, **{**given, **changes})


def reading(name: str, value: float, **changes: Any) -> Reading:
    given: dict[str, Any] = {"known_at": NOW - HOUR, "source": "chain", "kind": "onchain"}
    return Reading(name=name, value=value, **{**given, **changes})


def situation(**changes: Any) -> Situation:
    given: dict[str, Any] = {
        "instrument": BTC,
        "as_of": NOW - 72 * HOUR,
        "features": {},
        "bias": 0.4,
        "confidence": 0.6,
        "decision": "long",
        "outcome": 0.02,
        "known_at": NOW - 48 * HOUR,
    }
    return Situation(**{**given, **changes})


class Stage:
    """Everything that tests of agents that speak are played with."""

    now = NOW
    btc = BTC
    model = ScriptedModel
    source = FixedSource
    said = staticmethod(said)
    text = staticmethod(text)
    snapshot = staticmethod(snapshot)
    reading = staticmethod(reading)
    situation = staticmethod(situation)


@pytest.fixture(scope="session")
def stage() -> type[Stage]:
    """Return the scripted model and the makers of snapshots and answers."""
    return Stage
