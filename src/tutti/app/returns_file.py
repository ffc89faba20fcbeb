"""Reads returns that somebody else's backtests left: one series, or a column for each trial."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.model.market import FloatArray

_USUAL = ("return", "returns", "ret", "rets", "daily_return", "daily_returns")
# columns of instants, as they are usually called: numbers, but no returns
_TIMES = frozenset({"ts", "t", "time", "timestamp", "date", "datetime", "day", "index"})
_MOST = 1e6  # a return; what is more is a price, a time or a count
_SUFFIXES = (".parquet", ".pq")


def read_returns(path: Path, column: str | None = None) -> FloatArray:
    """Return one series of returns from a CSV or Parquet file.

    Parameters
    ----------
    column : str, optional
        Its name; needed where the file has several.

    Raises
    ------
    ConfigError
        If there is no such file or column, or it isn't clear which one is meant.
    DataError
        If a value is missing, isn't a number, or can't be a return.
    """
    frame = _frame(path)
    names = _numbers(frame, path)
    if column is not None:
        if column not in frame.columns:
            raise ConfigError(f"{path}: no column {column!r}; there are {', '.join(frame.columns)}")
        return _series(frame, column, path)
    usual = [name for name in names if name.lower() in _USUAL]
    if len(usual or names) != 1:
        raise ConfigError(
            f"{path}: which column holds the returns? Name one of {', '.join(names)} with --column"
        )
    return _series(frame, (usual or names)[0], path)


def read_matrix(path: Path) -> tuple[tuple[str, ...], FloatArray]:
    """Return the names and returns, shape (t, n), of all trials in a CSV or Parquet file.

    Columns of times and of text are left out. Errors are those of `read_returns`.
    """
    frame = _frame(path)
    names = _numbers(frame, path)
    return tuple(names), np.column_stack([_series(frame, name, path) for name in names])


def _frame(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise ConfigError(f"{path}: no such file; name a CSV or Parquet file of returns")
    try:
        if path.name.lower().endswith(_SUFFIXES):
            return pl.read_parquet(path)
        data = path.read_bytes()
        first = next(csv.reader(io.StringIO(data.decode().split("\n", 1)[0])), [])
        named = not first or not all(map(_is_number, first))
        return pl.read_csv(
            data,
            has_header=named,
            infer_schema_length=None,
            null_values=["", "NaN", "nan", "NA", "null"],
        )
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        raise DataError(f"{path}: can't be read ({reason}); write it as CSV or Parquet") from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(frame: pl.DataFrame, path: Path) -> Sequence[str]:
    names = [
        name
        for name, kind in zip(frame.columns, frame.dtypes, strict=True)
        if (kind.is_numeric() or kind == pl.Null) and name.lower() not in _TIMES
    ]
    if not names:
        raise DataError(f"{path}: no column of numbers; write a return in each row")
    return names


def _series(frame: pl.DataFrame, name: str, path: Path) -> FloatArray:
    try:
        values = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: column {name} holds something that isn't a number") from error
    wrong = np.flatnonzero(~np.isfinite(values) | (values < -1.0) | (values > _MOST))
    if len(wrong):
        value = float(values[wrong[0]])
        what = "no return"
        if np.isfinite(value):
            what = "a loss of more than everything" if value < 0.0 else "more than any market gives"
        raise DataError(
            f"{path}: row {wrong[0] + 1} of column {name} is {value!r}, {what}; "
            "returns are fractions, one in each row"
        )
    return np.asarray(values, dtype=np.float64)
