"""The bars that a recorded run saw, read or made again where that is possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.app.account_folder import CONFIGURATIONS, as_recorded, kept_configuration
from tutti.app.backtest import read_source
from tutti.app.config import Config
from tutti.app.feed import made_up
from tutti.kernel.clock import SECOND, parse_instant
from tutti.ledger.kinds import Segment, Started
from tutti.ledger.records import decode
from tutti.ledger.segments import load
from tutti.model.errors import ConfigError, DataError
from tutti.model.market import MarketBlock
from tutti.sandbox.saved_shapes import read_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tutti.ledger.store import LedgerReader, Row

_RUN = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBars:
    """What a run saw.

    Parameters
    ----------
    block : MarketBlock or None
        None where it can't be had again; ``why`` says so.
    config : Config or None
        None where it was not kept.
    """

    block: MarketBlock | None = None
    config: Config | None = None
    why: str = ""


def bars_again(folder: Path, ledger: LedgerReader) -> RecordedBars:
    """Return the bars of the run in ``folder``: from its files, or from its seed."""
    first = next(ledger.rows(kinds=["started"]), None)
    if first is None:
        return RecordedBars(why="nothing was recorded")
    try:
        return _of_backtest(folder, first) or _of_paper(folder, first, ledger)
    except (ConfigError, DataError) as error:
        return RecordedBars(why=str(error))


def _of_backtest(folder: Path, first: Row) -> RecordedBars | None:
    path = folder / _RUN
    if not path.is_file():
        return None
    recorded = read_run(path)
    config = as_recorded(recorded["configuration"], path)
    kinds = {each["path"]: each.get("kind", "bars") for each in recorded["data_files"]}
    try:
        block = _read(
            decode(first, Started), kinds, config,
            parse_instant(recorded["start"]) - int(recorded["step"]),
            parse_instant(recorded["end"]),
        )  # fmt: skip
    except (ConfigError, DataError) as error:
        return RecordedBars(config=config, why=str(error))
    return RecordedBars(block=block, config=config)


def _of_paper(folder: Path, first: Row, ledger: LedgerReader) -> RecordedBars:
    started = decode(first, Started)
    path = folder / CONFIGURATIONS / f"{started.configuration}.json"
    kept = kept_configuration(folder, started.configuration)
    if kept is None:
        return RecordedBars(why="the bars of the run were not kept")
    config = as_recorded(kept, path)
    last = next(ledger.rows(newest_first=True)).ts
    match config.feed.kind:
        case "sim":
            step = round(config.feed.tick_s * SECOND)
            block = made_up(config, first.ts - config.feed.warm_up_bars * step).history(last)
        case "replay":
            block = _read(started, {}, config, None, None)
        case kind:
            return RecordedBars(config=config, why=f"a market of kind {kind} can't be had again")
    if block is None or not _agrees(block, ledger):
        return RecordedBars(config=config, why="the market can't be made again as it was")
    return RecordedBars(block=block, config=config)


def _read(
    started: Started,
    kinds: Mapping[str, str],
    config: Config,
    start: int | None,
    end: int | None,
) -> MarketBlock:
    paths = [each.path for each in started.data]
    source = read_source(
        [path for path in paths if kinds.get(path) != "funding"],
        start,
        end,
        repair=True,
        timeframe=config.feed.timeframe,
        funding=[path for path in paths if kinds.get(path) == "funding"],
    )
    now = {each.path: each.sha256 for each in source.files}
    for each in started.data:
        if now.get(each.path) != each.sha256:
            raise DataError(f"{each.path}: not the file that was recorded")
    return source.block


def _agrees(block: MarketBlock, ledger: LedgerReader) -> bool:
    # the ledger holds the closes that were decided on
    for row in ledger.rows(kinds=["segment"]):
        arrays = load(ledger, decode(row, Segment))
        rows = np.searchsorted(block.known_at, arrays["ts"])
        if rows[-1] >= len(block) or not np.array_equal(block.known_at[rows], arrays["ts"]):
            return False
        if not np.array_equal(block.close[rows], arrays["close"], equal_nan=True):
            return False
    return True
