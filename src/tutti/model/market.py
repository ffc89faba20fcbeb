"""What is observed: blocks of bars over all instruments, and text."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tutti.model.instrument import InstrumentId

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_FIELDS = ("open", "high", "low", "close", "volume", "funding")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBlock:
    """Bars of all instruments over consecutive ticks; live, one tick.

    Parameters
    ----------
    instruments : tuple of InstrumentId, length n
        The columns.
    ts : ndarray of int64, shape (t,)
        Start of each bar, nanoseconds since the epoch, UTC, strictly rising. Rows where every
        instrument is missing are left out.
    step : int
        Length of a bar in nanoseconds. A bar is known at ``ts + step``, never before.
    open, high, low, close, volume : ndarray of float64, shape (t, n)
        NaN in all five where an instrument has no bar; volume in base units.
    funding : ndarray of float64, shape (t, n)
        Sum of the funding rates paid in ``(ts, ts + step]``, fraction of notional, positive when
        longs pay; 0 where nothing is paid.
    """

    instruments: tuple[InstrumentId, ...]
    ts: IntArray
    step: int
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    funding: FloatArray

    def __post_init__(self) -> None:
        shape = (len(self.ts), len(self.instruments))
        for name in _FIELDS:
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, was {array.shape}")
        if self.step <= 0:
            raise ValueError(f"step must be positive nanoseconds, was {self.step!r}")

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def known_at(self) -> IntArray:
        """When each bar became known: its end, ns UTC, shape (t,)."""
        return self.ts + self.step

    def rows(self, start: int, stop: int) -> MarketBlock:
        """Return the ticks ``start:stop`` as a block of views, without copying."""
        cut = slice(start, stop)
        return MarketBlock(
            instruments=self.instruments,
            ts=self.ts[cut],
            step=self.step,
            open=self.open[cut],
            high=self.high[cut],
            low=self.low[cut],
            close=self.close[cut],
            volume=self.volume[cut],
            funding=self.funding[cut],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEvent:
    """One piece of text from outside.

    Parameters
    ----------
    known_at : int
        When it could be read by us, ns UTC; never the time it was written for.
    source : str
        Who published it.
    kind : str
        ``news``, ``social`` or ``filing``; which agents read it.
    id : str
        The same for the same piece, whenever it is read; empty where nothing refers to it.
    instruments : tuple of InstrumentId
        What it is about; empty for the market as a whole.
    """

    known_at: int
    source: str
    text: str
    instruments: tuple[InstrumentId, ...] = ()
    kind: str = "news"
    id: str = ""
    title: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One figure from outside that is no bar: macro, on-chain, a sentiment score.

    Parameters
    ----------
    known_at : int
        When it was published, ns UTC.
    source, name : str
        Who publishes it, and what it measures with its unit, e.g. ``fed_funds_percent``.
    kind : str
        ``macro``, ``onchain`` or ``sentiment``; which agents read it.
    instrument : InstrumentId or None
        What it is about; None for the market as a whole.
    previous : float
        Of the period before, as it was known when this one came; NaN where there is none.
    """

    known_at: int
    source: str
    name: str
    value: float
    kind: str
    instrument: InstrumentId | None = None
    previous: float = math.nan

    @property
    def id(self) -> str:
        """What an opinion names it by."""
        return f"{self.source}:{self.name}:{self.known_at}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Something that was seen before, what was thought and done, and what came of it.

    Parameters
    ----------
    as_of : int
        When it was seen, ns UTC.
    features : dict of str to float
        As they were at ``as_of``.
    bias, confidence : float or None
        Of the aggregated context; None where nobody had a view.
    decision : str
        What was done, in a word or two; empty for nothing.
    outcome : float
        Log return of the instrument from ``as_of`` to ``known_at``.
    known_at : int
        When the outcome was known, ns UTC; nobody may be told of it earlier.
    """

    instrument: InstrumentId
    as_of: int
    features: dict[str, float]
    bias: float | None
    confidence: float | None
    decision: str
    outcome: float
    known_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one agent may see of one instrument at one instant.

    Parameters
    ----------
    as_of : int
        ns UTC; nothing in the snapshot became known later.
    close : float
        Last known, quote currency; NaN where there is none.
    features : dict of str to float
        Feature name to value; NaN while it warms up.
    texts, readings : tuple
        Newest first; readings one a source, name and instrument.
    past : tuple of Situation
        The nearest past situations, nearest first.
    """

    instrument: InstrumentId
    as_of: int
    close: float
    features: dict[str, float]
    texts: tuple[TextEvent, ...] = ()
    readings: tuple[Reading, ...] = ()
    past: tuple[Situation, ...] = ()
