"""Compares finished runs by their folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tutti.app.recorded import recorded_result
from tutti.model.errors import ConfigError
from tutti.sandbox.differences import Comparison, compare
from tutti.sandbox.saved import load_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.sandbox.result import BacktestResult

_FEWEST = 2


def compare_runs(folders: Sequence[Path]) -> Comparison:
    """Return what differs between the runs in the folders, named as briefly as tells them apart.

    Raises
    ------
    ConfigError
        If there are fewer than two, one is named twice, or one holds no run.
    DataError
        If a file of a run was changed so that it can't be read.
    """
    if len(folders) < _FEWEST:
        raise ConfigError("a comparison takes two runs or more; name their folders")
    places = [folder.resolve() for folder in folders]
    for index, place in enumerate(places):
        if place in places[:index]:
            raise ConfigError(f"{folders[index]}: named twice; name each run once")
    return compare(list(zip(_names(places), map(_result, folders), strict=True)))


def _result(folder: Path) -> BacktestResult:
    # a backtest leaves its result; of any other run there is the ledger
    if not (folder / "run.json").is_file() and (folder / "ledger.sqlite").is_file():
        return recorded_result(folder)
    return load_result(folder)


def _names(places: Sequence[Path]) -> list[str]:
    # as many folders from the end as it takes; whole paths always differ
    longest = max(len(place.parts) for place in places)
    tried = ([str(Path(*place.parts[-k:])) for place in places] for k in range(1, longest + 1))
    return next(names for names in tried if len(set(names)) == len(names))
