"""What lies in the folder of an account: its configurations, its market, what it left at venues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.backtest import read_source
from tutti.app.config import config_hash, resolved
from tutti.app.feed import made_up, recorded
from tutti.kernel.clock import SECOND
from tutti.ledger.fold import LedgerState, fold
from tutti.model.errors import ConfigError
from tutti.sandbox.result import write_atomically

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from tutti.app.feed import Market
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


def open_market(config: Config, feed: str, bars: list[str], state: LedgerState, now: int) -> Market:
    """Return the market that an account follows, from where its ledger began.

    Raises
    ------
    ConfigError
        If the feed is of no known kind.
    """
    match feed:
        case "sim":
            step = round(config.feed.tick_s * SECOND)
            begin = now // step * step if state.started is None else state.began
            return made_up(config, begin - config.feed.warm_up_bars * step)
        case "replay":
            settings = config.feed
            source = read_source(
                bars, None, None, repair=settings.repair, timeframe=settings.timeframe,
                funding=list(settings.funding) or None,
            )  # fmt: skip
            return recorded(source)
        case _:
            raise ConfigError(f"feed must be sim, replay or live, was {feed!r}")


def left_behind(folder: Path) -> LedgerState:
    """Return what an earlier session on a folder left: orders at the venues among it."""
    if not (folder / "ledger.sqlite").exists():
        return LedgerState()
    with SqliteLedger(folder, Durability.EACH_COMMIT) as store:
        return fold(store)
