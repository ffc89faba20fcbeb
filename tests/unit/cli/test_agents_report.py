"""`tutti agents report`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.agents.llm.port import Call
from tutti.agents.llm.recorded import Outcome
from tutti.kernel.clock import HOUR

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti

_START = 1_704_067_200_000_000_000
_PANEL = "agents: [{name: momentum_hunter}, {name: mean_reversion, weight: 2}]\n"


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    path = tmp_path / "panel.yaml"
    path.write_text(_PANEL)
    return path


def test_report_over_bars_prints_the_promised_rows_and_writes_three_files(
    tutti: Tutti, bars: Path, panel: Path, tmp_path: Path
) -> None:
    answer = tutti(
        "agents", "report", "--config", panel, "--bars", bars, "--samples", "100",
        "--out", tmp_path / "new" / "page.html", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    rows = {row["name"]: row for row in document["agents"]}
    assert list(rows) == ["momentum_hunter", "mean_reversion"]
    assert rows["mean_reversion"]["weight"] == 2.0
    assert 0.0 < rows["mean_reversion"]["brier"] < 1.0
    assert sum(row["worth"] for row in rows.values()) == pytest.approx(document["panel"]["sharpe"])
    folder = tmp_path / "new"
    assert {each.name for each in folder.iterdir()} == {
        "page.html",
        "agents.json",
        "calibration.json",
    }
    assert json.loads((folder / "agents.json").read_text()) == document
    assert "<title>Agents</title>" in (folder / "page.html").read_text()


def test_report_on_a_run_counts_what_its_models_cost(
    tutti: Tutti, bars: Path, panel: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert tutti("backtest", "--config", panel, "--bars", bars, "--out", run).code == 0
    call = Call(
        agent="mean_reversion", as_of=_START + 9 * HOUR, model="openai:m", system="", user="?"
    )
    with SqliteCallRecords(run / "llm.sqlite") as records:
        outcome = Outcome(kind="answer", text="", latency=1, cost_usd=Decimal("0.125"))
        records.keep(call, outcome, ts=1)
    answer = tutti("agents", "report", run, "--samples", "100", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert [row["cost_usd"] for row in document["agents"]] == [0.0, 0.125]
    assert document["report"] == str(run / "agents.html")
    # what the backtest wrote is as it was
    assert (run / "report.html").is_file()


def test_report_for_people_says_who_was_worth_something(
    tutti: Tutti, bars: Path, panel: Path, tmp_path: Path
) -> None:
    answer = tutti(
        "agents", "report", "--config", panel, "--bars", bars, "--samples", "100",
        "--out", tmp_path / "page.html",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "the panel together: Sharpe ratio" in answer.out
    assert "by more than chance" in answer.out
    assert all(len(line) <= 120 for line in answer.out.splitlines() if "─" in line)


def test_calibration_of_a_report_is_taken_by_a_backtest(
    tutti: Tutti, bars: Path, panel: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    tutti("agents", "report", "--config", panel, "--bars", bars, "--folds", "2", "--out", page)
    calibrated = tmp_path / "calibrated.yaml"
    calibrated.write_text(f"{_PANEL}worth: {{calibration: {tmp_path / 'calibration.json'}}}\n")
    answer = tutti(
        "backtest", "--config", calibrated, "--bars", bars, "--tier", "both",
        "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["parity"]["fills_equal"]
    assert tutti("replay", tmp_path / "run", "--json").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--bars", "x.csv"), "exclude each other"),
        (("--start", "2024-01-01"), "go with --bars"),
        (("nowhere",), "no run here"),
    ],
)
def test_report_refuses_what_does_not_go_together(
    tutti: Tutti, arguments: tuple[str, ...], message: str
) -> None:
    answer = tutti("agents", "report", *arguments)
    assert answer.code == 2
    assert message in answer.err


def test_next_weights_are_written_into_a_file_of_agents(
    tutti: Tutti, bars: Path, panel: Path, tmp_path: Path
) -> None:
    agents = tmp_path / "agents.yaml"
    agents.write_text("# mine\n" + _PANEL)
    arguments = (
        "agents", "report", "--config", panel, "--bars", bars, "--samples", "100",
        "--out", tmp_path / "page.html", "--json", "--follow",
    )  # fmt: skip
    answer = tutti(*arguments, agents)
    assert answer.code == 0, answer.err
    rows = {row["name"]: row for row in json.loads(answer.out)["agents"]}
    for row in rows.values():
        assert abs(row["next_weight"] - row["weight"]) <= 0.1 * row["weight"] + 1e-12
    written = agents.read_text()
    assert written.startswith("# mine")
    weight = rows["mean_reversion"]["next_weight"]
    assert f"weight: {round(weight, 6):.12g}" in written
    assert "no such file" in tutti(*arguments, tmp_path / "none.yaml").err
