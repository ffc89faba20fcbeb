"""VADER behind the port."""

from __future__ import annotations

import pytest

from tutti.adapters.text.vader import VaderScorer, vader_words


async def test_vader_scores_are_its_compound_score() -> None:
    found = await VaderScorer().score(
        ["VADER is smart, handsome, and funny.", "", "a horrible book"]
    )
    assert found.value.tolist() == pytest.approx([0.8316, 0.0, -0.5423])
    assert found.neutral.tolist() == pytest.approx([1 - 0.8316, 1.0, 1 - 0.5423])


def test_vader_words_are_ratings_between_minus_and_plus_four() -> None:
    words = vader_words()
    assert len(words) > 7000
    assert words["horrible"] < 0 < words["great"]
    assert all(-4.0 <= value <= 4.0 for value in words.values())
