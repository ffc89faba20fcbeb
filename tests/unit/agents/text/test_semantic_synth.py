"""SemanticSynth: an opinion from what all texts say together."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tutti.agents.text.embedding import HashedEmbedder
from tutti.agents.text.lexicon.scorer import LexiconScorer
from tutti.agents.text.score_vector import ScoreVector, source_of
from tutti.agents.text.semantic_synth import SemanticSynth, SynthSettings
from tutti.kernel.clock import DAY, HOUR
from tutti.model.instrument import InstrumentId
from tutti.model.market import Reading, Snapshot, TextEvent
from tutti.model.opinion import Abstention, Opinion
from tutti.testing.conformance.agents import AgentConformance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tutti.agents.port import SnapshotSource
    from tutti.agents.text.port import Sentiments

_AAPL = InstrumentId("AAPL", "POLYGON")
_NOW = 1_700_000_000_000_000_000
_GOOD = ("beats estimates and raises its guidance", "profit soars to a record", "wins a big order")
_BAD = ("misses estimates and cuts its guidance", "profit plunges", "warns of losses after fraud")


class _Counting(LexiconScorer):
    """Counts what it is asked."""

    asked = 0

    async def score(
        self, texts: Sequence[str], targets: Sequence[str] = (), *, as_of: int = 0
    ) -> Sentiments:
        self.asked += len(texts)
        return await super().score(texts, targets, as_of=as_of)


class _Source:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return self._snapshot


def _texts(*lines: str, age: int = HOUR, kind: str = "news") -> tuple[TextEvent, ...]:
    # newest first
    return tuple(
        TextEvent(
            known_at=_NOW - age - row, source="wire", text=f"Apple {line}", kind=kind,
            id=f"t{row}", instruments=(_AAPL,),
        )
        for row, line in enumerate(lines)
    )  # fmt: skip


def _snapshot(texts: tuple[TextEvent, ...] = (), readings: tuple[Reading, ...] = ()) -> Snapshot:
    return Snapshot(
        instrument=_AAPL, as_of=_NOW, close=100.0, features={}, texts=texts, readings=readings
    )


async def _said(snapshot: Snapshot, settings: SynthSettings | None = None) -> Opinion | Abstention:
    agent = SemanticSynth(
        settings or SynthSettings(),
        source=_Source(snapshot),
        scorer=LexiconScorer(),
        embedder=HashedEmbedder(),
    )
    return await agent.infer(await agent.fetch_context(_AAPL, _NOW))


async def test_synth_follows_what_is_told() -> None:
    good, bad = await _said(_snapshot(_texts(*_GOOD))), await _said(_snapshot(_texts(*_BAD)))
    assert isinstance(good, Opinion)
    assert isinstance(bad, Opinion)
    assert good.bias > 0.15 > -0.15 > bad.bias
    assert good.as_of == _NOW
    assert good.sources == ("t0", "t1", "t2")
    assert "3" in good.rationale or "2." in good.rationale
    assert "Apple beats" in good.rationale


async def test_synth_is_surer_of_many_stories_that_agree() -> None:
    one = await _said(_snapshot(_texts(_GOOD[0])))
    many = await _said(_snapshot(_texts(*_GOOD)))
    mixed = await _said(_snapshot(_texts(*_GOOD, *_BAD)))
    assert isinstance(one, Opinion)
    assert isinstance(many, Opinion)
    assert isinstance(mixed, Opinion)
    assert one.confidence < many.confidence
    assert mixed.confidence < many.confidence
    assert abs(mixed.bias) < many.bias
    assert many.confidence <= SynthSettings().ceiling


async def test_synth_abstains_where_nothing_new_was_told() -> None:
    nothing = await _said(_snapshot())
    assert isinstance(nothing, Abstention)
    assert nothing.reason == "nothing to read"
    old = await _said(_snapshot(_texts(*_GOOD, age=DAY)))
    assert isinstance(old, Abstention)
    assert old.reason == "nothing new for 6 h"


async def test_synth_reads_only_its_kinds() -> None:
    posts = _texts(*_BAD, kind="social")
    said = await _said(_snapshot(posts), SynthSettings(kinds=("news",)))
    assert isinstance(said, Abstention)


async def test_synth_leaves_out_what_is_about_the_market_as_a_whole() -> None:
    (event,) = _texts(_BAD[0])
    said = await _said(_snapshot((replace(event, instruments=()),)))
    assert isinstance(said, Abstention)


async def test_synth_against_what_is_told_turns_the_bias() -> None:
    straight = await _said(_snapshot(_texts(*_GOOD)))
    turned = await _said(_snapshot(_texts(*_GOOD)), SynthSettings(gain=-1.0))
    assert isinstance(straight, Opinion)
    assert isinstance(turned, Opinion)
    assert turned.bias == -straight.bias


async def test_synth_takes_score_vectors_that_were_computed_ahead() -> None:
    vector = ScoreVector(
        as_of=_NOW - HOUR, newest=_NOW - HOUR, sentiment=0.6, volume=8.0, dispersion=0.1,
        novelty=0.9, change=0.2,
    )  # fmt: skip
    said = await _said(_snapshot(_texts(*_BAD), vector.readings(_AAPL)))
    assert isinstance(said, Opinion)
    assert said.bias > 0.25
    assert said.sources == (vector.readings(_AAPL)[0].id,)
    of_another = await _said(_snapshot(_texts(*_BAD), vector.readings(InstrumentId("B", "X"))))
    assert isinstance(of_another, Opinion)
    assert of_another.bias < 0


def _by_model(vector: ScoreVector, model: str) -> tuple[Reading, ...]:
    return tuple(replace(each, source=source_of([model])) for each in vector.readings(_AAPL))


async def test_synth_says_whether_the_model_that_scored_may_know_what_came_next() -> None:
    vector = ScoreVector(
        as_of=_NOW - HOUR, newest=_NOW - HOUR, sentiment=0.6, volume=8.0, dispersion=0.1,
        novelty=0.9, change=0.2,
    )  # fmt: skip
    later = replace(vector, as_of=_NOW - 1, newest=_NOW - 1, sentiment=-0.6)

    def stamp(model: str, as_of: int) -> str:
        assert as_of == _NOW
        return "clean" if model == "old:model" else "contaminated"

    async def knowledge(readings: tuple[Reading, ...], **more: Callable[[str, int], str]) -> str:
        snapshot = _snapshot((), readings)
        agent = SemanticSynth(
            SynthSettings(), source=_Source(snapshot), scorer=LexiconScorer(),
            embedder=HashedEmbedder(), **more,
        )  # fmt: skip
        said = await agent.infer(snapshot)
        assert isinstance(said, Opinion)
        return said.knowledge

    assert await knowledge(vector.readings(_AAPL), stamp=stamp) == ""
    assert await knowledge(_by_model(vector, "old:model"), stamp=stamp) == "clean"
    assert await knowledge(_by_model(vector, "new:model"), stamp=stamp) == "contaminated"
    assert await knowledge(_by_model(vector, "old:model")) == "contaminated"
    # the newer of two vectors counts, whole
    both = (*later.readings(_AAPL), *_by_model(vector, "new:model"))
    assert await knowledge(both, stamp=stamp) == ""


async def test_synth_scores_each_text_once() -> None:
    scorer = _Counting()
    snapshot = _snapshot(_texts(*_GOOD))
    agent = SemanticSynth(
        SynthSettings(), source=_Source(snapshot), scorer=scorer, embedder=HashedEmbedder()
    )
    first = await agent.infer(snapshot)
    assert await agent.infer(snapshot) == first
    assert scorer.asked == 3


async def test_synth_that_has_seen_very_many_texts_forgets_and_says_the_same() -> None:
    snapshot = _snapshot(_texts(*_GOOD))
    agent = SemanticSynth(
        SynthSettings(), source=_Source(snapshot), scorer=LexiconScorer(), embedder=HashedEmbedder()
    )
    first = await agent.infer(snapshot)
    crowd = _texts(*(f"item{row} word{row}" for row in range(5000)))
    await agent.infer(_snapshot(crowd))
    await agent.infer(_snapshot(_texts("says something else")))
    assert await agent.infer(snapshot) == first


@pytest.mark.parametrize("wrong", [{"prior": 0.0}, {"ceiling": 0.0}, {"ceiling": 1.5}])
def test_synth_settings_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="semantic_synth"):
        SynthSettings(**wrong)  # type: ignore[arg-type]


class TestSynthConforms(AgentConformance):
    @pytest.fixture
    def make(self) -> Callable[[SnapshotSource], SemanticSynth]:
        return lambda source: SemanticSynth(
            SynthSettings(), source=source, scorer=LexiconScorer(), embedder=HashedEmbedder()
        )


class _Slow(_Counting):
    """Answers when it is told to, and notes what was asked about together."""

    def __init__(self) -> None:
        super().__init__()
        self.together: list[tuple[str, ...]] = []
        self.gate = asyncio.Event()

    async def score(
        self, texts: Sequence[str], targets: Sequence[str] = (), *, as_of: int = 0
    ) -> Sentiments:
        self.together.append(tuple(texts))
        await self.gate.wait()
        return await super().score(texts, targets, as_of=as_of)


async def _two_ticks(
    *, is_slow: bool, is_given_up: bool = False
) -> tuple[list[object], list[object]]:
    scorer = _Slow()
    texts = _texts(*_GOOD)
    agent = SemanticSynth(
        SynthSettings(), source=_Source(_snapshot()), scorer=scorer, embedder=HashedEmbedder()
    )
    if not is_slow:
        scorer.gate.set()
    async with asyncio.TaskGroup() as group:
        tasks = []
        for seen in (texts[1:], texts):
            tasks.append(group.create_task(agent.infer(_snapshot(seen))))
            await asyncio.sleep(0)
        if is_given_up:
            tasks[0].cancel()
        scorer.gate.set()
    said = [None if task.cancelled() else task.result() for task in tasks]
    return list(said), list(scorer.together)


async def test_synth_asks_the_same_however_quickly_answers_come() -> None:
    slow, quick = await _two_ticks(is_slow=True), await _two_ticks(is_slow=False)
    assert slow == quick
    assert [len(part) for part in slow[1] if isinstance(part, tuple)] == [2, 1]


async def test_synth_asks_itself_where_the_question_before_was_given_up() -> None:
    (_, second), asked = await _two_ticks(is_slow=True, is_given_up=True)
    assert isinstance(second, Opinion)
    assert [len(part) for part in asked if isinstance(part, tuple)] == [2, 1, 2]
