"""A chart with both axes logarithmic: points with their errors, and lines, over a size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.market import FloatArray
from tutti.sandbox.charts import WIDTH, Line

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 12, 44
_RADIUS = 4
_ROOM = 0.08
_MOST_DECADES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Measured values; ``error`` is a standard error each way, NaN for none."""

    label: str
    x: FloatArray
    y: FloatArray
    error: FloatArray
    style: str


def log_chart(
    points: Sequence[Points],
    lines: Sequence[tuple[FloatArray, Line]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    height: int = 300,
) -> str:
    """Return a figure of points and lines; values at or below 0 have no place on it.

    Parameters
    ----------
    lines : sequence of (x, Line)
        Each with places of its own.
    title : str
        What the figure shows, for those who can't see it.
    """
    xs = np.concatenate([each.x for each in points] + [x for x, _ in lines])
    ys = np.concatenate([each.y for each in points] + [line.values for _, line in lines])
    drawn = (xs > 0) & (ys > 0) & np.isfinite(ys)
    if not drawn.any():
        return "<p>Nothing above 0 to draw.</p>"
    x_of = _LogScale(xs[drawn], _LEFT, WIDTH - _RIGHT)
    y_of = _LogScale(ys[drawn], height - _BOTTOM, _TOP)
    parts = [
        *(_row(value, y_of) for value in y_of.ticks()),
        *(_column(value, x_of, height) for value in x_of.ticks()),
        f'<text class="axis" x="{(WIDTH + _LEFT) / 2:.0f}" y="{height - 6}">{escape(x_label)}</text>',
        *(_line(x, line, x_of, y_of) for x, line in lines),
        *(_dots(each, x_of, y_of, height) for each in points),
    ]
    return (
        f'<figure class="chart"><svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
        f"{_legend(points, [line for _, line in lines], y_label)}</figure>"
    )


class _LogScale:
    """From values to pixels, equal ratios equally far apart."""

    def __init__(self, values: FloatArray, start: float, stop: float) -> None:
        low, high = math.log10(float(values.min())), math.log10(float(values.max()))
        room = max(high - low, 0.1) * _ROOM
        self.low, self.high = low - room, high + room
        self._start = start
        self._slope = (stop - start) / (self.high - self.low)

    def __call__(self, value: float) -> float:
        return self._start + (math.log10(value) - self.low) * self._slope

    def ticks(self) -> list[float]:
        """Return round values: powers of ten, and 2 and 5 times them where there is room."""
        narrow = self.high - self.low < _MOST_DECADES
        factors = (1.0, 2.0, 5.0) if narrow else (1.0,)
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        marks = [factor * 10.0**decade for decade in decades for factor in factors]
        return [mark for mark in marks if self.low <= math.log10(mark) <= self.high]


def _row(value: float, y_of: _LogScale) -> str:
    y = y_of(value)
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="y" x="{_LEFT - 8}" y="{y + 4:.1f}">{value:g}</text>'
    )


def _column(value: float, x_of: _LogScale, height: int) -> str:
    x = x_of(value)
    return (
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - _BOTTOM}"/>'
        f'<text class="x" x="{x:.1f}" y="{height - _BOTTOM + 17}">{value:g}</text>'
    )


def _line(x: FloatArray, line: Line, x_of: _LogScale, y_of: _LogScale) -> str:
    drawn = " ".join(
        f"{x_of(at):.1f},{y_of(value):.1f}"
        for at, value in zip(x.tolist(), line.values.tolist(), strict=True)
        if at > 0 and value > 0
    )
    return f'<g class="line {line.style}"><polyline points="{drawn}"/></g>'


def _dots(points: Points, x_of: _LogScale, y_of: _LogScale, height: int) -> str:
    parts = []
    for x, y, error in zip(
        points.x.tolist(), points.y.tolist(), points.error.tolist(), strict=True
    ):
        if not y > 0.0:
            continue
        at = x_of(x)
        if math.isfinite(error):
            top = y_of(y + error)
            foot = y_of(y - error) if y > error else float(height - _BOTTOM)
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{max(top, _TOP):.1f}" '
                f'y2="{min(foot, height - _BOTTOM):.1f}"/>'
            )
        parts.append(
            f'<circle cx="{at:.1f}" cy="{y_of(y):.1f}" r="{_RADIUS}">'
            f"<title>{y:.3g} at {x:.3g}</title></circle>"
        )
    return f'<g class="points {points.style}">{"".join(parts)}</g>'


def _legend(points: Sequence[Points], lines: Sequence[Line], y_label: str) -> str:
    keys = [f"<span><b>{escape(y_label)}:</b></span>"]
    keys += [
        f'<span><svg width="12" height="10" aria-hidden="true"><g class="points {each.style}">'
        f'<circle cx="6" cy="5" r="{_RADIUS}"/></g></svg>{escape(each.label)}</span>'
        for each in points
    ]
    keys += [
        f'<span><svg width="26" height="10" aria-hidden="true"><g class="line {line.style}">'
        f'<polyline points="1,5 25,5"/></g></svg>{escape(line.label)}</span>'
        for line in lines
    ]
    return f'<figcaption class="legend">{"".join(keys)}</figcaption>'
