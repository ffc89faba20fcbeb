"""The default scorer's probabilities, and how it does on text that people labelled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.text.lexicon.scorer import (
    DEAD_BAND,
    HEADLINE,
    LONGEST,
    POST,
    SENTENCE,
    LexiconScorer,
    register_of,
)
from tutti.agents.text.sentiment import LABELS, labels

_SCORER = LexiconScorer()


def _labels(*texts: str) -> list[str]:
    return [LABELS[code] for code in labels(_SCORER.scored(texts), DEAD_BAND)]


def test_scorer_tells_good_from_bad_news_in_each_register() -> None:
    assert _labels(
        "Operating profit rose clearly to EUR 13.1 mn.",
        "Tesco shares plunge after profit warning",
        "$TSLA breaking out to new highs 🚀",
        "The company will publish its report on 5 May.",
    ) == ["positive", "negative", "positive", "neutral"]


def test_scorer_judges_for_the_target() -> None:
    text = "Standard Chartered lifted while AstraZeneca sinks"
    one, other = _SCORER.scored([text, text], ["AstraZeneca", "Standard Chartered"]).value
    assert one < 0 < other


async def test_scorer_awaited_says_the_same() -> None:
    texts = ("Costs fell", "Profit fell")
    for one, other in zip(await _SCORER.score(texts), _SCORER.scored(texts), strict=True):
        np.testing.assert_array_equal(one, other)


@given(st.lists(st.text(max_size=200), max_size=5))
def test_scorer_gives_probabilities_for_any_text(texts: list[str]) -> None:
    found = _SCORER.scored(texts)
    total = found.negative + found.neutral + found.positive
    np.testing.assert_allclose(total, np.ones(len(texts)))
    assert all((each >= -1e-12).all() for each in found)


def test_scorer_reads_no_more_than_the_start_of_a_long_text() -> None:
    dull = "and " * LONGEST
    (value,) = _SCORER.scored([dull + "profit fell"]).value
    assert value == 0.0


@pytest.mark.parametrize(
    ("text", "register"),
    [
        ("$AAPL to the moon", POST),
        ("watch #bitcoin", POST),
        ("RT @user look", POST),
        ("nice 🚀", POST),
        ("Sales rose.", SENTENCE),
        ("Sales rose", HEADLINE),
        ("It cost $5 a piece", HEADLINE),
    ],
)
def test_register_is_how_a_text_is_written(text: str, register: tuple[float, float]) -> None:
    assert register_of(text) is register
