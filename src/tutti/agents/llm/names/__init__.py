"""Names of what is traded, of those who report and of what dates a text, and ordinary words.

``names.toml`` lists, for each asset, venue, index and event, what it is called: companies with
their products and people, coins with their founders. ``words.txt`` holds ordinary English words
(from SCOWL, see ``words.LICENSE``); what can be derived from a listed word by a common ending is
left out. ``allowed.txt`` holds what is written with capitals and says nothing about an asset or a
date: countries, days of the week, abbreviations.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_ENDINGS = (
    "s",
    "es",
    "ed",
    "d",
    "ing",
    "ly",
    "er",
    "ers",
    "r",
    "rs",
    "est",
    "st",
    "ness",
    "y",
    "al",
)
_DOUBLED = ("ing", "ed", "er", "ers")
_SHORTEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Something with a name.

    Parameters
    ----------
    kind : str
        ``company``, ``coin``, ``fund``, ``venue``, ``index`` or ``era``.
    key : str
        Ticker, or what stands for it.
    names : tuple of str
        All that it is called, its people and its products.
    """

    kind: str
    key: str
    names: tuple[str, ...]


@cache
def listed() -> tuple[Named, ...]:
    """Return everything that is listed."""
    table = tomllib.loads(_read("names.toml"))
    return tuple(
        Named(kind=kind, key=key, names=tuple(names))
        for kind, entries in table.items()
        if kind != "ordinary"
        for key, names in entries.items()
    )


@cache
def ordinary() -> frozenset[str]:
    """Return names that are ordinary words as well, in lower case."""
    return frozenset(
        name.casefold() for name in tomllib.loads(_read("names.toml"))["ordinary"]["names"]
    )


def is_word(word: str) -> bool:
    """Return whether a word, in lower case, is an ordinary English one."""
    known = _words()
    if word in known:
        return True
    for ending in _ENDINGS:
        stem = word[: -len(ending)]
        if len(stem) < _SHORTEST or not word.endswith(ending):
            continue
        if stem in known or (stem.endswith("i") and stem[:-1] + "y" in known):
            return True
        if ending in _DOUBLED and (
            stem + "e" in known or (stem[-1] == stem[-2] and stem[:-1] in known)
        ):
            return True
    return False


@cache
def allowed() -> frozenset[str]:
    """Return what is written with capitals and says nothing about an asset or a date."""
    return frozenset(_read("allowed.txt").split())


@cache
def _words() -> frozenset[str]:
    return frozenset(_read("words.txt").split())


def _read(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
