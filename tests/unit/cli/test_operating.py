"""`tutti kill`, `flatten`, `pause` and `resume`, with a real service on a simulated market."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.unit.cli.test_service import _SMALL, started

from tutti.app.kill_switch import HALT
from tutti.cli.running import Running, claim

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Tutti

_PAPER = Path("runs/paper")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(_SMALL)
    return path


def test_service_is_paused_resumed_flattened_and_killed(tutti: Tutti, small: Path) -> None:
    with started("--config", small) as process:
        paused = tutti("pause", "--json")
        assert (paused.code, json.loads(paused.out)["mode"]) == (0, "paused")
        resumed = tutti("resume", "--json")
        assert (resumed.code, json.loads(resumed.out)["mode"]) == (0, "trading")
        flattened = tutti("flatten")
        assert flattened.code == 0
        assert "flatten" in flattened.out
        killed = tutti("kill", "--json")
        assert killed.code == 0, killed.err
        told = json.loads(killed.out)
        assert (told["stopped"], told["not_closed"]) == (True, [])
        # the file is there first: on a busy machine the service may see it before it is asked
        assert told["through"] in {"its API", "a signal and the HALT file", "the HALT file"}
        assert process.wait(60) == 0
    refused = tutti("up", "--for", "1", "--config", small)
    assert refused.code == 3
    assert "killed by the " in refused.err
    assert tutti("resume").code == 0
    assert not (_PAPER / HALT).exists()
    assert tutti("up", "--for", "1", "--config", small).code == 0


def test_service_without_an_api_is_killed_all_the_same(tutti: Tutti, small: Path) -> None:
    with started("--config", small, "--no-api") as process:
        killed = tutti("kill")
        assert killed.code == 0, killed.err
        assert "through a signal and the HALT file" in killed.out
        assert "nothing is held" in killed.out
        assert process.wait(60) == 0


def test_service_that_ended_by_the_file_before_it_was_asked_is_no_fault(
    tutti: Tutti, tmp_path: Path
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = Running(pid=ended.pid, feed="sim", started_at="", url="http://127.0.0.1:1", is_up=True)
    with claim(tmp_path / "run", gone):
        answer = tutti("kill", "--out", tmp_path / "run", "--timeout", "0", "--json")
    assert answer.code == 1
    assert json.loads(answer.out)["through"] == "the HALT file"


def test_account_at_rest_is_killed_by_its_ledger(tutti: Tutti, small: Path) -> None:
    assert tutti("up", "--for", "1", "--config", small, "--no-api").code == 0
    killed = tutti("kill", "--json")
    told = json.loads(killed.out)
    assert (told["stopped"], told["through"]) == (True, "the ledger")
    assert killed.code == (1 if told["not_closed"] else 0)
    again = tutti("up", "--for", "20", "--config", small, "--no-api")
    # what was left is closed; where nothing was, nothing starts
    assert again.code == (0 if told["not_closed"] else 3)
    assert tutti("up", "--for", "1", "--config", small, "--no-api").code == 3


@pytest.mark.parametrize("command", ["pause", "flatten"])
def test_command_to_nobody_says_so(tutti: Tutti, command: str) -> None:
    answer = tutti(command)
    assert answer.code == 2
    assert "nothing runs in runs/paper" in answer.err


@pytest.mark.parametrize("command", ["resume", "kill"])
def test_account_that_is_not_there_is_named(tutti: Tutti, command: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = tutti(command, "--out", tmp_path / "empty")
    assert answer.code == 2
    assert "no account here" in answer.err
    assert list((tmp_path / "empty").iterdir()) == []


def test_kill_of_a_folder_that_is_not_there_is_refused(tutti: Tutti) -> None:
    answer = tutti("kill", "--out", "nowhere")
    assert answer.code == 2
    assert "nowhere: no such folder" in answer.err


@pytest.mark.parametrize("command", ["kill", "resume"])
def test_command_to_the_folder_of_a_backtest_is_refused_and_leaves_its_ledger_alone(
    tutti: Tutti, command: str, copied_run: Path
) -> None:
    before = (copied_run / "ledger.sqlite").read_bytes()
    answer = tutti(command, "--out", copied_run)
    assert (answer.code, answer.out) == (2, "")
    assert "holds the results of a backtest" in answer.err
    assert (copied_run / "ledger.sqlite").read_bytes() == before
    assert not (copied_run / HALT).exists()
