"""A chart of figures with their intervals, one below the other, against 0."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from tutti.sandbox.charts import WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LEFT, _RIGHT, _TOP, _ROW, _BOTTOM = 190, 70, 8, 26, 24


def span_chart(
    rows: Sequence[tuple[str, float, float, float]],
    shape: Callable[[float], str],
    *,
    title: str,
) -> str:
    """Return a figure of one point and its interval a row; 0 is a line through all of them.

    Parameters
    ----------
    rows : sequence of (label, value, low, high)
        NaN for an interval that isn't known.
    shape : callable
        Formats a value.
    title : str
        What the figure shows, for those who can't see it.
    """
    known = [value for row in rows for value in row[1:] if math.isfinite(value)]
    low, high = min([0.0, *known]), max([0.0, *known])
    room = 0.04 * (high - low) or 1.0
    height = _TOP + _ROW * len(rows) + _BOTTOM

    def x_of(value: float) -> float:
        share = (value - low + room) / (high - low + 2 * room)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    zero = x_of(0.0)
    parts = [
        f'<line class="grid zero" x1="{zero:.1f}" x2="{zero:.1f}" y1="{_TOP}" '
        f'y2="{height - _BOTTOM}"/><text class="x" x="{zero:.1f}" y="{height - 8}">0</text>'
    ]
    for k, (label, value, least, most) in enumerate(rows):
        y = _TOP + _ROW * (k + 0.5)
        parts.append(f'<text class="y" x="{_LEFT - 12}" y="{y + 4:.1f}">{escape(label)}</text>')
        if not math.isfinite(value):
            continue
        span = ""
        if math.isfinite(least) and math.isfinite(most):
            span = f'<line x1="{x_of(least):.1f}" x2="{x_of(most):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        parts.append(
            f'<g class="points replayed">{span}<circle cx="{x_of(value):.1f}" cy="{y:.1f}" r="5"/>'
            f'</g><text class="x start" x="{WIDTH - _RIGHT + 8}" y="{y + 4:.1f}">'
            f"{escape(shape(value))}</text>"
        )
    return (
        f'<figure class="chart"><svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )
