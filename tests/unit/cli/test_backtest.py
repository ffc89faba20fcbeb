"""`tutti backtest` and `tutti report` on a small file."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tutti.cli.backtest import _conclude
from tutti.cli.output import Output
from tutti.sandbox.result import Parity, write_result

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Backtested, Tutti
    from tests.unit.conftest import ResultMaker


def test_backtest_for_a_machine_prints_every_promised_key(backtested: Backtested) -> None:
    told = backtested.document
    assert told.keys() >= {
        "run_id", "ledger_hash", "n_bars", "n_decisions", "n_orders", "n_fills", "n_refusals",
        "final_equity", "metrics", "baselines", "parity", "seconds", "bars_per_second",
    }  # fmt: skip
    assert told["metrics"].keys() >= {
        "cagr", "sharpe", "sortino", "calmar", "max_drawdown", "volatility", "hit_rate", "turnover",
        "fees", "slippage_bps", "n_trades",
    }  # fmt: skip
    assert told["baselines"].keys() >= {"buy_and_hold", "random", "flat"}
    assert told["parity"]["fills_equal"] is True
    assert told["parity"]["max_rel_equity_diff"] <= 1e-9
    assert told["n_bars"] == 400
    assert told["n_fills"] > 0


def test_backtest_leaves_every_promised_file(backtested: Backtested) -> None:
    names = {path.name for path in backtested.folder.iterdir()}
    assert names >= {
        "orders.csv", "fills.csv", "equity.csv", "report.html", "ledger.sqlite", "run.json"
    }  # fmt: skip
    run = json.loads((backtested.folder / "run.json").read_text())
    assert run["configuration"]["policy"]["name"] == "ema_cross"
    assert run["command"][0] == "tutti"
    with (backtested.folder / "fills.csv").open() as file:
        assert len(list(csv.DictReader(file))) == backtested.document["n_fills"]


def test_backtest_says_how_far_it_is_beside_the_object(backtested: Backtested) -> None:
    assert "100 % (400 of 400)" in backtested.answer.err


def test_backtest_again_is_the_same_run(
    tutti: Tutti, backtested: Backtested, bars: Path, config: Path
) -> None:
    answer = tutti("backtest", "--bars", bars, "--config", config, "--out", "again", "--json")
    again = json.loads(answer.out)
    assert again["run_id"] == backtested.document["run_id"]
    assert again["ledger_hash"] == backtested.document["ledger_hash"]
    assert again["parity"] is None


def test_backtest_for_people_ends_with_what_it_wrote(
    tutti: Tutti, bars: Path, config: Path
) -> None:
    answer = tutti("backtest", "--bars", bars, "--config", config, "--tier", "fast", "--seed", "3")
    assert answer.code == 0, answer.err
    for part in ("buy and hold", "Sharpe", "It ended at", "orders", "the fast tier keeps none"):
        assert part in answer.out
    last = answer.out.splitlines()[-1]
    assert last.startswith("wrote to runs/backtest-")
    assert "report.html" in last


def test_backtest_takes_bars_from_the_configuration(tutti: Tutti, bars: Path) -> None:
    Path("my.yaml").write_text(
        f"feed: {{bars: [{bars}]}}\npolicy: {{name: ema_cross}}\nagents: []\n"
    )
    answer = tutti(
        "backtest", "--config", "my.yaml", "--tier", "fast", "--json",
        "--start", "2024-01-03", "--end", "2024-01-10",
    )  # fmt: skip
    assert json.loads(answer.out)["n_bars"] == 7 * 24


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--bars is missing: name files or patterns"),
        (("--bars", "none/*.csv"), "none/*.csv"),
        (("--bars", "x.csv", "--start", "soon"), "--start must be a date or time, was 'soon'"),
        (
            ("--bars", "x.csv", "--start", "2024-02-01", "--end", "2024-01-01"),
            "--end must be after --start",
        ),
        (("--bars", "x.csv", "--config", "none.yaml"), "none.yaml: no such file"),
        (("--bars", "x.csv", "--out", "file"), "file: a file, not a folder"),
        (("--bars", "bad.csv"), "bad.csv"),
    ],
)
def test_backtest_that_can_not_be_is_one_line_and_nothing_is_made(
    tutti: Tutti, arguments: tuple[str, ...], says: str
) -> None:
    Path("file").write_text("")
    Path("bad.csv").write_text("ts,open,high,low,close,volume\n2024-01-01,1,0.5,0.9,1,5\n")
    answer = tutti("backtest", *arguments)
    assert answer.code == 2
    assert says in answer.err
    assert answer.err.count("\n") == 1
    assert answer.out == ""


def test_report_draws_a_run_again(tutti: Tutti, backtested: Backtested) -> None:
    answer = tutti("report", backtested.folder, "--out", "new/page.html", "--json")
    told = json.loads(answer.out)
    assert told["report"] == "new/page.html"
    drawn = Path("new/page.html").read_text()
    assert drawn == (backtested.folder / "report.html").read_text()


def test_report_of_the_newest_run_needs_no_name(tutti: Tutti, make_result: ResultMaker) -> None:
    write_result(make_result(), Path("runs/one"))
    answer = tutti("report")
    assert answer.code == 0
    assert answer.out.endswith("wrote runs/one/report.html\n")
    assert "It ended at" in answer.out


def test_report_where_there_is_no_run_says_what_to_name(tutti: Tutti) -> None:
    answer = tutti("report", "nowhere")
    assert answer.code == 2
    assert "run.json is missing" in answer.err


@pytest.mark.parametrize(
    ("difference", "fills_equal", "code"), [(1e-12, True, 0), (1e-6, True, 3), (0.0, False, 3)]
)
def test_tiers_that_differ_do_not_pass_the_gate(
    make_result: ResultMaker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    difference: float,
    fills_equal: bool,
    code: int,
) -> None:
    parity = Parity(
        max_rel_equity_diff=difference, fills_equal=fills_equal, n_fills_event=1, n_fills_fast=1
    )
    result = make_result(parity=parity, findings=tuple(f"finding {i}" for i in range(8)))
    assert _conclude(result, tmp_path, Output(as_json=False)) == code
    out = capsys.readouterr().out
    assert ("FILLS DIFFER" in out) is not fills_equal
    assert "refused by instrument_exposure 31, gross_exposure 12, stale_data 2" in out
    assert "3 more findings, all in the report" in out


def test_second_opinion_stands_beside_the_result(
    tutti: Tutti, bars: Path, config: Path, tmp_path: Path
) -> None:
    pytest.importorskip("nautilus_trader", reason="NautilusTrader is not installed")
    command = ("backtest", "--bars", bars, "--config", config, "--out", "run", "--second-opinion")
    answer = tutti(*command, "--json")
    assert answer.code == 0, answer.err
    opinion = json.loads(answer.out)["second_opinion"]
    assert opinion["engine"].startswith("NautilusTrader")
    assert opinion["fills_matched"] == opinion["fills_total"] > 0
    assert opinion["equity_diff_bps"] < 1e-3
    assert json.loads((tmp_path / "run" / "second_opinion.json").read_text()) == opinion
    said = tutti(*command).out
    assert f"{opinion['fills_total']} of {opinion['fills_total']} fills matched" in said
    assert "because it has no such model: half spread" in said


def test_second_opinion_needs_the_orders_of_the_event_tier(
    tutti: Tutti, bars: Path, config: Path
) -> None:
    pytest.importorskip("nautilus_trader", reason="NautilusTrader is not installed")
    answer = tutti(
        "backtest", "--bars", bars, "--config", config, "--tier", "fast", "--second-opinion"
    )
    assert answer.code == 2
    assert "the fast tier keeps none; use --tier event" in answer.err


def test_second_opinion_without_nautilus_says_how_to_install_it(
    tutti: Tutti, bars: Path, config: Path
) -> None:
    answer = tutti("backtest", "--bars", bars, "--config", config, "--nautilus-python", "nowhere")
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 1
    assert "--nautilus-python nowhere: can't be run" in answer.err
