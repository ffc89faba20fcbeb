"""The command line, called as a person would, and one small run to look at."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import shutil
import signal
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest
import structlog

from tutti.cli.boundary import run
from tutti.cli.main import app
from tutti.kernel.clock import HOUR, iso

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = 1_704_067_200_000_000_000  # 2024-01-01

FAST_CONFIG = """\
policy: {name: ema_cross, fast: 5, slow: 20}
risk: {care: {take_profit: 0, stop_loss: 0, stale_after_s: 0}}
agents: []
"""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a command answered."""

    code: int
    out: str
    err: str


class Tutti(Protocol):
    """Runs a command line."""

    def __call__(self, *arguments: str | Path) -> Told: ...


def told(*arguments: str | Path) -> Told:
    """Run a command line and return its answer."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(app, [str(argument) for argument in arguments])
    return Told(code=code, out=out.getvalue(), err=err.getvalue())


@pytest.fixture
def tutti(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tutti]:
    """Run commands in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUTTI_API_TOKEN", raising=False)
    heard = signal.getsignal(signal.SIGTERM)
    with _logging_kept():
        yield told
    signal.signal(signal.SIGTERM, heard)


@contextlib.contextmanager
def _logging_kept() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of 400 hourly bars of a random walk."""
    path = tmp_path_factory.mktemp("data") / "WALK-USDT-PERP_1h.csv"
    rng = np.random.default_rng(11)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, 400)))
    rows = ["ts,open,high,low,close,volume"]
    last = 100.0
    for t, price in enumerate(close.tolist()):
        high, low = 1.002 * max(last, price), 0.998 * min(last, price)
        rows.append(f"{iso(_START + t * HOUR)},{last},{high},{low},{price},1000")
        last = price
    path.write_text("\n".join(rows) + "\n")
    return path


@dataclass(frozen=True, kw_only=True)
class Backtested:
    """One backtest through the command line."""

    folder: Path
    document: dict[str, Any]
    answer: Told


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a configuration of a crossing of means, without agents."""
    path = tmp_path_factory.mktemp("config") / "tutti.yaml"
    path.write_text(FAST_CONFIG)
    return path


@pytest.fixture(scope="session")
def backtested(tmp_path_factory: pytest.TempPathFactory, bars: Path, config: Path) -> Backtested:
    """Return what `tutti backtest --json` left, in both tiers."""
    folder = tmp_path_factory.mktemp("run") / "out"
    with _logging_kept():
        answer = told(
            "backtest", "--bars", bars, "--config", config, "--tier", "both", "--out", folder,
            "--json",
        )  # fmt: skip
    assert answer.code == 0, answer.err
    return Backtested(folder=folder, document=json.loads(answer.out), answer=answer)


@pytest.fixture
def copied_run(tmp_path: Path, backtested: Backtested) -> Path:
    """Return a copy of the run that a test may spoil."""
    return shutil.copytree(backtested.folder, tmp_path / "copy")


@pytest.fixture
def edited_ledger(copied_run: Path) -> Path:
    """Return a run whose third record somebody changed."""
    connection = sqlite3.connect(copied_run / "ledger.sqlite")
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger'")
    kept = triggers.fetchall()
    for name, _ in kept:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("UPDATE journal SET body = 'edited' WHERE seq = 3")
    for _, sql in kept:
        connection.execute(sql)
    connection.commit()
    connection.close()
    return copied_run
