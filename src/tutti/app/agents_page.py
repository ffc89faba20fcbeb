"""A report on agents as one offline page: worth, reliability, information ratios over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.clock import DAY, iso
from tutti.sandbox.charts import Line, line_chart
from tutti.sandbox.page import message, page, section, table
from tutti.sandbox.reliability_chart import reliability_chart
from tutti.sandbox.span_chart import span_chart
from tutti.sandbox.wording import NONE, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.worth import Share
    from tutti.app.agent_row import AgentRow
    from tutti.app.agents_report import AgentsReport

CONFIDENCE = (
    "agent", "opinions", "hit rate", "by chance", "Brier", "corrected", "log loss", "slope",
)  # fmt: skip
WORTH = (
    "agent", "weight", "next", "worth", "95 % interval", "without it", "alone", "IR", "bad",
    "cost USD",
)  # fmt: skip
_STYLES = 6
_EVEN = 0.25


def confidence_cells(row: AgentRow) -> tuple[str, ...]:
    """Return what is told of an agent's confidence, in the order of `CONFIDENCE`."""
    scores = row.scores
    return (
        row.name,
        f"{scores.n:,}",
        _rate(scores.hit_rate.value),
        _rate(scores.by_chance),
        number(scores.brier.value, 3),
        number(row.corrected.after, 3),
        number(scores.log_loss.value, 3),
        number(scores.slope),
    )


def worth_cells(row: AgentRow) -> tuple[str, ...]:
    """Return what is told of an agent's worth, in the order of `WORTH`."""
    return (
        row.name,
        f"{row.weight:g}",
        f"{row.next_weight:.3g}",
        number(row.worth.value),
        interval(row.worth),
        number(-row.left_out.value),
        number(row.alone.value),
        number(row.information_ratio),
        f"{row.windows[-1].bad if row.windows else 0}{'!' if row.is_alert else ''}",
        dollars(row.cost_usd),
    )


def dollars(usd: float) -> str:
    """Return US dollars, with four decimals where two would say too little."""
    return f"{usd:,.2f}" if usd == 0.0 or usd >= 1.0 else f"{usd:.4f}"


def interval(share: Share) -> str:
    """Return low and high of a figure in words."""
    if not math.isfinite(share.low):
        return NONE
    return f"{number(share.low)} to {number(share.high)}"


def verdict(report: AgentsReport) -> tuple[str, str, bool]:
    """Return what to know before anything else: a lead, the rest, and whether it is bad news."""
    good = [each.name for each in report.rows if each.worth.is_told and each.worth.value > 0]
    bad = [each.name for each in report.rows if each.worth.is_told and each.worth.value < 0]
    sure = [
        each.name
        for each in report.rows
        if each.scores.brier.value - 2.0 * each.scores.brier.standard_error > _EVEN
    ]
    lead = (
        f"{_listed(good)} added to the panel by more than chance. "
        if good
        else "Nobody added to the panel by more than chance explains. "
    )
    rest = []
    if bad:
        rest.append(f"{_listed(bad)} took away from it by more than chance.")
    if sure:
        rest.append(
            f"Even odds on everything (Brier 0.25) would have scored better than {_listed(sure)}."
        )
    return lead, " ".join(rest), not good


def agents_page(report: AgentsReport, subtitle: str) -> str:
    """Return the report as HTML that needs nothing else."""
    lead, rest, is_bad = verdict(report)
    together = report.together
    costs = sum(each.cost_usd for each in report.rows)
    return page(
        "Agents",
        subtitle,
        [
            message(lead, rest, is_bad=is_bad),
            section(
                "What they are worth",
                table(WORTH, [worth_cells(each) for each in report.rows], own=3),
                f"{report.n_ticks:,} ticks of {report.n_instruments} instruments, "
                f"{iso(report.start)[:10]} to {iso(report.end)[:10]}. The panel together: Sharpe "
                f"ratio {number(together.value)} ({interval(together)}) after trading costs, its "
                f"agents {dollars(costs)} US dollars of language models. Worth is an agent's share of "
                "that ratio; without it, the ratio changes as told; IR is the information ratio a "
                f"year against {_BASELINES[report.baseline]}; bad counts its negative windows in "
                "a row up to the newest; next is the weight that its worth asks for, one bounded step on.",
            ),
            section(
                "Worth and chance",
                span_chart(
                    [
                        (each.name, each.worth.value, each.worth.low, each.worth.high)
                        for each in report.rows
                    ],
                    number,
                    title="Share of each agent in the panel's Sharpe ratio",
                ),
                "Share of each agent in the panel's Sharpe ratio (Shapley), with the interval that "
                f"holds it in 95 of 100 cases: {report.n_coalitions:,} coalitions, samples in "
                f"blocks of {report.mean_block:.1f} {_spans(report)}.",
            ),
            section(
                "What their confidence means",
                table(CONFIDENCE, [confidence_cells(each) for each in report.rows], own=4),
                "Opinions that took a side and whose outcome is known. Even odds on everything "
                "score Brier 0.250 and log loss 0.693; lower is better. Corrected is the Brier "
                "score after maps that were fitted on earlier outcomes only; a slope of 1 means "
                "what it says, below 1 is too sure, 0 or less says nothing.",
            ),
            section(
                "Reliability",
                f'<div class="columns">{"".join(map(_reliable, report.rows))}</div>',
                "How often the side was right (upwards) where an agent stated a chance (across): a "
                "confidence of c states (1 + c) / 2. On the dashed line it means what it says; "
                "below, the agent was too sure. Bars hold the true share in 95 of 100 cases.",
            ),
            section("Window by window", _windows(report)),
        ],
    )


_BASELINES = {"flat": "doing nothing", "hold": "holding everything equally"}


def _reliable(row: AgentRow) -> str:
    return reliability_chart(f"{row.name}, {row.scores.n:,} opinions", row.scores.bins)


def _windows(report: AgentsReport) -> str:
    ends = sorted({each.end for row in report.rows for each in row.windows})
    if len(ends) < 2:  # noqa: PLR2004
        return "<p>Fewer than two windows have ended.</p>"
    lines = []
    for k, row in enumerate(report.rows):
        known = {each.end: each.ratio for each in row.windows}
        values = np.array([known.get(end, math.nan) for end in ends])
        lines.append(Line(label=row.name, values=values, style=f"run{k % _STYLES}"))
    chart = line_chart(
        np.array(ends), lines, number, title="Information ratio of each agent, window by window"
    )
    return (
        f'<p class="note">Information ratio a year in windows of {report.window / DAY:g} days.</p>'
        f"{chart}"
    )


def _spans(report: AgentsReport) -> str:
    return "days" if report.span == DAY else "spans"


def _rate(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else NONE


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
