"""The report: one page that needs nothing else, and says plainly what came out."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.kernel.clock import HOUR, MINUTE
from tutti.sandbox.report import render, write_report
from tutti.sandbox.result import BacktestResult, Baseline, Parity, SourceFile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import ResultMaker

_VOID = {"meta", "br", "line"}


class Page(HTMLParser):
    """Checks that tags close in order, and keeps what a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def shown(result: BacktestResult) -> str:
    return Page(render(result)).text


def test_report_is_whole_and_needs_nothing_from_outside(make_result: ResultMaker) -> None:
    page = render(make_result())
    assert page.startswith("<!doctype html>")
    assert not Page(page).links
    fetched = re.findall(r"https?://[^\s\"'<)]+|@import|url\(", page)
    assert fetched == ["http://www.w3.org/2000/svg"]  # a name space, never fetched
    assert "default-src 'none'" in page


def test_report_has_a_section_for_each_thing_to_know(make_result: ResultMaker) -> None:
    text = shown(make_result())
    for title in (
        "Equity against baselines",
        "Drawdown",
        "Figures beside baselines",
        "Returns by month",
        "Exposure",
        "Trades on price",
        "Closed positions",
        "Costs",
        "Refusals by reason",
        "Findings in the data",
        "Where this comes from",
    ):
        assert title in text


def test_report_names_where_its_numbers_come_from(make_result: ResultMaker) -> None:
    result = make_result()
    text = shown(result)
    for fact in (
        result.ledger_hash,
        result.configuration_hash,
        result.data_files[0].sha256,
        result.data_files[0].path,
        "Seed 7",
        "3 bars missing",
        "python 3.11.7",
        "equity within 2.0e-13",
    ):
        assert fact in text


def test_report_of_a_loss_to_a_baseline_says_so_first(make_result: ResultMaker) -> None:
    result = make_result()
    better = Baseline(name="buy_and_hold", metrics={}, equity=result.equity + 500.0)
    text = shown(make_result(baselines={"buy_and_hold": better}))
    assert "This strategy lost to a baseline. It ended at" in text
    assert text.index("lost to a baseline") < text.index("Equity against baselines")


def test_report_of_a_win_does_not_claim_a_loss(make_result: ResultMaker) -> None:
    result = make_result()
    worse = Baseline(name="flat", metrics={}, equity=result.equity - 500.0)
    text = shown(make_result(baselines={"flat": worse}))
    assert "lost" not in text
    assert "It beat doing nothing" in text


def test_report_of_tiers_that_differ_shouts(make_result: ResultMaker) -> None:
    parity = Parity(max_rel_equity_diff=0.1, fills_equal=False, n_fills_event=1, n_fills_fast=2)
    assert "FILLS DIFFER (1 and 2), equity within 1.0e-01" in shown(make_result(parity=parity))


def test_report_of_one_tier_says_that_parity_was_not_measured(make_result: ResultMaker) -> None:
    assert "not measured, one tier ran" in shown(make_result(parity=None))


def test_report_text_from_outside_is_escaped(make_result: ResultMaker) -> None:
    bad = "<script>alert(1)</script>"
    page = render(
        make_result(
            run_id=bad,
            findings=(bad,),
            refusals={bad: 1},
            versions={bad: bad},
            configuration={"quote_currency": bad, bad: bad},
            data_files=(SourceFile(path=bad, sha256=bad, rows=1),),
        )
    )
    assert bad not in page
    assert page.count("<script>") == 1
    Page(page)


@pytest.mark.parametrize(("n_bars", "n_instruments"), [(60_000, 12), (9000, 3)])
def test_report_stays_small_however_long_the_run(
    make_result: ResultMaker, n_bars: int, n_instruments: int
) -> None:
    page = render(make_result(n_bars=n_bars, n_instruments=n_instruments))
    assert len(page.encode()) < 300_000


def test_report_charts_the_instruments_that_traded_most(make_result: ResultMaker) -> None:
    text = shown(make_result(n_bars=4000, n_instruments=6))
    assert "The 4 of 6 instruments with the most traded notional" in text


def test_report_with_more_fills_than_fit_says_how_many_are_shown(make_result: ResultMaker) -> None:
    result = make_result(n_instruments=1)
    many = result.fills * (1 + 600 // len(result.fills))
    text = shown(make_result(n_instruments=1, fills=many))
    assert f"{len(many):,} fills, the largest 500 shown" in text


def test_report_of_a_run_without_trades_says_so(make_result: ResultMaker) -> None:
    text = shown(
        make_result(fills=(), orders=(), trades=(), refusals={}, findings=(), n_fills=0, metrics={})
    )
    assert "Nothing was traded." in text
    assert "No position was closed." in text
    assert "Risk refused nothing." in text
    assert "Nothing doubtful was found." in text


def test_report_monthly_returns_multiply_to_the_total(make_result: ResultMaker) -> None:
    result = make_result(n_bars=9000)
    page = render(result)
    rows = re.findall(r"<tr><td><b>(\d{4})</b></td>(.*?)</tr>", page)
    assert [year for year, _ in rows] == ["2024", "2025"]
    totals = [float(re.findall(r">([-+]?[\d.]+) %<", cells)[-1]) for _, cells in rows]
    whole = 100 * (np.prod([1 + total / 100 for total in totals]) - 1)
    assert whole == pytest.approx(100 * (result.final_equity / 10_000 - 1), abs=0.15)


def test_report_of_a_single_tick_is_drawn(make_result: ResultMaker) -> None:
    result = make_result()
    one = make_result(
        ts=result.ts[:1],
        equity=result.equity[:1],
        gross_exposure=np.zeros(1),
        net_exposure=np.zeros(1),
        closes_at=result.ts[:1],
        closes=result.closes[:1],
        baselines={"flat": Baseline(name="flat", metrics={}, equity=np.full(1, 10_000.0))},
        fills=result.fills[:1],
        trades=result.trades[:1],
    )
    assert "Equity against baselines" in shown(one)


def test_report_of_minutes_labels_the_hours(make_result: ResultMaker) -> None:
    result = make_result(n_bars=600)
    ts = result.ts[0] + MINUTE * np.arange(600)
    page = render(make_result(n_bars=600, ts=ts, closes_at=ts, step=MINUTE))
    assert ">01-01 04:00<" in page
    assert "bars of 1m" in Page(page).text


def test_report_leaves_a_gap_where_a_price_is_missing(make_result: ResultMaker) -> None:
    result = make_result(n_instruments=1, n_bars=500)
    closes = result.closes.copy()
    closes[200:300] = np.nan
    whole, holed = (
        render(make_result(n_instruments=1, n_bars=500, closes=each)).count("<polyline")
        for each in (result.closes, closes)
    )
    assert holed == whole + 1


def test_report_of_prices_that_are_all_missing_is_drawn(make_result: ResultMaker) -> None:
    result = make_result(n_instruments=1, n_bars=500)
    page = render(
        make_result(n_instruments=1, n_bars=500, closes=np.full_like(result.closes, np.nan))
    )
    Page(page)


def test_report_is_written_into_a_folder_or_to_a_file(
    make_result: ResultMaker, tmp_path: Path
) -> None:
    result = make_result()
    assert write_report(result, tmp_path) == tmp_path / "report.html"
    other = write_report(result, tmp_path / "new" / "mine.html")
    assert other.read_bytes() == (tmp_path / "report.html").read_bytes()


def test_report_of_the_same_result_is_the_same(make_result: ResultMaker) -> None:
    assert render(make_result()) == render(make_result())


def test_report_over_years_labels_round_months(make_result: ResultMaker) -> None:
    result = make_result(n_bars=2000)
    ts = result.ts[0] + 24 * HOUR * np.arange(2000)
    page = render(make_result(n_bars=2000, ts=ts, closes_at=ts, step=24 * HOUR))
    labels = re.findall(r">(\d{4}-\d\d)<", page)
    assert set(labels) >= {"2025-01", "2028-01"}
