"""One self-contained HTML page about a backtest: no network, no library, light and dark."""

from __future__ import annotations

import json
from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from tutti.kernel.clock import iso
from tutti.sandbox import report_studies
from tutti.sandbox.charts import Line, Marks, line_chart, telling_rows
from tutti.sandbox.page import message, page, section, table, tiles
from tutti.sandbox.result import BacktestResult, ClosedTrade, FillRow, write_atomically
from tutti.sandbox.wording import (
    BASELINES,
    NONE,
    currency,
    metric_rows,
    money,
    number,
    percent,
    period,
    total_return,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tutti.model.market import FloatArray

FILE: Final = "report.html"

_MAIN_POINTS, _SIDE_POINTS = 1500, 800
_MOST_CHARTED, _MOST_MARKS, _MOST_LISTED = 4, 500, 12
_FULL_SHADE = 0.15
_FLATTENED = 0.15
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def write_report(result: BacktestResult, path: Path) -> Path:
    """Write the report to ``path``, or to ``report.html`` in it when it is a folder.

    Returns
    -------
    Path
        The file.
    """
    target = path / FILE if path.is_dir() else path
    target.parent.mkdir(parents=True, exist_ok=True)
    text = render(result).encode()
    return write_atomically(target, lambda file: file.write(text))


def render(result: BacktestResult) -> str:
    """Return the report as one HTML document, usually 100 to 300 kB."""
    shown = [str(instrument) for instrument in result.instruments[:_MOST_CHARTED]]
    more = len(result.instruments) - len(shown)
    subtitle = f"{', '.join(shown)}{f' and {more} more' if more > 0 else ''} · {period(result)}"
    sections = (
        _verdict(result),
        _tiles(result),
        report_studies.honesty(result),
        _equity(result),
        _drawdown(result),
        _metrics(result),
        _monthly(result),
        report_studies.stability(result),
        f'<div class="columns">{_costs(result)}{report_studies.sensitivity(result)}</div>',
        report_studies.attribution(result),
        report_studies.fan(result),
        report_studies.knowledge(result),
        report_studies.second_opinion(result),
        _exposure(result),
        _prices(result),
        _trades(result),
        _refusals(result),
        _provenance(result),
    )
    return page(f"Backtest {result.run_id}", subtitle, sections)


def _verdict(result: BacktestResult) -> str:
    lost, sentence = verdict(result)
    lead = "This strategy lost to a baseline. " if lost else ""
    return message(lead, sentence, is_bad=lost)


def _tiles(result: BacktestResult) -> str:
    gain = total_return(result, result.final_equity)
    metrics = result.metrics
    cells = (
        (f"Final equity {_unit(result)}".strip(), money(result.final_equity)),
        ("Total return", percent(gain)),
        (_sharpe_label(result), number(metrics["sharpe"]) if "sharpe" in metrics else NONE),
        ("Largest drawdown", percent(-metrics.get("max_drawdown", float("nan")))),
        ("Fills", f"{result.n_fills:,}"),
        ("Refused by risk", f"{result.n_refusals:,}"),
    )
    return tiles(cells)


def _sharpe_label(result: BacktestResult) -> str:
    error = result.honest.get("sharpe_se")
    return "Sharpe" if error is None else f"Sharpe, ± {number(error)}"


def equity_chart(result: BacktestResult) -> str:
    """Return a figure of the equity of the strategy and of each baseline over time."""
    rows = telling_rows(result.equity, _MAIN_POINTS)
    lines = [Line(label="Strategy", values=result.equity[rows], style="strategy")]
    lines += [
        Line(label=BASELINES.get(name, name), values=baseline.equity[rows], style=_style(name))
        for name, baseline in result.baselines.items()
    ]
    return line_chart(
        result.ts[rows],
        lines,
        lambda value: f"{value:,.6g}",
        title="Equity of the strategy and of each baseline over time",
        height=320,
    )


def drawdown_chart(result: BacktestResult) -> str:
    """Return a figure of the fall from the highest equity so far, beside buying and holding."""
    own = _fall(result.equity)
    rows = telling_rows(own, _SIDE_POINTS)
    lines = [Line(label="Strategy", values=own[rows], style="fall")]
    if (hold := result.baselines.get("buy_and_hold")) is not None:
        label = BASELINES["buy_and_hold"]
        lines.append(Line(label=label, values=_fall(hold.equity)[rows], style="buy_and_hold"))
    return line_chart(
        result.ts[rows],
        lines,
        lambda value: f"{100 * value:,.4g} %",
        title="Fall from the highest equity so far",
        height=190,
    )


def _equity(result: BacktestResult) -> str:
    alone = _alone(result) if _is_flattened(result) else ""
    title = f"Equity against baselines {_unit(result)}".strip()
    return section(title, equity_chart(result) + alone)


def _is_flattened(result: BacktestResult) -> bool:
    # beside a baseline that moves far more, the strategy is a straight line
    curves = [result.equity, *(baseline.equity for baseline in result.baselines.values())]
    whole = max(float(each.max()) for each in curves) - min(float(each.min()) for each in curves)
    return 0.0 < float(np.ptp(result.equity)) < _FLATTENED * whole


def _alone(result: BacktestResult) -> str:
    rows = telling_rows(result.equity, _SIDE_POINTS)
    chart = line_chart(
        result.ts[rows],
        [Line(label="Strategy", values=result.equity[rows], style="strategy")],
        lambda value: f"{value:,.6g}",
        title="Equity of the strategy alone over time",
        height=190,
    )
    return f"<h3>The strategy alone, on a scale of its own</h3>{chart}"


def _style(name: str) -> str:
    return name if name in BASELINES else "flat"


def _unit(result: BacktestResult) -> str:
    return f"({currency(result)})" if currency(result) else ""


def _fall(equity: FloatArray) -> FloatArray:
    return equity / np.maximum.accumulate(equity) - 1.0


def _drawdown(result: BacktestResult) -> str:
    return section("Drawdown", drawdown_chart(result))


def _metrics(result: BacktestResult) -> str:
    head = ["", "Strategy", *(BASELINES.get(name, name) for name in result.baselines)]
    return section("Figures beside baselines", table(head, metric_rows(result), own=1))


def _monthly(result: BacktestResult) -> str:
    # a bar that ends at midnight belongs to the month that it closes
    months = (result.ts - 1).astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    ends = np.append(np.flatnonzero(np.diff(months)), len(months) - 1)
    level = np.concatenate([[result.starting_balance], result.equity[ends]])
    gains = dict(zip(months[ends].tolist(), (level[1:] / level[:-1] - 1.0).tolist(), strict=True))
    years = sorted({month // 12 for month in gains})
    rows = "".join(_year(year, gains) for year in years)
    head = "".join(f"<th>{name}</th>" for name in ("", *_MONTHS, "Year"))
    months_table = f'<div class="scroll"><table class="months"><tr>{head}</tr>{rows}</table></div>'
    return section("Returns by month", months_table)


def _year(year: int, gains: Mapping[int, float]) -> str:
    months = [gains.get(12 * year + month) for month in range(12)]
    total = float(np.prod([1.0 + gain for gain in months if gain is not None])) - 1.0
    cells = "".join(_shaded(gain) for gain in (*months, total))
    return f"<tr><td><b>{1970 + year}</b></td>{cells}</tr>"


def _shaded(gain: float | None) -> str:
    if gain is None:
        return "<td></td>"
    depth = round(8 + 34 * min(abs(gain) / _FULL_SHADE, 1.0))
    tone = "down" if gain < 0 else "up"
    shade = f"color-mix(in srgb, var(--{tone}) {depth}%, transparent)"
    return f'<td style="background:{shade}">{escape(percent(gain))}</td>'


def _exposure(result: BacktestResult) -> str:
    rows = telling_rows(result.gross_exposure, _SIDE_POINTS)
    lines = [
        Line(label="Gross", values=result.gross_exposure[rows], style="strategy"),
        Line(label="Net", values=result.net_exposure[rows], style="net"),
    ]
    chart = line_chart(
        result.ts[rows],
        lines,
        lambda value: f"{100 * value:,.4g} %",
        title="Gross and net exposure as fractions of equity",
        height=190,
    )
    return section("Exposure (share of equity)", chart)


def _prices(result: BacktestResult) -> str:
    traded: Counter[int] = Counter()
    for fill in result.fills:
        traded[fill.instrument] += round(abs(float(fill.quantity * fill.price)) * 100)
    if not traded:
        return section("Trades on price", "<p>Nothing was traded.</p>")
    top = [instrument for instrument, _ in traded.most_common(_MOST_CHARTED)]
    note = "Triangles up are purchases, triangles down are sales."
    if len(traded) > len(top):
        note += f" The {len(top)} of {len(traded)} instruments with the most traded notional."
    return section("Trades on price", "".join(_price(result, i) for i in top), note)


def _price(result: BacktestResult, instrument: int) -> str:
    closes = result.closes[:, instrument]
    rows = telling_rows(closes, _SIDE_POINTS)
    fills = [fill for fill in result.fills if fill.instrument == instrument]
    largest = sorted(fills, key=lambda fill: fill.quantity * fill.price)[-_MOST_MARKS:]
    name = str(result.instruments[instrument])
    told = f"{len(fills):,} fills"
    if len(largest) < len(fills):
        told += f", the largest {len(largest)} shown"
    chart = line_chart(
        result.closes_at[rows],
        [Line(label="Price", values=closes[rows], style="price")],
        lambda value: f"{value:,.6g}",
        title=f"Price of {name} with purchases and sales",
        height=230,
        marks=[_marks(largest, is_up=True), _marks(largest, is_up=False)],
    )
    return f'<h3>{escape(name)} <span class="note">{told}</span></h3>{chart}'


def _marks(fills: Sequence[FillRow], *, is_up: bool) -> Marks:
    own = [fill for fill in fills if (fill.side > 0) is is_up]
    return Marks(
        ts=np.array([fill.ts for fill in own], np.int64),
        values=np.array([float(fill.price) for fill in own], np.float64),
        is_up=is_up,
    )


def _trades(result: BacktestResult) -> str:
    if not result.trades:
        return section("Closed positions", "<p>No position was closed.</p>")
    ordered = sorted(result.trades, key=lambda trade: trade.pnl)
    half = _MOST_LISTED // 2
    picked = ordered if len(ordered) <= _MOST_LISTED else [*ordered[:half], *ordered[-half:]]
    won = sum(trade.pnl > 0 for trade in ordered)
    note = (
        f"{len(ordered):,} closed, {won:,} with a gain; "
        f"{'all of them' if picked is ordered else 'the best and the worst'}."
    )
    rows = [_trade(result, trade) for trade in reversed(picked)]
    head = ("Instrument", "Side", "Closed", "P&L", "Reason")
    return section("Closed positions", table(head, rows, own=3), note)


def _trade(result: BacktestResult, trade: ClosedTrade) -> tuple[str, ...]:
    return (
        result.instruments[trade.instrument].symbol,
        "long" if trade.side > 0 else "short",
        iso(trade.closed_at)[:10],
        f"{trade.pnl:+,.2f}",
        trade.reason.replace("_", " "),
    )


def _costs(result: BacktestResult) -> str:
    notional = sum(abs(float(fill.quantity * fill.price)) for fill in result.fills)
    fees = sum(float(fill.fee) for fill in result.fills)
    slippage = sum(
        abs(float(fill.quantity * fill.price)) * fill.slippage_bps / 1e4 for fill in result.fills
    )
    makers = sum(fill.is_maker for fill in result.fills)
    whole = fees + slippage - result.funding
    rows = [
        ("Fees", money(fees), _bps(fees, notional)),
        ("Slippage against arrival", money(slippage), _bps(slippage, notional)),
        ("Funding paid", money(-result.funding), _bps(-result.funding, notional)),
        ("Together", money(whole), _bps(whole, notional)),
        ("Traded notional", money(notional), ""),
        ("Fills as maker", f"{makers:,} of {len(result.fills):,}", ""),
    ]
    head = ("", currency(result) or "Amount", "bps of notional")
    return section("Costs", table(head, rows, own=1))


def _bps(amount: float, notional: float) -> str:
    # 0.0 added, so that nothing paid is not shown as -0.0
    return number(1e4 * amount / notional + 0.0, 1) if notional else NONE


def _refusals(result: BacktestResult) -> str:
    if not result.refusals:
        return section("Refusals by reason", "<p>Risk refused nothing.</p>")
    ordered = sorted(result.refusals.items(), key=lambda item: (-item[1], item[0]))
    most = ordered[0][1]
    bars = "".join(
        f'<div class="bar"><span>{escape(rule.replace("_", " "))}</span>'
        f'<span><i style="width:{100 * count / most:.1f}%"></i></span><b>{count:,}</b></div>'
        for rule, count in ordered
    )
    return section("Refusals by reason", bars)


def _provenance(result: BacktestResult) -> str:
    facts = [
        ("Ledger hash", result.ledger_hash or NONE),
        ("Configuration hash", result.configuration_hash),
        ("Seed", str(result.seed)),
        ("Tier", result.tier),
        ("Parity of the two tiers", _parity(result)),
        ("Bars", f"{result.n_bars:,}, {result.bars_per_second:,.0f} a second"),
        ("Decisions", f"{result.n_decisions:,}"),
        ("Versions", ", ".join(f"{name} {value}" for name, value in result.versions.items())),
    ]
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="text wrap"><code>{escape(value)}</code></td></tr>'
        for name, value in facts
    )
    sources = "".join(
        f'<tr><td class="wrap">{escape(source.path)}</td><td>{source.rows:,}</td>'
        f'<td class="text wrap"><code>{escape(source.sha256)}</code></td></tr>'
        for source in result.data_files
    )
    head = '<tr><th>File</th><th>Rows</th><th class="text">SHA-256</th></tr>'
    findings = "".join(f"<li>{escape(finding)}</li>" for finding in result.findings)
    told = f"<ul>{findings}</ul>" if findings else "<p>Nothing doubtful was found.</p>"
    settings = escape(json.dumps(result.configuration, indent=2, default=str))
    terms = escape(json.dumps(result.terms, indent=2, default=str))
    body = (
        f'<div class="scroll"><table>{rows}</table></div><h3>Data</h3>'
        f'<div class="scroll"><table>{head}{sources}</table></div>'
        f"<h3>Findings in the data</h3>{told}"
        f"<details><summary>Configuration as resolved</summary><pre>{settings}</pre></details>"
        f"<details><summary>Contract terms and costs</summary><pre>{terms}</pre></details>"
    )
    return section("Where this comes from", body)


def _parity(result: BacktestResult) -> str:
    parity = result.parity
    if parity is None:
        return "not measured, one tier ran"
    fills = "fills equal" if parity.fills_equal else "FILLS DIFFER"
    return (
        f"{fills} ({parity.n_fills_event:,} and {parity.n_fills_fast:,}), "
        f"equity within {parity.max_rel_equity_diff:.1e}"
    )
