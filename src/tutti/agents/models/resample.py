"""Bars of a run as longer bars, each handed on in the tick in which it is known to be whole.

A bar of the timeframe covers ``[k * span, (k + 1) * span)`` since the epoch, UTC. It closes with the
bar that ends it, or, where that one is missing, with the first bar after it. What began before the
first bar that was seen is left out: nobody knows its open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND
from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray, IntArray, MarketBlock

if TYPE_CHECKING:
    from tutti.model.instrument import InstrumentId

_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (1, "ns"))
_SIDES = ("open", "high", "low", "close", "volume", "funding")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedBars:
    """Bars that closed during a block.

    Parameters
    ----------
    bars : MarketBlock
        Their step is the timeframe; NaN where an instrument had nothing in all that time.
    rows : ndarray of int64, shape (k,)
        Row of the block with which each became known, rising.
    """

    bars: MarketBlock
    rows: IntArray


@dataclass(slots=True)
class _Unfinished:
    number: int
    sides: dict[str, FloatArray]
    is_whole: bool


class Resampler:
    """Makes bars of a longer timeframe, block by block; any cut of the bars gives the same bits.

    Parameters
    ----------
    span : int
        Length of the longer bars, ns.
    who : str
        What an error begins with.
    """

    def __init__(self, span: int, who: str = "bars") -> None:
        self.span = span
        self._who = who
        self._instruments: tuple[InstrumentId, ...] | None = None
        self._open: _Unfinished | None = None

    def advance(self, block: MarketBlock) -> ClosedBars:
        """Take in the next bars and return those of the timeframe that they closed.

        Raises
        ------
        ConfigError
            If the timeframe is not a whole multiple of the bars' length.
        ValueError
            If the block has other instruments than those before.
        """
        if self.span % block.step:
            raise ConfigError(
                f"{self._who}: a timeframe of {_said(self.span)} can't be made of bars of "
                f"{_said(block.step)}; choose a whole multiple of them"
            )
        if self._instruments not in (None, block.instruments):
            raise ValueError("the block has other instruments than those before")
        self._instruments = block.instruments
        if self.span == block.step:
            return ClosedBars(bars=block, rows=np.arange(len(block)))
        return self._grouped(block)

    def _grouped(self, block: MarketBlock) -> ClosedBars:
        numbers = block.ts // self.span
        starts = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
        ids = numbers[starts]
        rows = np.append(starts[1:], len(block))
        whole = np.ones(len(ids), dtype=bool)
        before = self._open
        continues = before is not None and len(ids) > 0 and before.number == ids[0]
        if before is None and len(ids):
            whole[0] = block.ts[0] % self.span == 0
        if before is not None and not continues:
            # nothing came to end it: the first bar of another one tells that it is over
            ids = np.insert(ids, 0, before.number)
            starts, rows = np.insert(starts, 0, 0), np.insert(rows, 0, 0)
            whole = np.insert(whole, 0, before.is_whole)
        elif continues:
            assert before is not None
            whole[0] = before.is_whole
        if not len(ids):
            return ClosedBars(bars=block, rows=np.arange(0))
        sides = _blank(len(ids), len(block.instruments))
        if before is not None:
            for name in _SIDES:
                sides[name][0] = before.sides[name]
        _fill(sides, block, starts, rows)
        # a bar ends with the row whose end reaches its own, else with the row after its last one
        ends = (ids + 1) * self.span
        last = np.maximum(rows - 1, 0)
        reaches = (rows > starts) & (block.ts[last] + block.step >= ends)
        closed_at = np.where(reaches, last, rows)
        is_closed = closed_at < len(block)
        self._open = None
        if not is_closed[-1]:
            left = {name: sides[name][-1].copy() for name in _SIDES}
            self._open = _Unfinished(number=int(ids[-1]), sides=left, is_whole=bool(whole[-1]))
        else:
            # whatever comes next is another bar, seen from its first bar on
            self._open = _Unfinished(
                number=int(ids[-1]),
                sides={name: side[0] for name, side in _blank(1, len(block.instruments)).items()},
                is_whole=False,
            )
        kept = is_closed & whole
        bars = MarketBlock(
            instruments=block.instruments,
            ts=ids[kept] * self.span,
            step=self.span,
            **{name: sides[name][kept] for name in _SIDES},
        )
        return ClosedBars(bars=bars, rows=closed_at[kept])


def _blank(n_bars: int, n: int) -> dict[str, FloatArray]:
    sides: dict[str, FloatArray] = {name: np.full((n_bars, n), np.nan) for name in _SIDES}
    sides["funding"][:] = 0.0
    return sides


def _fill(
    sides: dict[str, FloatArray], block: MarketBlock, starts: IntArray, stops: IntArray
) -> None:
    # one bar of each group at a time, so that sums come out the same however blocks are cut
    sizes = stops - starts
    for k in range(int(sizes.max())):
        groups = np.flatnonzero(sizes > k)
        rows = starts[groups] + k
        opened, volume = sides["open"][groups], sides["volume"][groups]
        sides["open"][groups] = np.where(np.isnan(opened), block.open[rows], opened)
        sides["high"][groups] = np.fmax(sides["high"][groups], block.high[rows])
        sides["low"][groups] = np.fmin(sides["low"][groups], block.low[rows])
        close = block.close[rows]
        sides["close"][groups] = np.where(np.isnan(close), sides["close"][groups], close)
        added = block.volume[rows]
        total = np.where(np.isnan(volume), 0.0, volume) + np.where(np.isnan(added), 0.0, added)
        sides["volume"][groups] = np.where(np.isnan(volume) & np.isnan(added), np.nan, total)
        sides["funding"][groups] += block.funding[rows]


def _said(span: int) -> str:
    unit, name = next((u, n) for u, n in _UNITS if span % u == 0)
    return f"{span // unit}{name}"
