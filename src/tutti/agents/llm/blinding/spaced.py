"""Words whose letters stand apart: ``A P P L E``, ``B.T.C``, ``b-i-t-c-o-i-n``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_FEWEST, _FEWEST_SMALL = 3, 4
_APART: Final = re.compile(
    r"(?<![^\W_])[^\W\d_](?P<between>[ .\-_*\u00b7])(?:[^\W\d_](?P=between))+[^\W\d_](?![^\W_])"
)


def closed_up(text: str, word_for: Callable[[str], str | None] = lambda word: word) -> str:
    """Return a text in which letters that stand apart are the word that they spell.

    Parameters
    ----------
    word_for : callable
        Takes the word and returns what is written in its place; None to leave the letters as they
        are. Without it every word is closed up. It is not asked about three small letters, which
        are rather variables than a word.
    """

    def told(match: re.Match[str]) -> str:
        word = match[0].replace(match["between"], "")
        if len(word) < (_FEWEST if word.isupper() else _FEWEST_SMALL):
            return match[0]
        found = word_for(word)
        return match[0] if found is None else found

    return _APART.sub(told, text)
