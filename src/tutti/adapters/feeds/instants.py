"""Timestamps as files write them to nanoseconds since the epoch, UTC.

Understood: dates and times of any precision, with or without time zone (without one they are UTC),
ISO text, epoch seconds, milliseconds, microseconds or nanoseconds (told apart by magnitude), and
days as ``20240131``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tutti.adapters.feeds.series import NO_TIME
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from tutti.model.market import IntArray

# an epoch number below each bound is in that unit; the bounds lie in the years 5138 and 1973
_EPOCH_UNITS = ((1e11, 10**9), (1e14, 10**6), (1e17, 10**3), (float("inf"), 1))
_FIRST_DAY, _LAST_DAY = 1900_01_01, 2100_12_31
_ISO_DAY = re.compile(r"\d{4}[-/.]?\d{2}[-/.]?\d{2}")
_OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def to_nanoseconds(column: pl.Series, file: str, clock: pl.Series | None = None) -> IntArray:
    """Return int64 ns UTC for each row; ``NO_TIME`` where the file has none.

    Parameters
    ----------
    column : polars.Series
        Dates, times, numbers or text.
    file : str
        For messages.
    clock : polars.Series, optional
        Time of day as text, where the column holds the date only.

    Raises
    ------
    DataError
        If a value is no timestamp, or text does not start with the year.
    """
    if clock is not None and column.dtype == pl.String and clock.dtype == pl.String:
        first = next((value for value in clock if value), "")
        if _CLOCK.fullmatch(first.strip()):
            column = column.str.strip_chars() + " " + clock.str.strip_chars()
    kind = column.dtype
    if kind == pl.String:
        return _from_text(column, file)
    if kind == pl.Date or isinstance(kind, pl.Datetime):
        return _physical(column.cast(pl.Datetime("ns")) if kind == pl.Date else column)
    if kind.is_integer():
        return _from_integers(column, file)
    if kind.is_numeric():
        return _from_reals(column.cast(pl.Float64))
    raise DataError(f"{file}: column 'ts' holds {kind}, not times; store timestamps")


def _physical(column: pl.Series) -> IntArray:
    factor = {"ns": 1, "us": 10**3, "ms": 10**6}[getattr(column.dtype, "time_unit", "ns")]
    # a time zone only changes how a moment is shown; what is stored is UTC
    stored = column.to_physical().cast(pl.Int64)
    missing = stored.is_null().to_numpy()
    out = stored.fill_null(0).to_numpy().astype(np.int64) * factor
    out[missing] = NO_TIME
    return out


def _unit(largest: float) -> int:
    return next(factor for bound, factor in _EPOCH_UNITS if largest < bound)


def _from_integers(column: pl.Series, file: str) -> IntArray:
    missing = column.is_null().to_numpy()
    values = column.cast(pl.Int64, strict=False).fill_null(0).to_numpy().astype(np.int64)
    known = values[~missing]
    if len(known) and known.min() >= _FIRST_DAY and known.max() <= _LAST_DAY:
        return _from_text(column.cast(pl.String), file)
    out = values * _unit(float(np.abs(known).max()) if len(known) else 0.0)
    out[missing] = NO_TIME
    return out


def _from_reals(column: pl.Series) -> IntArray:
    values = column.to_numpy().astype(np.float64)
    missing = ~np.isfinite(values)
    values = np.where(missing, 0.0, values)
    factor = _unit(float(np.abs(values).max()))
    # a float holds a present-day epoch time to about a quarter of a microsecond
    out = np.rint(values * (factor / 1000)).astype(np.int64) * 1000
    out[missing] = NO_TIME
    return out


def _from_text(column: pl.Series, file: str) -> IntArray:
    text = column.str.strip_chars()
    numbers = text.cast(pl.Int64, strict=False)
    if numbers.null_count() == text.null_count():
        days = numbers.is_between(_FIRST_DAY, _LAST_DAY).all()
        return _from_days(numbers, file) if days else _from_integers(numbers, file)
    reals = text.cast(pl.Float64, strict=False)
    if reals.null_count() == text.null_count():
        return _from_reals(reals)
    if 2 * reals.null_count() < len(text) + text.null_count():
        # numbers for the most part: name the row that is none
        raise _not_a_time(file, *_first_lost(text, reals))
    first = next(value for value in text if value is not None)
    if not _ISO_DAY.match(first):
        raise _not_a_time(file, *_first_lost(text, reals))
    text = text.str.replace(r"^(\d{4})[/.](\d{2})[/.](\d{2})", "${1}-${2}-${3}")
    times = _by_pattern(text, first)
    if times is None or times.null_count() > text.null_count():
        return _one_by_one(text, file)
    return _physical(times)


def _from_days(numbers: pl.Series, file: str) -> IntArray:
    days = numbers.cast(pl.String).str.to_date("%Y%m%d", strict=False)
    if days.null_count() > numbers.null_count():
        raise _not_a_time(file, *_first_lost(numbers, days))
    return _physical(days.cast(pl.Datetime("ns")))


def _first_lost(column: pl.Series, parsed: pl.Series) -> tuple[int, str]:
    at = int(np.argmax((parsed.is_null() & column.is_not_null()).to_numpy()))
    return at + 1, str(column[at])


def _by_pattern(text: pl.Series, first: str) -> pl.Series | None:
    # one pattern for the whole column, read off its first value; much faster than one by one
    day, rest = first[:10].replace("/", "-").replace(".", "-"), first[10:]
    if len(day) != len("2024-01-31") or day[4] != "-":
        return None
    if not rest:
        return text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("ns"))
    offset = _OFFSET.search(rest)
    seconds = ":%S%.f" if rest.count(":") - (offset[0].count(":") if offset else 0) > 1 else ""
    pattern = f"%Y-%m-%d{rest[0]}%H:%M{seconds}"
    if offset:
        return text.str.to_datetime(pattern + "%#z", time_unit="ns", time_zone="UTC", strict=False)
    return text.str.to_datetime(pattern, time_unit="ns", strict=False)


def _one_by_one(text: pl.Series, file: str) -> IntArray:
    out = np.full(len(text), NO_TIME, dtype=np.int64)
    for at, value in enumerate(text):
        if value is None:
            continue
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise _not_a_time(file, at + 1, value) from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        out[at] = (moment - _EPOCH) // _TICK * 1000
    return out


def _not_a_time(file: str, row: int, value: str) -> DataError:
    return DataError(
        f"{file}, row {row}: time {value!r} is not understood; write it as 2024-01-31T12:00:00Z"
        " or as an epoch number"
    )
