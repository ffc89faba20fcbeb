"""Markets made of pieces of the recorded one: a stationary block bootstrap, all instruments jointly.

Politis and Romano (1994), "The stationary bootstrap", Journal of the American Statistical
Association 89: blocks of recorded bars of random, geometrically distributed length, one after the
other. All instruments take the same rows, so what moves together goes on doing so, and within a
block everything (clustered volatility, wicks, volumes, funding) is as recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.kernel.jit import lean_njit
from tutti.model.arrays import Tradable
from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray, IntArray, MarketBlock

if TYPE_CHECKING:
    from collections.abc import Iterator


class Splice(NamedTuple):
    """Where a market made of pieces stands, arrays of shape (n,), carried from chunk to chunk.

    ``scale``: what recorded prices are multiplied by in the present piece. ``last``: last close.
    ``row``, shape (1,): recorded row of the last tick, -1 before the first.
    """

    scale: FloatArray
    last: FloatArray
    row: IntArray


class Recording:
    """Recorded bars, ready to be cut up.

    Parameters
    ----------
    block : MarketBlock
        Of shape (t, n).

    Raises
    ------
    ConfigError
        If an instrument has no bar at all.
    """

    def __init__(self, block: MarketBlock) -> None:
        self.block = block
        self.reference = _reference(block)
        self.bars = Tradable(
            ts=block.ts, open=block.open, high=block.high, low=block.low, close=block.close,
            volume=block.volume, funding=block.funding,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.block)

    def splice(self) -> Splice:
        """Return the state of a market that has not begun; its prices begin like the recorded."""
        n = len(self.block.instruments)
        return Splice(np.ones(n), self.reference[0].copy(), np.full(1, -1, np.int64))

    def market(self, rows: IntArray, chunk: int) -> Iterator[MarketBlock]:
        """Yield the market made of recorded ``rows``, ``chunk`` ticks at a time.

        Time goes on as recorded; each block is overwritten when the next one is asked for. Row
        after row from the first, it is the recorded market, bit for bit.

        Parameters
        ----------
        rows : ndarray of int64, shape (k,)
            At most as many as were recorded.
        """
        state = self.splice()
        n = len(self.block.instruments)
        room = [np.empty((min(chunk, len(rows)), n)) for _ in range(6)]
        for start in range(0, len(rows), chunk):
            stop = min(start + chunk, len(rows))
            made = Tradable(self.block.ts[start:stop], *(each[: stop - start] for each in room))
            write_bars(rows[start:stop], self.bars, self.reference, state, made)
            yield MarketBlock(
                instruments=self.block.instruments, ts=made.ts, step=self.block.step,
                open=made.open, high=made.high, low=made.low, close=made.close,
                volume=made.volume, funding=made.funding,
            )  # fmt: skip


def _reference(block: MarketBlock) -> FloatArray:
    """Return the last close before each bar, shape (t, n); before the first bar its open."""
    known = np.isfinite(block.close)
    if not known.any(axis=0).all():
        name = block.instruments[int(np.argmin(known.any(axis=0)))]
        raise ConfigError(f"{name} has no bar in this span; choose another, or leave it out")
    rows = np.where(known, np.arange(len(block))[:, None], -1)
    upto = np.maximum.accumulate(rows, axis=0)
    before = np.concatenate([np.full((1, rows.shape[1]), -1), upto[:-1]])
    columns = np.arange(rows.shape[1])
    first = block.open[np.argmax(known, axis=0), columns]
    carried: FloatArray = np.where(before >= 0, block.close[np.maximum(before, 0), columns], first)
    return np.ascontiguousarray(carried)


@lean_njit
def write_bars(
    rows: IntArray, source: Tradable, reference: FloatArray, state: Splice, made: Tradable
) -> None:
    """Write the bars of recorded ``rows``, each piece scaled so that it goes on where the last ended.

    Prices of a piece are the recorded ones times one factor per instrument, so returns inside it
    are as recorded; volumes are divided by it, so the notional traded is.

    Parameters
    ----------
    rows : ndarray of int64, shape (k,)
    reference : ndarray of float64, shape (t, n)
        Last close before each recorded bar.
    made : Tradable
        Arrays of shape (k, n), written; ``ts`` is left alone.
    """
    before = state.row[0]
    for t in range(rows.shape[0]):
        s = rows[t]
        if s != before + 1 or before < 0:
            for i in range(reference.shape[1]):
                state.scale[i] = state.last[i] / reference[s, i]
        before = s
        for i in range(reference.shape[1]):
            scale = state.scale[i]
            close = scale * source.close[s, i]
            made.open[t, i] = scale * source.open[s, i]
            made.high[t, i] = scale * source.high[s, i]
            made.low[t, i] = scale * source.low[s, i]
            made.close[t, i] = close
            made.volume[t, i] = source.volume[s, i] / scale
            made.funding[t, i] = source.funding[s, i]
            # false for NaN: where there is no bar the last close stays
            if close > 0.0:
                state.last[i] = close
    state.row[0] = before


def stationary_rows(
    n_rows: int, length: int, mean_block: float, random: np.random.Generator
) -> IntArray:
    """Return the recorded row of each of ``length`` ticks.

    A block starts at any row alike and is of geometric length: each tick begins a new one with
    probability ``1 / mean_block``. After the last row comes the first.

    Parameters
    ----------
    n_rows : int
        Rows to choose from.
    mean_block : float
        Mean length of a block, ticks, at least 1.

    Returns
    -------
    ndarray of int64, shape (length,)
    """
    if not mean_block >= 1.0:
        raise ConfigError(f"a block has at least 1 bar on average, was {mean_block!r}")
    # that many blocks nearly always do, and drawing their lengths is far cheaper than a coin a tick
    count = int(1.3 * length / mean_block) + 16
    lengths = random.geometric(1.0 / mean_block, count)
    while lengths.sum() < length:
        lengths = np.append(lengths, random.geometric(1.0 / mean_block, count))
    ends = np.cumsum(lengths)
    used = int(np.searchsorted(ends, length)) + 1
    chosen = random.integers(0, n_rows, used)
    begins = ends[:used] - lengths[:used]
    rows: IntArray = np.repeat(chosen - begins, lengths[:used])[:length] + np.arange(length)
    return rows % n_rows


def default_block(step: int) -> float:
    """Return the usual mean length of a block for bars of ``step`` ns: a week, at least 10 bars.

    Long enough that what an hourly strategy feeds on (a trend of days, clusters of volatility) is
    mostly inside blocks; ``length**(1/3)`` of the textbooks is meant for means of weak dependence.
    """
    return max(10.0, 7 * 86_400_000_000_000 / step)
