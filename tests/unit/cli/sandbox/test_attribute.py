"""`tutti sandbox attribute`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Backtested, Tutti


def test_attribute_of_a_run_adds_up_to_its_profit(
    tutti: Tutti, backtested: Backtested, copied_run: Path
) -> None:
    answer = tutti("sandbox", "attribute", copied_run, "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    profit = backtested.document["final_equity"] - backtested.document["starting_balance"]
    assert document["total"] == pytest.approx(profit, abs=1e-9)
    assert sum(document["components"].values()) == pytest.approx(document["total"], abs=1e-9)
    assert set(document["by"]) == {"agent", "instrument", "venue", "regime", "side"}
    assert document["residual"] == 0.0
    assert document["notes"] == []


def test_attribute_of_bars_runs_and_leaves_a_backtest(
    tutti: Tutti, bars: Path, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    answer = tutti(
        "sandbox", "attribute", "--bars", bars, "--config", config, "--out", out, "--by",
        "side,regime", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert list(document["by"]) == ["side,regime"]
    assert {"side", "regime", "total", "signal"} <= set(document["by"]["side,regime"][0])
    assert json.loads((out / "attribution.json").read_text()) == document
    page = tutti("report", out, "--json")
    assert "Where it came from" in (out / "report.html").read_text(), page.err
    again = json.loads(tutti("sandbox", "attribute", out, "--by", "side,regime", "--json").out)
    assert again == document


def test_attribute_tells_people_parts_and_breakdowns(tutti: Tutti, copied_run: Path) -> None:
    (copied_run / "run.json").unlink()
    answer = tutti("sandbox", "attribute", copied_run, "--by", "side")
    assert answer.code == 0, answer.err
    assert "slippage" in answer.out
    assert "\n long" in answer.out
    assert "note: the bars of the run were not kept" in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "mood"), "--by must be one of agent, instrument, venue, regime, side, was 'mood'"),
        (("--by", "side,side"), "name each once"),
        (("a-run", "--bars", "x.csv"), "exclude each other"),
        (("nowhere",), "no run here"),
    ],
)  # fmt: skip
def test_attribute_without_what_it_needs_is_a_line_and_code_2(
    tutti: Tutti, arguments: tuple[str, ...], said: str
) -> None:
    answer = tutti("sandbox", "attribute", *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
