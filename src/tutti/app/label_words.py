"""What people call a good, a bad and an indifferent text: words in any case, and numbers.

Numbers mean what the whole column makes of them: -1, 0, 1; or 0, 1, 2, as most collections of labelled
text have it; or 0 and 1 for bad and good alone; 0, 2, 4; one to five stars; or a score in [-1, 1],
whose sign counts from 0.1 on, as in the FiQA and SemEval tasks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tutti.agents.text.sentiment import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCORE_BAND: Final = 0.1
"""Scores no larger than this, either way, are neutral."""

_BAD, _NEITHER, _GOOD = LABELS
_WORDS: Final[Mapping[str, str]] = {
    _BAD: _BAD, "neg": _BAD, "bearish": _BAD, "bear": _BAD,
    _NEITHER: _NEITHER, "neu": _NEITHER, "neut": _NEITHER,
    _GOOD: _GOOD, "pos": _GOOD, "bullish": _GOOD, "bull": _GOOD,
}  # fmt: skip
_DEGREE = re.compile(r"^(very|extremely|somewhat|slightly|strongly|mildly|moderately)[ _-]+")
_PREFIX = re.compile(r"^(__label__|label_|class_|\.)(?=.)")
_SIGNED, _BINARY = frozenset({-1.0, 0.0, 1.0}), frozenset({0.0, 1.0})
_FROM_ZERO, _BY_TWO = frozenset({0.0, 1.0, 2.0}), frozenset({0.0, 2.0, 4.0})
_STARS = frozenset({1.0, 2.0, 3.0, 4.0, 5.0})
_MIDDLE = 3.0


def is_word(value: str) -> bool:
    """Return whether a value is a word for a label, in any case; numbers are none."""
    return _plain(value) in _WORDS


def meanings(values: Iterable[str]) -> dict[str, str]:
    """Return which of `LABELS` each value of a column means; unknown ones are left out."""
    distinct = {value: _plain(value) for value in values}
    numbers = {
        value: number for value, plain in distinct.items() if (number := _number(plain)) is not None
    }
    found = {value: _WORDS[plain] for value, plain in distinct.items() if plain in _WORDS}
    if found:  # among words a number is one of -1, 0, 1
        numbers = {value: number for value, number in numbers.items() if number in _SIGNED}
    return found | _of_numbers(numbers)


def _plain(value: str) -> str:
    return _DEGREE.sub("", _PREFIX.sub("", value.strip().lower(), count=1), count=1)


def _number(plain: str) -> float | None:
    try:
        return float(plain)
    except ValueError:
        return None


def _of_numbers(numbers: Mapping[str, float]) -> dict[str, str]:
    there = frozenset(numbers.values())
    middle, band = 0.0, 0.0
    if there == _BINARY:
        middle = 0.5
    elif there <= _SIGNED:
        pass
    elif there <= _FROM_ZERO:
        middle = 1.0
    elif there <= _BY_TWO:
        middle = 2.0
    elif there <= _STARS:
        middle = _MIDDLE if max(there) > _MIDDLE else _MIDDLE - 1.0
    elif all(-1.0 <= number <= 1.0 for number in there):
        band = SCORE_BAND
    elif (
        not all(number.is_integer() and abs(number) <= _MIDDLE for number in there)
        or min(there) >= 0
    ):
        return {}
    return {
        value: _GOOD if number - middle > band else _BAD if middle - number > band else _NEITHER
        for value, number in numbers.items()
    }
