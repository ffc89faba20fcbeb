"""Each story once, scored, weighed, and held against those before it."""

from __future__ import annotations

import math

import pytest

from tutti.agents.text.embedding import HashedEmbedder
from tutti.agents.text.lexicon.scorer import LexiconScorer
from tutti.agents.text.synthesis import (
    RECENT,
    ScoredText,
    Synthesis,
    over_time,
    scored_texts,
    wording,
)
from tutti.kernel.clock import DAY, HOUR, MINUTE
from tutti.model.market import TextEvent

_EMBEDDER = HashedEmbedder()
_GOOD = "Apple beats estimates as sales of its phones rise strongly in every region of the world"
_BAD = "Apple warns that profit will fall as demand for its computers collapses in most of Europe"


def _event(known_at: int, text: str, *, title: str = "", kind: str = "news") -> TextEvent:
    return TextEvent(
        known_at=known_at, source="wire", text=text, title=title, kind=kind, id=f"n{known_at}"
    )


async def _scored(*events: TextEvent) -> list[ScoredText]:
    return await scored_texts(events, LexiconScorer(), _EMBEDDER)


async def test_synthesis_counts_a_syndicated_story_once_at_its_first_time() -> None:
    once, twice = Synthesis(), Synthesis()
    good, again, bad = await _scored(
        _event(0, _GOOD), _event(HOUR, f"{_GOOD}, Reuters says"), _event(2 * HOUR, _BAD)
    )
    assert twice.take(good)
    assert not twice.take(again)
    assert twice.take(bad)
    assert [once.take(each) for each in (good, bad)] == [True, True]
    assert once.vector(3 * HOUR) == twice.vector(3 * HOUR)


async def test_synthesis_of_a_text_without_an_answer_is_nothing() -> None:
    (scored,) = await _scored(_event(0, _GOOD))
    unanswered = ScoredText(
        event=scored.event, wording=scored.wording, value=math.nan, vector=scored.vector
    )
    synthesis = Synthesis()
    assert not synthesis.take(unanswered)
    assert synthesis.vector(HOUR) is None


async def test_synthesis_gives_less_novelty_to_what_is_like_a_story_before() -> None:
    alike = "Sales of phones rise strongly at Apple, which beats what was expected in every region"
    told = await _scored(
        _event(0, _GOOD), _event(1, alike), _event(2, "Central bank keeps interest rates")
    )
    novelty = []
    for each in told:
        synthesis = Synthesis()
        synthesis.take(told[0])
        if each is not told[0]:
            synthesis.take(each)
        vector = synthesis.vector(HOUR)
        assert vector is not None
        novelty.append(vector.novelty)
    assert novelty[1] < novelty[2] <= novelty[0] == 1.0


async def test_synthesis_forgets_what_was_told_long_ago() -> None:
    first, later = await _scored(_event(0, _GOOD), _event(10 * DAY, _GOOD))
    synthesis = Synthesis()
    synthesis.take(first)
    assert synthesis.take(later)
    vector = synthesis.vector(10 * DAY)
    assert vector is not None
    assert vector.novelty == pytest.approx(1.0)


async def test_synthesis_of_more_stories_than_it_holds_goes_on() -> None:
    synthesis = Synthesis()
    for each in await _scored(
        *(_event(row * MINUTE, f"item{row} word{row} thing{row}") for row in range(RECENT + 9))
    ):
        assert synthesis.take(each)


async def test_vectors_over_time_come_when_something_new_was_known() -> None:
    told = await _scored(
        _event(1 * MINUTE, _GOOD),
        _event(2 * MINUTE, _BAD),
        _event(16 * MINUTE, _BAD),
        _event(45 * MINUTE, "Nokia wins an order for networks in Finland and in Norway"),
    )
    found = list(over_time(told, 15 * MINUTE))
    # the repeat at 16 minutes is nothing new; 45 minutes is due at that very instant
    assert [each.as_of for each in found] == [15 * MINUTE, 45 * MINUTE]
    assert all(each.newest <= each.as_of for each in found)
    assert list(over_time([], 15 * MINUTE)) == []


async def test_vectors_over_time_do_not_know_the_future() -> None:
    texts = [
        _event(k * 7 * MINUTE, f"{_GOOD if k % 3 else _BAD} {k}x {k}y {k}z") for k in range(60)
    ]
    whole = list(over_time(await _scored(*texts), 15 * MINUTE))
    for cut in (1, 17, 40):
        part = list(over_time(await _scored(*texts[:cut]), 15 * MINUTE))
        known = [each for each in whole if each.as_of < texts[cut].known_at]
        assert part[: len(known)] == known


@pytest.mark.parametrize(
    ("title", "text", "both"),
    [
        ("", "body", "body"),
        ("Title", "", "Title"),
        ("Title", "Title and more", "Title and more"),
        ("Title", "body", "Title. body"),
        ("Really?", "body", "Really? body"),
    ],
)
def test_wording_has_the_title_once(title: str, text: str, both: str) -> None:
    assert wording(_event(0, text, title=title)) == both
