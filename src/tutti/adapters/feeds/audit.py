"""Every fault in a heap of bar files, whatever their timeframes: nothing is refused, all is told."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.adapters.feeds.across import check_across
from tutti.adapters.feeds.bars import join
from tutti.adapters.feeds.doubtful import doubtful
from tutti.adapters.feeds.files import describe, find_files
from tutti.adapters.feeds.findings import Code, Finding, Severity
from tutti.adapters.feeds.loading import DataFile, Loaded, compare, load
from tutti.adapters.feeds.table import OtherTable
from tutti.adapters.feeds.timeframe import parse_timeframe
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.adapters.feeds.series import BarSeries
    from tutti.model.instrument import InstrumentId


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedFile:
    """A file of bars that was read: ``first`` and ``last`` bar, ns UTC, both 0 without one."""

    file: DataFile
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was read, what was found, and the files that hold something else than bars."""

    files: tuple[AuditedFile, ...]
    findings: tuple[Finding, ...]
    passed_over: tuple[str, ...]


def audit(
    patterns: Sequence[str | Path],
    *,
    timeframe: str | None = None,
    start: int | None = None,
    end: int | None = None,
    references: Sequence[str | Path] = (),
) -> Audit:
    """Check bar files, each by itself, against each other, and against references.

    Parameters
    ----------
    patterns : sequence of str or Path
        Files, folders or globs, see ``find_files``. Files of one timeframe are compared.
    timeframe : str, optional
        Length of a bar where names don't tell; files of another timeframe are left out.
    start, end : int, optional
        ns UTC; only bars with ``start <= ts < end`` are checked.
    references : sequence of str or Path
        Files of the layout known to be good. A file outside the layout is also compared with bars
        of the layout found near it.

    Raises
    ------
    ConfigError
        If nothing matches, or no file holds bars.
    """
    step = 0 if timeframe is None else parse_timeframe(timeframe)
    loaded: list[Loaded] = []
    findings: list[Finding] = []
    passed_over: list[str] = []
    for path in find_files(patterns):
        source = describe(path)
        if step and source.step not in (step, 0):
            continue
        try:
            loaded.append(load(source, step, (start, end), repair=True))
        except OtherTable:
            passed_over.append(str(path))
        except (DataError, ConfigError) as error:
            findings.append(_unreadable(str(path), str(error)))
    if not loaded and not findings:
        raise ConfigError(
            f"none of {len(passed_over)} files holds bars (time, open, high, low, close, volume);"
            " name others, or another --timeframe"
        )
    findings += [finding for item in loaded for finding in item.findings]
    groups: dict[int, list[Loaded]] = defaultdict(list)
    for item in loaded:
        groups[item.source.step].append(item)
    for step_ in sorted(groups):
        findings += _of_one_timeframe(groups[step_])
    findings += compare(loaded, references)
    return Audit(
        files=tuple(_audited(item) for item in loaded),
        findings=_once(findings),
        passed_over=tuple(passed_over),
    )


def _of_one_timeframe(loaded: Sequence[Loaded]) -> list[Finding]:
    parts: dict[InstrumentId, list[BarSeries]] = defaultdict(list)
    for item in loaded:
        if item.series is not None:
            parts[item.series.instrument].append(item.series)
    findings: list[Finding] = []
    chained: list[BarSeries] = []
    for series in parts.values():
        try:
            chained += join(series)
        except ConfigError as error:
            findings.append(_twice(series[-1].file, str(error)))
            chained += series
    for each in chained:
        findings += doubtful(each)
    return findings + check_across(chained)


def _once(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    # a pair may show both among the files and beside a neighbour
    seen: dict[tuple[str, Code, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.file, finding.code, finding.message), finding)
    return tuple(seen.values())


def _audited(item: Loaded) -> AuditedFile:
    series = item.series
    first, last = (0, 0) if series is None else (int(series.ts[0]), int(series.ts[-1]))
    return AuditedFile(file=item.file, first=first, last=last)


def _unreadable(file: str, said: str) -> Finding:
    message = said.removeprefix(file).lstrip(":, ")
    return _whole(file, Code.UNREADABLE, Severity.IMPOSSIBLE, message)


def _twice(file: str, said: str) -> Finding:
    return _whole(file, Code.SAME_BARS_TWICE, Severity.DOUBTFUL, said)


def _whole(file: str, code: Code, severity: Severity, message: str) -> Finding:
    return Finding(severity=severity, code=code, file=file, row=0, ts=0, count=1, message=message)
