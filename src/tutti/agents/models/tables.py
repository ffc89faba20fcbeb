"""Answers about several bars at once: what is wrong with one, and whether it knows what comes.

What a row says of its bar must not change with the bars that follow it. So the same window is shown
again with other bars from one row on, and the rows before are held against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tutti.agents.models.answer import SHAPE, Fault, Prediction, instant, sided
from tutti.agents.models.told import Table, parts_of
from tutti.kernel.clock import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tutti.model.market import FloatArray, IntArray

_SAME = 1e-5
_Rows: TypeAlias = dict[int, Prediction]


def fault_of(table: Table, ts: IntArray) -> Fault | None:
    """Return the first thing that is wrong with a table, None where nothing is.

    Parameters
    ----------
    ts : ndarray of int64, shape (k,)
        Starts of the bars that the model was shown.
    """
    shown, before = set(ts.tolist()), -(1 << 63)
    for row, stamp in enumerate(map(instant, table.stamps)):
        if stamp is None:
            return Fault(kind=SHAPE, told=f"timestamp is no time: {table.stamps[row]!r}")
        if stamp not in shown:
            return Fault(kind=SHAPE, told=f"a row is about {iso(stamp)}, which it was not shown")
        if stamp <= before:
            what = "twice" if stamp == before else "after a later one"
            return Fault(kind=SHAPE, told=f"a row about {iso(stamp)} comes {what}")
        before = stamp
        found = sided(table.signals[row], table.confidences[row])
        if isinstance(found, Fault):
            return found
    return None


def foreseen(ask: Callable[[FloatArray], object], ts: IntArray, values: FloatArray) -> str:
    """Return how the rows of a table hang on later bars; empty where none does.

    Parameters
    ----------
    ask : callable
        Returns what a new model answers to a window with these values; None where it raises.
    ts : ndarray of int64, shape (k,)
    values : ndarray of float64, shape (k, c)
        The window's bars and features.
    """
    usual = _rows(ask(values))
    for cut in _cuts(len(ts)):
        known = {stamp for stamp in usual if stamp < ts[cut]}
        if not known:
            continue
        for changed in futures(values, cut):
            other = _rows(ask(changed))
            for stamp in sorted(known, reverse=True):
                if not _alike(usual[stamp], other.get(stamp)):
                    n = len(ts) - 1 - int(np.searchsorted(ts, stamp))
                    return (
                        f"answers about {iso(stamp)}, {n} rows before the last one, and says "
                        "something else when the rows after it change"
                    )
    return ""


def futures(values: FloatArray, row: int) -> list[FloatArray]:
    """Return the same rows up to one, and others from there on: mirrored, and enormous."""
    mirrored, enormous = values.copy(), values.copy()
    mirrored[row:] = values[row - 1] ** 2 / np.where(values[row:] == 0, 1.0, values[row:])
    enormous[row:] *= 1.5
    return [mirrored, enormous]


def _cuts(n: int) -> Iterator[int]:
    # near the end first: that is where a step ahead shows, and where all rows are warm
    yield from sorted({n - 1, n - 2, 3 * n // 4, n // 2, n // 4} & set(range(1, n)), reverse=True)


def _rows(answer: object) -> _Rows:
    table = parts_of(answer)
    if not isinstance(table, Table):
        return {}
    found: _Rows = {}
    for row, stamp in enumerate(map(instant, table.stamps)):
        said = sided(table.signals[row], table.confidences[row])
        if stamp is not None and isinstance(said, Prediction):
            found[stamp] = said
    return found


def _alike(one: Prediction, other: Prediction | None) -> bool:
    if other is None or one.signal != other.signal:
        return False
    return abs(one.confidence - other.confidence) <= _SAME
