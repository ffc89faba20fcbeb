"""A chart of what was stated against what came: points with their intervals, and the diagonal."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.stats.scoring import Bin

_WIDTH, _HEIGHT = 520, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 24, 36
_STATED, _CAME = (0.5, 1.0), (0.0, 1.0)
_LARGEST = 7.0
_SMALLEST = 2.5


def reliability_chart(title: str, bins: Sequence[Bin]) -> str:
    """Return a figure: the chance stated across, the share that came true upwards.

    On the diagonal, confidence means what it says; below it an agent is too sure. Points are as
    large as they hold opinions; bars are the intervals that hold the true share in 95 of 100 cases.
    """
    most = max((each.n for each in bins), default=1)
    parts = [
        *_frame(),
        f'<g class="line flat"><polyline points="{_x(0.5):.1f},{_y(0.5):.1f} '
        f'{_x(1.0):.1f},{_y(1.0):.1f}"/></g>',
        '<g class="points replayed">',
        *(_point(each, most) for each in bins),
        "</g>",
        f'<text x="{_LEFT}" y="14">{escape(title)}</text>',
        f'<text class="axis" x="{(_LEFT + _WIDTH) / 2:.0f}" y="{_HEIGHT - 4}">stated</text>',
    ]
    return (
        f'<figure class="chart small"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}: share that came true by chance stated">{"".join(parts)}'
        "</svg></figure>"
    )


def _frame() -> list[str]:
    rows = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_y(value):.1f}" '
        f'y2="{_y(value):.1f}"/><text class="y" x="{_LEFT - 6}" y="{_y(value) + 4:.1f}">'
        f"{value:.0%}</text>"
        for value in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    columns = [
        f'<text class="x" x="{_x(value):.1f}" y="{_HEIGHT - _BOTTOM + 16}">{value:.0%}</text>'
        for value in (0.5, 0.75, 1.0)
    ]
    return rows + columns


def _point(each: Bin, most: int) -> str:
    x, size = _x(each.stated), max(_SMALLEST, _LARGEST * (each.n / most) ** 0.5)
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(each.came_high):.1f}" '
        f'y2="{_y(each.came_low):.1f}"/><circle cx="{x:.1f}" cy="{_y(each.came):.1f}" '
        f'r="{size:.1f}"><title>{each.n:,} stated {each.stated:.1%}, {each.came:.1%} came '
        f"({each.came_low:.1%} to {each.came_high:.1%})</title></circle>"
    )


def _x(stated: float) -> float:
    low, high = _STATED
    return _LEFT + (stated - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)


def _y(came: float) -> float:
    low, high = _CAME
    return _HEIGHT - _BOTTOM - (came - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
