"""Charts as inline SVG: lines over time, with axes, and marks on a price."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.clock import DAY, HOUR, SECOND
from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH = 1000
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 10, 10, 26
_Y_TICKS, _X_TICKS = 5, 7
_BUCKETS_SHARE = 4
_MANY_DAYS = 100
_EDGE = 40
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve; ``style`` is a class of the stylesheet."""

    label: str
    values: FloatArray
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Area between two curves, such as quantiles of a forecast; ``style`` as of `Line`."""

    label: str
    low: FloatArray
    high: FloatArray
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Triangles at instants on a chart, pointing up or down."""

    ts: IntArray
    values: FloatArray
    is_up: bool


def telling_rows(values: FloatArray, n_points: int) -> IntArray:
    """Return about ``n_points`` rows that draw a curve: evenly spaced ones, and highs and lows.

    Parameters
    ----------
    values : ndarray of float64, shape (t,)
        NaN where there is nothing.
    """
    count = len(values)
    if count <= n_points:
        return np.arange(count)
    even = np.linspace(0, count - 1, n_points // 2).round().astype(np.int64)
    edges = np.linspace(0, count, n_points // _BUCKETS_SHARE + 1).astype(np.int64)
    known = np.nan_to_num(values, nan=float(np.nanmean(values)))
    peaks = [
        start + find(known[start:stop])
        for start, stop in itertools.pairwise(edges)
        for find in (np.argmin, np.argmax)
    ]
    return np.unique(np.concatenate([even, np.array(peaks, np.int64)]))


def line_chart(  # noqa: PLR0913 - what a chart consists of
    ts: IntArray,
    lines: Sequence[Line],
    shape: Callable[[float], str],
    *,
    title: str,
    height: int = 260,
    marks: Sequence[Marks] = (),
    bands: Sequence[Band] = (),
) -> str:
    """Return a figure: curves over time with axes and a legend.

    Parameters
    ----------
    ts : ndarray of int64, shape (t,)
        ns UTC, rising, the same for all lines.
    shape : callable
        Formats a value of the axis.
    title : str
        What the figure shows, for those who can't see it.
    bands : sequence of Band
        Drawn below the lines, the first at the bottom.
    """
    edges = [edge for band in bands for edge in (band.low, band.high)]
    low, high = _bounds([*(line.values for line in lines), *edges])
    ticks = _nice(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    first, last = int(ts[0]), int(ts[-1])
    x_of = _Scale(first, max(last, first + 1), _LEFT, WIDTH - _RIGHT)
    y_of = _Scale(low, high, height - _BOTTOM, _TOP)
    drawn = [
        *_y_axis(ticks, y_of, shape),
        *_x_axis(first, last, x_of, height),
        *(_polygon(ts, band, x_of, y_of) for band in bands),
        *(_polylines(ts, line, x_of, y_of) for line in lines),
        *(_triangles(each, x_of, y_of) for each in marks),
    ]
    data = (
        f'data-t0="{first // 1_000_000}" data-t1="{last // 1_000_000}" data-x0="{_LEFT}" '
        f'data-x1="{WIDTH - _RIGHT}" data-v0="{low!r}" data-v1="{high!r}" '
        f'data-y0="{height - _BOTTOM}" data-y1="{_TOP}" data-unit="{_unit(shape)}"'
    )
    return (
        f'<figure class="chart"><svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}" {data}>{"".join(drawn)}</svg>{_legend(lines, bands)}</figure>'
    )


class _Scale:
    """Straight line from a range of values to a range of pixels."""

    def __init__(self, low: float, high: float, start: float, stop: float) -> None:
        self._low, self._start = low, start
        self._slope = (stop - start) / (high - low)

    def __call__(self, value: float) -> float:
        return self._start + (value - self._low) * self._slope


def _bounds(curves: Sequence[FloatArray]) -> tuple[float, float]:
    known = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    if high - low <= abs(high) * 1e-9:
        room = 0.01 * abs(high) or 1.0
        return low - room, high + room
    room = (high - low) * 0.04
    return low - (room if low else 0.0), high + (room if high else 0.0)


def _nice(low: float, high: float) -> list[float]:
    rough = (high - low) / _Y_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    return [step * k for k in range(first, math.floor(high / step) + 1)] or [low, high]


def _y_axis(ticks: Sequence[float], y_of: _Scale, shape: Callable[[float], str]) -> list[str]:
    return [
        f'<line class="grid{" zero" if tick == 0 else ""}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" '
        f'y1="{y_of(tick):.1f}" y2="{y_of(tick):.1f}"/>'
        f'<text class="y" x="{_LEFT - 8}" y="{y_of(tick) + 4:.1f}">{escape(shape(tick))}</text>'
        for tick in ticks
    ]


def _x_axis(first: int, last: int, x_of: _Scale, height: int) -> list[str]:
    labels = []
    for ts, text in _instants(first, last):
        x = x_of(ts)
        edge = " end" if x > WIDTH - _EDGE else " start" if x < _LEFT + _EDGE / 2 else ""
        labels.append(f'<text class="x{edge}" x="{x:.1f}" y="{height - 8}">{text}</text>')
    return labels


def _instants(first: int, last: int) -> list[tuple[int, str]]:
    """Return round instants and their labels: months, days, hours or seconds apart."""
    span = last - first
    if span >= _MANY_DAYS * DAY:
        return _months(first, last)
    unit = DAY if span >= _X_TICKS * DAY else HOUR if span >= _X_TICKS * HOUR else SECOND
    form = {DAY: "%Y-%m-%d", HOUR: "%m-%d %H:%M", SECOND: "%H:%M:%S"}[unit]
    step = max(1, math.ceil(span / _X_TICKS / unit)) * unit
    return [
        (ts, datetime.fromtimestamp(ts / SECOND, tz=UTC).strftime(form))
        for ts in range(math.ceil(first / step) * step, last + 1, step)
    ]


def _months(first: int, last: int) -> list[tuple[int, str]]:
    start, stop = (
        int(np.datetime64(ts, "ns").astype("datetime64[M]").astype(np.int64))
        for ts in (first, last)
    )
    step = next((step for step in _MONTH_STEPS if (stop - start) / step <= _X_TICKS), 1200)
    months = list(range(-(-start // step) * step, stop + 1, step))
    stamps = np.array(months, "datetime64[M]")
    return [
        (ts, str(month))
        for ts, month in zip(
            stamps.astype("datetime64[ns]").astype(np.int64).tolist(), stamps, strict=True
        )
        if first <= ts <= last
    ]


def _polylines(ts: IntArray, line: Line, x_of: _Scale, y_of: _Scale) -> str:
    known = np.isfinite(line.values)
    breaks = np.flatnonzero(np.diff(known)) + 1
    parts: list[str] = []
    for start, stop in itertools.pairwise([0, *breaks.tolist(), len(known)]):
        if known[start]:
            points = " ".join(
                f"{x_of(t):.1f},{y_of(value):.2f}"
                for t, value in zip(
                    ts[start:stop].tolist(), line.values[start:stop].tolist(), strict=True
                )
            )
            parts.append(f'<polyline points="{points}"/>')
    return f'<g class="line {line.style}" data-label="{escape(line.label)}">{"".join(parts)}</g>'


def _polygon(ts: IntArray, band: Band, x_of: _Scale, y_of: _Scale) -> str:
    known = np.isfinite(band.low) & np.isfinite(band.high)
    there = list(zip(ts[known].tolist(), band.high[known], strict=True))
    back = list(zip(ts[known].tolist(), band.low[known], strict=True))[::-1]
    points = " ".join(f"{x_of(t):.1f},{y_of(value):.2f}" for t, value in there + back)
    return f'<polygon class="band {band.style}" points="{points}"/>' if points else ""


def _triangles(marks: Marks, x_of: _Scale, y_of: _Scale) -> str:
    turn, away = (-8, 6) if marks.is_up else (8, -6)
    path = "".join(
        f"M{x_of(float(t)) - 5:.1f},{y_of(float(value)) + away - turn / 2:.1f}h10l-5,{turn}z"
        for t, value in zip(marks.ts.tolist(), marks.values.tolist(), strict=True)
    )
    return f'<path class="mark {"up" if marks.is_up else "down"}" d="{path}"/>' if path else ""


def _legend(lines: Sequence[Line], bands: Sequence[Band] = ()) -> str:
    keys = [
        f'<span><svg width="26" height="10" aria-hidden="true"><g class="line {line.style}">'
        f'<polyline points="1,5 25,5"/></g></svg>{escape(line.label)}</span>'
        for line in lines
    ]
    keys += [
        f'<span><svg width="26" height="10" aria-hidden="true"><rect class="band {band.style}" '
        f'width="26" height="10"/></svg>{escape(band.label)}</span>'
        for band in bands
    ]
    return f'<figcaption class="legend">{"".join(keys)}</figcaption>' if len(keys) > 1 else ""


def _unit(shape: Callable[[float], str]) -> str:
    return "percent" if "%" in shape(0.5) else "plain"
