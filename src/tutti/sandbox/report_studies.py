"""Parts of the report that question the result: honest statistics, stability, costs, studies."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.sandbox.charts import Band, Line, line_chart
from tutti.sandbox.page import section, table
from tutti.sandbox.wording import NONE, currency, money, number, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.sandbox.result import BacktestResult

_COMPONENTS = ("total", "signal", "timing", "slippage", "cost", "funding")
_MOST_LINES = 8
_SURE = 2.0
_COSTS = ("fees", "slippage", "both")
_OUTER, _INNER = (0, -1), (1, -2)


def honesty(result: BacktestResult) -> str:
    """Return what a sceptic asks of the headline; nothing where it was not worked out."""
    known = result.honest
    if not known:
        return ""
    tone = "good" if known.get("is_proven") else "bad"
    rows = [
        (
            "Sharpe, a year",
            _figure(known, "sharpe"),
            f"{_figure(known, 'sharpe_low')} to {_figure(known, 'sharpe_high')}, 95 % interval",
        ),
        (
            "with dependence of the returns counted",
            _figure(known, "sharpe_corrected"),
            f"give or take {_figure(known, 'sharpe_corrected_se')}",
        ),
        ("Confidence that it is above 0", _share(known, "psr"), "probabilistic Sharpe ratio"),
        (
            f"Confidence after {_trials(known)}",
            _share(known, "dsr"),
            f"deflated Sharpe ratio; independent ones: {_figure(known, 'n_effective', 1)}",
        ),
        (
            "Best of so many by luck alone",
            _figure(known, "expected_max_sharpe"),
            "expected largest Sharpe ratio of trials without any skill",
        ),
        (
            "Days of record it takes",
            _whole(known, "min_track_record_days"),
            f"to prove it; there are {_days(known)}",
        ),
    ]
    counted = str(known.get("register") or "")
    note = f"Trials are counted in {counted}." if counted else "Nothing counts the trials of this."
    verdict = escape(str(known.get("verdict", "")))
    body = (
        f'<p class="told {tone}">{verdict}</p>{_told_table(rows)}<p class="note">{escape(note)}</p>'
    )
    return section("How much to believe", body)


def stability(result: BacktestResult) -> str:
    """Return whether the result holds throughout: by state of the market, by part of its time."""
    study = result.studies.get("robustness")
    if not study:
        return ""
    states = _stretches("By state of the market", "Market", study["regimes"])
    parts = _stretches("By part of its time", "From", study["parts"])
    return f'<div class="columns">{states}{parts}</div>'


def _stretches(title: str, what: str, stretches: Sequence[Mapping[str, Any]]) -> str:
    if not stretches:
        return section(title, "<p>Too few days to tell.</p>")
    rows = [
        (
            str(each["name"]).replace("_", " "),
            f"{each['days']:,}",
            percent(_float(each["total_return"])),
            _with_error(_float(each["sharpe"]), _float(each["sharpe_se"])),
        )
        for each in stretches
    ]
    sure = sum(
        abs(_float(each["sharpe"])) > _SURE * _float(each["sharpe_se"]) for each in stretches
    )
    won = sum(_float(each["total_return"]) > 0.0 for each in stretches)
    note = (
        f"It earned in {won} of {len(stretches)}. Sharpe ratios a year ± standard error: "
        f"{sure or 'none'} of them two errors away from nothing."
    )
    return section(title, table((what, "Days", "Return", "Sharpe"), rows, own=2), note)


def sensitivity(result: BacktestResult) -> str:
    """Return what the result would have been at other costs, and how large it could be."""
    study = result.studies.get("robustness")
    if not study or not result.fills:
        return ""
    costs, room = study["costs"], study["capacity"]
    rows = [
        (f"{multiple} x", *(percent(_float(gains[kind])) for kind in _COSTS))
        for multiple, gains in costs["total_return_at"].items()
    ]
    even = _float(costs["break_even_bps"])
    note = "Total return of the same fills, had they cost another multiple. "
    if math.isfinite(even):
        may, how = ("could", "more") if even > 0.0 else ("would have to", "less")
        note += f"To break even, what was traded {may} cost {abs(even):.1f} bps {how}. "
    largest = _float(room["break_even"])
    if math.isfinite(largest) and largest > 0.0:
        note += (
            f"Its own impact would eat all profit at a balance of {money(largest)}, and leaves most "
            f"of it at {money(_float(room['most_profit']))} {currency(result)}."
        )
    head = ("Costs", "Fees", "Slippage", "Both")
    return section("At other costs", table(head, rows, own=3), note)


def attribution(result: BacktestResult) -> str:
    """Return where the profit came from; nothing where it was not taken apart."""
    study = result.studies.get("attribution")
    if not study:
        return ""
    whole = {"total": study["total"], **study["components"]}
    rows = [("All", *_amounts(whole))]
    for names, lines in study["by"].items():
        rows.append((f"by {names.replace(',', ' and ')}", *[""] * len(_COMPONENTS)))
        shown = lines[:_MOST_LINES]
        rows.extend((_line_name(names, line), *_amounts(line)) for line in shown)
        if len(lines) > len(shown):
            rest = {
                key: sum(_float(line.get(key)) for line in lines[len(shown) :])
                for key in _COMPONENTS
            }
            rows.append((f"{len(lines) - len(shown)} more", *_amounts(rest)))
    note = (
        f"{currency(result) or 'Amounts'}; losses negative. Signal is what the trades would have "
        "made at the prices they were decided at, for nothing; timing what moved until they could "
        f"trade. {_missed(_float(study.get('residual')))}"
    )
    head = ("", *(name.capitalize() for name in _COMPONENTS))
    return section("Where it came from", table(head, rows, own=1), note)


def _missed(residual: float) -> str:
    if residual == 0.0:
        return "The parts add up to the whole, to the last digit."
    return f"The parts miss {residual:.0e} of the whole."


def _line_name(names: str, line: Mapping[str, Any]) -> str:
    told = {name: str(line[name]) for name in names.split(",")}
    if "regime" in told:
        told["regime"] = told["regime"].lower().replace("_", " ")
    return " · ".join(told.values())


def fan(result: BacktestResult) -> str:
    """Return what might have become of it; nothing where no Monte Carlo study was made."""
    study = result.studies.get("montecarlo")
    if not study or "fan" not in study:
        return ""
    ts = np.array(study["ts"], np.int64)
    curves = np.array(study["fan"], np.float64)
    order = np.argsort(study["levels"])
    levels = [study["levels"][k] for k in order]
    ordered = curves[order]
    bands = [
        Band(
            label=f"{100 * levels[low]:.0f} % to {100 * levels[high]:.0f} % of the paths",
            low=ordered[low],
            high=ordered[high],
            style=style,
        )
        for (low, high), style in ((_OUTER, "outer"), (_INNER, "inner"))
    ]
    lines = [
        Line(label="median", values=ordered[len(levels) // 2], style="buy_and_hold"),
        Line(label="as recorded", values=np.array(study["recorded"], np.float64), style="strategy"),
    ]
    chart = line_chart(ts, lines, money, title="Quantiles of equity over time", bands=bands)
    loss, ruin = study["probability_of_loss"], study["probability_of_ruin"]
    note = (
        f"{study['n_paths']:,} paths by {study['method']}, signals {study['signals']}, seed "
        f"{study['seed']}: {_interval(loss)} lose money, {_interval(ruin)} fall to "
        f"{100 * study['ruin_at']:.0f} % of the start. No single path runs along a quantile."
    )
    return section(f"What might have become of it {_unit(result)}".strip(), chart, note)


def knowledge(result: BacktestResult) -> str:
    """Return figures apart for opinions of models that can't, and may, have known the future."""
    study = result.studies.get("knowledge")
    if not study:
        return ""
    rows = [
        (
            stamp,
            f"{each['n_opinions']:,}",
            _plain_share(each["hit_rate"]),
            percent(_float(each["total_return"])),
            number(_float(each["sharpe"])),
            percent(_float(each["max_drawdown"])),
        )
        for stamp, each in study["stamps"].items()
    ]
    head = ("Opinions", "Count", "Right", "Return with only these", "Sharpe", "Drawdown")
    note = (
        "A contaminated opinion comes from a model whose training may reach beyond the instant it "
        "was asked about: what it earns says nothing about what it can foresee. Each row is the "
        "strategy with only these of the stamped opinions heard."
    )
    return section(
        "What models may have known", table(head, rows), f'<p class="note">{escape(note)}</p>'
    )


def _plain_share(share: float | None) -> str:
    return NONE if share is None else f"{100.0 * share:.1f} %"


def second_opinion(result: BacktestResult) -> str:
    """Return what another engine made of the orders; nothing where none was asked."""
    study = result.studies.get("second_opinion")
    if not study:
        return ""
    rows = [
        (
            str(each.get("cause", "")).replace("_", " "),
            _text(each.get("count")),
            _text(each.get("bps")),
        )
        for each in study.get("differences", ())
    ]
    note = (
        f"{study['engine']}: {study['fills_matched']:,} of {study['fills_total']:,} fills alike, "
        f"equity at most {_float(study['equity_diff_bps']):.4f} bps apart."
    )
    body = (
        table(("Difference", "Fills", "bps of equity"), rows) if rows else "<p>No difference.</p>"
    )
    return section("Second opinion", body, note)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return NONE if value is None else f"{value}"


def _interval(share: Mapping[str, float]) -> str:
    return (
        f"{100 * share['value']:.1f} % (95 % interval {100 * share['low']:.1f} to "
        f"{100 * share['high']:.1f})"
    )


def _amounts(values: Mapping[str, Any]) -> list[str]:
    return [money(_float(values.get(name))) for name in _COMPONENTS]


def _told_table(rows: Sequence[tuple[str, str, str]]) -> str:
    body = "".join(
        f'<tr><td>{escape(name)}</td><td class="own">{escape(value)}</td>'
        f'<td class="text wrap soft">{escape(told)}</td></tr>'
        for name, value, told in rows
    )
    return f'<table class="facts">{body}</table>'


def _figure(known: Mapping[str, Any], key: str, digits: int = 2) -> str:
    return number(_float(known.get(key)), digits)


def _share(known: Mapping[str, Any], key: str) -> str:
    value = _float(known.get(key))
    # rounded down: 0.9996 is not certain
    return f"{math.floor(1000.0 * value) / 10.0:.1f} %" if math.isfinite(value) else NONE


def _whole(known: Mapping[str, Any], key: str) -> str:
    value = _float(known.get(key))
    return number(value, 0) if math.isfinite(value) else "no number"


def _trials(known: Mapping[str, Any]) -> str:
    count = _whole(known, "n_trials")
    return f"{count} trial" if count == "1" else f"{count} trials"


def _days(known: Mapping[str, Any]) -> str:
    per_year = _float(known.get("periods_per_year"))
    return number(_float(known.get("n_returns")) * 365.0 / per_year, 0) if per_year else NONE


def _with_error(value: float, error: float) -> str:
    if not math.isfinite(value):
        return NONE
    return f"{value:+.2f} ± {error:.2f}" if math.isfinite(error) else f"{value:+.2f}"


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _unit(result: BacktestResult) -> str:
    return f"({currency(result)})" if currency(result) else ""
