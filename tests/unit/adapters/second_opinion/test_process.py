"""Which Python runs NautilusTrader, and what is said where none can."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.unit.adapters.second_opinion.conftest import order

from tutti.adapters.second_opinion import process
from tutti.adapters.second_opinion.process import interpreter, replay_on_nautilus
from tutti.model.errors import ConfigError, TuttiError

if TYPE_CHECKING:
    from tests.unit.adapters.second_opinion.conftest import RequestMaker


def _program(tmp_path: Path, text: str) -> Path:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def test_interpreter_is_this_one_where_nautilus_is_installed() -> None:
    pytest.importorskip("nautilus_trader", reason="NautilusTrader is not installed")
    assert interpreter(None) == Path(sys.executable)
    assert interpreter(Path(sys.executable)) == Path(sys.executable)


def test_absent_nautilus_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PACKAGE", "no_such_package_anywhere")
    with pytest.raises(ConfigError, match=r"not installed here: pip install .* or name a Python"):
        interpreter(None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("exit 3", "has no NautilusTrader; there: pip install", id="without"),
        pytest.param("exit 1", "is no Python", id="another program"),
    ],
)
def test_named_python_that_will_not_do_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        interpreter(_program(tmp_path, text))


def test_named_python_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"can.t be run .No such file"):
        interpreter(tmp_path / "absent")


def test_broken_replay_says_the_last_line_of_why(
    tmp_path: Path, make_request: RequestMaker
) -> None:
    broken = _program(
        tmp_path, "echo 'Traceback ...' >&2; echo 'ValueError: no such thing' >&2; exit 1"
    )
    with pytest.raises(TuttiError, match=r"exit code 1\): ValueError: no such thing"):
        replay_on_nautilus(make_request([order(1, 1, +1, "2")]), broken)


def test_replay_runs_in_a_process_of_its_own(make_request: RequestMaker) -> None:
    pytest.importorskip("nautilus_trader", reason="NautilusTrader is not installed")
    replay = replay_on_nautilus(make_request([order(1, 1, +1, "2")]), Path(sys.executable))
    assert replay.engine.startswith("NautilusTrader 1.")
    assert len(replay.fills) == 1
