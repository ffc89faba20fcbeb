"""Charts and tables of the reports as a notebook shows them."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING, Final

from tutti.sandbox.page import asset

if TYPE_CHECKING:
    from collections.abc import Sequence

_SVG: Final = re.compile(r"<svg viewBox=\"0 0 (\d+) (\d+)\"(.*?)>(.*?)</svg>", re.DOTALL)
_KEY: Final = re.compile(r"<span><svg.*?>(.*?)</svg>(.*?)</span>", re.DOTALL)
_LEGEND_HEIGHT = 22
_LETTER = 7.0
_KEY_WIDTH = 46


class Picture:
    """A chart of the reports as one SVG image: it looks as it does there, legend included.

    Parameters
    ----------
    figure : str
        What `charts.line_chart` or `log_chart.log_chart` returned.

    Raises
    ------
    ValueError
        If it is no such figure.
    """

    def __init__(self, figure: str) -> None:
        found = _SVG.search(figure)
        if found is None:
            raise ValueError("not a chart: pass what line_chart or log_chart returned")
        width, height, attributes, drawn = found.groups()
        whole = int(height) + _LEGEND_HEIGHT
        label = re.search(r'aria-label="([^"]*)"', attributes)
        self.title = unescape(label[1]) if label else ""
        self.svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}" '
            f'width="{width}" height="{whole}" role="img" aria-label="{escape(self.title)}">'
            f"<style>{asset('tones.css')}{asset('chart.css')}</style>"
            '<rect width="100%" height="100%" style="fill: var(--card)"/>'
            '<g class="chart" font-family="system-ui, sans-serif">'
            f"{drawn}{_legend(figure[found.end() :], int(height))}</g></svg>"
        )

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Picture({self.title!r})"


class Rows:
    """A table as a notebook shows it, and as plain text elsewhere."""

    def __init__(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.head, self.rows = tuple(head), tuple(map(tuple, rows))

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.head)
        body = "".join(f"<tr>{_cells(row)}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def __repr__(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )


def _cells(row: Sequence[str]) -> str:
    # notebooks align all to the right, and the first column is what the row is about
    first = ' style="text-align: left"'
    return "".join(
        f"<td{first if place == 0 else ''}>{escape(cell)}</td>" for place, cell in enumerate(row)
    )


def _legend(after: str, top: int) -> str:
    parts, x = [], 64.0
    for mark, label in _KEY.findall(after):
        text = re.sub(r"<[^>]*>", "", label)
        parts.append(
            f'<g transform="translate({x:.0f},{top + 2})">{mark}</g>'
            f'<text x="{x + _KEY_WIDTH - 14:.0f}" y="{top + 12}">{text}</text>'
        )
        x += _KEY_WIDTH + _LETTER * len(text)
    return "".join(parts)
