"""`tutti compare`: folders in, differences out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Backtested, Tutti


@pytest.fixture
def other(tmp_path: Path, backtested: Backtested) -> Path:
    """Return a copy of the run with another setting and another end."""
    folder = shutil.copytree(backtested.folder, tmp_path / "other")
    run = json.loads((folder / "run.json").read_text())
    run["configuration"]["policy"]["fast"] = 6
    run["final_equity"] += 10.0
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def test_compare_tells_machines_what_differs(
    tutti: Tutti, backtested: Backtested, other: Path
) -> None:
    answer = tutti("compare", backtested.folder / "run.json", other, "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["runs"] == [backtested.folder.name, "other"]
    assert document["configuration"]["differing"] == {"policy.fast": [5, 6]}
    assert set(document["results"]["differing"]) == {"final_equity", "total_return"}
    assert document["against_the_first"][0]["first_different_fill"] is None


def test_compare_tells_people_and_writes_a_page(
    tutti: Tutti, backtested: Backtested, other: Path
) -> None:
    answer = tutti("compare", backtested.folder, other, "--out", "new/compare.html")
    assert answer.code == 0, answer.err
    assert "Configuration: 1 differ" in answer.out
    assert "Data: no difference" in answer.out
    assert "fills are equal" in answer.out
    assert "policy.slow" not in answer.out
    assert Path("new/compare.html").read_text().startswith("<!doctype html>")
    assert "policy.slow" in tutti("compare", backtested.folder, other, "--all").out


def test_runs_of_one_name_are_told_apart(
    tutti: Tutti, backtested: Backtested, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        shutil.copytree(backtested.folder, tmp_path / name / "run")
    document = json.loads(tutti("compare", "a/run", "b/run", "--json").out)
    assert document["runs"] == ["a/run", "b/run"]


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (["{run}"], "two runs or more"),
        (["{run}", "{run}"], "named twice"),
        (["{run}", "nowhere"], "nowhere: no finished backtest here"),
    ],
)
def test_runs_that_can_not_be_compared_are_refused(
    tutti: Tutti, backtested: Backtested, runs: list[str], message: str
) -> None:
    answer = tutti("compare", *(run.format(run=backtested.folder) for run in runs))
    assert answer.code == 2
    assert message in answer.err
