"""Figures, stops and words, each with its place."""

from __future__ import annotations

import pytest

from tutti.agents.text.lexicon.tokens import Figure, marks
from tutti.agents.text.lexicon.words import finance_words

_WORDS = finance_words()


def _figures(text: str) -> list[Figure]:
    return [figure for figure in marks(text, _WORDS).figure if figure is not None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("EUR 9.3 million", 9.3e6),
        ("EUR2 .1 m", 2.1e6),
        ("$1.2bn", 1.2e9),
        ("700,000", 700_000.0),
        ("0.25", 0.25),
        ("$64", 64.0),
    ],
)
def test_figures_come_with_their_unit(text: str, value: float) -> None:
    assert [figure.value for figure in _figures(text)] == [pytest.approx(value)]


def test_figures_that_are_years_are_none() -> None:
    assert _figures("in 2009 and 2010") == []
    assert [figure.value for figure in _figures("2,009 units")] == [2009.0]


def test_percent_keeps_its_sign() -> None:
    assert _figures("+7.8% and -3 pct") == [Figure(7.8, True, True), Figure(-3.0, True, True)]


def test_links_and_names_of_writers_are_passed_over() -> None:
    assert marks("https://example.com/profit-falls @bullish", _WORDS).at == []


def test_phrases_come_before_their_words() -> None:
    found = marks("profit warning", _WORDS)
    assert len(found.at) == 1
    assert found.entry[0].polar < 0


def test_signs_without_digits_are_no_figures() -> None:
    assert _figures("... - + , .") == []
