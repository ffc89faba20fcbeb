"""What is wrong with the bars of a file: rows that can't be true.

They refuse the file, or with ``repair`` are dropped and counted. What only deserves a look is told
by `tutti.adapters.feeds.doubtful`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tutti.adapters.feeds.findings import Code, Finding, Severity
from tutti.adapters.feeds.series import NO_TIME, BarSeries
from tutti.kernel.clock import iso
from tutti.model.errors import DataError

Mask = NDArray[np.bool_]

_TOLERANCE = 1e-9
_SAYS = {
    Code.MISSING_TIMESTAMP: "no timestamp",
    Code.NOT_FINITE: "NaN, infinity or nothing in a price or volume",
    Code.NOT_POSITIVE: "price of zero or less",
    Code.NEGATIVE_VOLUME: "volume below zero",
    Code.HIGH_BELOW_LOW: "high below low",
    Code.OUTSIDE_RANGE: "open or close outside low to high",
    Code.DUPLICATE_TIMESTAMP: "timestamp seen before",
    Code.BACKWARD_TIMESTAMP: "timestamp earlier than the row before",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A series without impossible rows, what was found, and how many rows were dropped."""

    series: BarSeries
    findings: tuple[Finding, ...]
    dropped: int


def sift(series: BarSeries, *, repair: bool) -> Checked:
    """Return the series without its impossible rows.

    A row is counted once, under the first fault found in it. Of rows with one timestamp the first
    stays. Where time goes back, as few rows as possible are dropped; a file written from newest to
    oldest is turned round.

    Parameters
    ----------
    series : BarSeries
        As read.
    repair : bool
        Drop impossible rows and count them, instead of raising.

    Raises
    ------
    DataError
        Without ``repair``, if any row is impossible; with it, if no row is left.
    """
    findings: list[Finding] = []
    bad = np.zeros(len(series), dtype=np.bool_)
    for code, faulty in _row_faults(series):
        fresh = faulty & ~bad
        if fresh.any():
            findings.append(_impossible(series, code, fresh))
            bad |= fresh
    kept = series.take(~bad) if findings else series
    if len(kept) > 1 and bool((np.diff(kept.ts) < 0).all()):
        findings.append(_newest_first(kept))
        kept = kept.take(slice(None, None, -1))
    for code in (Code.DUPLICATE_TIMESTAMP, Code.BACKWARD_TIMESTAMP):
        stray = _repeated(kept) if code is Code.DUPLICATE_TIMESTAMP else _going_back(kept)
        if stray.any():
            findings.append(_impossible(kept, code, stray))
            kept = kept.take(~stray)
    dropped = len(series) - len(kept)
    if findings and not repair:
        raise _refusal(series.file, findings, dropped)
    if not len(kept):
        raise DataError(f"{series.file}: no row is left after repair; leave the file out")
    return Checked(series=kept, findings=tuple(findings), dropped=dropped)


def _row_faults(series: BarSeries) -> list[tuple[Code, Mask]]:
    o, h, low, c, v = series.open, series.high, series.low, series.close, series.volume
    # one pass that is true for good rows, NaN being false in every comparison
    top = h * (1.0 + _TOLERANCE)
    bottom = low * (1.0 - _TOLERANCE)
    fine = (low > 0.0) & (o > 0.0) & (c > 0.0) & (v >= 0.0) & (v < np.inf) & (h < np.inf)
    fine &= (o <= top) & (c <= top) & (o >= bottom) & (c >= bottom) & (low <= top)
    fine &= series.ts != NO_TIME
    if fine.all():
        return []
    finite = np.isfinite(np.stack((o, h, low, c, v))).all(axis=0)
    return [
        (Code.MISSING_TIMESTAMP, series.ts == NO_TIME),
        (Code.NOT_FINITE, ~finite),
        (Code.NOT_POSITIVE, (o <= 0.0) | (h <= 0.0) | (low <= 0.0) | (c <= 0.0)),
        (Code.NEGATIVE_VOLUME, v < 0.0),
        (Code.HIGH_BELOW_LOW, low > top),
        (Code.OUTSIDE_RANGE, ~fine),
    ]


def _repeated(series: BarSeries) -> Mask:
    repeated = np.zeros(len(series), dtype=np.bool_)
    if (np.diff(series.ts) <= 0).any():
        _, first = np.unique(series.ts, return_index=True)
        repeated[:] = True
        repeated[first] = False
    return repeated


def _going_back(series: BarSeries) -> Mask:
    # either rows fell behind the newest so far, or some ran ahead of all that follow: the fewer
    ts = series.ts
    behind = np.zeros(len(ts), dtype=np.bool_)
    if (np.diff(ts) > 0).all():
        return behind
    ahead = behind.copy()
    behind[1:] = ts[1:] < np.maximum.accumulate(ts)[:-1]
    ahead[:-1] = ts[:-1] > np.minimum.accumulate(ts[::-1])[::-1][1:]
    return behind if behind.sum() <= ahead.sum() else ahead


def _impossible(series: BarSeries, code: Code, faulty: Mask) -> Finding:
    at = int(np.argmax(faulty))
    count = int(faulty.sum())
    ts = int(series.ts[at])
    when = "" if ts == NO_TIME else f" at {iso(ts)}"
    rows = "1 row" if count == 1 else f"{count} rows"
    first = "" if count == 1 else "the first "
    return Finding(
        severity=Severity.IMPOSSIBLE,
        code=code,
        file=series.file,
        row=int(series.row[at]),
        ts=0 if ts == NO_TIME else ts,
        count=count,
        message=f"{_SAYS[code]} in {rows}, {first}{when.strip() or 'in this row'}",
        measures={"share": count / len(series)},
    )


def _newest_first(series: BarSeries) -> Finding:
    return Finding(
        severity=Severity.IMPOSSIBLE,
        code=Code.NEWEST_FIRST,
        file=series.file,
        row=int(series.row[1]),
        ts=int(series.ts[1]),
        count=len(series),
        message="every timestamp is earlier than the row before: written from newest to oldest",
    )


def _refusal(file: str, findings: list[Finding], dropped: int) -> DataError:
    first = min(findings, key=lambda finding: finding.row)
    counts = ", ".join(f"{finding.code} {finding.count}" for finding in findings)
    remedy = f"drop {dropped}" if dropped else "turn them round"
    return DataError(
        f"{file}, row {first.row}: {first.message} (in all: {counts}); correct the file, or use"
        f" --repair to {remedy}"
    )
