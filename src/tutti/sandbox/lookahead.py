"""Whether anything that a strategy thinks or does hangs on bars that it could not know yet.

Poison: from some bar on, the bars are made absurd, and everything up to that bar has to come out the
same, bit for bit. What first does not names the part that looked ahead. Lag: the signals are traded
one bar later and later; who foresees a bar, or trades faster than anybody could, has nothing left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.model.arrays import Signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tutti.model.market import FloatArray, IntArray, MarketBlock

    Traced = Mapping[str, FloatArray]

_SIDES = ("open", "high", "low", "close", "volume", "funding")
_ENOUGH_KEPT = 0.5


class Poison(StrEnum):
    """What becomes of the bars that can't be known yet."""

    MISSING = "missing"
    MIRRORED = "mirrored"
    ENORMOUS = "enormous"
    TINY = "tiny"


_FACTORS = {Poison.ENORMOUS: 1e6, Poison.TINY: 1e-4}


def poisoned(block: MarketBlock, known: int, poison: Poison) -> MarketBlock:
    """Return the block with all bars from row ``known`` on made absurd."""
    sides: dict[str, Any] = {}
    for name in _SIDES:
        array: FloatArray = getattr(block, name).copy()
        if poison is Poison.MISSING:
            array[known:] = 0.0 if name == "funding" else math.nan
        elif poison is Poison.MIRRORED:
            array[known:] = array[known:][::-1].copy()
        else:
            array[known:] *= _FACTORS[poison]
        sides[name] = array
    return replace(block, **sides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek:
    """Something that changed before what changed it could be known.

    Parameters
    ----------
    part : str
        Such as ``feature rsi_14``, ``agent vpin``, ``signal score``, ``equity``.
    ts : int
        Bar whose result changed, ns UTC of its start.
    known : int
        First bar that was poisoned, likewise.
    bars_ahead : int
        How far the part looked, at least.
    """

    part: str
    instrument: str
    ts: int
    known: int
    bars_ahead: int
    poison: Poison

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "part": self.part,
            "instrument": self.instrument,
            "ts": self.ts,
            "known": self.known,
            "bars_ahead": self.bars_ahead,
            "poison": self.poison.value,
        }


def find_peeks(
    trace: Callable[[MarketBlock], Traced], block: MarketBlock, cuts: Sequence[int]
) -> tuple[Peek, ...]:
    """Return every part that looked ahead, with the place where it looked farthest.

    Parameters
    ----------
    trace : callable
        Runs a strategy that remembers nothing over a block in one go, and returns what its parts
        made of it: arrays of shape (t,) or (t, n) by name, in the order in which they follow from
        each other.
    cuts : sequence of int
        Rows from which on bars are poisoned.
    """
    clean = trace(block)
    found: dict[str, Peek] = {}
    for known in cuts:
        for poison in Poison:
            dirty = trace(poisoned(block, known, poison))
            for part, values in clean.items():
                peek = _compared(part, values, dirty[part], block, known, poison)
                if peek and (part not in found or found[part].bars_ahead < peek.bars_ahead):
                    found[part] = peek
    return tuple(found[part] for part in clean if part in found)


def _compared(
    part: str, clean: FloatArray, dirty: FloatArray, block: MarketBlock, known: int, poison: Poison
) -> Peek | None:
    before, after = clean[:known], dirty[:known]
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    if same.all():
        return None
    row, *column = np.argwhere(~same)[0].tolist()
    return Peek(
        part=part,
        instrument=str(block.instruments[column[0]]) if column else "",
        ts=int(block.ts[row]),
        known=int(block.ts[known]),
        bars_ahead=known - row,
        poison=poison,
    )


def lagged(signals: Signals, bars: int) -> Signals:
    """Return the signals ``bars`` later, or earlier where it is negative; no view where none is left."""

    def moved(values: FloatArray, nothing: float) -> FloatArray:
        shifted: FloatArray = np.full(values.shape, nothing)
        if bars >= 0:
            shifted[bars:] = values[: len(values) - bars]
        else:
            shifted[:bars] = values[-bars:]
        return shifted

    lead: IntArray = moved(signals.lead.astype(np.float64), -1.0).astype(np.int64)
    return Signals(
        score=moved(signals.score, math.nan),
        confidence=moved(signals.confidence, math.nan),
        size=moved(signals.size, math.nan),
        lead=lead,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """What a strategy earns when its signals are traded so many bars late.

    Parameters
    ----------
    bars : int
        -1 is foresight: signals one bar before they could be known.
    sharpe_gross : float
        Before costs, of a year.
    """

    bars: int
    sharpe_gross: float
    sharpe_net: float
    total_return: float
    n_fills: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "bars": self.bars,
            "sharpe_gross": _known(self.sharpe_gross),
            "sharpe_net": _known(self.sharpe_net),
            "total_return": self.total_return,
            "n_fills": self.n_fills,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAhead:
    """What the test found.

    Parameters
    ----------
    peeks : tuple of Peek
        Empty for a strategy that knows no more than it may.
    n_poisoned : int
        Runs with a poisoned future.
    """

    strategy: str
    parts: tuple[str, ...]
    peeks: tuple[Peek, ...]
    n_poisoned: int
    lags: tuple[Lag, ...]

    @property
    def kept(self) -> float:
        """Share of the Sharpe ratio before costs that is left one bar later; NaN without any."""
        by_bars = {lag.bars: lag.sharpe_gross for lag in self.lags}
        prompt, late = by_bars.get(0, math.nan), by_bars.get(1, math.nan)
        return late / prompt if prompt > 0.0 else math.nan

    @property
    def is_fragile(self) -> bool:
        """Whether more than half of it is gone one bar later."""
        return self.kept < _ENOUGH_KEPT

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "strategy": self.strategy,
            "looks_ahead": bool(self.peeks),
            "peeks": [peek.to_dict() for peek in self.peeks],
            "n_parts": len(self.parts),
            "n_poisoned": self.n_poisoned,
            "lags": [lag.to_dict() for lag in self.lags],
            "kept_one_bar_later": _known(self.kept),
            "is_fragile": self.is_fragile,
        }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
