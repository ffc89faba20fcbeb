"""What all texts about something say together, at any instant.

Each story that is new adds its sentiment v with a weight w (of who published it) to sums that fade by
half in every ``half_life``; with n its novelty::

    sentiment  = sum(w v) / sum(w)                     in [-1, 1]
    volume     = sum(w)                                stories, faded
    dispersion = sqrt(sum(w v^2) / sum(w) - sentiment^2)   in [0, 1]
    novelty    = sum(w n) / sum(w)                     in [0, 1]; 1 where nothing like it was told
    change     = sentiment less the same over ``slow`` half-lives

Sums that fade need no window to be kept, so a year of posts costs one pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tutti.kernel.clock import HOUR
from tutti.model.market import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.instrument import InstrumentId

SOURCE: Final = "semantic_synth"
"""Who publishes the readings; see `source_of`."""
KIND: Final = "sentiment"
_AND = "+"

HALF_LIFE = 6 * HOUR
SLOW = 12
"""How many times longer the memory is that a change is told against: three days by default."""

KIND_WEIGHTS: Final = {"news": 1.0, "filing": 1.5, "social": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreVector:
    """What texts say together, at ``as_of``; see the module for each.

    Parameters
    ----------
    as_of : int
        ns UTC.
    newest : int
        When the newest story of it became known, ns UTC.
    """

    as_of: int
    newest: int
    sentiment: float
    volume: float
    dispersion: float
    novelty: float
    change: float

    def readings(self, instrument: InstrumentId | None) -> tuple[Reading, ...]:
        """Return it as readings, known when it was computed."""
        return tuple(
            Reading(
                known_at=self.as_of,
                source=SOURCE,
                name=name,
                value=getattr(self, field),
                kind=KIND,
                instrument=instrument,
            )
            for field, name in NAMES.items()
        )


NAMES: Final = {
    "sentiment": "sentiment",
    "volume": "sentiment_volume_stories",
    "dispersion": "sentiment_dispersion",
    "novelty": "sentiment_novelty",
    "change": "sentiment_change",
}
"""Names of the readings by field."""


def source_of(models: Sequence[str]) -> str:
    """Return the source of readings whose texts these language models scored; `models_of` undoes it."""
    return f"{SOURCE}@{_AND.join(models)}" if models else SOURCE


def models_of(source: str) -> tuple[str, ...] | None:
    """Return the models behind a reading's source; None for a source that is none of ours."""
    own, at, models = source.partition("@")
    if own != SOURCE:
        return None
    return tuple(models.split(_AND)) if at else ()


class FadingScores:
    """Sums over the stories about one thing, taken in the order they became known.

    Parameters
    ----------
    half_life : int
        Nanoseconds.
    slow : float
        Half-lives that a change is told against.
    """

    def __init__(self, *, half_life: int = HALF_LIFE, slow: float = SLOW) -> None:
        self._rate = math.log(2.0) / half_life
        self._slow_rate = self._rate / slow
        self._at = 0
        self._newest = 0
        self._weight = self._value = self._square = self._novelty = 0.0
        self._slow_weight = self._slow_value = 0.0

    def add(self, known_at: int, value: float, weight: float, novelty: float) -> None:
        """Take in a story.

        Parameters
        ----------
        known_at : int
            ns UTC, not before the last one's.
        value : float
            Sentiment, in [-1, 1].
        weight : float
            Positive.
        novelty : float
            In [0, 1].
        """
        faded, slowly = self._faded(known_at)
        self._weight = self._weight * faded + weight
        self._value = self._value * faded + weight * value
        self._square = self._square * faded + weight * value * value
        self._novelty = self._novelty * faded + weight * novelty
        self._slow_weight = self._slow_weight * slowly + weight
        self._slow_value = self._slow_value * slowly + weight * value
        self._at = self._newest = known_at

    def vector(self, as_of: int) -> ScoreVector | None:
        """Return what the stories so far say at ``as_of`` (ns UTC); None for none."""
        if not self._weight > 0.0:
            return None
        faded, _ = self._faded(as_of)
        sentiment = self._value / self._weight
        spread = self._square / self._weight - sentiment * sentiment
        return ScoreVector(
            as_of=as_of,
            newest=self._newest,
            sentiment=sentiment,
            volume=self._weight * faded,
            dispersion=math.sqrt(max(0.0, spread)),
            novelty=self._novelty / self._weight,
            change=sentiment - self._slow_value / self._slow_weight,
        )

    def _faded(self, instant: int) -> tuple[float, float]:
        span = instant - self._at
        return math.exp(-self._rate * span), math.exp(-self._slow_rate * span)
