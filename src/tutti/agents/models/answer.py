"""What a model answered, checked before anything rests on it."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tutti.agents.models.told import Misshapen, Table, parts_of
from tutti.kernel.clock import SECOND, iso, parse_instant

SHAPE, RANGE = "shape", "range"
"""Kinds of fault: not the promised answer at all, or a value that can't be."""

DIGITS = 6
"""Decimals of a confidence that count: a batch and a single row differ in the last bits."""

_END = (1 << 63) - 1
"""Of the time that 64 bits of nanoseconds hold, either way: the years 1678 to 2262."""

_UNITS = ((1e11, SECOND), (1e14, 1_000_000), (1e17, 1000), (1e20, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model says of one instrument: ``signal`` is -1, 0 or 1, ``confidence`` in [0, 1]."""

    signal: int
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why an answer is refused; ``kind`` is `SHAPE` or `RANGE`."""

    kind: str
    told: str


def judged(answer: object, ts: int) -> Prediction | Fault:
    """Return the prediction in an answer, or what is wrong with it.

    Of an answer about several bars, the newest row about the last bar counts.

    Parameters
    ----------
    answer : object
        Whatever ``predict`` returned.
    ts : int
        Start of the last bar that the model was shown, ns UTC: what ``timestamp`` has to be.
    """
    said = parts_of(answer)
    if isinstance(said, Misshapen):
        return Fault(kind=SHAPE, told=said.told)
    if isinstance(said, Table):
        n = len(said.stamps)
        for row in reversed(range(n)):
            if instant(said.stamps[row]) == ts:
                return sided(said.signals[row], said.confidences[row])
        return Fault(kind=SHAPE, told=f"none of its {n} rows is about the last bar ({iso(ts)})")
    stamp = instant(said["timestamp"])
    if stamp is None:
        return Fault(
            kind=SHAPE, told=f"timestamp is no time: {said['timestamp']!r}; return the last index"
        )
    if stamp != ts:
        return Fault(
            kind=SHAPE,
            told=f"timestamp is {iso(stamp)}, not that of the last row ({iso(ts)})",
        )
    return sided(said["signal"], said["confidence"])


def sided(signal: object, confidence: object) -> Prediction | Fault:
    """Return a signal with its confidence, or what is wrong with them.

    True is a signal of 1 and False one of 0; neither is a confidence.
    """
    signal, confidence = _alone(signal), _alone(confidence)
    if isinstance(signal, bool):
        signal = int(signal)
    for name, value in (("signal", signal), ("confidence", confidence)):
        if not _is_number(value):
            return Fault(kind=SHAPE, told=f"{name} is {_kind(value)}, not a number")
        if not math.isfinite(float(value)):  # type: ignore[arg-type]
            return Fault(kind=RANGE, told=f"{name} is {float(value)!r}")  # type: ignore[arg-type]
    side, sure = float(signal), float(confidence)  # type: ignore[arg-type]
    if side not in (-1.0, 0.0, 1.0):
        return Fault(kind=RANGE, told=f"signal must be -1, 0 or 1, was {side!r}")
    if not 0.0 <= sure <= 1.0:
        return Fault(kind=RANGE, told=f"confidence must be in [0, 1], was {sure!r}")
    return Prediction(signal=int(side), confidence=round(sure, DIGITS))


def instant(value: object) -> int | None:
    """Return a time as ns UTC, None where it is none.

    Understood are stamps of pandas and numpy, datetimes, ISO texts, and numbers since the epoch: in
    seconds, milliseconds, microseconds or nanoseconds, which their size tells apart.
    """
    found = _instant(_alone(value))
    return found if found is not None and abs(found) < _END else None


def _instant(value: object) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, numbers.Real):
        return _since_epoch(value)
    found: Any = value
    if hasattr(found, "value") and isinstance(found.value, int):
        return int(found.value)  # a pandas Timestamp, to the nanosecond; NaT is out of all range
    if isinstance(found, datetime):
        aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return int(aware.timestamp()) * SECOND + aware.microsecond * 1000
    if isinstance(found, str):
        try:
            return parse_instant(found)
        except (ValueError, OverflowError):
            return None
    if type(found).__name__ == "datetime64":
        return int(found.astype("datetime64[ns]").astype("int64"))
    return None


def _since_epoch(value: Any) -> int | None:
    if not math.isfinite(float(value)):
        return None
    for below, unit in _UNITS:
        if abs(float(value)) < below:
            return int(value) * unit if isinstance(value, numbers.Integral) else round(value * unit)
    return None


def _is_number(value: object) -> bool:
    # numpy's scalars are numbers too; a bool is not meant as one
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _alone(value: object) -> object:
    # what an array of no dimension holds, of numpy or torch; numpy's own true and false, too
    found: Any = value
    if isinstance(found, numbers.Real) or getattr(found, "shape", None) != ():
        return value
    return found[()] if _is_time(found) else found.item() if hasattr(found, "item") else value


def _is_time(array: Any) -> bool:
    return str(getattr(array, "dtype", "")).startswith("datetime64")


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
