"""What orders would have cost, and what real ones did, beside what the model reads off the bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tutti.execution.cost import impact
from tutti.model.errors import DataError
from tutti.model.market import FloatArray, IntArray
from tutti.sandbox.calibration.books import ladders, walked

if TYPE_CHECKING:
    from tutti.sandbox.calibration.recording import Quotes, Recording, Trades

SIZES: Final = tuple(np.geomspace(0.001, 1.0, 13).tolist())
"""Sizes of orders that are tried, as shares of the recording's mean volume of a bar."""

_BPS = 1e4
_FEWEST_BARS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bars of one instrument, made of its trades; every bar of the span is there.

    Parameters
    ----------
    ts : ndarray of int64, shape (t,)
        Starts, ns UTC, ``step`` apart.
    high, low : ndarray of float64, shape (t,)
        0 where nothing was traded.
    volume : ndarray of float64, shape (t,)
    """

    ts: IntArray
    step: int
    high: FloatArray
    low: FloatArray
    volume: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Orders of many sizes: what each cost against the mid at its arrival, and its model's inputs.

    Parameters
    ----------
    bar : ndarray of int64, shape (k,)
        Number of the bar in which the order filled, rising.
    size : ndarray of float64, shape (k,)
        Quantity over the recording's mean volume of a bar.
    share : ndarray of float64, shape (k,)
        Quantity over the volume of its own bar; 1 where nothing was traded in it.
    cost_bps : ndarray of float64, shape (k,)
        Average price against the mid, positive is worse.
    unit_bps : ndarray of float64, shape (k,)
        The model's impact at coefficient 1.
    """

    bar: IntArray
    size: FloatArray
    share: FloatArray
    cost_bps: FloatArray
    unit_bps: FloatArray

    def __len__(self) -> int:
        return len(self.bar)

    def where(self, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Samples:
        """Return the samples at which ``chosen`` is true."""
        return Samples(
            bar=self.bar[chosen],
            size=self.size[chosen],
            share=self.share[chosen],
            cost_bps=self.cost_bps[chosen],
            unit_bps=self.unit_bps[chosen],
        )


def bars_of(recording: Recording, step: int) -> Bars:
    """Return the whole bars that all streams of the recording cover.

    Raises
    ------
    DataError
        If there are fewer than 10.
    """
    streams = [recording.trades.ts, recording.quotes.ts]
    if recording.book is not None:
        begun = recording.book.ts[np.argmax(recording.book.is_snapshot) :]
        streams.append(begun)
    start = max(int(each[0]) for each in streams)
    end = min(int(each[-1]) for each in streams)
    ts = np.arange(-(-start // step) * step, end - step, step, dtype=np.int64)
    if len(ts) < _FEWEST_BARS:
        raise DataError(
            f"{recording.name}: {len(ts)} whole bars of {step / 1e9:g} s that all streams cover, "
            f"at least {_FEWEST_BARS} are needed; record for longer or choose a shorter --step"
        )
    return _summed(recording.trades, ts, step)


def book_samples(
    recording: Recording, bars: Bars, sizes: tuple[float, ...] = SIZES
) -> tuple[Samples, int]:
    """Return what market orders would have paid at each bar's start, and how many found no depth.

    Both sides of the book as it was are walked with each size. The book is taken as it stands:
    nobody reacts, nothing comes back. Orders larger than the recorded book are counted, not
    guessed.

    Parameters
    ----------
    sizes : tuple of float
        Shares of the mean volume of a bar.
    """
    if recording.book is None:
        raise DataError(f"{recording.name}: no book was recorded; name one with --book")
    grid = np.array(sizes)
    quantities = grid * float(bars.volume.mean())
    number, size, cost = [], [], []
    for ladder in ladders(recording.book, bars.ts):
        bar = int(np.searchsorted(bars.ts, ladder.ts))
        for side, levels in ((1.0, ladder.asks), (-1.0, ladder.bids)):
            number.append(np.full(len(grid), bar))
            size.append(grid)
            cost.append(side * (walked(levels, quantities) / ladder.mid - 1.0) * _BPS)
    found = _sampled(bars, *(np.concatenate(each) for each in (number, size, cost)))
    filled = np.isfinite(found.cost_bps)
    return found.where(filled), int((~filled).sum())


def order_samples(recording: Recording, bars: Bars) -> Samples | None:
    """Return what the market's own marketable orders paid; None where it can't be told.

    Prints of one side that the exchange stamped alike are one order. Its cost is its average price
    against the mid before it, by the exchange's stamps of both: on some venues the quote that an
    order leaves behind is received before the order's own prints, so times of receipt won't do.
    Traders choose their moment, and large orders are sent when prices run: this checks the order of
    magnitude of a model of orders sent at any time, and no more.
    """
    stamps, trades = recording.quotes.event_ts, recording.trades
    if stamps is None:
        return None
    begins = _orders(trades)
    quantity = np.add.reduceat(trades.quantity, begins)
    paid = np.add.reduceat(trades.quantity * trades.price, begins) / quantity
    side = trades.side[begins]
    quote = np.searchsorted(stamps, trades.event_ts[begins]) - 1
    bar = (trades.ts[begins] - bars.ts[0]) // bars.step
    inside = (quote >= 0) & (bar >= 0) & (bar < len(bars.ts))
    mid = recording.quotes.mid[quote[inside]]
    cost = side[inside] * (paid[inside] / mid - 1.0) * _BPS
    size = quantity[inside] / float(bars.volume.mean())
    return _sampled(bars, bar[inside], size, cost)


def half_spreads(quotes: Quotes, bars: Bars) -> FloatArray:
    """Return the time-weighted half of the quoted spread in each bar, basis points; shape (t,)."""
    half = (quotes.ask - quotes.bid) / 2.0 / quotes.mid * _BPS
    # the integral of a step function, read at the edges of the bars
    edges = np.append(bars.ts, bars.ts[-1] + bars.step)
    lasted = np.diff(quotes.ts).astype(np.float64)
    total = np.concatenate([[0.0], np.cumsum(half[:-1] * lasted)])
    at = np.maximum(np.searchsorted(quotes.ts, edges, side="right") - 1, 0)
    integral = total[at] + half[at] * (edges - quotes.ts[at])
    means: FloatArray = np.diff(integral) / bars.step
    return means


def _orders(trades: Trades) -> IntArray:
    new = np.ones(len(trades.ts), bool)
    new[1:] = (np.diff(trades.event_ts) != 0) | (np.diff(trades.side) != 0)
    return np.flatnonzero(new)


def _summed(trades: Trades, ts: IntArray, step: int) -> Bars:
    begins = np.searchsorted(trades.ts, ts)
    ends = np.searchsorted(trades.ts, ts + step)
    high, low, volume = (np.zeros(len(ts)) for _ in range(3))
    for bar, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        if end > begin:
            high[bar] = trades.price[begin:end].max()
            low[bar] = trades.price[begin:end].min()
            volume[bar] = trades.quantity[begin:end].sum()
    return Bars(ts=ts, step=step, high=high, low=low, volume=volume)


def _sampled(bars: Bars, bar: IntArray, size: FloatArray, cost: FloatArray) -> Samples:
    volume = bars.volume[bar]
    quantity = size * float(bars.volume.mean())
    # as the model has it: an order in a bar without volume is as large as its volume
    share = np.divide(quantity, volume, out=np.ones(len(bar)), where=volume > 0.0)
    unit = [
        impact(1.0, high, low, part)
        for high, low, part in zip(
            bars.high[bar].tolist(), bars.low[bar].tolist(), share.tolist(), strict=True
        )
    ]
    return Samples(
        bar=np.asarray(bar, np.int64),
        size=size,
        share=share,
        cost_bps=cost,
        unit_bps=np.array(unit, np.float64) * _BPS,
    )
