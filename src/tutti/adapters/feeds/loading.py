"""One file of bars at a time: read, cut to the asked range, sifted, compared with others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tutti.adapters.feeds.across import check_against, duplicate, likeness
from tutti.adapters.feeds.checks import sift
from tutti.adapters.feeds.files import LOCAL, BarFile, describe, find_files
from tutti.adapters.feeds.findings import Code, Finding, Severity
from tutti.adapters.feeds.neighbours import Claim, neighbours
from tutti.adapters.feeds.series import NO_TIME, BarSeries
from tutti.adapters.feeds.table import BARS, read_columns
from tutti.adapters.feeds.timeframe import format_timeframe
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.model.market import IntArray

_ENOUGH_SPACINGS = 5
_SAME_SHARE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file that was read: what a run records of its data.

    Parameters
    ----------
    sha256 : str
        Of the bytes that were read, hexadecimal.
    rows, dropped : int
        Rows used, and impossible rows dropped by ``repair``; rows outside the asked range are in
        neither.
    """

    path: str
    sha256: str
    rows: int
    dropped: int
    instrument: InstrumentId
    timeframe: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One file as read: its series is None where no bar lies in the asked range.

    Parameters
    ----------
    span : tuple of int
        First and last timestamp in the file, ns UTC.
    """

    file: DataFile
    source: BarFile
    series: BarSeries | None
    span: tuple[int, int]
    findings: tuple[Finding, ...]


def load(
    source: BarFile, step: int, span: tuple[int | None, int | None], *, repair: bool
) -> Loaded:
    """Read and sift one file.

    Parameters
    ----------
    step : int
        Length of a bar that was asked for, ns; 0 for the file's own.
    span : tuple of int or None
        ns UTC; bars with ``start <= ts < end`` are read.
    repair : bool
        Drop impossible rows and count them, instead of refusing the file.

    Raises
    ------
    DataError
        If the file can't be read, has no bar left, or its bars are of another length; without
        ``repair``, if a row is impossible.
    ConfigError
        If nothing tells how long its bars are.
    """
    name = str(source.path)
    try:
        data = source.path.read_bytes()
    except OSError as error:
        raise DataError(f"{name}: can't be read ({error.strerror}); check the file") from error
    ts, columns = read_columns(data, name, BARS)
    known = ts[ts != NO_TIME]
    if not len(known):
        raise DataError(f"{name}: no row has a timestamp; write it again or leave it out")
    source = replace(source, step=_timeframe(name, known, source.step, step))
    series = BarSeries(
        instrument=source.instrument,
        file=name,
        step=source.step,
        row=np.arange(1, len(ts) + 1),
        ts=ts,
        **columns,
    )
    kept = _within(series, span)
    checked = sift(kept, repair=repair) if len(kept) else None
    file = DataFile(
        path=name,
        sha256=hashlib.sha256(data).hexdigest(),
        rows=len(checked.series) if checked else 0,
        dropped=checked.dropped if checked else 0,
        instrument=source.instrument,
        timeframe=format_timeframe(source.step),
    )
    return Loaded(
        file=file,
        source=source,
        series=checked.series if checked else None,
        span=(int(known.min()), int(known.max())),
        findings=checked.findings if checked else (_no_bars(series),),
    )


def _within(series: BarSeries, span: tuple[int | None, int | None]) -> BarSeries:
    start, end = span
    if start is None and end is None:
        return series
    inside = np.ones(len(series), dtype=np.bool_)
    if start is not None:
        inside &= series.ts >= start
    if end is not None:
        inside &= series.ts < end
    return series if inside.all() else series.take(inside)


def _no_bars(series: BarSeries) -> Finding:
    return Finding(
        severity=Severity.DOUBTFUL,
        code=Code.NO_BARS,
        file=series.file,
        row=0,
        ts=0,
        count=len(series),
        message="no bar in the asked range: the file is left out",
    )


def _timeframe(name: str, ts: IntArray, named: int, asked: int) -> int:
    # what the name or the command says, if the rows agree, else what the rows say
    spacings = np.diff(ts)
    if not (spacings > 0).all():
        # rows out of order say as much about the length of a bar; what is wrong is told later
        spacings = np.diff(np.unique(ts))
    step = named or asked
    if not len(spacings):
        if not step:
            raise ConfigError(
                f"{name}: one row shows no timeframe; put it in the name (BTC-USDT_1h.parquet)"
                " or use --timeframe"
            )
        return step
    if (spacings == step).all():
        return step
    values, counts = np.unique(spacings, return_counts=True)
    usual = int(values[int(np.argmax(counts))])
    if not step:
        return usual
    never = len(spacings) >= _ENOUGH_SPACINGS and step not in values
    if (usual < step and counts.max() > 1) or never:
        said = "name says" if named else "asked for are"
        raise DataError(
            f"{name}: bars are {format_timeframe(usual)} apart, the {said}"
            f" {format_timeframe(step)}; rename the file or change --timeframe"
        )
    return step


def compare(loaded: Sequence[Loaded], references: Sequence[str | Path]) -> list[Finding]:
    """Return what shows of files beside others: references, and bars found near a loose file."""
    findings = []
    given = [describe(path) for path in find_files(references)] if references else []
    for item in loaded:
        if item.series is None:
            continue
        nearby = neighbours(item.source) if item.source.instrument.venue == LOCAL else []
        others = {other.path.resolve(): other for other in (*given, *nearby)}
        others.pop(item.source.path.resolve(), None)
        claim = Claim.of(item.source)
        for other in others.values():
            findings.extend(_compare_two(item.series, claim, other))
    return findings


def _compare_two(series: BarSeries, claim: Claim, other: BarFile) -> list[Finding]:
    theirs = Claim.of(other)
    span = (int(series.ts[0]), int(series.ts[-1]) + 1)
    try:
        reference = load(other, 0, span, repair=True).series
    except (DataError, ConfigError):
        # not what was asked for; it only serves to compare
        return []
    if reference is None or reference.step != series.step:
        return []
    if claim.contradicts(theirs):
        alike = likeness(series, reference)
        is_alias = bool(claim.venues & theirs.venues)
        found = duplicate(series, reference, alike, is_alias=is_alias)
        return [found] if alike.equal >= _SAME_SHARE else []
    return check_against(series, reference) if claim.names(theirs) else []
