"""The one form that all feature kernels have, and what they share.

A kernel is called as ``kernel(bars, window, memory, values, slots)``. It goes through the bars in
time order, reads and updates ``memory`` in place, and writes plane ``slots[k]`` of ``values`` with
its output ``k``, unless that slot is negative. Since nothing else is kept, one block of a thousand
ticks and a thousand blocks of one tick give the same bits. A bar without a positive close is
skipped: the memory stays as it is and the outputs are NaN.

``memory`` is an array of float64 that starts as zeros, with one lane for each series that the
kernel follows: ``(lanes, rows, n)`` where it holds a few numbers, ``(lanes, n, HEAD + window)``
where it also holds the last values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from tutti.kernel.jit import njit
from tutti.model.market import FloatArray, IntArray


class Bars(NamedTuple):
    """What the kernels see of a block; arrays of shape (t, n)."""

    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


Kernel: TypeAlias = Callable[[Bars, int, FloatArray, FloatArray, IntArray], None]


@njit
def put(values: FloatArray, slot: int, t: int, i: int, value: float) -> None:
    """Write one output, unless nobody asked for it."""
    if slot >= 0:
        values[slot, t, i] = value
