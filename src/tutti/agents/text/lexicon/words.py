"""The words that the rules know, read from the data file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE = "finance.txt"
_TALK = "talk"
_VOWELS = "aeiou"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a word or phrase may do in a sentence; 0 for nothing.

    Parameters
    ----------
    way : float
        Says that something goes up (positive) or down, and how much.
    more : float
        Measure of which more is good (positive) or bad.
    polar : float
        Good or bad by itself.
    much : float
        Makes what is beside it stronger (above 1) or weaker.
    denies : float
        Turns round what follows, wholly where 1.
    contrast : float
        ``but``: what follows counts for more than what came before.
    concession : float
        ``despite``: what follows counts for this much.
    past : float
        What follows was so before.
    """

    way: float = 0.0
    more: float = 0.0
    polar: float = 0.0
    much: float = 0.0
    denies: float = 0.0
    contrast: float = 0.0
    concession: float = 0.0
    past: float = 0.0


NOTHING = Entry()
"""Of a phrase whose words mean nothing where they stand together."""

_FIELDS = {
    "up": ("way", 1.0),
    "down": ("way", -1.0),
    "good": ("more", 1.0),
    "bad": ("more", -1.0),
    "polar": ("polar", 1.0),
    "talk": ("polar", 1.0),
    "much": ("much", 1.0),
    "not": ("denies", 1.0),
    "but": ("contrast", 1.0),
    "despite": ("concession", 1.0),
    "past": ("past", 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Words and phrases.

    Parameters
    ----------
    single : mapping of str to Entry
    phrases : mapping of str to tuple
        By first word: the words after it and the entry, longest first.
    """

    single: Mapping[str, Entry]
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], Entry], ...]]

    def over(self, general: Mapping[str, float], weight: float) -> Words:
        """Return these words over general ones, which are good or bad by themselves.

        Parameters
        ----------
        general : mapping of str to float
            Positive for good; a word that is here already means what it means here.
        weight : float
            What a general word's value is multiplied by.
        """
        beneath = {
            word: Entry(polar=value * weight)
            for word, value in general.items()
            if word not in self.single
        }
        return replace(self, single={**beneath, **self.single})


@cache
def finance_words(*, of_posts: bool = False) -> Words:
    """Return the words of finance; with those that traders use among themselves, for posts."""
    entries: dict[str, Entry] = {}
    for line in files(__package__).joinpath(_FILE).read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        head, _, tail = line.partition(":")
        kind, weight = head.split()
        if kind == _TALK and not of_posts:
            continue
        field, sign = _FIELDS[kind]
        value = sign * float(weight)
        for written in tail.split():
            for form in _forms(written):
                entries[form] = replace(entries.get(form, NOTHING), **{field: value})
    phrases: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
    for name in [name for name in entries if "_" in name]:
        first, *rest = name.split("_")
        phrases.setdefault(first, []).append((tuple(rest), entries.pop(name)))
    return Words(
        single=entries,
        phrases={
            first: tuple(sorted(them, key=lambda phrase: -len(phrase[0])))
            for first, them in phrases.items()
        },
    )


def _forms(written: str) -> Iterator[str]:
    stem = written.rstrip("+")
    yield stem
    if stem == written:
        return
    last = stem[-1]
    if written.endswith("++"):
        yield from (f"{stem}s", f"{stem}{last}ed", f"{stem}{last}ing")
    elif last == "e":
        yield from (f"{stem}s", f"{stem}d", f"{stem[:-1]}ing")
    elif last == "y" and stem[-2] not in _VOWELS:
        yield from (f"{stem[:-1]}ies", f"{stem[:-1]}ied", f"{stem}ing")
    elif stem.endswith(("s", "x", "z", "ch", "sh")):
        yield from (f"{stem}es", f"{stem}ed", f"{stem}ing")
    else:
        yield from (f"{stem}s", f"{stem}ed", f"{stem}ing")
