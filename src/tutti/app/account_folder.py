"""What lies in the folder of an account: its configurations, and what it left at venues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.config import config_hash, resolved
from tutti.app.settings import Config
from tutti.ledger.fold import LedgerState, fold
from tutti.model.errors import ConfigError, DataError
from tutti.sandbox.result import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import IO, Any

CONFIGURATIONS = "configurations"
"""Folder beside the ledger: each configuration that a session ran with, by its hash."""


def keep_configuration(config: Config, out: Path) -> None:
    """Keep the configuration beside the ledger, under the hash that the ledger names."""
    folder = out / CONFIGURATIONS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{config_hash(config)}.json"

    def write(file: IO[bytes]) -> None:
        file.write(json.dumps(resolved(config), indent=2).encode())

    if not path.exists():
        write_atomically(path, write)


def kept_configuration(folder: Path, digest: str) -> dict[str, Any] | None:
    """Return the settings that were kept under a hash, as they are in the file; None for none.

    Raises
    ------
    DataError
        If the file isn't one that `keep_configuration` wrote.
    """
    path = folder / CONFIGURATIONS / f"{digest}.json"
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(
            f"{path}: no configuration ({error}); put the one back that the run kept"
        ) from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: no configuration; put the one back that the run kept")
    return found


def kept_weights(folder: Path, digest: str) -> dict[str, float]:
    """Return the weight of each agent in the settings kept under a hash; none where none were.

    Raises
    ------
    DataError
        If the file isn't one that `keep_configuration` wrote.
    """
    kept = kept_configuration(folder, digest)
    if kept is None:
        return {}
    try:
        return {each["name"]: float(each["weight"]) for each in kept["agents"]}
    except (KeyError, TypeError, ValueError) as error:
        path = folder / CONFIGURATIONS / f"{digest}.json"
        raise DataError(f"{path}: no weights of agents in it ({error!r})") from error


def as_recorded(settings: Mapping[str, Any], path: Path) -> Config:
    """Return the configuration of a run from what was recorded of it in the file ``path``.

    Raises
    ------
    ConfigError
        If another version recorded it, so that it can't be used.
    """
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(
            f"{path}: the recorded configuration doesn't fit this version ({error.error_count()} "
            "problems); use the version that recorded it"
        ) from error


def left_behind(folder: Path) -> LedgerState:
    """Return what an earlier session on a folder left: orders at the venues among it."""
    if not (folder / "ledger.sqlite").exists():
        return LedgerState()
    with SqliteLedger(folder, Durability.EACH_COMMIT) as store:
        return fold(store)
