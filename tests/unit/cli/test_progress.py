"""How far long work is."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import numba

from tutti.cli.progress import FIRST_START, PlainProgress, progress

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class Terminal(io.StringIO):
    """Text that passes for a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_in_a_pipe_is_a_line_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    report = PlainProgress()
    for done in range(0, 1001, 7):
        report(done, 1000, "reading")
    report(1000, 1000, "reading")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "reading: 10 % (105 of 1,000)"
    assert lines[-1] == "reading: 100 % (1,000 of 1,000)"


def test_progress_of_the_next_work_starts_anew(capsys: pytest.CaptureFixture[str]) -> None:
    report = PlainProgress()
    report(5, 5, "reading")
    report(5, 10, "deciding")
    report(0, 0, "nothing")
    assert capsys.readouterr().err.splitlines() == [
        "reading: 100 % (5 of 5)",
        "deciding: 50 % (5 of 10)",
    ]


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with progress() as report:
        report(1, 4, "deciding")
        report(4, 4, "deciding")
    assert "deciding" in screen.getvalue()


def test_progress_elsewhere_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as report:
        report(1, 2, "deciding")
    assert capsys.readouterr().err.splitlines()[-1] == "deciding: 50 % (1 of 2)"


def test_first_start_is_told_once_and_only_when_work_begins(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "none"))
    with progress() as report:
        assert capsys.readouterr().err == ""
        for done in (0, 1, 2):
            report(done, 2, "reading")
    assert capsys.readouterr().err.splitlines()[0] == FIRST_START
    (tmp_path / "kernel.nbc").write_bytes(b"")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    with progress() as report:
        report(0, 2, "reading")
    assert capsys.readouterr().err == ""
