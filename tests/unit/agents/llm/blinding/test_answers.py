"""Answers of a model in a blinded run, before they are recorded."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.blinding.answers import BlindedAnswers
from tutti.agents.llm.port import Answer, Call
from tutti.kernel.clock import SECOND
from tutti.model.instrument import InstrumentId

BLIND = Blinding(7, [InstrumentId("AAPL", "SIM")])
AS_OF = int(datetime(2025, 4, 16, 21, tzinfo=UTC).timestamp()) * SECOND


class _Says:
    def __init__(self, text: str) -> None:
        self.text = text

    async def answer(self, call: Call) -> Answer:
        return Answer(
            call=call.key,
            text=self.text,
            model=call.model,
            input_tokens=1,
            output_tokens=1,
            cost_usd=Decimal(0),
            latency=0,
        )


@pytest.mark.parametrize("shape", ["object", "words"])
def test_answer_that_guesses_the_name_is_blinded_before_it_is_kept(shape: str) -> None:
    words = "This must be Apple on April 16, 2025"
    said = {"bias": 0.5, "rationale": words, "sources": ["t1", 2025]}
    text = json.dumps(said) if shape == "object" else words
    call = Call(agent="a", as_of=BLIND.clock(AS_OF), model="m:m", system="", user="")
    kept = asyncio.run(BlindedAnswers(_Says(text), BLIND).answer(call)).text
    told = f"This must be {BLIND.asset(InstrumentId('AAPL', 'X'))} on today"
    assert (json.loads(kept) if shape == "object" else kept) == (
        {"bias": 0.5, "rationale": told, "sources": ["t1", 2025]} if shape == "object" else told
    )
