"""The ports that text comes in by, and is understood through."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tutti.model.market import FloatArray

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from tutti.model.instrument import InstrumentId
    from tutti.model.market import Reading, TextEvent

VectorArray = NDArray[np.float32]


class TextSource(Protocol):
    """Keeps texts, each with the time it became known."""

    @abstractmethod
    def texts(
        self, instrument: InstrumentId, since: int, until: int, kinds: Sequence[str] = ()
    ) -> tuple[TextEvent, ...]:
        """Return what became known in ``(since, until]`` about an instrument or about all.

        Parameters
        ----------
        since, until : int
            ns UTC, of ``known_at``; nothing newer than ``until`` is returned.
        kinds : sequence of str
            ``news``, ``social``, ``filing``; empty for all.

        Returns
        -------
        tuple of TextEvent
            Newest first; those known at the same instant by id.
        """
        raise NotImplementedError


class ReadingSource(Protocol):
    """Keeps figures that are no bars, each with the time it became known."""

    @abstractmethod
    def readings(
        self, instrument: InstrumentId, until: int, kinds: Sequence[str] = ()
    ) -> tuple[Reading, ...]:
        """Return the newest reading of each source, name and instrument known at ``until``.

        Parameters
        ----------
        until : int
            ns UTC; nothing newer is returned.
        kinds : sequence of str
            ``macro``, ``onchain``, ``sentiment``; empty for all.

        Returns
        -------
        tuple of Reading
            About the instrument or about the market as a whole, newest first; those known at the
            same instant by id.
        """
        raise NotImplementedError


class Embedder(Protocol):
    """Turns texts into vectors that are near where the texts mean much the same."""

    name: str
    dimensions: int

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> VectorArray:
        """Return vectors of length 1, float32 of shape (n, ``dimensions``); 0 for no words."""
        raise NotImplementedError


class Sentiments(NamedTuple):
    """How likely each text is bad, neither or good news for what it is about; each of shape (n,).

    The three are in [0, 1] and add up to 1; NaN in all three for a text that has no answer.
    """

    negative: FloatArray
    neutral: FloatArray
    positive: FloatArray

    @property
    def value(self) -> FloatArray:
        """Good less bad, in [-1, 1], shape (n,)."""
        return self.positive - self.negative


class SentimentScorer(Protocol):
    """Says whether texts are good or bad news.

    ``dead_band``: a text whose value is not larger than this either way is called neutral; None for
    a scorer whose most likely label counts. ``spent_usd``: what its answers have cost so far.
    ``models``: the language models that it asks, or that answered in place of one; empty for none.
    """

    name: str
    dead_band: float | None
    spent_usd: Decimal
    models: tuple[str, ...]

    @abstractmethod
    async def score(
        self, texts: Sequence[str], targets: Sequence[str] = (), *, as_of: int = 0
    ) -> Sentiments:
        """Return the sentiment of each text.

        Parameters
        ----------
        texts : sequence of str
        targets : sequence of str
            For each text, the name or ticker that it is judged for, empty for the whole of it;
            none at all means the same as all empty.
        as_of : int
            Instant that the answer is for, ns UTC; what is asked of a model is recorded under it.

        Raises
        ------
        AgentError
            If the scorer can't answer at all.
        """
        raise NotImplementedError


class EmbeddedText(NamedTuple):
    """A text and its vector, float32 of shape (d,) and length 1.

    ``symbol`` is what it is about, as ``BTC``, empty for the market as a whole; ``known_at`` is ns UTC.
    """

    id: str
    symbol: str
    known_at: int
    text: str
    vector: VectorArray


class Near(NamedTuple):
    """A text that is near another; ``likeness`` is the cosine between them, in [-1, 1]."""

    id: str
    symbol: str
    known_at: int
    text: str
    likeness: float


class VectorStore(Protocol):
    """Keeps texts with their vectors, and finds those near a vector."""

    @abstractmethod
    def add(self, texts: Sequence[EmbeddedText]) -> int:
        """Keep texts; an id that is there already is left as it is. Return how many are new."""
        raise NotImplementedError

    @abstractmethod
    def nearest(
        self, vector: VectorArray, until: int, k: int, symbol: str | None = None
    ) -> tuple[Near, ...]:
        """Return the texts nearest to a vector of shape (d,) that were known at ``until`` (ns UTC).

        Parameters
        ----------
        symbol : str, optional
            Only those about it.

        Returns
        -------
        tuple of Near
            Most alike first; of those just as alike the one known first.
        """
        raise NotImplementedError
