"""A stress study as one offline page: equity with and without each scenario, and what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.sandbox.charts import Line, line_chart, telling_rows
from tutti.sandbox.page import message, page, section, table
from tutti.sandbox.scenarios.wording import (
    breaker,
    differing_counts,
    figure_rows,
    moment_rows,
    moments,
    period,
    tiers,
)
from tutti.sandbox.wording import money, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.sandbox.scenarios.figures import Curves, Stressed

_POINTS = 1200
_MOMENTS = (
    "struck", "exposure then", "change", "without it", "buying and holding", "deepest fall",
    "liquidations",
)  # fmt: skip


def stress_page(
    stressed: Sequence[Stressed],
    skipped: Mapping[str, str],
    honest: Mapping[str, object],
    subtitle: str,
) -> str:
    """Return the study as HTML that needs nothing else.

    Parameters
    ----------
    skipped : mapping of str to str
        Scenarios that were left out, and why.
    honest : mapping
        What the run without any scenario proves; may be empty.
    subtitle : str
        What was run, on what.
    """
    worst = min(stressed, key=lambda each: each.stressed.during.change)
    sections = [
        message(
            f"{worst.scenario.name} is the worst: {percent(worst.stressed.during.change)}. ",
            f"Without it {percent(worst.baseline.during.change)} in that time. "
            + str(honest.get("verdict", "")),
            is_bad=worst.stressed.during.change < worst.baseline.during.change,
        )
    ]
    if len(stressed) > 1:
        sections.append(section("All scenarios", _overview(stressed)))
    sections += [_scenario(each) for each in stressed]
    if skipped:
        rows = [(name, why) for name, why in skipped.items()]
        sections.append(section("Left out", table(("scenario", "why"), rows)))
    return page("Stress", subtitle, sections)


def _overview(stressed: Sequence[Stressed]) -> str:
    rows = [
        (
            each.scenario.name,
            percent(each.stressed.during.change),
            percent(each.baseline.during.change),
            percent(each.stressed.holding.change),
            percent(-each.stressed.during.max_drawdown),
            percent(min(m.during.change for m in each.moments)) if each.moments else "",
            f"{each.stressed.liquidations:,}",
            f"{len(each.stressed.breakers):,}",
        )
        for each in stressed
    ]
    head = (
        "scenario", "change", "without it", "buying and holding", "deepest fall", "worst moment",
        "liquidations", "breakers",
    )  # fmt: skip
    return table(head, rows, own=1)


def _scenario(found: Stressed) -> str:
    told = [*differing_counts(found)]
    told += [breaker(each, without=True) for each in found.baseline.breakers]
    told += [breaker(each) for each in found.stressed.breakers]
    if found.stressed.halted:
        told.append(f"halted: {found.stressed.halted}")
    told += [line for line in (moments(found), tiers(found)) if line]
    body = _chart(found.curves) if found.curves is not None else ""
    body += table(("", "baseline", "stressed"), figure_rows(found), own=2)
    if told:
        body += table(("",), [(line,) for line in told])
    if found.moments:
        body += table(_MOMENTS, moment_rows(found), own=2)
    return section(found.scenario.name, body, f"{found.scenario.about}. {period(found)}.")


def _chart(curves: Curves) -> str:
    rows = np.union1d(
        telling_rows(curves.baseline, _POINTS), telling_rows(curves.stressed, _POINTS)
    )
    lines = [
        Line(label="baseline", values=curves.baseline[rows], style="run1"),
        Line(label="stressed", values=curves.stressed[rows], style="run0"),
    ]
    return line_chart(
        curves.known_at[rows], lines, money, title="Equity with and without the scenario"
    )
