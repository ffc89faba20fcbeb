"""What an agent asks depends on what was known, and what it says on what it was shown."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.llm.catalogue import KINDS, make_llm_agent, speaker_settings
from tutti.agents.llm.port import Answer, Call
from tutti.kernel.clock import DAY, SECOND
from tutti.model.instrument import InstrumentId
from tutti.model.market import Reading, Situation, Snapshot, TextEvent
from tutti.model.opinion import Opinion

BTC = InstrumentId("BTC-USDT", "SIM")
NOW = 1_700_000_000 * SECOND
WORDS = st.text(max_size=60)
OFFSETS = st.integers(-3 * DAY, 3 * DAY)
TEXTS = st.builds(
    lambda at, words, title, publisher, kind: TextEvent(
        known_at=NOW + at, source=publisher, text=words, title=title, kind=kind, id=f"{at}:{words}"
    ),
    OFFSETS,
    WORDS,
    WORDS,
    st.sampled_from(["Wire", "Desk", "Post", ""]),
    st.sampled_from(["news", "social", "filing"]),
)
READINGS = st.builds(
    lambda at, name, value, kind: Reading(
        known_at=NOW + at, source="bank", name=name, value=value, kind=kind
    ),
    OFFSETS,
    WORDS,
    st.floats(),
    st.sampled_from(["macro", "onchain"]),
)
PAST = st.builds(
    lambda at, outcome: Situation(
        instrument=BTC,
        as_of=NOW + at - DAY,
        features={},
        bias=0.1,
        confidence=0.2,
        decision="long",
        outcome=outcome,
        known_at=NOW + at,
    ),
    OFFSETS,
    st.floats(-1, 1),
)
ANSWERS = st.fixed_dictionaries(
    {
        "bias": st.one_of(st.floats(-2, 2), st.none(), st.text(max_size=3)),
        "confidence": st.one_of(st.floats(-1, 2), st.booleans()),
        "rationale": st.one_of(WORDS, st.integers()),
        "horizon_hours": st.one_of(st.floats(-1, 5000), st.just(24)),
        "sources": st.lists(st.sampled_from(["t1", "t2", "r1", "t99", "x"]), max_size=4),
    }
)


class _Hears:
    def __init__(self, text: str = "{}") -> None:
        self.heard: list[Call] = []
        self.text = text

    async def answer(self, call: Call) -> Answer:
        self.heard.append(call)
        return Answer(
            call=call.key,
            text=self.text,
            model=call.model,
            input_tokens=1,
            output_tokens=1,
            cost_usd=Decimal(0),
            latency=0,
        )


class _Nowhere:
    async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:
        raise AssertionError("not asked for")


def _asked(kind: str, snapshot: Snapshot, text: str = "{}") -> tuple[object, list[Call]]:
    model = _Hears(text)
    settings = speaker_settings(name="voice", model="test:model")
    agent = make_llm_agent(kind, settings, source=_Nowhere(), model=model)
    return asyncio.run(agent.infer(snapshot)), model.heard


def _snapshot(
    texts: list[TextEvent], readings: list[Reading], past: list[Situation], *, until: int | None
) -> Snapshot:
    def known(at: int) -> bool:
        return until is None or at <= until

    return Snapshot(
        instrument=BTC,
        as_of=NOW,
        close=100.0,
        features={"rsi_14": 50.0},
        texts=tuple(text for text in texts if known(text.known_at)),
        readings=tuple(reading for reading in readings if known(reading.known_at)),
        past=tuple(seen for seen in past if known(seen.known_at)),
    )


@given(
    st.sampled_from(list(KINDS)),
    st.lists(TEXTS, max_size=6),
    st.lists(READINGS, max_size=4),
    st.lists(PAST, max_size=3),
)
def test_agent_asks_the_same_whatever_the_future_holds(
    kind: str, texts: list[TextEvent], readings: list[Reading], past: list[Situation]
) -> None:
    _, with_future = _asked(kind, _snapshot(texts, readings, past, until=None))
    _, without = _asked(kind, _snapshot(texts, readings, past, until=NOW))
    assert [call.key for call in with_future] == [call.key for call in without]


@given(
    st.sampled_from(list(KINDS)),
    st.lists(TEXTS, max_size=6),
    st.lists(READINGS, max_size=4),
    ANSWERS,
)
def test_agent_makes_of_any_answer_a_bounded_opinion_or_none(
    kind: str, texts: list[TextEvent], readings: list[Reading], answer: dict[str, object]
) -> None:
    snapshot = _snapshot(texts, readings, [], until=NOW)
    said, heard = _asked(kind, snapshot, json.dumps(answer))
    assert len(heard) <= 2
    if isinstance(said, Opinion):
        assert abs(said.bias) * said.confidence <= 0.6 + 1e-9
        assert said.sources
        assert said.horizon > 0
        assert said.call == heard[-1].key
        assert said.as_of == NOW
