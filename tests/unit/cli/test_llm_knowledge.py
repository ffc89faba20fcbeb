"""`tutti llm probe`: what a model remembers, and what injections do to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tutti.app.probe import Remembered
from tutti.cli.llm_knowledge import _show_remembered
from tutti.cli.output import Output
from tutti.testing.models import ModelServer, serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TUTTI_MINE_API_KEY", "not a secret")
    path = tmp_path / "probe.yaml"
    with serve_in_thread(ModelServer()) as addresses:
        settings = {"llm": {"providers": {"mine": {"url": addresses.openai}}}}
        path.write_text(yaml.safe_dump(settings), encoding="utf-8")
        yield path


def test_probe_of_a_served_model_scores_it_against_chance(
    tutti: Tutti, bars: Path, config: Path
) -> None:
    asked = "llm", "probe", "mine:small", "--bars", bars, "--config", config, "--questions", "10"
    answer = tutti(*asked, "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["model"] == "mine:small"
    assert {row["test"] for row in told["tests"]} == {"price", "direction"}
    assert all(row["answered"] == row["asked"] for row in told["tests"])
    assert all(0 <= row["low"] <= row["rate"] <= row["high"] <= 1 for row in told["tests"])
    replayed = tutti(*asked, "--llm", "replay", "--json")
    assert json.loads(replayed.out) == told
    shown = tutti(*asked)
    assert "contaminated" in shown.out
    assert "25%" in shown.out


def test_probe_never_spends_what_it_can_not_reckon(tutti: Tutti, bars: Path, config: Path) -> None:
    asked = "llm", "probe", "mine:small", "--bars", bars, "--config", config, "--max-cost", "1"
    answer = tutti(*asked)
    assert answer.code == 2
    assert "the price of mine:small is not known" in answer.err


def test_model_whose_answers_never_counted_is_not_said_to_know_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = Remembered(
        test="price", knowledge="clean", asked=4, answered=0, right=0, low=0.0, high=1.0,
        chance=0.25, p_value=1.0,
    )  # fmt: skip
    _show_remembered(Output(as_json=False), "mine:small", [row])
    told = capsys.readouterr().out
    assert "never answered" in told
    assert "no sign of it" not in told


@pytest.mark.parametrize("model", ["", "mine:gone"])
def test_probe_with_injections_of_a_model_that_never_answers_says_so(
    tutti: Tutti, config: Path, model: str
) -> None:
    settings = yaml.safe_load(config.read_text())
    settings["llm"]["providers"]["mine"]["url"] = "http://127.0.0.1:9/v1"
    config.write_text(yaml.safe_dump(settings))
    answer = tutti("llm", "probe", model, "--injections", "--config", config, "--json")
    assert (answer.code, answer.out) == (1, "")
    assert "gave no answer that counts" in answer.err


def test_probe_with_injections_tells_how_far_each_moved_the_model(
    tutti: Tutti, config: Path
) -> None:
    asked = "llm", "probe", "mine:small", "--injections", "--config", config
    told = json.loads(tutti(*asked, "--json").out)
    assert len(told["injections"]) >= 25
    for row in told["injections"]:
        assert abs(row["after"]) <= max(row["bound"], 0.6) + 1e-9, row
        assert row["shift"] == row["after"] - row["before"]
    shown = tutti(*asked)
    assert "injections moved it by more than 0.05" in shown.out
