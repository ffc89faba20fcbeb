"""The bars of recorded runs, had again or not."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.account_folder import CONFIGURATIONS, keep_configuration
from tutti.app.backtest import Source, read_source
from tutti.app.config import Config, override
from tutti.app.feed import made_up, recorded
from tutti.app.paper import Opening, PaperAccount
from tutti.app.studies.attribute import attribute_run
from tutti.app.studies.recorded_bars import RecordedBars, bars_again
from tutti.kernel.clock import iso
from tutti.ledger.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.feed import Market

_START = 1_704_067_200_000_000_000
_CONFIG = override(
    Config(),
    {
        "agents": (),
        "feed.tick_s": 3600,
        "feed.warm_up_bars": 30,
        "feed.simulated.symbols": ["BTC-USDT-PERP.SIM", "ETH-USDT-PERP.SIM"],
        "policy.name": "ema_cross",
        "policy.fast": 2,
        "policy.slow": 5,
        "risk.care.cooldown_s": 0,
    },
)


def _trade(
    folder: Path, market: Market, config: Config = _CONFIG, *, kept: Config | None = None
) -> None:
    keep_configuration(kept or config, folder)
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    account = PaperAccount(config, market, store, Opening(run_id="paper"))
    for tick in islice(account.ticks, 150):
        account.process(tick)
    account.stop("for now")


def _again(folder: Path) -> RecordedBars:
    with SqliteLedgerReader(folder) as ledger:
        return bars_again(folder, ledger)


def test_simulated_market_is_made_again_from_its_seed(tmp_path: Path) -> None:
    _trade(tmp_path, made_up(_CONFIG, _START))
    found = _again(tmp_path)
    assert found.block is not None
    assert found.config == _CONFIG
    assert np.array_equal(found.block.close[:100], made_up(_CONFIG, _START).sample().close[:100])
    assert found.block.step == made_up(_CONFIG, _START).step
    told = attribute_run(tmp_path)
    assert told.attribution.has_timing
    assert told.residual == 0
    assert told.recorded_equity == pytest.approx(float(told.end_equity), abs=1e-8)
    assert len(told.attribution.cells) >= 2


def test_market_of_another_seed_is_not_taken_for_the_recorded_one(tmp_path: Path) -> None:
    other = made_up(override(_CONFIG, {"seed": 8}), _START)
    _trade(tmp_path, other)
    found = _again(tmp_path)
    assert found.block is None
    assert found.why == "the market can't be made again as it was"
    assert not attribute_run(tmp_path).attribution.has_timing


def test_replayed_bars_are_read_again_where_they_are_the_same(
    source: Source, tmp_path: Path
) -> None:
    bars = tmp_path / "A-USDT-PERP_1h.csv"
    block = source.block
    rows = ["ts,open,high,low,close,volume"]
    for t, ts in enumerate(block.ts.tolist()):
        sides = (block.open, block.high, block.low, block.close, block.volume)
        rows.append(",".join([iso(ts), *(repr(float(each[t, 0])) for each in sides)]))
    bars.write_text("\n".join(rows) + "\n")
    config = override(_CONFIG, {"feed.kind": "replay", "feed.bars": [str(bars)]})
    read = read_source([str(bars)], None, None, repair=False, timeframe=None, funding=None)
    folder = tmp_path / "run"
    folder.mkdir()
    _trade(folder, recorded(read), config)
    found = _again(folder)
    assert found.block is not None
    assert np.array_equal(found.block.close, read.block.close, equal_nan=True)
    bars.write_text(bars.read_text() + "\n")
    assert "not the file that was recorded" in _again(folder).why


def test_run_without_its_configuration_has_no_bars(tmp_path: Path) -> None:
    _trade(tmp_path, made_up(_CONFIG, _START))
    (path,) = (tmp_path / CONFIGURATIONS).iterdir()
    path.write_text('{"seed": "seven"}')
    assert "doesn't fit this version (1 problems)" in _again(tmp_path).why
    path.unlink()
    assert _again(tmp_path) == RecordedBars(why="the bars of the run were not kept")


def test_empty_ledger_has_no_bars(tmp_path: Path) -> None:
    Journal(SqliteLedger(tmp_path, Durability.BATCHED), "empty").close()
    assert _again(tmp_path).why == "nothing was recorded"
