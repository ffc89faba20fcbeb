"""What lies in the folder of an account: its configurations, and what it left at venues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.config import config_hash, resolved
from tutti.ledger.fold import LedgerState, fold
from tutti.sandbox.result import write_atomically

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from tutti.app.settings import Config

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


def left_behind(folder: Path) -> LedgerState:
    """Return what an earlier session on a folder left: orders at the venues among it."""
    if not (folder / "ledger.sqlite").exists():
        return LedgerState()
    with SqliteLedger(folder, Durability.EACH_COMMIT) as store:
        return fold(store)
