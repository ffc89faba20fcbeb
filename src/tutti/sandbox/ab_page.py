"""A comparison of configurations as one offline page: equity, differences, what chance makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.model.market import FloatArray, IntArray
from tutti.sandbox.ab import Paired
from tutti.sandbox.charts import Line, line_chart, telling_rows
from tutti.sandbox.page import message, page, section, table
from tutti.sandbox.wording import money, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.sandbox.ab import Difference
    from tutti.stats.superiority import Superiority

_POINTS = 1200
_STYLES = 6
"""Kinds of line that the stylesheet has for runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A configuration's run: its name, equity at the same times as the others', and its figures.

    Parameters
    ----------
    figures : tuple of (str, str)
        Name and formatted value; the same names for all.
    pair : Paired or None
        Against the first; None for the first itself.
    """

    name: str
    equity: FloatArray
    figures: tuple[tuple[str, str], ...]
    pair: Paired | None = None


def ab_page(
    known_at: IntArray, contenders: Sequence[Contender], best: Superiority, subtitle: str
) -> str:
    """Return the comparison as HTML that needs nothing else.

    Parameters
    ----------
    known_at : ndarray of int64, shape (t,)
        ns UTC.
    contenders : sequence of Contender
        A first.
    """
    first, others = contenders[0], contenders[1:]
    told = [verdict(each.name, first.name, each.pair.mean) for each in others if each.pair]
    is_told = any(each.pair is not None and each.pair.mean.is_told for each in others)
    rows = [
        (label, *(each.figures[k][1] for each in contenders))
        for k, (label, _) in enumerate(first.figures)
    ]
    return page(
        "A/B",
        subtitle,
        [
            message(f"{told[0]}. ", "; ".join(told[1:]), is_bad=not is_told),
            section("Equity", _chart(known_at, contenders)),
            section("Figures", table(("", *(each.name for each in contenders)), rows, own=1)),
            section("Differences", _differences(first, others), _note(others, best)),
        ],
    )


def verdict(name: str, other: str, mean: Difference) -> str:
    """Return in words whether one is better than the other."""
    if not mean.is_told:
        return f"nothing tells {name} from {other}: chance alone does this"
    return f"{name} is {'better' if mean.value > 0 else 'worse'} than {other}"


def days(pair: Paired) -> str:
    """Return what a comparison rests on: days, those on which nobody held anything, samples."""
    idle = f", on {pair.n_idle:,} of which neither account moved" if pair.n_idle else ""
    return (
        f"over {pair.n_returns:,} days{idle} (blocks of {pair.mean_block:.1f} days, "
        f"{pair.n_samples:,} samples)"
    )


def _differences(first: Contender, others: Sequence[Contender]) -> str:
    rows = []
    for each in others:
        if each.pair is None:
            continue
        for what, difference, shape in (
            ("mean return a year", each.pair.mean, percent),
            ("Sharpe ratio", each.pair.sharpe, number),
        ):
            rows.append(
                (
                    f"{each.name} less {first.name}: {what}",
                    shape(difference.value),
                    f"{shape(difference.low)} to {shape(difference.high)}",
                    f"{difference.p_value:.3f}",
                )
            )
    return table(("", "difference", "95 % interval", "p"), rows, own=1)


def _note(others: Sequence[Contender], best: Superiority) -> str:
    told = [f"{each.name}: {days(each.pair)}" for each in others if each.pair is not None]
    return (
        f"{'; '.join(told)}. The best of {len(others)}: p = {best.spa:.3f} (superior predictive ability), "
        f"{best.reality_check:.3f} (reality check)."
    )


def _chart(known_at: IntArray, contenders: Sequence[Contender]) -> str:
    rows = telling_rows(contenders[0].equity, _POINTS)
    lines = [
        Line(label=each.name, values=each.equity[rows], style=f"run{k % _STYLES}")
        for k, each in enumerate(contenders)
    ]
    return line_chart(known_at[rows], lines, money, title="Equity of each configuration")
