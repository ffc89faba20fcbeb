"""Figures beside bars as of any instant: the newest of each that was known."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tutti.adapters.feeds.findings import Code, Finding
from tutti.adapters.feeds.series import NO_TIME
from tutti.adapters.feeds.table import TIME, OtherTable
from tutti.adapters.stores.point_in_time.rows import (
    READING,
    STAMPS,
    RowFile,
    Table,
    base_of,
    read_rows,
    stamps,
    symbol_in_name,
    whole,
)
from tutti.model.market import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.model.instrument import InstrumentId

_KINDS = ("macro", "onchain", "sentiment")
_KIND_OF_FOLDER = {
    "macro": "macro",
    "onchain": "onchain",
    "text": "sentiment",
    "sentiment": "sentiment",
}
_KIND_OF_NAME = {"fear_greed": "sentiment", "fear_and_greed": "sentiment"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """One figure over time.

    Attributes
    ----------
    known_at : list of int
        Of each row, rising.
    newest : list of int
        At each row, the row of the newest period among those known so far, as last corrected.
    previous : list of int
        At each row, the row of the period before that, as it was known when the newest one came;
        -1 for none.
    """

    kind: str
    source: str
    name: str
    known_at: list[int]
    newest: list[int]
    previous: list[int]
    values: list[float]


class StoredReadings:
    """Readings of many files, each with the time it became known; a `ReadingSource`.

    Parameters
    ----------
    frame : polars.DataFrame
        The store's columns of readings, in any order. A later row for the same period corrects the
        earlier one from when it was known.
    files : tuple of RowFile
        What was read, for the record of a run.
    findings : tuple of Finding
        What is doubtful in it.
    """

    def __init__(
        self,
        frame: pl.DataFrame,
        files: tuple[RowFile, ...] = (),
        findings: tuple[Finding, ...] = (),
    ) -> None:
        self.files = files
        self.findings = findings
        kept = _once(frame)
        self._rows = len(kept)
        self._series: dict[str, list[_Series]] = {}
        for (symbol, kind, source, name), part in kept.partition_by(
            "symbol", "kind", "source", "name", as_dict=True, maintain_order=True
        ).items():
            ts = part.get_column("ts").to_numpy()
            self._series.setdefault(str(symbol), []).append(
                _Series(
                    kind=str(kind),
                    source=str(source),
                    name=str(name),
                    known_at=part.get_column("known_at").to_list(),
                    newest=_newest(ts),
                    previous=_previous(ts),
                    values=part.get_column("value").to_list(),
                )
            )

    def __len__(self) -> int:
        return self._rows

    @property
    def symbols(self) -> tuple[str, ...]:
        """What the readings are about, as ``BTC``; empty text is the market as a whole."""
        return tuple(sorted(self._series))

    def readings(
        self, instrument: InstrumentId, until: int, kinds: Sequence[str] = ()
    ) -> tuple[Reading, ...]:
        """Return the newest reading of each source, name and instrument known at ``until``.

        "Newest" is of the newest period; of a period that was corrected, the last correction known.
        See `ReadingSource`.
        """
        own = self._series.get(base_of(instrument.symbol), ())
        market = self._series.get("", ())
        found: list[Reading] = []
        for series, about in ((own, instrument), (market, None)):
            for each in series:
                if kinds and each.kind not in kinds:
                    continue
                count = bisect_right(each.known_at, until)
                if not count:
                    continue
                at, before = each.newest[count - 1], each.previous[count - 1]
                found.append(
                    Reading(
                        known_at=each.known_at[at], source=each.source, name=each.name,
                        value=each.values[at], kind=each.kind, instrument=about,
                        previous=math.nan if before < 0 else each.values[before],
                    )
                )  # fmt: skip
        found.sort(key=_newest_first)
        return tuple(found)


def open_readings(paths: Sequence[str | Path], *, lag: str | None = None) -> StoredReadings:
    """Open files of readings: what ``tutti data sync`` wrote, or any with a time and figures.

    In other files each column of figures is a reading of its own. Their symbol is a column
    ``symbol``, or what a name such as ``BTC_1d.parquet`` begins with; their kind a column, or the
    folder (``macro``, ``onchain``, ``sentiment``).

    Parameters
    ----------
    paths : sequence of str or Path
        Files, folders or globs.
    lag : str, optional
        As in ``open_texts``.

    Raises
    ------
    ConfigError
        If a pattern matches nothing, or a sidecar is wrong.
    DataError
        If a file can't be read.
    """
    rows = read_rows(paths, READING, _read, lag)
    return StoredReadings(rows.frame, rows.files, rows.findings)


def _once(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in the order they became known, without those that say the same again."""
    ordered = frame.sort("known_at", "ts", "value")
    before = pl.col("value").shift(1).over("symbol", "kind", "source", "name", "ts")
    return ordered.filter(before.ne_missing(pl.col("value")))


def _newest_first(reading: Reading) -> tuple[int, str, str, bool]:
    return -reading.known_at, reading.source, reading.name, reading.instrument is None


def _newest(ts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
    # rows are in the order they became known; of equal periods the later row is the correction
    highest = np.maximum.accumulate(ts)
    rows = np.where(ts == highest, np.arange(len(ts)), 0)
    newest: list[int] = np.maximum.accumulate(rows).tolist()
    return newest


def _previous(ts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
    highest = np.maximum.accumulate(ts)
    begins = np.flatnonzero(np.diff(highest, prepend=highest[:1] - 1))
    # the row before the one with which the newest period began
    last = np.repeat(begins, np.diff(begins, append=len(ts))) - 1
    newest = np.array(_newest(ts))
    previous: list[int] = np.where(last < 0, -1, newest[last]).tolist()
    return previous


def _read(table: Table) -> tuple[pl.DataFrame, list[Finding]]:
    if table.column("text", "title", "headline") is not None:
        raise OtherTable(f"{table.path}: holds texts, so no reading of it is used")
    ts, known, findings = stamps(table)
    figures = _figures(table)
    if not figures:
        raise OtherTable(f"{table.path}: has no column of figures, so nothing of it is used")
    said = table.sidecar
    name = table.column("name")
    one = pl.DataFrame(
        {
            "symbol": _symbols(table),
            "kind": _kinds(table),
            "source": table.text(said.source or _source(table.path), "source"),
            "ts": ts,
            "known_at": known,
        }
    )
    parts = [
        one.with_columns(
            (pl.lit(label) if name is None else name.cast(pl.String)).alias("name"),
            table.frame.get_column(column).cast(pl.Float64).alias("value"),
        )
        for column, label in figures.items()
    ]
    frame = pl.concat(parts)
    kept = frame.filter(pl.col("known_at") != NO_TIME, pl.col("value").is_finite())
    if lost := len(frame) - len(kept):
        message = f"{lost} of {len(frame)} figures are missing or without a time; left out"
        findings.append(whole(table.path, Code.ROWS_LEFT_OUT, lost, message))
    return kept, findings


def _figures(table: Table) -> dict[str, str]:
    """Return the columns of figures, and what each measures."""
    frame, said = table.frame, table.sidecar
    if said.names:
        return {column: name for column, name in said.names.items() if column in frame.columns}
    times = {*TIME, *STAMPS}
    found = [
        column
        for column, kind in frame.schema.items()
        if kind.is_numeric() and column.strip().lower() not in times
    ]
    # one figure a file is named for the file
    return {
        column: _measure(table.path) if len(found) == 1 and column == "value" else column
        for column in found
    }


def _measure(path: Path) -> str:
    name = path.name.partition(".")[0]
    return name.removesuffix("_1d")


def _source(path: Path) -> str:
    return path.resolve().parent.name


def _symbols(table: Table) -> pl.Series:
    count = len(table.frame)
    if table.sidecar.symbol is not None:
        return pl.repeat(base_of(table.sidecar.symbol), count, dtype=pl.String, eager=True)
    if table.column("symbol", "ticker", "instrument") is None:
        return pl.repeat(symbol_in_name(table.path), count, dtype=pl.String, eager=True)
    symbols = table.text("", "symbol", "ticker", "instrument")
    return symbols.str.split("-").list.first().fill_null("").str.to_uppercase()


def _kinds(table: Table) -> pl.Series:
    given = table.column("kind")
    if given is not None and table.sidecar.kind is None:
        return given.cast(pl.String).fill_null("macro")
    by_name = next((k for word, k in _KIND_OF_NAME.items() if word in table.path.name), None)
    kind = table.sidecar.kind or by_name or _KIND_OF_FOLDER.get(table.path.parent.name, "macro")
    return pl.repeat(kind, len(table.frame), dtype=pl.String, eager=True)
