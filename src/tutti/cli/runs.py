"""Where runs are kept, and which one a command means."""

from __future__ import annotations

import os
from pathlib import Path

from tutti.model.errors import ConfigError

RUNS = Path("runs")
PAPER = RUNS / "paper"
LEDGER = "ledger.sqlite"
RESULT = "run.json"
TRIALS = RUNS / "trials.sqlite"


def run_folder(given: Path | None, *, holding: str = LEDGER) -> Path:
    """Return the folder of a run: the given one, else the newest under ``runs/``.

    Parameters
    ----------
    holding : str
        File that makes a folder one of a run.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if given is None:
        found = sorted(
            (path.parent for path in RUNS.glob(f"*/{holding}")),
            key=lambda folder: (folder / holding).stat().st_mtime,
        )
        if not found:
            raise ConfigError(
                f"no run under {RUNS}/ here; name its folder, or make one with tutti backtest"
            )
        return found[-1]
    folder = given.parent if given.name == holding else given
    if not (folder / holding).is_file() and (folder / LEDGER).is_file():
        raise ConfigError(
            f"{folder}: no finished backtest here ({holding} is missing); for another run there "
            "are tutti status, why, ledger and replay"
        )
    if not (folder / holding).is_file():
        raise ConfigError(f"{folder}: no run here ({holding} is missing); name the folder of one")
    return folder


def account_folder(out: Path) -> Path:
    """Return the folder of an account, on paper or for real, that there is.

    Raises
    ------
    ConfigError
        If there is none, or a backtest's: a row more, and its ledger is not that of its results.
    """
    if not (out / LEDGER).is_file():
        raise ConfigError(f"{out}: no account here; name its folder with --out")
    if (out / RESULT).is_file():
        raise ConfigError(
            f"{out}: holds the results of a backtest; name the folder of an account with --out"
        )
    return out


def usable(out: Path) -> Path:
    """Return a folder that can be written to, or made.

    Raises
    ------
    ConfigError
        If it is a file, or may not be written to.
    """
    existing = out
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise ConfigError(f"{existing}: a file, not a folder; choose another --out")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise ConfigError(f"{existing}: may not be written to; choose another --out")
    return out
