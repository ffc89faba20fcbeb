"""Answers of a model in a blinded run, before they are recorded."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tutti.agents.llm.blinding import Blinding
from tutti.agents.llm.blinding.answers import BlindedAnswers
from tutti.agents.llm.blinding.leaks import LeakFinder
from tutti.agents.llm.port import Answer, Call, Declined
from tutti.agents.llm.schema import object_schema, read_object
from tutti.kernel.clock import SECOND
from tutti.model.errors import AgentError, BudgetSpent, DataError, ModelBusy
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


def _kept(said: str, schema: str = "", blind: Blinding = BLIND) -> str:
    call = Call(agent="a", as_of=blind.clock(AS_OF), model="m:m", system="", user="", schema=schema)
    return asyncio.run(BlindedAnswers(_Says(said), blind).answer(call)).text


@pytest.mark.parametrize(
    "said",
    [
        '{"Apple Inc": {"AAPL": "in April 2025"}}',
        '```json\n{"rationale": "\\u0041pple"}\n```',
        "<think>Apple, April 2025.</think>\n" + '{"rationale": "Apple"}',
        'It is \\u0041pple. {"rationale": "Apple"}',
        '["\\u0041pple"]',
    ],
)
def test_answer_of_any_shape_tells_no_name_and_no_date(said: str) -> None:
    kept = _kept(said)
    found = LeakFinder(["AAPL"]).find(kept)
    assert found == []
    assert "\\u" not in kept


def test_answer_keeps_what_its_schema_names() -> None:
    blind = Blinding(7, [InstrumentId("BULL", "SIM"), InstrumentId("BIAS", "SIM")])
    said = {"bias": 0.5, "regime": "BULL_TRENDING", "rationale": "BULL"}
    schema = object_schema({"bias": {}, "regime": {"enum": ["BULL_TRENDING"]}})
    kept = json.loads(_kept(json.dumps(said), schema, blind))
    assert kept == {**said, "rationale": blind.asset(InstrumentId("BULL", "X"))}


def test_answer_that_names_a_key_twice_is_still_refused() -> None:
    with pytest.raises(DataError, match="twice"):
        read_object(_kept('{"bias": 1, "bias": -1}'))


def test_answer_with_half_a_letter_can_be_written_down() -> None:
    assert _kept('{"rationale": "up \\ud83d"}').encode() == b'{"rationale": "up ?"}'
    assert json.loads(_kept('{"rationale": "up \\ud83d\\ude80"}')) == {"rationale": "up \U0001f680"}


@pytest.mark.parametrize(
    "error",
    [
        Declined("m:m refused: Apple", input_tokens=3, output_tokens=2, cost_usd=Decimal(1)),
        ModelBusy("m:m: come back on April 17, 2025, says Apple", retry_after_s=3.0),
        BudgetSpent("budget of a: it is renewed at 2025-04-16T22:00:00Z"),
    ],
)
def test_refusal_tells_no_name_and_no_date(error: AgentError) -> None:
    class _Fails:
        async def answer(self, call: Call) -> Answer:
            raise error

    call = Call(agent="a", as_of=BLIND.clock(AS_OF), model="m:m", system="", user="")
    with pytest.raises(type(error)) as caught:
        asyncio.run(BlindedAnswers(_Fails(), BLIND).answer(call))
    assert caught.value is error
    assert LeakFinder(["AAPL"]).find(str(error)) == []
    assert str(error).startswith(("m:m", "budget of a"))
