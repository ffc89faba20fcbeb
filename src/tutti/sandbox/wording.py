"""A result in words and formatted figures, for the report and the terminal alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tutti.sandbox.result import BacktestResult

NONE = "-"
_LARGE = 100_000
BASELINES: Mapping[str, str] = {
    "buy_and_hold": "Buy and hold",
    "random": "Random",
    "flat": "Flat",
}
_NAMES = {"buy_and_hold": "buying and holding", "random": "random trading", "flat": "doing nothing"}


def percent(value: float, digits: int = 1) -> str:
    """Return a fraction as signed per cent, ``+12.3 %``."""
    return f"{_signed(100 * value, digits)} %" if math.isfinite(value) else NONE


def money(value: float) -> str:
    """Return an amount with thousands apart, two decimals below 100,000."""
    if not math.isfinite(value):
        return NONE
    text = f"{abs(value):,.2f}" if abs(value) < _LARGE else f"{abs(value):,.0f}"
    return f"-{text}" if value < 0 and text != "0.00" else text


def number(value: float, digits: int = 2) -> str:
    """Return a plain figure."""
    return f"{value:,.{digits}f}" if math.isfinite(value) else NONE


def _signed(value: float, digits: int) -> str:
    text = f"{abs(value):,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        return text
    return f"{'-' if value < 0 else '+'}{text}"


def _share(value: float) -> str:
    return f"{100 * value:,.1f} %" if math.isfinite(value) else NONE


def _fine_share(value: float) -> str:
    return f"{100 * value:,.2f} %" if math.isfinite(value) else NONE


def _count(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else NONE


METRICS: Sequence[tuple[str, str, Callable[[float], str]]] = (
    ("cagr", "Growth a year", percent),
    ("sharpe", "Sharpe", number),
    ("sortino", "Sortino", number),
    ("calmar", "Calmar", number),
    ("max_drawdown", "Largest drawdown", _share),
    ("max_drawdown_days", "its length, days", _count),
    ("volatility", "Volatility a year", _share),
    ("var_95", "Value at risk, a day in twenty", _fine_share),
    ("cvar_95", "mean of such days", _fine_share),
    ("tail_ratio", "Tail ratio", number),
    ("hit_rate", "Hit rate", _share),
    ("profit_factor", "Profit factor", number),
    ("n_trades", "Trades", _count),
    ("exposure", "Exposure, mean", _share),
    ("turnover", "Turnover a year", lambda value: f"{number(value, 1)} x"),
    ("fees", "Fees", money),
    ("slippage_bps", "Slippage (bps)", number),
)
"""Key in ``BacktestResult.metrics``, what people call it, and how it is written."""

HONEST: Mapping[str, str] = {
    "sharpe_se": "Sharpe, standard error",
    "sharpe_corrected": "Sharpe, dependence counted",
    "sharpe_corrected_se": "Standard error, so counted",
    "psr": "Confidence that it is above 0",
    "dsr": "Confidence after all trials",
    "expected_max_sharpe": "Best of all trials by luck",
    "min_track_record_days": "Days it takes to prove it",
    "n_trials": "Trials on this data",
    "n_effective": "Trials, as independent ones",
}
"""Key in ``BacktestResult.honest``, and what people call it."""

_OF_TRADES = frozenset({"hit_rate", "profit_factor", "slippage_bps"})


def period(result: BacktestResult) -> str:
    """Return the span of the run and its bars, ``2024-01-01 to 2024-03-31, bars of 1h``."""
    first, last = (_day(int(ts)) for ts in (result.ts[0] - result.step, result.ts[-1]))
    return f"{first} to {last}, bars of {_length(result.step)}"


def currency(result: BacktestResult) -> str:
    """Return what amounts are counted in; empty when the configuration doesn't say."""
    return str(result.configuration.get("quote_currency", ""))


def total_return(result: BacktestResult, equity: float) -> float:
    """Return what ``equity`` is more than the start, as a fraction."""
    return equity / result.starting_balance - 1.0


def metric_rows(result: BacktestResult) -> list[tuple[str, ...]]:
    """Return label, strategy, then each baseline, formatted; the first rows are where it ended."""
    ends = [result.final_equity, *(float(b.equity[-1]) for b in result.baselines.values())]
    tables = [result.metrics, *(baseline.metrics for baseline in result.baselines.values())]
    rows = [
        ("Final equity", *map(money, ends)),
        ("Total return", *(percent(total_return(result, end)) for end in ends)),
    ]
    for key, label, shape in METRICS:
        if key in result.metrics:
            rows.append((label, *(_metric(table, key, shape) for table in tables)))
    return rows


def _metric(table: Mapping[str, float], key: str, shape: Callable[[float], str]) -> str:
    if key not in table or (key in _OF_TRADES and not table.get("n_trades", 1)):
        return NONE
    return shape(table[key])


def verdict(result: BacktestResult) -> tuple[bool, str]:
    """Return whether the strategy lost to any baseline, and a sentence that says so plainly."""
    unit = f" {currency(result)}".rstrip()
    gained = percent(total_return(result, result.final_equity))
    idle = "" if result.n_fills else "It never traded. "
    ended = f"{idle}It ended at {money(result.final_equity)}{unit} ({gained})"
    lost: list[str] = []
    beaten: list[str] = []
    even: list[str] = []
    for name, baseline in result.baselines.items():
        end = float(baseline.equity[-1])
        told = f"{_NAMES.get(name, name)} ({percent(total_return(result, end))})"
        if math.isclose(end, result.final_equity, rel_tol=1e-9):
            even.append(told)
        else:
            (lost if end > result.final_equity else beaten).append(told)
    parts = [
        f"{verb} {_listed(names)}"
        for verb, names in (("lost to", lost), ("beat", beaten), ("matched", even))
        if names
    ]
    return bool(lost), f"{ended}. It {'; it '.join(parts)}." if parts else f"{ended}."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _day(ts: int) -> str:
    return iso(ts)[:10]


def _length(step: int) -> str:
    for unit, length in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if step % length == 0:
            return f"{step // length}{unit}"
    return f"{step / SECOND:g}s"
