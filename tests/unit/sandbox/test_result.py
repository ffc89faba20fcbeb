"""What a backtest leaves behind, in one JSON object and in files."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.model.errors import ConfigError, DataError
from tutti.sandbox.result import Baseline, Parity, summary, thinned, write_atomically, write_result
from tutti.sandbox.saved import load_result

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from tests.unit.conftest import ResultMaker

KEYS = {
    "run_id", "ledger_hash", "n_bars", "n_decisions", "n_orders", "n_fills", "n_refusals",
    "final_equity", "metrics", "baselines", "parity", "seconds", "bars_per_second",
}  # fmt: skip


def test_summary_has_every_key_that_is_promised(make_result: ResultMaker) -> None:
    told = summary(make_result())
    assert told.keys() >= KEYS
    assert told["parity"].keys() >= {"max_rel_equity_diff", "fills_equal"}
    assert told["baselines"].keys() == {"buy_and_hold", "random", "flat"}
    assert told["baselines"]["flat"]["final_equity"] == 10_000.0
    assert told["baselines"]["flat"]["sharpe"] == 0.0


def test_summary_of_one_tier_has_no_parity(make_result: ResultMaker) -> None:
    assert summary(make_result(parity=None))["parity"] is None


def test_summary_figure_that_is_not_finite_is_null(make_result: ResultMaker) -> None:
    told = summary(make_result(metrics={"sharpe": math.nan}, bars_per_second=math.inf))
    assert told["metrics"] == {"sharpe": None}
    assert json.loads(json.dumps(told, allow_nan=False))["bars_per_second"] is None


@pytest.mark.parametrize("name", ["equity", "gross_exposure", "net_exposure", "closes"])
def test_result_with_a_curve_of_another_length_is_refused(
    make_result: ResultMaker, name: str
) -> None:
    with pytest.raises(ValueError, match=f"{name} must have shape"):
        make_result(**dict[str, Any]({name: np.zeros(3)}))


def test_result_with_a_baseline_of_another_length_is_refused(make_result: ResultMaker) -> None:
    odd = Baseline(name="flat", metrics={}, equity=np.zeros(3))
    with pytest.raises(ValueError, match="baseline flat"):
        make_result(baselines={"flat": odd})


def test_result_without_ticks_is_refused(make_result: ResultMaker) -> None:
    with pytest.raises(ValueError, match="at least one tick"):
        make_result(ts=np.zeros(0, np.int64))


def test_summary_counts_trades_in_whole_numbers(make_result: ResultMaker) -> None:
    told = json.dumps(summary(make_result(metrics={"n_trades": 12.0}))["metrics"])
    assert told == '{"n_trades": 12}'


def test_thinned_keeps_both_ends_and_the_order() -> None:
    ts, values = np.arange(1000), np.arange(1000.0)
    at, kept = thinned(ts, values, 100)
    assert len(at) == len(kept) == 100
    assert (at[0], at[-1]) == (0, 999)
    assert (np.diff(at) > 0).all()
    assert thinned(ts, values, 1000)[0] is ts


def test_written_files_are_those_that_are_promised(
    make_result: ResultMaker, tmp_path: Path
) -> None:
    result = make_result()
    written = write_result(result, tmp_path / "run", command=["tutti", "backtest"])
    assert {path.name for path in written} == {path.name for path in (tmp_path / "run").iterdir()}
    assert {path.name for path in written} >= {"orders.csv", "fills.csv", "equity.csv", "run.json"}


def test_written_fills_are_exact(make_result: ResultMaker, tmp_path: Path) -> None:
    result = make_result()
    write_result(result, tmp_path)
    with (tmp_path / "fills.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(result.fills)
    assert rows[0]["ts"].endswith(":00.000Z")
    assert rows[0]["side"] == "buy"
    assert rows[0]["instrument"] == "COIN0-USDT-PERP.SIM"
    assert rows[0]["price"] == f"{result.fills[0].price:f}"


def test_written_equity_has_the_baselines_beside_it(
    make_result: ResultMaker, tmp_path: Path
) -> None:
    result = make_result()
    write_result(result, tmp_path)
    with (tmp_path / "equity.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0].keys() >= {"ts", "equity", "buy_and_hold", "random", "flat"}
    assert [float(row["equity"]) for row in rows] == result.equity.tolist()


def test_written_equity_of_many_bars_is_one_table_without_a_seam(
    make_result: ResultMaker, tmp_path: Path
) -> None:
    result = make_result(n_bars=70_000, n_instruments=1)
    write_result(result, tmp_path)
    with (tmp_path / "equity.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["equity"]) for row in rows] == result.equity.tolist()
    stamps = [row["ts"] for row in rows]
    assert stamps == sorted(set(stamps))


def test_written_run_says_what_went_in(make_result: ResultMaker, tmp_path: Path) -> None:
    result = make_result()
    write_result(result, tmp_path, command=["tutti", "backtest", "--bars", "x.csv"])
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["configuration"] == result.configuration
    assert run["data_files"][0]["sha256"] == "cd" * 32
    assert run["seed"] == 7
    assert run["versions"]["python"] == "3.11.7"
    assert run["command"] == ["tutti", "backtest", "--bars", "x.csv"]


def test_file_that_could_not_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("old")

    def half(file: IO[bytes]) -> None:
        file.write(b"ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_result_read_back_is_the_one_that_was_written(
    make_result: ResultMaker, tmp_path: Path
) -> None:
    holed = make_result().closes.copy()
    holed[5, 1] = np.nan
    result = make_result(closes=holed)
    write_result(result, tmp_path)
    again = load_result(tmp_path)
    for each in dataclasses.fields(result):
        was, now = getattr(result, each.name), getattr(again, each.name)
        if each.name == "baselines":
            assert [b.metrics for b in was.values()] == [b.metrics for b in now.values()]
            assert all((was[name].equity == now[name].equity).all() for name in was)
        elif isinstance(was, np.ndarray):
            np.testing.assert_array_equal(was, now, err_msg=each.name)
        else:
            assert was == now, each.name


def test_result_without_numbers_is_read_back_as_such(
    make_result: ResultMaker, tmp_path: Path
) -> None:
    result = make_result(
        parity=None, metrics={"sharpe": math.nan}, fills=(), orders=(), trades=(), refusals={}
    )
    write_result(result, tmp_path)
    again = load_result(tmp_path)
    assert again.parity is None
    assert math.isnan(again.metrics["sharpe"])
    assert (again.fills, again.orders, again.trades) == ((), (), ())


def test_folder_without_a_result_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no finished backtest here"):
        load_result(tmp_path)


@pytest.mark.parametrize("name", ["equity.csv", "fills.csv", "prices.csv"])
def test_result_with_a_file_missing_says_which(
    make_result: ResultMaker, tmp_path: Path, name: str
) -> None:
    write_result(make_result(), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=f"{name}: missing"):
        load_result(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "null", '{"run_id": 1e400}', "\x00\x01"])
def test_result_with_a_broken_summary_is_one_clear_error(
    make_result: ResultMaker, tmp_path: Path, text: str
) -> None:
    write_result(make_result(), tmp_path)
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(DataError, match=r"run\.json: can't be read"):
        load_result(tmp_path)


@pytest.mark.parametrize("name", ["equity.csv", "fills.csv", "orders.csv", "trades.csv"])
def test_result_with_rows_that_were_cut_off_is_refused(
    make_result: ResultMaker, tmp_path: Path, name: str
) -> None:
    write_result(make_result(), tmp_path)
    lines = (tmp_path / name).read_text().splitlines(keepends=True)
    (tmp_path / name).write_text("".join(lines[:-3]))
    with pytest.raises(DataError, match=f"{name}: not the file that the run left"):
        load_result(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fills.csv", "ts,price\n2024-01-01,abc\n"),
        ("equity.csv", "ts,equity\nyesterday,1\n"),
        ("equity.csv", ""),
    ],
)
def test_result_of_an_older_version_with_a_broken_file_is_one_clear_error(
    make_result: ResultMaker, tmp_path: Path, name: str, text: str
) -> None:
    write_result(make_result(), tmp_path)
    run = json.loads((tmp_path / "run.json").read_text())
    del run["files"]
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert load_result(tmp_path).run_id == run["run_id"]
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match="can't be read"):
        load_result(tmp_path)


def test_parity_is_kept(make_result: ResultMaker, tmp_path: Path) -> None:
    parity = Parity(max_rel_equity_diff=0.5, fills_equal=False, n_fills_event=3, n_fills_fast=4)
    write_result(make_result(parity=parity), tmp_path)
    assert load_result(tmp_path).parity == parity
