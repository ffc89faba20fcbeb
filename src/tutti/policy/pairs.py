"""Pairs: an instrument that has run away from a companion it usually moves with, as a vote."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.kernel.jit import njit
from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray, IntArray
from tutti.policy.strategies import squash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.instrument import InstrumentId

_Z_QUIET = 1.0
_Z_SCALE = 2.0

_OWN, _OTHER, _OWN_OWN, _OTHER_OTHER, _OWN_OTHER = 0, 1, 2, 3, 4
_STEPS = 5
"""Sums over the window: five of log prices, then the same five of their steps."""


class PairMemory(NamedTuple):
    """What the pairs have seen, carried from block to block and updated in place.

    ``own`` and ``other``: log prices of the last window + 1 joint bars of each instrument and its
    companion, (n, window + 1), a ring; ``seen``: joint bars so far, (n,); ``origin``: what is taken
    off the log prices before they are summed, (n, 2); ``sums``: (n, 10).
    """

    own: FloatArray
    other: FloatArray
    seen: IntArray
    origin: FloatArray
    sums: FloatArray


def empty_memory(n: int, window: int) -> PairMemory:
    """Return the memory of ``n`` instruments that have seen nothing."""
    return PairMemory(
        own=np.zeros((n, window + 1)),
        other=np.zeros((n, window + 1)),
        seen=np.zeros(n, np.int64),
        origin=np.zeros((n, 2)),
        sums=np.zeros((n, 2 * _STEPS)),
    )


def companions(
    instruments: Sequence[InstrumentId], pairs: Sequence[tuple[InstrumentId, InstrumentId]]
) -> IntArray:
    """Return the column of each instrument's companion, -1 for none.

    Parameters
    ----------
    pairs : sequence of pairs of InstrumentId
        Each member is the other's companion; an instrument keeps the first it is given. When empty,
        the companion is the first instrument quoted in the same currency (``BTC-USDT`` and
        ``ETH-USDT-PERP`` are both quoted in USDT), which itself has none.

    Raises
    ------
    ConfigError
        If a pair names an instrument that is not there, or one twice.
    """
    columns = {instrument: i for i, instrument in enumerate(instruments)}
    found = np.full(len(instruments), -1, np.int64)
    for pair in pairs:
        for name in pair:
            if name not in columns:
                raise ConfigError(
                    f"policy.pairs names {name}, which is not traded; "
                    f"there are {', '.join(map(str, instruments))}"
                )
        a, b = columns[pair[0]], columns[pair[1]]
        if a == b:
            raise ConfigError(f"policy.pairs pairs {pair[0]} with itself; name two instruments")
        found[a] = b if found[a] < 0 else found[a]
        found[b] = a if found[b] < 0 else found[b]
    if not pairs:
        first: dict[str, int] = {}
        for i, instrument in enumerate(instruments):
            reference = first.setdefault(_quote(instrument), i)
            found[i] = reference if reference != i else -1
    return found


def _quote(instrument: InstrumentId) -> str:
    # BTC-USDT-PERP: base, quote, kind; a symbol without a dash has no quote to share
    parts = instrument.symbol.split("-")
    return parts[1] if len(parts) > 1 else ""


@njit
def _count(sums: FloatArray, start: int, own: float, other: float, sign: float) -> None:
    sums[start + _OWN] += sign * own
    sums[start + _OTHER] += sign * other
    sums[start + _OWN_OWN] += sign * own * own
    sums[start + _OTHER_OTHER] += sign * other * other
    sums[start + _OWN_OTHER] += sign * own * other


@njit
def _sum_anew(i: int, memory: PairMemory) -> None:
    """Sum the full ring of instrument ``i`` afresh, so that rounding can't pile up."""
    size = memory.own.shape[1]
    newest = (memory.seen[i] - 1) % size
    memory.origin[i, 0] = memory.own[i, newest]
    memory.origin[i, 1] = memory.other[i, newest]
    sums = memory.sums[i]
    sums[:] = 0.0
    # oldest first; the oldest itself only begins the first step
    for k in range(1, size):
        at = (newest + 1 + k) % size
        before = (newest + k) % size
        own, other = memory.own[i, at], memory.other[i, at]
        _count(sums, 0, own - memory.origin[i, 0], other - memory.origin[i, 1], 1.0)
        _count(sums, _STEPS, own - memory.own[i, before], other - memory.other[i, before], 1.0)


@njit
def _take_in(i: int, own: float, other: float, memory: PairMemory) -> bool:
    """Move the window of instrument ``i`` on by one bar; True once it is full."""
    size = memory.own.shape[1]
    at = memory.seen[i] % size
    full = memory.seen[i] >= size
    if full:
        # the bar in ``at`` began the oldest step; the one after it was the oldest level
        oldest = (at + 1) % size
        last = (at - 1) % size
        gone_own, gone_other = memory.own[i, oldest], memory.other[i, oldest]
        sums, origin = memory.sums[i], memory.origin[i]
        _count(sums, 0, gone_own - origin[0], gone_other - origin[1], -1.0)
        _count(sums, 0, own - origin[0], other - origin[1], 1.0)
        _count(sums, _STEPS, gone_own - memory.own[i, at], gone_other - memory.other[i, at], -1.0)
        _count(sums, _STEPS, own - memory.own[i, last], other - memory.other[i, last], 1.0)
    memory.own[i, at] = own
    memory.other[i, at] = other
    memory.seen[i] += 1
    if memory.seen[i] % size == 0:
        _sum_anew(i, memory)
    return bool(memory.seen[i] >= size)


@njit
def _moment(sums: FloatArray, a: int, b: int, product: int, count: float) -> float:
    return float(sums[product] - sums[a] * sums[b] / count)


@njit
def _vote(
    own: float, other: float, sums: FloatArray, origin: FloatArray, count: float, floor: float
) -> float:
    """Return the vote from the sums of a full window; NaN where the two don't move together."""
    steps = sums[_STEPS:]
    own_own = _moment(steps, _OWN, _OWN, _OWN_OWN, count)
    other_other = _moment(steps, _OTHER, _OTHER, _OTHER_OTHER, count)
    own_other = _moment(steps, _OWN, _OTHER, _OWN_OTHER, count)
    if not (own_own > 0.0 and other_other > 0.0):
        return math.nan
    if own_other < floor * math.sqrt(own_own * other_other):
        return math.nan
    beta = own_other / other_other
    variance = _moment(sums, _OWN, _OWN, _OWN_OWN, count)
    variance -= 2.0 * beta * _moment(sums, _OWN, _OTHER, _OWN_OTHER, count)
    variance += beta * beta * _moment(sums, _OTHER, _OTHER, _OTHER_OTHER, count)
    # what is left after cancelling is noise when it is this small beside what was taken off
    if not variance > 1e-12 * (own_own + other_other):
        return math.nan
    spread = own - origin[0] - beta * (other - origin[1])
    mean = (sums[_OWN] - beta * sums[_OTHER]) / count
    z = (spread - mean) / math.sqrt(variance / (count - 1.0))
    beyond = abs(z) - _Z_QUIET
    return -math.copysign(squash(beyond / _Z_SCALE), z) if beyond > 0.0 else 0.0


@njit
def pair_votes(
    close: FloatArray,
    companion: IntArray,
    floor: float,
    memory: PairMemory,
    votes: FloatArray,
) -> None:
    """Write a vote against the spread of each instrument over its companion.

    Parameters
    ----------
    close : ndarray of float64, shape (t, n)
        NaN where there is no bar; a bar that either of the two lacks leaves the memory alone.
    companion : ndarray of int64, shape (n,)
        Column, -1 for none.
    floor : float
        Correlation of returns over the window below which there is no view.
    memory : PairMemory
        Updated in place.
    votes : ndarray of float64, shape (t, n)
        Written: in (-1, 1), positive when the instrument is cheap against its companion, 0 within
        one standard deviation; NaN without a companion, a bar, a full window or correlation.

    Notes
    -----
    With log prices y of the instrument and x of the companion over the last ``window`` joint bars,
    and beta the slope of y's steps on x's, the spread is y - beta x and its z-score is taken
    against its own mean and standard deviation in the window. Gatev, Goetzmann and Rouwenhorst
    (2006), "Pairs trading", trade a spread of normalised prices (beta 1) beyond two standard
    deviations; the hedge ratio from returns is as in Vidyamurthy (2004), "Pairs trading", section 5.
    """
    count = float(memory.own.shape[1] - 1)
    for i in range(close.shape[1]):
        j = companion[i]
        for t in range(close.shape[0]):
            votes[t, i] = math.nan
            if j < 0 or not (close[t, i] > 0.0 and close[t, j] > 0.0):
                continue
            own = math.log(close[t, i])
            other = math.log(close[t, j])
            if _take_in(i, own, other, memory):
                votes[t, i] = _vote(own, other, memory.sums[i], memory.origin[i], count, floor)
