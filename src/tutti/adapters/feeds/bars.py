"""Bars from Parquet and CSV files to one block over all instruments."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.adapters.feeds.across import check_across, check_against, duplicate, likeness
from tutti.adapters.feeds.checks import sift
from tutti.adapters.feeds.doubtful import doubtful
from tutti.adapters.feeds.files import LOCAL, BarFile, describe, find_files
from tutti.adapters.feeds.findings import Code, Finding, Severity
from tutti.adapters.feeds.neighbours import Claim, neighbours
from tutti.adapters.feeds.series import NO_TIME, BarSeries
from tutti.adapters.feeds.table import BARS, read_columns
from tutti.adapters.feeds.timeframe import format_timeframe, parse_timeframe
from tutti.kernel.clock import iso
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, IntArray, MarketBlock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
class BarData:
    """Bars of all files as one block, with where they come from and what was found in them."""

    block: MarketBlock
    files: tuple[DataFile, ...]
    findings: tuple[Finding, ...]
    dropped_rows: int

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """The columns of the block."""
        return self.block.instruments


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    file: DataFile
    source: BarFile
    series: BarSeries | None
    span: tuple[int, int]
    findings: tuple[Finding, ...]


def read_bars(
    patterns: Sequence[str | Path],
    *,
    timeframe: str | None = None,
    start: int | None = None,
    end: int | None = None,
    repair: bool = False,
    references: Sequence[str | Path] = (),
) -> BarData:
    """Read, check and merge bar files.

    Bars are merged on the union of their times; an instrument without a bar at a time has NaN
    there. Nothing is filled.

    Parameters
    ----------
    patterns : sequence of str or Path
        Files, folders or globs, see ``find_files``. Several files of one instrument are joined in
        time.
    timeframe : str, optional
        ``5m``, ``1h`` ...: takes only files of this timeframe. Needed where the files have several.
    start, end : int, optional
        ns UTC; bars with ``start <= ts < end`` are read, and only these are checked.
    repair : bool
        Drop impossible rows and count them, instead of refusing the file.
    references : sequence of str or Path
        Files of the layout known to be good, to compare with. Files outside the layout are also
        compared with bars of the layout found near them.

    Raises
    ------
    ConfigError
        If nothing matches, the timeframe is ambiguous, or two files hold the same bars.
    DataError
        If a file can't be read, or has impossible rows and ``repair`` is off.
    """
    step = 0 if timeframe is None else parse_timeframe(timeframe)
    sources = _of_one_timeframe([describe(path) for path in find_files(patterns)], step)
    loaded = [_load(source, step, (start, end), repair=repair) for source in sources]
    steps = Counter(item.source.step for item in loaded)
    if len(steps) > 1:
        raise _several_timeframes(steps)
    if all(item.series is None for item in loaded):
        spans = [item.span for item in loaded]
        first, last = min(s for s, _ in spans), max(e for _, e in spans)
        raise ConfigError(
            f"no bars in the asked range: the files have {iso(first)} to {iso(last)};"
            " change --start or --end"
        )
    series = _join([item.series for item in loaded if item.series is not None])
    findings = [finding for item in loaded for finding in item.findings]
    for each in series:
        findings.extend(doubtful(each))
    findings.extend(check_across(series))
    findings.extend(_compare(loaded, references))
    return BarData(
        block=merge(series),
        files=tuple(item.file for item in loaded),
        findings=tuple(findings),
        dropped_rows=sum(item.file.dropped for item in loaded),
    )


def _of_one_timeframe(files: list[BarFile], step: int) -> list[BarFile]:
    steps = Counter(file.step for file in files if file.step)
    if step:
        chosen = [file for file in files if file.step in (step, 0)]
        if not chosen:
            raise ConfigError(
                f"no file of timeframe {format_timeframe(step)}: the files have {_listed(steps)}"
            )
        return chosen
    if len(steps) > 1:
        raise _several_timeframes(steps)
    return files


def _several_timeframes(steps: Counter[int]) -> ConfigError:
    return ConfigError(
        f"the files have several timeframes, {_listed(steps)}; choose one with --timeframe"
    )


def _listed(steps: Counter[int]) -> str:
    return ", ".join(
        f"{format_timeframe(step)} ({count} file{'s' if count > 1 else ''})"
        for step, count in sorted(steps.items())
    )


def _load(
    source: BarFile, step: int, span: tuple[int | None, int | None], *, repair: bool
) -> _Loaded:
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
    return _Loaded(
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


def _join(series: list[BarSeries]) -> list[BarSeries]:
    # several files of one instrument become one series; they must not overlap
    groups: dict[InstrumentId, list[BarSeries]] = {}
    for each in series:
        groups.setdefault(each.instrument, []).append(each)
    return [
        _chain(sorted(group, key=lambda part: int(part.ts[0]))) if len(group) > 1 else group[0]
        for group in groups.values()
    ]


def _chain(parts: list[BarSeries]) -> BarSeries:
    for before, after in itertools.pairwise(parts):
        if after.ts[0] <= before.ts[-1]:
            raise ConfigError(
                f"{before.file} and {after.file} both hold {after.instrument} at"
                f" {iso(int(after.ts[0]))}; name only one of them"
            )
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("row", "ts", *BARS)
    }
    return replace(parts[0], file=f"{parts[0].file} .. {parts[-1].file}", **joined)


def _compare(loaded: list[_Loaded], references: Sequence[str | Path]) -> list[Finding]:
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
        reference = _load(other, 0, span, repair=True).series
    except (DataError, ConfigError):
        # not what was asked for; it only serves to compare
        return []
    if reference is None or reference.step != series.step:
        return []
    if claim.contradicts(theirs):
        alike = likeness(series, reference)
        return [duplicate(series, reference, alike)] if alike.equal >= _SAME_SHARE else []
    return check_against(series, reference) if claim.names(theirs) else []


def merge(series: Sequence[BarSeries]) -> MarketBlock:
    """Return one block of series of one timeframe, on the union of their times.

    Parameters
    ----------
    series : sequence of BarSeries
        At least one; one per instrument, without impossible rows.
    """
    ts = series[0].ts
    if any(not np.array_equal(ts, each.ts) for each in series[1:]):
        ts = np.unique(np.concatenate([each.ts for each in series]))
    rows = [None if len(each) == len(ts) else np.searchsorted(ts, each.ts) for each in series]
    columns: dict[str, FloatArray] = {}
    for name in BARS:
        columns[name] = np.full((len(ts), len(series)), np.nan)
        for column, (each, at) in enumerate(zip(series, rows, strict=True)):
            columns[name][slice(None) if at is None else at, column] = getattr(each, name)
    return MarketBlock(
        instruments=tuple(each.instrument for each in series),
        ts=np.ascontiguousarray(ts),
        step=series[0].step,
        funding=np.zeros((len(ts), len(series))),
        **columns,
    )
