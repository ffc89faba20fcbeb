"""What agents think, one by one and together."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import msgspec

from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, IntArray


class Regime(IntEnum):
    """State of a market; the integer is its code in arrays."""

    RANGE_BOUND = 0
    BULL_TRENDING = 1
    BULL_VOLATILE = 2
    BEAR_TRENDING = 3
    BEAR_VOLATILE = 4


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's view of one instrument.

    Parameters
    ----------
    bias : float
        In [-1, 1]; -1 is fully short.
    confidence : float
        In [0, 1].
    as_of : int
        Newest input used, ns UTC.
    rationale : str
        Why, in words a person can check.
    time_to_live : int
        Nanoseconds after ``as_of`` until the opinion has faded to nothing; 0 for this tick only.
    horizon : int
        Nanoseconds over which the move is expected; 0 where the agent doesn't say.
    sources : tuple of str
        Ids of the texts and readings that it rests on.
    quotes : tuple of str
        What the first few of them say, a line each, as the agent was shown it.
    call : str
        Key of the recorded call of a language model that it came from; empty for none.
    knowledge : str
        ``clean`` where the model can't have known what came next, ``contaminated`` where it may,
        empty where no model with a training cut-off spoke.
    """

    agent: str
    instrument: InstrumentId
    bias: float
    confidence: float
    as_of: int
    rationale: str
    time_to_live: int = 0
    horizon: int = 0
    sources: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    call: str = ""
    knowledge: str = ""

    def __post_init__(self) -> None:
        if not -1.0 <= self.bias <= 1.0:
            raise ValueError(f"{self.agent}: bias must be in [-1, 1], was {self.bias!r}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"{self.agent}: confidence must be in [0, 1], was {self.confidence!r}")


class Abstention(msgspec.Struct, frozen=True, kw_only=True):
    """No view, and why; ``call`` is the key of the recorded call that failed, empty for none."""

    agent: str
    instrument: InstrumentId
    as_of: int
    reason: str
    call: str = ""


class Voice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One agent's part in an aggregated context; bias and confidence are None for an abstention.

    ``heard`` is the confidence that was pooled, where another one than was stated; see
    `tutti.agents.calibration`.
    """

    agent: str
    bias: float | None
    confidence: float | None
    weight: float
    rationale: str
    heard: float | None = None


class AggregatedContext(msgspec.Struct, frozen=True, kw_only=True):
    """The panel's opinions of one instrument as one, with the breakdown."""

    instrument: InstrumentId
    as_of: int
    bias: float
    confidence: float
    regime: Regime
    regime_confidence: float
    voices: tuple[Voice, ...]


class Views(NamedTuple):
    """One agent's opinions as arrays of shape (t, n); NaN in both for an abstention."""

    bias: FloatArray
    confidence: FloatArray


class ContextBlock(NamedTuple):
    """Aggregated contexts as arrays of shape (t, n).

    ``lead`` is the index of the agent that contributed most to the bias, -1 for none. Bias and
    confidence are NaN where every agent abstained.
    """

    bias: FloatArray
    confidence: FloatArray
    lead: IntArray


class RegimeBlock(NamedTuple):
    """Regime codes and confidences in [0, 1], shape (t, n); code -1 and NaN while warming up."""

    code: IntArray
    confidence: FloatArray
