"""Text into what the rules look at: known words, figures and stops, each with its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tutti.agents.text.lexicon.words import NOTHING, Entry

if TYPE_CHECKING:
    from tutti.agents.text.lexicon.words import Words

_TOKEN = re.compile(
    r"https?://\S+|@\w+"
    r"|\$[a-z][a-z.]*[a-z]|\$[a-z]"
    r"|[+-]?(?:\d[\d,]*\.?\d*|\.\d+)"
    r"|[a-z]+(?:['&-][a-z]+)*"
    r"|[.;:!?,()%]|\.\.+"
    r"|[☀-➿⬀-⯿\U0001f300-\U0001faff]"
)
_STOPS = frozenset(".;:!?")
_COMMA = frozenset(",")
SENTENCE_END = "."
"""What `Marks.stop` holds where a sentence ends, whatever ends it."""
_SPLIT_FIGURE = re.compile(r"(\d) \.(\d)")
_UNITS = {
    "k": 1e3, "thousand": 1e3, "tn": 1e3, "m": 1e6, "mn": 1e6, "mln": 1e6, "million": 1e6,
    "millions": 1e6, "b": 1e9, "bn": 1e9, "bln": 1e9, "billion": 1e9,
    "trillion": 1e12,
}  # fmt: skip
_YEARS = range(1900, 2101)


class Figure(NamedTuple):
    """A number as written, with its unit multiplied in."""

    value: float
    is_percent: bool
    is_signed: bool


class Marks(NamedTuple):
    """What of a text the rules look at, in order; lists of one length.

    ``at`` is the number of the token. ``entry`` is that of a known word; for a figure, stop or comma
    it is empty, and ``figure`` or ``stop`` tells.
    """

    at: list[int]
    entry: list[Entry]
    figure: list[Figure | None]
    stop: list[str]
    tokens: list[str]


def marks(text: str, words: Words) -> Marks:
    """Return what the rules look at."""
    lowered = text.lower()
    if " ." in lowered:
        # "EUR2 .1 m", as some wires write it
        lowered = _SPLIT_FIGURE.sub(r"\1.\2", lowered)
    tokens = _TOKEN.findall(lowered.replace("\u2019", "'"))
    found = Marks([], [], [], [], tokens)
    place, count = 0, len(tokens)
    single, phrases = words.single, words.phrases
    while place < count:
        token = tokens[place]
        entry: Entry | None
        if token in phrases:
            entry, length = _phrase(tokens, place, words)
        else:
            entry, length = single.get(token), 1
        if entry is not None:
            _add(found, place, entry, None, "")
        elif not token[0].isalpha():
            _other(found, tokens, place)
        elif token.endswith("n't"):
            _add(found, place, single["not"], None, "")
        place += length
    return found


def _phrase(tokens: list[str], place: int, words: Words) -> tuple[Entry | None, int]:
    for rest, entry in words.phrases[tokens[place]]:
        end = place + 1 + len(rest)
        if tuple(tokens[place + 1 : end]) == rest:
            return entry, end - place
    return words.single.get(tokens[place]), 1


def _add(found: Marks, place: int, entry: Entry, figure: Figure | None, stop: str) -> None:
    found.at.append(place)
    found.entry.append(entry)
    found.figure.append(figure)
    found.stop.append(stop)


def _other(found: Marks, tokens: list[str], place: int) -> None:
    token = tokens[place]
    if token in _STOPS:
        _add(found, place, NOTHING, None, SENTENCE_END)
    elif token in _COMMA:
        _add(found, place, NOTHING, None, token)
    else:
        figure = _figure(tokens, place)
        if figure is not None:
            _add(found, place, NOTHING, figure, "")


def _figure(tokens: list[str], place: int) -> Figure | None:
    token = tokens[place]
    digits = token.replace(",", "").rstrip(".")
    try:
        value = float(digits)
    except ValueError:
        return None
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    if after in ("%", "pct", "percent", "per"):
        return Figure(value, is_percent=True, is_signed=token[0] in "+-")
    if after in _UNITS:
        return Figure(value * _UNITS[after], is_percent=False, is_signed=False)
    if value.is_integer() and int(value) in _YEARS and "," not in token:
        return None
    return Figure(value, is_percent=False, is_signed=token[0] in "+-")
