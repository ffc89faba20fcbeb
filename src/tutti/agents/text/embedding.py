"""The default embedder: words and pairs of words hashed into a few hundred places, offline.

Each word, and each pair of neighbours, adds to four places with a sign, all told by its hash; rare
repetition counts less than new words (square root). So texts that share words are near each other,
and those that share none are at right angles, up to chance of about ``1 / sqrt(dimensions)``. It
knows no synonyms; an embedder that does goes behind the same port.

Source: Weinberger et al. (2009), Feature hashing for large scale multitask learning; Achlioptas
(2003), Database-friendly random projections (signs).
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tutti.agents.text.port import Embedder, VectorArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DIMENSIONS = 384
_PLACES = 4
_PAIR = 0.5
_STEPS = np.arange(_PLACES, dtype=np.uint64)
_LEFT_OUT = re.compile(r"https?://\S+|\burl\b|@\w+")
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_EMPTY_WORDS = """
a about after all also an and are as at be been but by can could did do does for from had has have he
her his how i if in into is it its may more new no of on one or our out over rt s said she so some t
than that the their them there they this to up us was we were what when which who will with would you
your
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


class HashedEmbedder(Embedder):
    """Embeds by hashed words.

    Parameters
    ----------
    dimensions : int
        At least 8.
    """

    def __init__(self, dimensions: int = DIMENSIONS) -> None:
        if dimensions < 2 * _PLACES:
            raise ValueError(f"dimensions must be at least {2 * _PLACES}, was {dimensions!r}")
        self.name = f"hashed-{dimensions}"
        self.dimensions = dimensions

    def embed(self, texts: Sequence[str]) -> VectorArray:
        """Return vectors of length 1; see the port."""
        found = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            places, signs, weights = _features(text, self.dimensions)
            found[row] = np.bincount(places, signs * weights, minlength=self.dimensions)
        length = np.sqrt(np.einsum("ij,ij->i", found, found))
        np.divide(found, length[:, None], out=found, where=length[:, None] > 0.0)
        return found


def _features(text: str, dimensions: int) -> tuple[NDArray[np.intp], VectorArray, VectorArray]:
    words = [word for word in _WORD.findall(_LEFT_OUT.sub(" ", text.lower())) if word not in _EMPTY]
    weights: dict[str, float] = {}
    for word in words:
        weights[word] = weights.get(word, 0.0) + 1.0
    for one, other in pairwise(words):
        pair = f"{one} {other}"
        weights[pair] = weights.get(pair, 0.0) + _PAIR * _PAIR
    heavy: VectorArray = np.sqrt(np.array(list(weights.values()), np.float32), dtype=np.float32)
    hashed: NDArray[np.uint64] = np.array([_hash(key) for key in weights], np.uint64)
    # four places and signs out of one hash: its halves, stepped through (double hashing)
    step: NDArray[np.uint64] = np.bitwise_or(np.right_shift(hashed, np.uint64(16)), np.uint64(1))
    each: NDArray[np.uint64] = hashed[:, None] + step[:, None] * _STEPS
    places = (each % np.uint64(dimensions)).astype(np.intp)
    signs = 1.0 - 2.0 * np.bitwise_and(np.right_shift(each, np.uint64(9)), np.uint64(1))
    return (
        places.ravel(),
        signs.astype(np.float32).ravel(),
        np.repeat(heavy, _PLACES),
    )


@lru_cache(maxsize=1 << 17)
def _hash(key: str) -> int:
    return zlib.crc32(key.encode())
