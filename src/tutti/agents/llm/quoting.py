"""Text from outside, made harmless enough to be quoted in a prompt.

Each piece becomes one line of JSON between two lines that carry a mark. The mark is a hash of all
that is quoted, so whoever writes a text can't write the line that would end it: a text that named
its own mark would have another one. Inside a line there are no line breaks, no angle brackets, no
back-ticks, no control or invisible characters and no links, and a length is never exceeded; so
nothing in it can look like the end of the quotation, a role, a tag or a block of code.

A mark is no wall: a model may still do what a quoted text tells it to. What that can buy is bounded
by `bounds`, whatever the model does.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LINK = "[link]"
ENCODED = "[encoded]"

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MOST_MARKS = 2
_LINKS = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,15}://|\bwww\.)\S+|\b(?:javascript|data|mailto|vbscript):\S+",
    re.IGNORECASE,
)
# names of companies are written with a capital: Amazon.com stays
_DOMAINS = re.compile(
    r"(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|org|net|io|co|gov|edu|info|biz|xyz|app|news|finance|me|ly|tv)"
    r"(?:/\S*)?(?![\w.-])"
)
_IMAGE_OR_LINK = re.compile(r"!?\[([^\]\n]{0,200})\]\([^)\n]{0,500}\)")
_BLOB = re.compile(r"(?<![A-Za-z0-9+/_=-])(?=[A-Za-z0-9+/_-]*[0-9+/])[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(r"(?:\\[xu][0-9a-f]{2,4}|\\[0-7]{3}|%[0-9a-f]{2}|&#x?[0-9a-f]{1,6};){4,}", re.I)
_SUBSTITUTES = str.maketrans(
    {"<": "\u2039", ">": "\u203a", "`": "'", "{": "(", "}": ")", "\\": "/"}
)
_RULES = re.compile(r"([=#*_~|-])\1{2,}")
# no word is as long; what is would take long to look through, too (not every script has spaces)
_ENDLESS = re.compile(r"[!-~]{100,}")
_SPACES = re.compile(r"\s+")


@lru_cache(maxsize=16_384)  # the same text is in one prompt after the other
def clean(text: str, longest: int) -> str:
    """Return a text as one line without anything that could act.

    Parameters
    ----------
    longest : int
        In characters; what is longer ends in an ellipsis.
    """
    # a first cut, so that nobody pays for cleaning a book
    kept = visible(unicodedata.normalize("NFKC", text[: 8 * longest]))
    kept = _ENDLESS.sub(_shortened, _RULES.sub(r"\1", kept))
    kept = _IMAGE_OR_LINK.sub(rf"\1 {LINK}", kept)
    kept = _DOMAINS.sub(LINK, _LINKS.sub(LINK, kept))
    kept = _HEX.sub(ENCODED, kept)
    kept = _BLOB.sub(ENCODED, kept)
    kept = kept.translate(_SUBSTITUTES)
    kept = _SPACES.sub(" ", kept).strip()
    return kept if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"


def quoted(pieces: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return the mark, and the pieces between the two lines that carry it, a line each.

    Parameters
    ----------
    pieces : sequence of mappings
        Their texts must be `clean`.
    """
    lines = [json.dumps(dict(piece), ensure_ascii=False) for piece in pieces]
    mark = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return mark, "\n".join([f"<<{mark} begins>>", *lines, f"<<{mark} ends>>"])


def _shortened(word: re.Match[str]) -> str:
    is_read_otherwise = any(form.search(word[0]) for form in (_LINKS, _IMAGE_OR_LINK, _HEX, _BLOB))
    return word[0] if is_read_otherwise else f"{word[0][:60]}\u2026"


def visible(text: str) -> str:
    """Return a text without what nobody sees; line breaks become spaces.

    Of marks that are stacked on one letter the first two are kept.
    """
    if text.isascii() and text.isprintable():
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        kind = unicodedata.category(character)
        if kind in _UNSEEN:
            if character in "\n\r\t":
                kept.append(" ")
            continue
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)
