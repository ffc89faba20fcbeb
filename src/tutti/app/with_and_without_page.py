"""Runs with and without something as one offline page: equity, figures, differences, signals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.app.agents_page import dollars
from tutti.sandbox.ab_page import days
from tutti.sandbox.charts import Line, line_chart, telling_rows
from tutti.sandbox.page import message, page, section, table
from tutti.sandbox.signals import SIDES
from tutti.sandbox.wording import NONE, money, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.app.with_and_without import Comparison, Side, WithAndWithout

_POINTS = 1200
_STYLES = 6


def figures(side: Side) -> tuple[tuple[str, str], ...]:
    """Return name and formatted value of each figure of a run."""
    metrics, hits = side.result.metrics, side.signals.hit_rate
    return (
        ("agents", f"{len(side.agents)}"),
        ("final equity", money(side.result.final_equity)),
        ("growth a year", percent(metrics["cagr"])),
        ("Sharpe ratio", number(side.sharpe)),
        ("  95 % interval", f"{number(side.sharpe_low)} to {number(side.sharpe_high)}"),
        ("deepest fall", percent(-metrics["max_drawdown"])),
        ("fills", f"{side.result.n_fills:,}"),
        ("fees", money(metrics["fees"])),
        ("signals up or down", _rate(side.signals.coverage)),
        ("hit rate of these", f"{_rate(hits.value)} ± {_rate(2.0 * hits.standard_error)}"),
        ("  by chance", _rate(side.signals.by_chance)),
        ("models, US dollars", dollars(float(side.spend.usd))),
    )


def differences(each: Comparison) -> tuple[tuple[str, str, str, str], ...]:
    """Return what, difference, interval and p-value, for the figures that are tested."""
    return tuple(
        (what, shape(found.value), f"{shape(found.low)} to {shape(found.high)}", f"{p:.3f}")
        for what, found, p, shape in (
            ("mean return a year", each.pair.mean, each.p_adjusted, percent),
            ("Sharpe ratio", each.pair.sharpe, each.pair.sharpe.p_value, number),
        )
    )


def with_and_without_page(study: WithAndWithout, subtitle: str) -> str:
    """Return the study as HTML that needs nothing else."""
    told = [each.verdict for each in study.comparisons]
    return page(
        "With and without",
        subtitle,
        [
            message(
                f"{told[0]}. ",
                "; ".join(told[1:]),
                is_bad=not any(each.is_told for each in study.comparisons),
            ),
            section("Equity", _chart(study.sides)),
            section("Figures", _figures(study.sides)),
            section("Differences", _differences(study), _note(study)),
            *(section(f"Signals: {each.name}", _confusion(each)) for each in study.sides),
        ],
    )


def confusion_rows(side: Side) -> list[tuple[str, ...]]:
    """Return the confusion matrix of a run's signals: what was said, and how often what came."""
    rows = []
    for said, counts in zip(SIDES, side.signals.counts.tolist(), strict=True):
        total = sum(counts)
        shares = (f"{n:,} ({n / total:.0%})" if total else "0" for n in counts)
        rows.append((said, *shares))
    return rows


def _figures(sides: Sequence[Side]) -> str:
    columns = [figures(each) for each in sides]
    rows = [(name, *(column[k][1] for column in columns)) for k, (name, _) in enumerate(columns[0])]
    return table(("", *(each.name for each in sides)), rows, own=1)


def _differences(study: WithAndWithout) -> str:
    rows = [
        (f"{each.name}: {what}", value, interval, p)
        for each in study.comparisons
        for what, value, interval, p in differences(each)
    ]
    return table(("with it less without", "difference", "95 % interval", "p"), rows, own=1)


def _note(study: WithAndWithout) -> str:
    told = "; ".join(f"{each.name}: {days(each.pair)}" for each in study.comparisons)
    several = len(study.comparisons) > 1
    corrected = (
        f" The p-values of the mean are corrected for {len(study.comparisons)} questions (Holm)."
        if several
        else ""
    )
    return f"{told}.{corrected}"


def _confusion(side: Side) -> str:
    head = ("said", *(f"went {came}" for came in SIDES))
    return table(head, confusion_rows(side))


def _chart(sides: Sequence[Side]) -> str:
    first = sides[0].result
    rows = telling_rows(first.equity, _POINTS)
    lines = [
        Line(label=each.name, values=each.result.equity[rows], style=f"run{k % _STYLES}")
        for k, each in enumerate(sides)
    ]
    return line_chart(first.ts[rows], lines, money, title="Equity with and without")


def _rate(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else NONE
