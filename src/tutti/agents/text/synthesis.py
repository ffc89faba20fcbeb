"""From texts to a score vector: each story once, scored, weighed and held against those before it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.agents.text.port import VectorArray
from tutti.agents.text.score_vector import KIND_WEIGHTS, FadingScores
from tutti.agents.text.stories import WINDOW, Stories
from tutti.model.market import IntArray, TextEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tutti.agents.text.port import Embedder, SentimentScorer
    from tutti.agents.text.score_vector import ScoreVector

RECENT = 128
"""How many stories a new one is held against."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScoredText:
    """A text with what was made of it.

    Parameters
    ----------
    value : float
        Sentiment, in [-1, 1]; NaN for no answer.
    vector : ndarray of float32, shape (d,)
        Of length 1.
    """

    event: TextEvent
    wording: str
    value: float
    vector: VectorArray


class Synthesis:
    """What the stories about one thing say together; texts in the order they became known."""

    def __init__(self) -> None:
        self._stories = Stories()
        self._scores = FadingScores()
        self._recent: VectorArray = np.empty((0, 0), np.float32)
        self._recent_at: IntArray = np.empty(0, np.int64)
        self._count = 0

    def take(self, scored: ScoredText) -> bool:
        """Take in a text; return whether it counts: it is new, and was given a sentiment."""
        known_at = scored.event.known_at
        if math.isnan(scored.value) or not self._stories.is_new(scored.wording, known_at):
            return False
        weight = KIND_WEIGHTS.get(scored.event.kind, 1.0)
        self._scores.add(known_at, scored.value, weight, self._novelty(scored.vector, known_at))
        self._keep(scored.vector, known_at)
        return True

    def vector(self, as_of: int) -> ScoreVector | None:
        """Return what they say at ``as_of`` (ns UTC); None for nothing."""
        return self._scores.vector(as_of)

    def _novelty(self, vector: VectorArray, known_at: int) -> float:
        kept = min(self._count, RECENT)
        fresh = self._recent_at[:kept] >= known_at - WINDOW
        if not fresh.any():
            return 1.0
        likeness = float((self._recent[:kept] @ vector)[fresh].max())
        return min(1.0, max(0.0, 1.0 - likeness))

    def _keep(self, vector: VectorArray, known_at: int) -> None:
        # a ring: the oldest gives way
        if not self._count:
            self._recent = np.empty((RECENT, len(vector)), np.float32)
            self._recent_at = np.empty(RECENT, np.int64)
        place = self._count % RECENT
        self._recent[place], self._recent_at[place] = vector, known_at
        self._count += 1


def wording(event: TextEvent) -> str:
    """Return title and text as one, the title once."""
    title, text = event.title.strip(), event.text.strip()
    if not title or text.startswith(title):
        return text
    if not text:
        return title
    return f"{title}{'' if title[-1] in '.!?' else '.'} {text}"


async def scored_texts(
    events: Sequence[TextEvent],
    scorer: SentimentScorer,
    embedder: Embedder,
    *,
    target: str = "",
    as_of: int = 0,
) -> list[ScoredText]:
    """Return the texts with sentiment and vector, in the order given.

    Parameters
    ----------
    target : str
        Ticker or name that they are judged for.
    as_of : int
        Instant that a language model is asked for, ns UTC.
    """
    words = [wording(event) for event in events]
    values = (await scorer.score(words, [target] * len(words), as_of=as_of)).value.tolist()
    vectors = embedder.embed(words)
    return [
        ScoredText(event=event, wording=said, value=value, vector=vector)
        for event, said, value, vector in zip(events, words, values, vectors, strict=True)
    ]


def over_time(texts: Iterable[ScoredText], every: int) -> Iterator[ScoreVector]:
    """Yield a score vector at each multiple of ``every`` (ns) by which something new became known.

    Between two of them nothing was said, so the earlier one stands; it only grows older.

    Parameters
    ----------
    texts : iterable of ScoredText
        In the order they became known.
    """
    synthesis = Synthesis()
    due: int | None = None
    for scored in texts:
        known_at = scored.event.known_at
        if due is not None and known_at > due:
            yield from _at(synthesis, due)
            due = None
        if synthesis.take(scored) and due is None:
            due = -(-known_at // every) * every
    if due is not None:
        yield from _at(synthesis, due)


def _at(synthesis: Synthesis, due: int) -> Iterator[ScoreVector]:
    vector = synthesis.vector(due)
    if vector is not None:
        yield vector
