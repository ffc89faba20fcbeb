"""Finds what blinding should have taken away: names, tickers and dates in any text.

It shares the lists of names with what it checks, and nothing else: here they are searched for as
they are written, over the whole text, and dates by forms of their own. Letters that nobody sees,
that are written as figures, as JSON may, or look like others are read as what they pass for.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.agents.llm.blinding.spaced import closed_up
from tutti.agents.llm.names import allowed, is_word, listed, ordinary
from tutti.agents.llm.quoting import visible
from tutti.agents.llm.screening import latin

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORT = 2
_SHOWN = 40
_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"
    "|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec"
)
_YEAR = r"(?<![\w.,\u00a4$-])(?:19[89]\d|20[0-3]\d)"
_DATES = (
    rf"\b(?:{_MONTHS})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?!\s?%)",
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_MONTHS})\b",
    rf"\b(?:{_MONTHS})\.?,?\s+(?:19|20)\d\d\b",
    r"\b(?:January|February|April|June|July|August|September|October|November|December)\b",
    r"\b(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}",
    r"\b\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d\b",
    r"(?<![\w.,\u00a4$-])(?:19[89]\d|20[0-3]\d)(?![\w%]|[.,]\d)",
    r"\b[1-4]?Q[1-4]?\s?(?:FY\s?)?'?(?:20)?[0-3]\d\b(?!%)",
    r"\b[QH][1-4][-/_](?:19|20)?\d\d\b",
    rf"\b(?:{_MONTHS})[-'\u2019]\d\d\b",
    rf"{_YEAR}[-_]?(?:[QHW]\d{{1,2}}|[1-4]Q|[AEFPaefp])(?![A-Za-z0-9])",
    r"(?<=_)(?:19[89]\d|20[0-3]\d)(?=_|\b)",
    rf"{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)",
    rf"{_YEAR}\u5e74",
    # seconds since 1970 and parts of them; what is rounded to three digits is a number
    r"(?<![\w.,\u00a4$-])(?!1\d\d0+\b)1\d{9}(?:\d{3}){0,3}(?![\w.,])",
)
_ESCAPED = re.compile(r"\\u((?!d[89a-f])[0-9a-f]{4})", re.IGNORECASE)
_TAG = re.compile(r"(?<![\w$])\$[A-Za-z]{1,6}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Something that a blinded text must not hold.

    Parameters
    ----------
    kind : str
        ``name``, ``ticker`` or ``date``.
    found : str
        As it is written there.
    around : str
        What stands around it.
    """

    kind: str
    found: str
    around: str


class LeakFinder:
    """Searches texts for true names, tickers and dates.

    Parameters
    ----------
    assets : iterable of str
        Tickers of what the run trades; their names are searched for however they are written,
        others' as they are usually written.
    aliases : mapping of str to tuple of str, optional
        More names, by ticker.
    """

    def __init__(
        self, assets: Iterable[str], aliases: dict[str, tuple[str, ...]] | None = None
    ) -> None:
        own = {asset.upper() for asset in assets}
        anyhow: set[str] = set()
        as_written: set[str] = set()
        tickers: set[str] = set()
        for named in listed():
            is_own = named.key in own or bool(own.intersection(named.names))
            for name in named.names:
                if len(name) <= _SHORT or (not is_own and name.casefold() in ordinary()):
                    continue
                (anyhow if is_own else as_written).update(
                    {name} if is_own else {name, name.upper()}
                )
            if not is_own and _is_telling(named.key, is_own=False):
                tickers.add(named.key)
        owned = {asset for asset in own if _is_telling(asset, is_own=True)}
        for asset in own:
            anyhow.update((aliases or {}).get(asset, ()))
        self._forms = [
            ("name", _of_words(anyhow, re.IGNORECASE)),
            ("name", _of_words(as_written, re.NOFLAG)),
            ("ticker", _of_words({t for t in owned if not _is_ambiguous(t)}, re.IGNORECASE)),
            ("ticker", _of_words(tickers | {t for t in owned if _is_ambiguous(t)}, re.NOFLAG)),
            ("ticker", _TAG),
            ("date", re.compile("|".join(_DATES))),
        ]

    def find(self, text: str) -> list[Leak]:
        """Return every leak in a text, in the order of kinds."""
        text = closed_up(_plain(text))
        return [
            Leak(
                kind=kind,
                found=match[0],
                around=text[max(0, match.start() - _SHOWN) : match.end() + _SHOWN],
            )
            for kind, form in self._forms
            for match in form.finditer(text)
        ]


def _plain(text: str) -> str:
    if text.isascii() and "\\u" not in text:
        return text
    told = _ESCAPED.sub(lambda sign: chr(int(sign[1], 16)), text)
    return latin(visible(unicodedata.normalize("NFKC", told)))


def _is_telling(ticker: str, *, is_own: bool) -> bool:
    if len(ticker) < _SHORT or ticker in allowed():
        return False
    return is_own or not _is_ambiguous(ticker)


def _is_ambiguous(ticker: str) -> bool:
    return is_word(ticker.casefold()) or len(ticker) <= _SHORT


def _of_words(words: Iterable[str], flags: re.RegexFlag) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    if not longest_first:
        return re.compile(r"(?!)")
    return re.compile(
        rf"(?<![A-Za-z0-9])(?<!\d\.)(?:{'|'.join(map(re.escape, longest_first))})(?![A-Za-z0-9])",
        flags,
    )
