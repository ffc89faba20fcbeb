"""Bars from Parquet and CSV files to one block over all instruments."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.adapters.feeds.across import check_across
from tutti.adapters.feeds.doubtful import doubtful
from tutti.adapters.feeds.files import BarFile, describe, find_files
from tutti.adapters.feeds.findings import Finding
from tutti.adapters.feeds.loading import DataFile, compare, load
from tutti.adapters.feeds.table import BARS
from tutti.adapters.feeds.timeframe import format_timeframe, parse_timeframe
from tutti.kernel.clock import iso
from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray, MarketBlock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.adapters.feeds.series import BarSeries
    from tutti.model.instrument import InstrumentId


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
    loaded = [load(source, step, (start, end), repair=repair) for source in sources]
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
    series = join([item.series for item in loaded if item.series is not None])
    findings = [finding for item in loaded for finding in item.findings]
    for each in series:
        findings.extend(doubtful(each))
    findings.extend(check_across(series))
    findings.extend(compare(loaded, references))
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


def join(series: Sequence[BarSeries]) -> list[BarSeries]:
    """Return one series per instrument: several files of one are chained in time.

    Raises
    ------
    ConfigError
        If two files hold the same bars.
    """
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
