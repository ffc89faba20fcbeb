"""The fan chart and the distributions of a Monte Carlo study, as one offline page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.sandbox.charts import Line, line_chart
from tutti.sandbox.montecarlo.outcome import LEVELS
from tutti.sandbox.page import message, page, section, table, tiles
from tutti.sandbox.wording import NONE, money, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.sandbox.montecarlo.outcome import MonteCarlo, Spread

NAMES = {
    "total_return": "total return",
    "max_drawdown": "deepest fall",
    "sharpe": "Sharpe ratio",
    "lowest": "lowest equity, of the first",
    "fees": "fees",
    "n_fills": "fills",
}

SIGNALS = {
    "recomputed": "Every path was analysed from its own bars and traded with whole accounting: "
    "costs, stops, limits and breakers.",
    "resampled": "The signals of the recorded bars travelled with them; orders, costs, stops, "
    "limits and breakers are each path's own.",
    "none": "Closed trades, after costs, were drawn anew; nothing was traded.",
}

_PARTS = ("max_drawdown", "lowest")
_STYLES = {0.95: "flat", 0.75: "buy_and_hold", 0.5: "strategy", 0.25: "buy_and_hold", 0.05: "flat"}


def shaped(name: str, value: float) -> str:
    """Return a figure in the form that suits it."""
    if name == "total_return":
        return percent(value)
    if name in _PARTS:
        return part(value)
    if name == "sharpe":
        return number(value)
    return money(value) if name == "fees" else f"{value:,.0f}"


def part(value: float) -> str:
    """Return a share, which has no sign."""
    return f"{100 * value:.1f} %" if math.isfinite(value) else NONE


def montecarlo_page(found: MonteCarlo) -> str:
    """Return the study as HTML that needs nothing else."""
    head = ("", "recorded", "share at or below", "mean", *(f"{level:.0%}" for level in LEVELS))
    rows = [_row(name, spread) for name, spread in found.spreads.items()]
    loss, ruin = found.loss, found.ruin
    settings = ", ".join(
        f"{key.replace('_', ' ')} {value:g}" for key, value in found.settings.items()
    )
    return page(
        f"Monte Carlo: {found.method}",
        f"{found.n_paths:,} paths, seed {found.seed}, {', '.join(found.instruments)}"
        + (f"; {settings}" if settings else ""),
        [
            message(
                f"{part(loss.value)} of the paths lose money. ",
                f"95 % interval {part(loss.low)} to {part(loss.high)}. {SIGNALS[found.signals]}",
                is_bad=loss.value > 0.5,  # noqa: PLR2004 - more often than not
            ),
            section("Equity", _fan(found), _fan_note(found)),
            section("Distributions", table(head, rows, own=1)),
            section(
                "Loss and ruin",
                tiles(
                    [
                        ("lose money", part(loss.value)),
                        (f"fall to {part(found.ruin_at)} of the start", part(ruin.value)),
                        ("of that at most, 95 % interval", part(ruin.high)),
                        ("symbol-bars decided on", f"{found.symbol_bars:,}"),
                    ]
                ),
            ),
        ],
    )


def _fan(found: MonteCarlo) -> str:
    lines = [
        Line(label=f"{level:.0%}", values=found.fan[LEVELS.index(level)], style=style)
        for level, style in _STYLES.items()
    ]
    lines.append(Line(label="recorded", values=found.recorded, style="random"))
    return line_chart(found.ts, lines, money, title="Quantiles of equity over time", height=340)


def _fan_note(found: MonteCarlo) -> str:
    note = "Quantiles at each instant; no single path runs along one."
    if found.method == "trades":
        note += " Trades are spread evenly over the time of the recording."
    return note


def _row(name: str, spread: Spread) -> Sequence[str]:
    return (
        NAMES[name],
        shaped(name, spread.recorded),
        part(spread.recorded_rank),
        shaped(name, spread.mean),
        *(shaped(name, value) for value in spread.quantiles.values()),
    )
