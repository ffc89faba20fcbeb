"""Run a measurement in a process of its own and read off what it cost and what it said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
_OURS = ROOT / ".venv" / "bin" / "python"
_PEERS = ROOT / ".venv-peers" / "bin" / "python"
_LIMIT_S = 900.0
_KIB = 1024
# Left over from the make that may have called us: the make of a fresh clone is not its child.
_OF_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "VIRTUAL_ENV")


class Broken(Exception):
    """A measurement did not come to an end; the message is the last thing it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a process printed and what it cost, its children that it waited for included."""

    out: str
    wall_s: float
    cpu_s: float
    peak_rss_mb: float


def python() -> Path:
    """Return the interpreter that Tutti is installed for."""
    return _OURS if _OURS.exists() else Path(sys.executable)


def peers_python() -> Path | None:
    """Return the interpreter that the other engines are installed for; None where they aren't."""
    return _PEERS if _PEERS.exists() else None


def answer(interpreter: Path, script: str, *arguments: str | Path, cwd: Path) -> dict[str, Any]:
    """Run a script of this folder and return the JSON object that is its last line.

    Raises
    ------
    Broken
        If it fails.
    """
    ended = run([interpreter, HERE / script, *arguments], cwd=cwd)
    found: dict[str, Any] = json.loads(ended.out.strip().rpartition("\n")[2])
    return found


def run(command: list[str | Path], *, cwd: Path) -> Ended:
    """Run a command to its end.

    Raises
    ------
    Broken
        If its exit code isn't 0.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        began = time.perf_counter()
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
            cwd=cwd,
            env=_environment(),
        )
        # not Popen.wait: only this tells the cost of this child alone
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        if child.returncode:
            words = complained.read().decode(errors="replace").strip().rpartition("\n")[2]
            name = " ".join(Path(part).name for part in command[:3])
            raise Broken(f"{name} ended with {child.returncode}: {words or 'no message'}")
        peak = usage.ru_maxrss / (_KIB if sys.platform != "darwin" else _KIB * _KIB)
        return Ended(
            out=said.read().decode(),
            wall_s=wall,
            cpu_s=usage.ru_utime + usage.ru_stime,
            peak_rss_mb=round(peak, 1),
        )


def until(command: list[str], found: Callable[[str], bool], *, cwd: Path) -> list[str]:
    """Run a command until it prints a line that is looked for, then stop it; return its lines.

    Raises
    ------
    Broken
        If it ends before, or prints no such line in good time.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env=_environment(),
        start_new_session=True,
    )
    lines: list[str] = []
    try:
        for line in _lines(child):
            lines.append(line.rstrip())
            if found(line):
                return lines
    finally:
        _stop(child)
    last = lines[-1] if lines else "nothing"
    raise Broken(f"{' '.join(command[:2])} never came to it, the last line: {last}")


def _lines(child: subprocess.Popen[str]) -> Iterator[str]:
    # a child that hangs without a word is ended, which ends its output
    assert child.stdout is not None
    previous = signal.signal(signal.SIGALRM, lambda *_: _stop(child))
    signal.alarm(round(_LIMIT_S))
    try:
        yield from child.stdout
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def _stop(child: subprocess.Popen[str]) -> None:
    # with its children: it leads a session of its own
    for number in (signal.SIGINT, signal.SIGKILL):
        if child.poll() is None:
            os.killpg(child.pid, number)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                continue


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in _OF_MAKE}
