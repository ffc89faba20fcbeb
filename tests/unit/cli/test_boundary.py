"""Every error is one line and the right exit code."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from tutti.cli.boundary import FAILED, OK, USAGE, run, spread
from tutti.model.errors import (
    AgentError,
    ConfigError,
    DataError,
    InvariantBroken,
    LedgerError,
    TuttiError,
)

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Tutti


def app_that(error: BaseException | None, answer: int | None = None) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @app.command()
    def act(*, as_json: bool = typer.Option(False, "--json")) -> int | None:
        if error is not None:
            raise error
        return answer

    @app.command()
    def other() -> None:
        return None

    return app


def test_error_that_is_its_own_cause_is_told_as_any_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = ConfigError("a")
    error.__cause__ = error
    assert run(app_that(error), ["act"]) == USAGE
    assert capsys.readouterr().err == "a\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a"), USAGE),
        (DataError("a"), USAGE),
        (LedgerError("a"), FAILED),
        (AgentError("a"), FAILED),
        (InvariantBroken("a"), FAILED),
        (TuttiError("a"), FAILED),
    ],
)
def test_error_of_ours_is_its_message_and_the_code_of_its_kind(
    error: TuttiError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app_that(error), ["act"]) == code
    assert capsys.readouterr() == ("", "a\n")


def test_error_over_many_lines_is_told_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    run(app_that(ConfigError("one\n  two\n")), ["act"])
    assert capsys.readouterr().err == "one two\n"


def test_error_for_a_machine_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app_that(DataError('bad "row" 5')), ["act", "--json"]) == USAGE
    assert json.loads(capsys.readouterr().err) == {"error": 'bad "row" 5'}


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "runs/x"),
            "runs/x: Permission denied; check the path and its permissions\n",
            USAGE,
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/x"),
            "runs/x: No space left on device; free some space\n",
            FAILED,
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "disk: No space left on device; free some space\n",
            FAILED,
        ),
    ],
)
def test_error_of_the_system_names_the_file_and_what_to_do(
    error: OSError, line: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app_that(error), ["act"]) == code
    assert capsys.readouterr() == ("", line)


def test_group_of_commands_without_one_is_told_in_one_short_line(tutti: Tutti) -> None:
    answer = tutti("ledger")
    assert answer.code == USAGE
    assert answer.err == "Missing command after tutti ledger; see tutti ledger --help\n"


def test_error_nobody_foresaw_keeps_its_traceback_in_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(app_that(RuntimeError("no idea")), ["act"]) == FAILED
    line = capsys.readouterr().err
    assert line.startswith("tutti broke: RuntimeError: no idea; the traceback is in ")
    assert line.count("\n") == 1
    file = Path(line.split(" is in ")[1].strip())
    assert "Traceback" in file.read_text()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_interrupted_command_has_failed(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app_that(error), ["act"]) == FAILED
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(("answer", "code"), [(None, OK), (0, 0), (1, 1), (3, 3)])
def test_command_that_ends_gives_its_code(answer: int | None, code: int) -> None:
    assert run(app_that(None, answer), ["act"]) == code


def test_command_that_exits_gives_its_code() -> None:
    assert run(app_that(typer.Exit(3)), ["act"]) == 3


def test_reader_that_leaves_early_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "out").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        assert run(app_that(BrokenPipeError()), ["act"]) == OK
        os.write(file.fileno(), b"goes nowhere")
    assert (tmp_path / "out").read_bytes() == b""


def test_error_on_a_terminal_is_red_unless_colour_is_unwanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    run(app_that(ConfigError("a")), ["act"])
    monkeypatch.setenv("NO_COLOR", "1")
    run(app_that(ConfigError("a")), ["act"])
    assert capsys.readouterr().err == "\x1b[31ma\x1b[0m\na\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["backtst"], "No such command 'backtst'"),
        (["backtest", "--bar", "x"], "No such option"),
        (["backtest", "--tier", "slow"], "'slow' is not one of"),
        (["backtest", "--seed", "-1"], "Invalid value for '--seed'"),
        (["why"], "Missing argument 'ORDER_ID'"),
        (["up", "--for", "soon"], "Invalid value for '--for'"),
        (["up", "--port", "70000"], "Invalid value for '--port'"),
        (["backtest", "--out"], "requires an argument"),
        (["ledger", "eat"], "No such command 'eat'"),
    ],
)
def test_command_that_can_not_be_says_why_in_one_line(
    tutti: Tutti, arguments: list[str], says: str
) -> None:
    answer = tutti(*arguments)
    assert answer.code == USAGE
    assert says in answer.err
    assert answer.err.count("\n") == 1
    assert re.search(r"; see tutti.* --help\n$", answer.err)


def test_command_that_can_not_be_is_told_to_a_machine_too(tutti: Tutti) -> None:
    answer = tutti("status", "--jsn", "--json")
    assert answer.code == USAGE
    assert "--jsn" in json.loads(answer.err)["error"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("backtest --bars a", "backtest --bars a"),
        ("backtest --bars a b c --json", "backtest --bars a --bars b --bars c --json"),
        ("backtest --bars a --bars b", "backtest --bars a --bars b"),
        (
            "backtest --funding f g --bars a b --tier fast",
            "backtest --funding f --funding g --bars a --bars b --tier fast",
        ),
        ("why abc --run x", "why abc --run x"),
        ("backtest --bars", "backtest --bars"),
        ("", ""),
    ],
)
def test_words_that_a_shell_made_of_a_pattern_all_count(given: str, meant: str) -> None:
    assert spread(given.split()) == meant.split()
