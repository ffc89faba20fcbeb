"""New stories, and those that were told before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tutti.agents.text.stories import WINDOW, Stories, fingerprint
from tutti.kernel.clock import DAY, HOUR

_WIRE = (
    "Apple raised its dividend by ten percent on Tuesday after record sales of its phones in China, "
    "and said that it would buy back shares for ninety billion dollars"
)


@pytest.mark.parametrize(
    "again",
    [
        _WIRE,
        _WIRE.upper(),
        f"RT @user: {_WIRE} https://example.com/a?b=c",
        f"{_WIRE}!!!",
        f"{_WIRE}, Reuters reports",
        _WIRE.replace("Tuesday", "Wednesday"),
    ],
)
def test_story_told_again_is_not_new(again: str) -> None:
    stories = Stories()
    assert stories.is_new(_WIRE, 0)
    assert not stories.is_new(again, HOUR)


@pytest.mark.parametrize(
    "other",
    [
        "Apple cut its dividend by ten percent on Tuesday after a fall in sales of its computers",
        "Tesla recalls 2,700 cars over a fault of their seats, the third time in this year",
        "Apple raised its dividend",
    ],
)
def test_other_story_is_new(other: str) -> None:
    stories = Stories()
    assert stories.is_new(_WIRE, 0)
    assert stories.is_new(other, HOUR)


def test_short_texts_are_the_same_only_word_for_word() -> None:
    stories = Stories()
    assert stories.is_new("$AAPL up 3%", 0)
    assert stories.is_new("$AAPL up 5%", 1)
    assert not stories.is_new("$AAPL, up 3% !", 2)


def test_story_told_after_the_window_is_new_again() -> None:
    stories = Stories(window=DAY)
    assert stories.is_new(_WIRE, 0)
    assert not stories.is_new(_WIRE, DAY)
    assert not stories.is_new(_WIRE, 2 * DAY)
    assert stories.is_new(_WIRE, 3 * DAY + 1)
    near = f"{_WIRE}, Reuters reports"
    assert stories.is_new(near, 5 * DAY)


def test_stories_long_past_are_forgotten() -> None:
    stories = Stories()
    words = [f"{a} {b} {c} {a}{b} {b}{c} {a}{c}" for a in "abcdefghijk" for b in "lmnopqrs" for c in
             "tuvwxyzabcdefghijklmnopqrstuvwxyz"[:25]]  # fmt: skip
    texts = [f"story number{row} {text} of its own kind{row}" for row, text in enumerate(words)]
    for row, text in enumerate(texts * 3):
        stories.is_new(f"{text} part{row}", row * WINDOW // 100)
    assert len(stories) < len(texts)


def test_fingerprint_is_the_same_in_every_process() -> None:
    code = (
        "import sys; from tutti.agents.text.stories import fingerprint; "
        "found = fingerprint(sys.argv[1]); "
        "print(found.exact, sorted(found.runs)[:3], found.bands[0].hex())"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, _WIRE], capture_output=True, text=True, check=True
    ).stdout.strip()
    found = fingerprint(_WIRE)
    assert other == f"{found.exact} {sorted(found.runs)[:3]} {found.bands[0].hex()}"
