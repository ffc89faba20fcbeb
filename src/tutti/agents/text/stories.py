"""Tells a new story from one that was told before: word for word, or nearly.

A text is read as its words in lower case, without links, names of writers and signs; so a post that
is passed on is the post itself. Two texts are the same story where they share at least `LIKENESS` of
their runs of three words (Jaccard). Candidates come from a table of minima of hashes (MinHash,
bands), so that each text is held against a few and not against all.

Sources: Broder (1997), On the resemblance and containment of documents; Leskovec, Rajaraman and
Ullman (2020), Mining of massive datasets, 3.3-3.4 (bands: eight of three minima find 96 of 100
texts that share 0.7).
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tutti.kernel.clock import DAY

LIKENESS = 0.7
WINDOW = 3 * DAY
"""A text that comes again later than this, in nanoseconds, is a story of its own."""

_RUN = 3
_FEWEST_WORDS = 6
_BANDS, _ROWS = 8, 3
_PRUNED_AT = 1 << 13
_LEFT_OUT = re.compile(r"https?://\S+|\bURL\b|\bRT\b|@\w+")
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
# odd numbers and offsets of hash functions over 32 bits, made once from a fixed seed
_RNG = np.random.default_rng(20_240_229)
_TIMES = _RNG.integers(1, 2**31, _BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_PLUS = _RNG.integers(0, 2**32, _BANDS * _ROWS, dtype=np.uint64)
_LOW = np.uint64(2**32 - 1)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a text is told by.

    Parameters
    ----------
    exact : int
        Hash of its words in order.
    runs : frozenset of int
        Hashes of its runs of three words; empty for a text too short for it.
    bands : tuple of bytes
        Groups of minima; texts that share much share one of them.
    """

    exact: int
    runs: frozenset[int]
    bands: tuple[bytes, ...]


@lru_cache(maxsize=1 << 16)
def fingerprint(text: str) -> Fingerprint:
    """Return what a text is told by; the same in every process."""
    words = _WORD.findall(_LEFT_OUT.sub(" ", text).lower())
    exact = zlib.crc32(" ".join(words).encode()) | len(words) << 32
    if len(words) < _FEWEST_WORDS:
        return Fingerprint(exact, frozenset(), ())
    runs = frozenset(
        zlib.crc32(" ".join(words[start : start + _RUN]).encode())
        for start in range(len(words) - _RUN + 1)
    )
    hashes = np.fromiter(runs, np.uint64, len(runs))
    minima = ((hashes[:, None] * _TIMES + _PLUS) & _LOW).min(axis=0).astype(np.uint32)
    bands = tuple(
        bytes([band]) + minima[band * _ROWS : (band + 1) * _ROWS].tobytes()
        for band in range(_BANDS)
    )
    return Fingerprint(exact, runs, bands)


@dataclass(slots=True)
class _Told:
    runs: frozenset[int]
    last: int


class Stories:
    """What was told lately; texts are taken in the order they became known.

    Parameters
    ----------
    likeness : float
        Share of runs of words from which on two texts are one story, in (0, 1].
    window : int
        Nanoseconds after which a story that was not told again is forgotten.
    """

    def __init__(self, *, likeness: float = LIKENESS, window: int = WINDOW) -> None:
        self._likeness = likeness
        self._window = window
        self._exact: dict[int, _Told] = {}
        self._banded: dict[bytes, _Told] = {}
        self._pruned_at = _PRUNED_AT

    def __len__(self) -> int:
        return len(self._exact)

    def is_new(self, text: str, known_at: int) -> bool:
        """Take in a text (ns UTC); return whether nobody has told it within the window."""
        print_ = fingerprint(text)
        told = self._found(print_, known_at)
        if told is not None:
            told.last = known_at
            self._exact[print_.exact] = told
            return False
        told = _Told(print_.runs, known_at)
        self._exact[print_.exact] = told
        for band in print_.bands:
            self._banded[band] = told
        if len(self._exact) + len(self._banded) > self._pruned_at:
            self._prune(known_at)
        return True

    def _found(self, print_: Fingerprint, known_at: int) -> _Told | None:
        told = self._exact.get(print_.exact)
        if told is not None and known_at - told.last <= self._window:
            return told
        for band in print_.bands:
            told = self._banded.get(band)
            if (
                told is not None
                and known_at - told.last <= self._window
                and _shared(told.runs, print_.runs) >= self._likeness
            ):
                return told
        return None

    def _prune(self, now: int) -> None:
        alive = now - self._window
        self._exact = {key: told for key, told in self._exact.items() if told.last >= alive}
        self._banded = {key: told for key, told in self._banded.items() if told.last >= alive}
        self._pruned_at = max(_PRUNED_AT, 2 * (len(self._exact) + len(self._banded)))


def _shared(one: frozenset[int], other: frozenset[int]) -> float:
    common = len(one & other)
    return common / (len(one) + len(other) - common)
