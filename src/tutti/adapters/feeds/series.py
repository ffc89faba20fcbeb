"""The bars of one file, as arrays, before they join the others in a block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class BarSeries:
    """Rows of one file, in the file's order, nothing repaired.

    Parameters
    ----------
    instrument : InstrumentId
        What the file's name and folder say it is.
    file : str
        Where the rows come from, for messages.
    step : int
        Length of a bar in nanoseconds.
    row : ndarray of int64, shape (t,)
        Number of each row in the file; the first row of data is 1.
    ts : ndarray of int64, shape (t,)
        Start of each bar, ns UTC; ``NO_TIME`` where the file has none.
    open, high, low, close, volume : ndarray of float64, shape (t,)
        NaN where the file has no value.
    """

    instrument: InstrumentId
    file: str
    step: int
    row: IntArray
    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, chosen: slice | NDArray[Any]) -> BarSeries:
        """Return the chosen rows: a slice, a mask, or indices in the order wanted."""
        return BarSeries(
            instrument=self.instrument,
            file=self.file,
            step=self.step,
            row=self.row[chosen],
            ts=self.ts[chosen],
            open=self.open[chosen],
            high=self.high[chosen],
            low=self.low[chosen],
            close=self.close[chosen],
            volume=self.volume[chosen],
        )


NO_TIME = -(2**63)
"""Stands for a missing timestamp."""
