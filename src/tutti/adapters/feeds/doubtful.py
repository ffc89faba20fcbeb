"""What in the bars of one file deserves a look: gaps, frozen prices, wicks, jumps.

Thresholds were set on the 327 recorded bar files that the tests use, so that what is reported there
is an event that a person would want to know of. See ``levels`` for changes that last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tutti.adapters.feeds.findings import Code, Finding, Severity
from tutti.adapters.feeds.levels import level_changes
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND, iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.adapters.feeds.series import BarSeries
    from tutti.model.market import FloatArray, IntArray

Mask = NDArray[np.bool_]

_FEW = 3
_FROZEN_BARS = 60
_DEAD_SHARE = 0.9
_RANGE_BLOCK = 64
_WICK_RANGES = 12.0
_WICK_SHARE = 0.02
_JUMP = float(np.log(1.8))
_JUMP_SIDE = 5
_WEEK = 7 * DAY
_MONDAY_BEFORE_EPOCH = 3 * DAY
_REGULAR_SHARE = 0.25
_REGULAR_COUNT = 3
# as in a hurricane; without a calendar of the venue, a hole this short can't be told from closure
_CLOSED_SESSIONS = 2


def doubtful(series: BarSeries) -> list[Finding]:
    """Return what is doubtful in a series that has no impossible rows, in the order of the codes.

    Parameters
    ----------
    series : BarSeries
        Timestamps strictly rising, prices positive, volumes not negative.
    """
    if len(series) < _FEW:
        return []
    return [
        *_gaps(series),
        *_overlaps(series),
        *_frozen(series),
        *_silent(series),
        *_wicks(series),
        *_jumps(series),
        *level_changes(series),
    ]


def report(
    series: BarSeries, code: Code, at: int, count: int, message: str, **measures: float
) -> Finding:
    """Return a doubtful finding that begins at index ``at`` of the series."""
    return Finding(
        severity=Severity.DOUBTFUL,
        code=code,
        file=series.file,
        row=int(series.row[at]),
        ts=int(series.ts[at]),
        count=count,
        message=message,
        measures=measures,
    )


def _gaps(series: BarSeries) -> Iterator[Finding]:
    ts, step = series.ts, series.step
    spacing = np.diff(ts)
    wide = np.flatnonzero(spacing > step + step // 2)
    if not len(wide):
        return
    closed = _closed_weekends(ts)
    wide = wide[~_regular(ts[wide], spacing[wide], int(ts[-1] - ts[0]))]
    if closed:
        wide = wide[_within_sessions(ts[wide], ts[wide + 1])]
    if not len(wide):
        return
    longest = wide[int(np.argmax(spacing[wide]))]
    held = _length(int(spacing[longest]) - step)
    where = f"the longest {held} from {iso(int(ts[longest]) + step)}"
    gaps = "1 gap" if len(wide) == 1 else f"{len(wide)} gaps"
    # in sessions each hole counts once: how many bars it lacks, only a calendar knows
    missing = len(wide) if closed else int((np.rint(spacing[wide] / step) - 1).sum())
    share = missing / (missing + len(ts))
    if closed:
        message = f"{gaps} beyond nights, weekends and holidays, {where}"
    else:
        bars = "1 bar" if missing == 1 else f"{missing} bars"
        message = f"{bars} missing ({share:.2%}) in {gaps}, {where}"
    yield report(
        series, Code.GAPS, int(wide[0]) + 1, len(wide), message, sessions=float(closed),
        missing=float(missing), share=share, longest_s=(int(spacing[longest]) - step) / SECOND,
    )  # fmt: skip


def _overlaps(series: BarSeries) -> Iterator[Finding]:
    early = np.flatnonzero(np.diff(series.ts) < series.step) + 1
    if len(early):
        at = int(early[0])
        after = _length(int(series.ts[at] - series.ts[at - 1]))
        bars = "1 bar begins" if len(early) == 1 else f"{len(early)} bars begin"
        message = (
            f"{bars} before the one before has ended, the first {after} after it at"
            f" {iso(int(series.ts[at]))}: off the grid, or of another timeframe"
        )
        yield report(series, Code.OVERLAP, at, len(early), message, share=len(early) / len(series))


def _closed_weekends(ts: IntArray) -> bool:
    weekday = (ts + _MONDAY_BEFORE_EPOCH) % _WEEK // DAY
    return bool(ts[-1] - ts[0] >= _WEEK and (weekday >= 5).mean() < 0.01)  # noqa: PLR2004


def _regular(start: IntArray, length: IntArray, span: int) -> Mask:
    # nights and weekends: the same gap at the same time of the week, in a quarter of all weeks
    kind = np.stack((start % _WEEK, length), axis=1)
    _, which, counts = np.unique(kind, axis=0, return_inverse=True, return_counts=True)
    need = max(_REGULAR_COUNT, _REGULAR_SHARE * span / _WEEK)
    regular: Mask = (counts >= need)[which.reshape(-1)]
    return regular


def _within_sessions(before: IntArray, after: IntArray) -> Mask:
    # holidays and early closes are no gaps; a hole within a day is one
    day_before = before // DAY
    day_after = after // DAY
    missing = np.busday_count(
        (day_before + 1).astype("datetime64[D]"), day_after.astype("datetime64[D]")
    )
    inside: Mask = (missing > _CLOSED_SESSIONS) | (day_before == day_after)
    return inside


def _length(span: int) -> str:
    for unit, name in ((DAY, "days"), (HOUR, "h"), (MINUTE, "min")):
        if span >= 2 * unit:
            return f"{span / unit:.3g} {name}"
    return f"{span / 1e9:g} s"


def _frozen(series: BarSeries) -> Iterator[Finding]:
    still = (series.high == series.low) & (series.volume == 0.0)
    still[1:] &= series.close[1:] == series.close[:-1]
    edges = np.flatnonzero(np.diff(np.concatenate(([False], still, [False]))))
    starts, stops = edges[::2], edges[1::2]
    lengths = stops - starts
    runs = np.flatnonzero(lengths >= min(_FROZEN_BARS, max(_FEW, len(series))))
    if not len(runs):
        return
    total = int(lengths[runs].sum())
    first = int(starts[runs[0]])
    share = total / len(series)
    if share >= _DEAD_SHARE:
        message = (
            f"{share:.1%} of the bars repeat one price without volume"
            f" ({series.close[first]:g} from {iso(int(series.ts[first]))}): nothing trades here"
        )
        price = float(series.close[first])
        yield report(series, Code.DEAD_MARKET, first, total, message, share=share, price=price)
        return
    longest = int(lengths.max())
    at = int(starts[int(np.argmax(lengths))])
    message = (
        f"{total} bars ({share:.2%}) in {len(runs)} stretches of one price without volume, the"
        f" longest {longest} bars at {series.close[at]:g} from {iso(int(series.ts[at]))}"
    )
    yield report(
        series, Code.FROZEN_PRICES, first, total, message, share=share, longest=float(longest)
    )


def _silent(series: BarSeries) -> Iterator[Finding]:
    # prices that move without a single trade: an index, or a source that keeps no volume
    if (series.volume == 0.0).all() and not (series.close == series.close[0]).all():
        message = (
            "no bar has volume, so no order fills; venues.default.participation: 0 fills orders"
            " whatever the volume"
        )
        yield report(series, Code.NO_VOLUME, 0, len(series), message)


def _typical_range(share: FloatArray) -> FloatArray:
    # median of each block of bars, the larger of it and its neighbours, spread over its bars
    size = min(_RANGE_BLOCK, max(8, len(share) // 4))
    n_blocks = max(1, len(share) // size)
    whole = share[: n_blocks * size]
    medians = np.median(whole.reshape(n_blocks, -1), axis=1)
    wide = medians.copy()
    wide[1:] = np.maximum(wide[1:], medians[:-1])
    wide[:-1] = np.maximum(wide[:-1], medians[1:])
    # quiet minutes have no range at all; the mean of the file keeps the yardstick honest
    wide = np.maximum(wide, share.mean())
    spread: FloatArray = np.repeat(wide, size)[: len(share)]
    return np.append(spread, np.full(len(share) - len(spread), wide[-1]))


def _wicks(series: BarSeries) -> Iterator[Finding]:
    high, low, close = series.high, series.low, series.close
    typical = _typical_range((high - low) / close)[1:-1]
    # what reaches beyond both neighbours and both closes, and is gone with the bar
    ceiling = np.maximum(np.maximum(high[:-2], high[2:]), close[1:-1])
    floor = np.minimum(np.minimum(low[:-2], low[2:]), close[1:-1])
    reach = np.maximum(high[1:-1] - ceiling, floor - low[1:-1]) / close[1:-1]
    hits = np.flatnonzero((reach > _WICK_SHARE) & (reach > _WICK_RANGES * typical)) + 1
    if not len(hits):
        return
    worst = int(hits[int(np.argmax(reach[hits - 1]))])
    events = "1 bar reaches" if len(hits) == 1 else f"{len(hits)} bars reach"
    message = (
        f"{events} far beyond both neighbours, with no follow-through, the farthest"
        f" {reach[worst - 1]:.1%} of the price at {iso(int(series.ts[worst]))}"
        f" (high {high[worst]:g}, low {low[worst]:g}, close {close[worst]:g})"
    )
    yield report(
        series, Code.WICKS, int(hits[0]), len(hits), message, farthest=float(reach[worst - 1])
    )


def _jumps(series: BarSeries) -> Iterator[Finding]:
    ts, close = series.ts, series.close
    jump = np.log(series.open[1:] / close[:-1])
    # over a long gap a price may move; from one bar to the next it seldom doubles without trading
    near = np.diff(ts) <= max(4 * series.step, 5 * DAY if series.step >= DAY else 0)
    for at in np.flatnonzero((np.abs(jump) > _JUMP) & near) + 1:
        before = np.median(close[max(0, at - _JUMP_SIDE) : at])
        after = np.median(close[at : at + _JUMP_SIDE])
        if abs(np.log(after / before)) > _JUMP:
            message = (
                f"price goes from {close[at - 1]:g} to {series.open[at]:g} between two bars at"
                f" {iso(int(ts[at]))} and stays: a split, or another unit or market"
            )
            yield report(
                series, Code.PRICE_JUMP, int(at), 1, message,
                before=float(close[at - 1]), after=float(series.open[at]),
            )  # fmt: skip
