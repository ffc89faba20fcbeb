"""What is observed: blocks of bars over all instruments, and text."""

from __future__ import annotations

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
    """One piece of text from outside, with the time it became known (ns UTC)."""

    known_at: int
    source: str
    text: str
    instruments: tuple[InstrumentId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one agent may see of one instrument at one instant.

    Parameters
    ----------
    as_of : int
        ns UTC; nothing in the snapshot became known later.
    features : dict of str to float
        Feature name to value; NaN while it warms up.
    """

    instrument: InstrumentId
    as_of: int
    close: float
    features: dict[str, float]
    texts: tuple[TextEvent, ...] = ()
