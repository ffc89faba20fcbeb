"""`tutti report --with`: studies of a finished run, made when asked for and kept beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Told, Tutti


def test_report_with_studies_shows_and_keeps_them(tutti: Tutti, copied_run: Path) -> None:
    answer = tutti(
        "report", copied_run, "--with", "attribution", "--with", "montecarlo", "--paths", "5",
        "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    page = (copied_run / "report.html").read_text()
    assert "Where it came from" in page
    assert "What might have become of it" in page
    attribution = json.loads((copied_run / "attribution.json").read_text())
    assert sum(attribution["components"].values()) == pytest.approx(attribution["total"], abs=1e-9)
    montecarlo = json.loads((copied_run / "montecarlo.json").read_text())
    assert montecarlo["n_paths"] == 5
    assert len(montecarlo["fan"]) == len(montecarlo["levels"])
    assert len(montecarlo["fan"][0]) == len(montecarlo["ts"]) == len(montecarlo["recorded"])
    assert json.loads(answer.out)["attribution"] == attribution
    # made once, it is shown from then on
    (copied_run / "report.html").unlink()
    again = tutti("report", copied_run)
    assert again.code == 0
    assert "Where it came from" in (copied_run / "report.html").read_text()
    assert "profit signal" in again.out
    assert "of 5 paths by bootstrap" in again.out


def test_report_in_the_terminal_is_the_backtest_told_again(tutti: Tutti, copied_run: Path) -> None:
    answer = tutti("report", copied_run)
    assert "Sharpe" in answer.out
    assert "It ended at" in answer.out
    document = json.loads(tutti("report", copied_run, "--json").out)
    run = json.loads((copied_run / "run.json").read_text())
    assert {key: document[key] for key in ("metrics", "honest")} == {
        key: run[key] for key in ("metrics", "honest")
    }
    assert document["robustness"]["parts"]


def refused(answer: Told, message: str) -> None:
    assert answer.code == 2
    assert message in answer.err


def test_report_with_an_unknown_study_is_refused(tutti: Tutti, copied_run: Path) -> None:
    refused(
        tutti("report", copied_run, "--with", "horoscope"),
        "--with must be one of attribution, montecarlo, was 'horoscope'",
    )


def test_report_of_bars_that_changed_is_refused(tutti: Tutti, copied_run: Path) -> None:
    path = copied_run / "run.json"
    run = json.loads(path.read_text())
    moved = Path(run["data_files"][0]["path"])
    copy = copied_run / moved.name
    copy.write_text(moved.read_text().replace(",1000\n", ",999\n", 1))
    run["data_files"][0]["path"] = str(copy)
    path.write_text(json.dumps(run))
    refused(tutti("report", copied_run, "--with", "montecarlo"), "not the file that the run was")


def test_report_of_a_run_without_ledger_takes_nothing_apart(tutti: Tutti, copied_run: Path) -> None:
    path = copied_run / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ledger_hash": ""}))
    refused(tutti("report", copied_run, "--with", "attribution"), "keeps no ledger to take apart")
