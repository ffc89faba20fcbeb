"""One offline HTML page about two or more runs: what differs, and nothing else unless asked."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from tutti.sandbox.charts import Line, line_chart, telling_rows
from tutti.sandbox.differences import ABSENT
from tutti.sandbox.page import message, page, section
from tutti.sandbox.result import write_atomically
from tutti.sandbox.wording import BASELINES, HONEST, METRICS, percent, period, total_return

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.model.market import FloatArray, IntArray
    from tutti.sandbox.differences import Against, Comparison, Row, Section

_POINTS = 900
_STYLES = 6
_LABELS: dict[str, str] = (
    {key: label for key, label, _ in METRICS}
    | dict(HONEST)
    | {
        "final_equity": "Final equity",
        "total_return": "Total return",
        "n_orders": "Orders",
        "n_fills": "Fills",
        "n_refusals": "Refused by risk",
        "n_decisions": "Decisions",
        "funding": "Funding received",
    }
)


def write_differences(comparison: Comparison, path: Path) -> Path:
    """Write the page to ``path`` and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = render_differences(comparison).encode()
    return write_atomically(path, lambda file: file.write(text))


def render_differences(comparison: Comparison) -> str:
    """Return the page as one HTML document."""
    sections = (
        _verdict(comparison),
        _equity(comparison),
        _drawdown(comparison),
        *(_section(each, comparison.names) for each in comparison.sections),
        _against(comparison.against, comparison.names[0]),
    )
    return page(f"{len(comparison.names)} runs compared", ", ".join(comparison.names), sections)


def label_of(key: str) -> str:
    """Return what people call a row."""
    group, _, name = key.partition(".")
    if group == "baseline":
        return f"{BASELINES.get(name, name)}, final equity"
    if group == "refused":
        return f"Refused: {name.replace('_', ' ')}"
    return _LABELS.get(key, key)


def _verdict(comparison: Comparison) -> str:
    gains = [total_return(each, each.final_equity) for each in comparison.results]
    best = int(np.argmax(gains))
    changed = {each.name: len(each.differing) for each in comparison.sections}
    settings, data = changed["Configuration"], changed["Data"]
    lead = f"{comparison.names[best]} ended highest, at {percent(gains[best])}. "
    if len(set(gains)) == 1:
        lead = f"All ended at {percent(gains[0])}. "
    others = changed["Versions"] + changed["Terms of trade"]
    text = (
        f"{settings} settings, {data} facts about the data and {others} terms or versions differ."
        if settings + data + others
        else "Nothing that went in differs."
    )
    if settings and data:
        text += " Where both settings and data differ, neither explains the result alone."
    return message(lead, text, is_bad=bool(settings and data))


def _curves(comparison: Comparison) -> list[tuple[str, IntArray, FloatArray]]:
    # on one axis of time: each run at the instants of all, from its first one on
    every = np.unique(np.concatenate([each.ts for each in comparison.results]))
    found = []
    for name, result in zip(comparison.names, comparison.results, strict=True):
        at = np.searchsorted(result.ts, every, side="right") - 1
        growth = result.equity / result.starting_balance - 1.0
        inside = (at >= 0) & (every <= result.ts[-1])
        values = np.where(inside, growth[np.maximum(at, 0)], np.nan)
        found.append((name, every, values))
    return found


def _equity(comparison: Comparison) -> str:
    curves = _curves(comparison)
    rows = _rows([values for _, _, values in curves])
    lines = [
        Line(label=name, values=values[rows], style=f"run{k % _STYLES}")
        for k, (name, _, values) in enumerate(curves)
    ]
    chart = line_chart(
        curves[0][1][rows],
        lines,
        lambda value: f"{100 * value:,.4g} %",
        title="Growth of each run's starting balance over time",
        height=300,
    )
    periods = {period(each) for each in comparison.results}
    return section("Growth of the starting balance", chart, "; ".join(sorted(periods)))


def _drawdown(comparison: Comparison) -> str:
    curves = _curves(comparison)
    falls = []
    for _, _, values in curves:
        known = np.where(np.isfinite(values), values, -1.0) + 1.0
        peak = np.maximum.accumulate(known)
        fall = np.divide(known, peak, out=np.ones_like(known), where=peak > 0.0) - 1.0
        falls.append(np.where(np.isfinite(values), fall, np.nan))
    rows = _rows(falls)
    lines = [
        Line(label=name, values=fall[rows], style=f"run{k % _STYLES}")
        for k, ((name, _, _), fall) in enumerate(zip(curves, falls, strict=True))
    ]
    chart = line_chart(
        curves[0][1][rows],
        lines,
        lambda value: f"{100 * value:,.4g} %",
        title="Fall of each run from its highest equity so far",
        height=180,
    )
    return section("Drawdown", chart)


def _rows(curves: Sequence[FloatArray]) -> IntArray:
    points = max(2, _POINTS // len(curves))
    chosen = [telling_rows(curve, points) for curve in curves if np.isfinite(curve).any()]
    return np.unique(np.concatenate(chosen))


def _section(each: Section, names: Sequence[str]) -> str:
    equal = each.equal
    body = _table(each.differing, names) if each.differing else "<p>No difference.</p>"
    if equal:
        body += (
            f"<details><summary>{len(equal)} more that are equal</summary>"
            f"{_table(equal, names)}</details>"
        )
    return section(each.name, body)


def _table(rows: Sequence[Row], names: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *names))
    body = "".join(
        f'<tr><td class="wrap">{escape(label_of(row.key))}</td>'
        + "".join(
            f'<td class="wrap{" own" if k == row.best else ""}">{escape(value)}'
            f"{' ▲' if k == row.best else ''}</td>"
            for k, value in enumerate(row.told)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _against(against: Sequence[Against], first: str) -> str:
    rows = "".join(
        f"<tr><td>{escape(each.name)}</td><td>{each.ticks:,}</td>"
        f"<td>{_number(each.correlation)}</td><td>{_difference(each)}</td>"
        f'<td class="text wrap">{_parting(each)}</td></tr>'
        for each in against
    )
    head = (
        "<tr><th></th><th>Common ticks</th><th>Correlation</th><th>Per day, bps</th>"
        '<th class="text">First fill that differs</th></tr>'
    )
    note = (
        "Correlation of returns, and mean difference of daily returns ± its standard error, over "
        "the ticks that both have. Between twice the error and nothing lies luck; a test that "
        "counts all that was tried is tutti sandbox ab."
    )
    return section(
        f"Against {first}", f'<div class="scroll"><table>{head}{rows}</table></div>', note
    )


def _difference(each: Against) -> str:
    estimate = each.difference_bps
    if estimate is None:
        return ABSENT
    return f"{estimate.value:+.2f} ± {estimate.standard_error:.2f}"


def _number(value: float) -> str:
    return f"{value:+.3f}" if np.isfinite(value) else ABSENT


def _parting(each: Against) -> str:
    if each.parting is None:
        return escape(f"none: all {each.parting_fill:,} fills are equal")
    mine, yours = each.parting
    return f"fill {each.parting_fill + 1:,}: {escape(mine)}<br>here: {escape(yours)}"
