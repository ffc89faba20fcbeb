"""What an agent reads: the texts and readings of its kind, as pieces of a prompt.

Only what was known by the instant that is asked about is taken, whatever a source hands over.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from tutti.agents.llm.quoting import clean
from tutti.agents.llm.screening import latin, speaks_to_the_model
from tutti.agents.text.lexicon.scorer import LexiconScorer
from tutti.kernel.clock import HOUR

if TYPE_CHECKING:
    from tutti.agents.llm.sight import Sight
    from tutti.model.market import Reading, Snapshot, TextEvent

LONGEST_TITLE = 240
LONGEST_TEXT = 700
LONGEST_NAME = 60
MOST_CHARACTERS = 12_000
"""Of all pieces of a prompt together; the newest are kept."""

_HOST = re.compile(
    r"\A(?:https?://)?(?:www\.)?([\w-]+(?:\.[\w-]+)*?)\.[a-z]{2,7}(?:\.[a-z]{2})?(?:/\S*)?\Z", re.I
)
_LEANS = 0.1
_BEFORE_BLINDING = 4
_REMEMBERED = 4096
_FIGURES = 2
"""How many publishers a reading counts as; see `bounds`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One text or reading, ready to be quoted.

    Parameters
    ----------
    id : str
        As it stands in the prompt: t1, t2 ... for texts, r1, r2 ... for readings.
    source : str
        Id that an opinion names it by.
    publisher : str
        What makes two pieces dependent when it is the same.
    weight : int
        How many publishers it counts as.
    leaning : float
        Whether its own words are good or bad news, in [-1, 1]; NaN for a figure.
    shown : dict
        What is quoted.
    """

    id: str
    source: str
    publisher: str
    weight: int
    leaning: float
    shown: dict[str, str | float]

    def supports(self, bias: float) -> bool:
        """Return whether its own words say what a bias says; a figure has none, and supports any."""
        return math.isnan(self.leaning) or self.leaning * math.copysign(1.0, bias) > _LEANS


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All that an agent reads of one instrument at one instant.

    Parameters
    ----------
    withheld : int
        Texts that were kept back because they speak to the model.
    """

    pieces: tuple[Piece, ...]
    withheld: int = 0


def gather(
    snapshot: Snapshot,
    sight: Sight,
    *,
    texts: frozenset[str] = frozenset(),
    readings: frozenset[str] = frozenset(),
    screens: bool = True,
) -> Material:
    """Return the texts and readings of the given kinds that were known at the snapshot's instant.

    Parameters
    ----------
    texts, readings : frozenset of str
        Kinds.
    screens : bool
        False shows texts even if they speak to the model.
    """
    found: list[Piece] = []
    said: set[str] = set()
    withheld = used = 0
    for text in snapshot.texts:
        if text.kind not in texts or text.known_at > snapshot.as_of:
            continue
        read = _read(text.title, text.text, text.source)
        if screens and read.speaks:
            withheld += 1
            continue
        piece = _of_text(text, read, snapshot, sight, number=len(found) + 1)
        words = f"{piece.shown['title']}{piece.shown['text']}"
        if words in said or not words:
            continue
        if used + len(words) > MOST_CHARACTERS:
            break
        said.add(words)
        used += len(words)
        found.append(piece)
    known = [
        reading
        for reading in snapshot.readings
        if reading.kind in readings
        and reading.known_at <= snapshot.as_of
        and math.isfinite(reading.value)
        and not (screens and speaks_to_the_model(f"{reading.source} {reading.name}"))
    ]
    found += [_of_reading(r, snapshot, sight, number=i) for i, r in enumerate(known, 1)]
    return Material(pieces=tuple(found), withheld=withheld)


@lru_cache(maxsize=_REMEMBERED)
def publisher_of(name: str) -> str:
    """Return what names of one publisher have in common, however they are written.

    ``Reuters``, ``REUTERS.``, ``reuters.com`` and one with a letter of another script are the same.
    """
    host = _HOST.match(name.strip())
    written = unicodedata.normalize("NFKD", host[1] if host else clean(name, LONGEST_NAME))
    letters = "".join(sign for sign in latin(written.casefold()) if sign.isalnum())
    return letters or written


@dataclass(frozen=True, slots=True)
class _Read:
    # what a text is whenever it is shown
    title: str
    text: str
    speaks: bool
    leaning: float


@lru_cache(maxsize=_REMEMBERED)
def _read(title: str, text: str, publisher: str) -> _Read:
    parts = (title, text, f"{title} {text}", publisher)
    return _Read(
        title=clean(title, _BEFORE_BLINDING * LONGEST_TITLE),
        text=clean(text, _BEFORE_BLINDING * LONGEST_TEXT),
        speaks=any(speaks_to_the_model(part[: 8 * LONGEST_TEXT]) for part in parts if part),
        leaning=_leaning(f"{title} {text}"),
    )


def _of_text(
    text: TextEvent, read: _Read, snapshot: Snapshot, sight: Sight, *, number: int
) -> Piece:
    def shown(part: str, longest: int) -> str:
        # blinded before it is cut, for a name cut in half would pass
        return clean(sight.text(part, as_of=snapshot.as_of, close=snapshot.close), longest)

    return Piece(
        id=f"t{number}",
        source=sight.source(text.id or f"{text.source}:{text.known_at}"),
        # where anybody can write, all writers together are one publisher
        publisher=text.kind if text.kind == "social" else publisher_of(text.source),
        weight=1,
        leaning=read.leaning,
        shown={
            "id": f"t{number}",
            "kind": clean(text.kind, LONGEST_NAME),
            "publisher": _shown_publisher(text.source, sight),
            "age_hours": _age(text.known_at, snapshot.as_of),
            "title": shown(read.title, LONGEST_TITLE),
            "text": shown(read.text, LONGEST_TEXT),
        },
    )


def _shown_publisher(name: str, sight: Sight) -> str:
    # a publisher that is called by its address is no link
    host = None if sight.is_blind else _HOST.match(name.strip())
    return clean(sight.publisher(host[1] if host else name), LONGEST_NAME)


def _of_reading(reading: Reading, snapshot: Snapshot, sight: Sight, *, number: int) -> Piece:
    return Piece(
        id=f"r{number}",
        source=sight.source(reading.id),
        publisher=f"{reading.source}:{reading.name}",
        weight=_FIGURES,
        leaning=math.nan,
        shown={
            "id": f"r{number}",
            "kind": clean(reading.kind, LONGEST_NAME),
            "publisher": clean(sight.publisher(reading.source), LONGEST_NAME),
            "age_hours": _age(reading.known_at, snapshot.as_of),
            "name": clean(
                sight.text(clean(reading.name, LONGEST_NAME), as_of=snapshot.as_of), LONGEST_NAME
            ),
            "value": _figure(reading.name, reading.value, sight),
            **(
                {"previous": _figure(reading.name, reading.previous, sight)}
                if math.isfinite(reading.previous)
                else {}
            ),
        },
    )


def _figure(name: str, value: float, sight: Sight) -> float:
    return float(f"{sight.value(name, value):.6g}")


def _leaning(words: str) -> float:
    return float(_scorer().scored([clean(words, LONGEST_TITLE + LONGEST_TEXT)]).value[0])


@cache
def _scorer() -> LexiconScorer:
    return LexiconScorer()


def _age(known_at: int, as_of: int) -> float:
    return round((as_of - known_at) / HOUR, 1)
