"""What in files of texts and readings deserves a look before a backtest is trusted on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tutti.adapters.feeds.findings import Code, Finding, Severity
from tutti.adapters.feeds.instants import to_nanoseconds
from tutti.adapters.stores.point_in_time.readings import open_readings
from tutti.adapters.stores.point_in_time.rows import Table, read_table, whole
from tutti.adapters.stores.point_in_time.texts import open_texts
from tutti.kernel.clock import DAY, iso
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tutti.model.market import IntArray

_WORDS = frozenset(("text", "title", "headline"))
_TIMES = frozenset(("ts", "time", "timestamp", "date", "datetime", "known_at"))
_FOLDERS = frozenset(("readings", "macro", "onchain", "sentiment"))
_FEW = 10
_LONG = 20.0  # times the usual distance between two rows, over nights and weekends
_SHORTEST = 3 * DAY
_KEYS = {
    "texts": ("symbol", "source", "id"),
    "readings": ("symbol", "kind", "source", "name", "ts"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTable:
    """A file of texts or readings: ``first`` and ``last`` stamp, ns UTC; 0 without rows."""

    path: str
    kind: str
    rows: int
    first: int
    last: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAudit:
    """What was read, and what was found."""

    files: tuple[RowTable, ...]
    findings: tuple[Finding, ...]


def kind_of(path: Path) -> str:
    """Return ``texts`` or ``readings``, or empty text for a file of something else."""
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            names = list(pl.read_parquet_schema(path))
        else:
            names = pl.read_csv(path, n_rows=0).columns
    except (pl.exceptions.PolarsError, OSError):
        return ""
    columns = {name.strip().lower() for name in names}
    if not columns & _TIMES or {"open", "high", "low", "close"} <= columns:
        return ""
    if columns & _WORDS:
        return "texts"
    in_place = not _FOLDERS.isdisjoint((path.parent.name, path.parent.parent.name))
    is_stored = {"known_at", "value", "name"} <= columns
    return "readings" if in_place or is_stored else ""


def check_rows(paths: Sequence[Path], now: int) -> RowAudit:
    """Check files of texts and readings, each by itself.

    Parameters
    ----------
    paths : sequence of Path
        Files for which `kind_of` has a word.
    now : int
        ns UTC; what bears a later time is told.
    """
    files: list[RowTable] = []
    findings: list[Finding] = []
    for path in paths:
        kind = kind_of(path)
        try:
            found = open_texts([path]) if kind == "texts" else open_readings([path])
            table, _ = read_table(path)
        except (DataError, ConfigError) as error:
            said = str(error).removeprefix(str(path)).lstrip(":, ")
            findings.append(_impossible(path, Code.UNREADABLE, 1, said))
            continue
        findings += found.findings
        ts = _instants(table.time, path)
        for file in found.files:
            first, last = (int(ts.min()), int(ts.max())) if len(ts) else (0, 0)
            files.append(
                RowTable(
                    path=file.path, kind=kind, rows=len(found), first=first, last=last,
                    sha256=file.sha256,
                )
            )  # fmt: skip
        findings += _of_times(table, kind, ts, now)
        findings += _silences(path, ts)
    return RowAudit(files=tuple(files), findings=tuple(findings))


def _of_times(table: Table, kind: str, ts: IntArray, now: int) -> Iterator[Finding]:
    path, frame = table.path, table.frame
    arrived = _instants(table.column("received_at"), path)
    limit = arrived if len(arrived) == len(ts) else np.full(len(ts), now)
    future = ts > limit
    if future.any():
        at = int(np.argmax(future))
        message = (
            f"{int(future.sum())} rows bear a time after they arrived, the first"
            f" {iso(int(ts[at]))}, received {iso(int(limit[at]))}"
        )
        yield whole(path, Code.FROM_THE_FUTURE, int(future.sum()), message, int(ts[at]))
    known = _instants(table.column("known_at"), path)
    keys = [name for name in _KEYS[kind] if name in frame.columns]
    if len(known) != len(ts) or len(arrived) != len(ts) or len(keys) < len(_KEYS[kind]):
        return
    times = frame.select(keys).with_columns(
        pl.Series("known", known), pl.Series("arrived", arrived)
    )
    late = pl.col("arrived") > pl.col("arrived").shift(1).over(keys)
    back = times.sort("arrived", "known").select(
        (late & (pl.col("known") < pl.col("known").shift(1).over(keys))).fill_null(value=False)
    )
    if count := int(back.to_series().sum()):
        message = (
            f"{count} corrections arrived after what they correct and say they were known before"
        )
        yield _impossible(path, Code.KNOWN_TOO_EARLY, count, message)


def _silences(path: Path, ts: IntArray) -> Iterator[Finding]:
    stamps = np.unique(ts)
    if len(stamps) < _FEW:
        return
    spacing = np.diff(stamps)
    usual = float(np.median(spacing))
    long = np.flatnonzero(spacing > max(_LONG * usual, _SHORTEST))
    # daily figures: more than a weekend with a holiday is a hole
    if usual >= DAY:
        long = np.flatnonzero(spacing > usual + _SHORTEST)
    if len(long):
        at = int(long[np.argmax(spacing[long])])
        days = float(spacing[at]) / DAY
        holes = "1 hole" if len(long) == 1 else f"{len(long)} holes"
        message = f"{holes} between rows, the longest {days:.3g} days from {iso(int(stamps[at]))}"
        yield Finding(
            severity=Severity.DOUBTFUL, code=Code.SILENCE, file=str(path), row=0,
            ts=int(stamps[at]), count=len(long), message=message, measures={"days": days},
        )  # fmt: skip


def _impossible(path: Path, code: Code, count: int, message: str) -> Finding:
    return Finding(
        severity=Severity.IMPOSSIBLE, code=code, file=str(path), row=0, ts=0, count=count,
        message=message, measures={"share": 0.0},
    )  # fmt: skip


def _instants(column: pl.Series | None, path: Path) -> IntArray:
    return np.zeros(0, dtype=np.int64) if column is None else to_nanoseconds(column, str(path))
