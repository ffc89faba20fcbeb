"""Studies of a finished backtest that its report shows: worked out when asked for, kept beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from tutti.app.backtest import read_source
from tutti.app.settings import Config
from tutti.app.studies.attribute import attribute_run
from tutti.app.studies.montecarlo import Draw, run_montecarlo
from tutti.model.errors import ConfigError, DataError
from tutti.sandbox.montecarlo.outcome import LEVELS
from tutti.sandbox.result import json_value, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tutti.model.market import MarketBlock
    from tutti.sandbox.result import BacktestResult

    Progress = Callable[[int, int, str], None]

KINDS = ("attribution", "montecarlo")
"""Studies that can be asked for; others are made with the run."""

N_PATHS = 200
"""Paths of a Monte Carlo study unless told otherwise: enough for a fan, not for its tails."""


def with_studies(
    folder: Path,
    result: BacktestResult,
    kinds: Sequence[str],
    progress: Progress,
    *,
    n_paths: int = N_PATHS,
) -> BacktestResult:
    """Return the result with studies of it, which are also left in its folder.

    Parameters
    ----------
    folder : Path
        Of the run.
    kinds : sequence of str
        Of `KINDS`.

    Raises
    ------
    ConfigError
        If there is no such study, or the run has no ledger to take apart.
    DataError
        If the bars are no longer those that the run was made on.
    """
    studies = dict(result.studies)
    for kind in kinds:
        if kind not in KINDS:
            raise ConfigError(f"--with must be one of {', '.join(KINDS)}, was {kind!r}")
        if kind == "attribution":
            studies[kind] = _attribution(folder, result)
        else:
            studies[kind] = _montecarlo(result, n_paths, progress)
        text = f"{json.dumps(studies[kind], indent=2, allow_nan=False)}\n".encode()
        write_atomically(folder / f"{kind}.json", methodcaller("write", text))
    return replace(result, studies=studies)


def _attribution(folder: Path, result: BacktestResult) -> dict[str, Any]:
    if not result.ledger_hash:
        raise ConfigError(
            f"{folder}: the fast tier keeps no ledger to take apart; run it with --tier event"
        )
    study: dict[str, Any] = json_value(attribute_run(folder).to_dict())
    return study


def _montecarlo(result: BacktestResult, n_paths: int, progress: Progress) -> dict[str, Any]:
    config = Config.model_validate(result.configuration)
    draw = Draw(n_paths=n_paths, seed=result.seed)
    found = run_montecarlo(config, _bars(result), draw, progress)
    study: dict[str, Any] = json_value(
        found.to_dict()
        | {
            "ts": found.ts.tolist(),
            "levels": list(LEVELS),
            "fan": found.fan.tolist(),
            "recorded": found.recorded.tolist(),
        }
    )
    return study


def _bars(result: BacktestResult) -> MarketBlock:
    by_kind = {kind: [file.path for file in result.data_files if file.kind == kind]
               for kind in ("bars", "funding")}  # fmt: skip
    source = read_source(
        by_kind["bars"],
        int(result.ts[0]) - result.step,
        int(result.ts[-1]),
        repair=True,
        timeframe=result.configuration["feed"]["timeframe"],
        funding=by_kind["funding"],
    )
    now = {each.path: each.sha256 for each in source.files}
    for file in result.data_files:
        if now.get(file.path) != file.sha256:
            raise DataError(f"{file.path}: not the file that the run was made on; run it anew")
    return source.block
