"""Files of texts or readings, as one frame in the store's own columns, with what is doubtful.

``TEXT`` and ``READING`` are the store's columns. Files that ``tutti data sync`` wrote have them all;
others are read by what their columns are called.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tutti.adapters.feeds.files import find_files, stem
from tutti.adapters.feeds.findings import Code, Finding, Severity
from tutti.adapters.feeds.instants import to_nanoseconds
from tutti.adapters.feeds.series import NO_TIME
from tutti.adapters.feeds.table import TIME, OtherTable
from tutti.adapters.stores.point_in_time.lags import (
    AT_ONCE,
    NEXT_DAY,
    Lag,
    names_days,
    parse_lag,
)
from tutti.adapters.stores.point_in_time.sidecar import Sidecar, known_lag, sidecar_of
from tutti.kernel.clock import iso
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tutti.model.market import IntArray

TEXT = {
    "id": pl.String, "symbol": pl.String, "kind": pl.String, "source": pl.String,
    "title": pl.String, "text": pl.String, "url": pl.String,
    "ts": pl.Int64, "known_at": pl.Int64,
}  # fmt: skip
READING = {
    "symbol": pl.String, "kind": pl.String, "source": pl.String, "name": pl.String,
    "value": pl.Float64, "ts": pl.Int64, "known_at": pl.Int64,
}  # fmt: skip
STAMPS = ("ts", "published_at", "received_at", "known_at")
"""Columns of instants: of the matter, of its publication, of its arrival here, of its use."""

_SUFFIXES = (".parquet", ".pq", ".csv", ".csv.gz")
_ID_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFile:
    """A file that was read, and the SHA-256 of its bytes, hexadecimal."""

    path: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of all files, in no order.

    Parameters
    ----------
    findings : tuple of Finding
        What is doubtful, and what was left out.
    """

    frame: pl.DataFrame
    files: tuple[RowFile, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One file as it is, with what is said of it; ``lag`` stands in where nothing is."""

    path: Path
    frame: pl.DataFrame
    sidecar: Sidecar
    lag: Lag | None

    def column(self, *names: str) -> pl.Series | None:
        """Return the first column of one of these names (lower case), None where there is none."""
        plain = {name.strip().lower(): name for name in self.frame.columns}
        found = next((plain[name] for name in names if name in plain), None)
        return None if found is None else self.frame.get_column(found)

    @property
    def time(self) -> pl.Series | None:
        """The column of the stamps, None where there is none."""
        if self.sidecar.ts:
            return self.column(self.sidecar.ts)
        return self.column(*TIME, "known_at")

    def text(self, default: str | None, *names: str) -> pl.Series:
        """Return a column of text; ``default``, or nothing, where there is none."""
        column = self.column(*names)
        if column is None:
            return pl.Series([default or ""] * len(self.frame), dtype=pl.String)
        return column.cast(pl.String).fill_null(default or "")


def read_rows(
    patterns: Sequence[str | Path],
    schema: dict[str, type[pl.DataType]],
    read: Callable[[Table], tuple[pl.DataFrame, list[Finding]]],
    lag: str | None,
) -> Rows:
    """Read every file that the patterns mean; those that can't be used are findings.

    Raises
    ------
    ConfigError
        If a pattern matches nothing, or a sidecar is wrong.
    DataError
        If a file can't be read.
    """
    told = None if lag is None else parse_lag(lag)
    frames: list[pl.DataFrame] = []
    files: list[RowFile] = []
    findings: list[Finding] = []
    for path in find_files(patterns, _SUFFIXES) if patterns else []:
        table, digest = read_table(path, told)
        try:
            frame, found = read(table)
        except OtherTable as error:
            said = str(error).removeprefix(f"{path}: ")
            findings.append(whole(path, Code.OTHER_TABLE, len(table.frame), said))
            continue
        frames.append(frame.select(*schema))
        findings += found
        files.append(RowFile(path=str(path), sha256=digest, rows=len(frame)))
    frame = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
    return Rows(frame=frame, files=tuple(files), findings=tuple(findings))


def read_table(path: Path, lag: Lag | None = None) -> tuple[Table, str]:
    """Return a file as it is, and the SHA-256 of its bytes, hexadecimal.

    Raises
    ------
    ConfigError
        If its sidecar is wrong.
    DataError
        If it can't be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror}); check the file") from error
    table = Table(path=path, frame=_table(data, path), sidecar=sidecar_of(path), lag=lag)
    return table, hashlib.sha256(data).hexdigest()


def stamps(table: Table) -> tuple[IntArray, IntArray, list[Finding]]:
    """Return the stamps of all rows, when each became known, and what is doubtful in that.

    Raises
    ------
    OtherTable
        If nothing tells when.
    """
    path, column = table.path, table.time
    known_column = table.column("known_at")
    if column is None:
        raise OtherTable(
            f"{path}: no column says when (ts, time, date ...), so nothing of it is used"
        )
    ts = to_nanoseconds(column, str(path))
    if known_column is not None:
        known = to_nanoseconds(known_column, str(path))
        return ts, known, _early(path, ts, known)
    lag, findings = _lag_of(table, ts[ts != NO_TIME])
    known = np.where(ts == NO_TIME, NO_TIME, lag.known_at(np.where(ts == NO_TIME, 0, ts)))
    return ts, known, findings


def whole(path: Path, code: Code, count: int, message: str, ts: int = 0) -> Finding:
    """Return a finding about a file as a whole."""
    return Finding(
        severity=Severity.DOUBTFUL, code=code, file=str(path), row=0, ts=ts, count=count,
        message=message,
    )  # fmt: skip


def content_id(*parts: str) -> str:
    """Return an id that is the same for the same content."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=_ID_BYTES).hexdigest()


def base_of(symbol: str) -> str:
    """Return what texts call an instrument: ``BTC`` for ``BTC-USDT-PERP``."""
    return symbol.partition("-")[0].upper()


def symbol_in_name(path: Path) -> str:
    """Return the symbol in a name such as ``BTC_1d.parquet``; empty where there is none."""
    first = stem(path).partition("_")[0]
    return base_of(first) if first.isupper() else ""


def _table(data: bytes, path: Path) -> pl.DataFrame:
    try:
        if path.name.lower().endswith((".parquet", ".pq")):
            return pl.read_parquet(io.BytesIO(data))
        return pl.read_csv(io.BytesIO(data), infer_schema_length=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(f"{path}: can't be read ({said}); write it again") from error


def _lag_of(table: Table, ts: IntArray) -> tuple[Lag, list[Finding]]:
    if table.sidecar.lag is not None:
        return parse_lag(table.sidecar.lag), []
    if table.lag is not None:
        return table.lag, []
    known = known_lag(table.path)
    if known is not None:
        return known, []
    if not names_days(ts):
        return AT_ONCE, []
    first = int(ts.min())
    message = (
        f"stamps name days only (the first {iso(first)}): taken as known 24 hours later; write"
        f" {table.path.name}.yaml with lag: 1d, or what its publisher says"
    )
    return NEXT_DAY, [whole(table.path, Code.DAY_STAMPS, len(ts), message, first)]


def _early(path: Path, ts: IntArray, known: IntArray) -> list[Finding]:
    early = np.flatnonzero((known < ts) & (known != NO_TIME) & (ts != NO_TIME))
    if not len(early):
        return []
    at = int(early[0])
    message = f"known at {iso(int(known[at]))}, before its own time {iso(int(ts[at]))}"
    return [
        Finding(
            severity=Severity.IMPOSSIBLE, code=Code.KNOWN_TOO_EARLY, file=str(path), row=at + 1,
            ts=int(ts[at]), count=len(early), message=message,
            measures={"share": len(early) / len(ts)},
        )
    ]  # fmt: skip
