"""A recorded backtest runs again to the same hash; whatever was changed is named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.backtest import run_backtest
from tutti.app.config import Config, override
from tutti.app.replay import replay_run
from tutti.kernel.clock import parse_instant
from tutti.ledger.verify import verify
from tutti.model.errors import ConfigError, DataError
from tutti.sandbox.result import write_result

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.data


def _silent(done: int, total: int, note: str) -> None:
    """Take no notice."""


@pytest.fixture
def recorded(market_data: Path, tmp_path: Path) -> Path:
    """Return the folder of a backtest of two perpetuals with funding, on copies of the files."""
    for kind, name in (("ohlcv", "{}-USDC-PERP_1h"), ("funding", "{}-USDC-PERP")):
        target = tmp_path / "data" / "crypto" / kind / "hyperliquid"
        target.mkdir(parents=True)
        for coin in ("BTC", "SOL"):
            file = f"{name.format(coin)}.parquet"
            shutil.copy(market_data / "crypto" / kind / "hyperliquid" / file, target / file)
    out = tmp_path / "run"
    result = run_backtest(
        override(Config(), {"risk.max_daily_loss": 10}),
        [str(tmp_path / "data" / "crypto" / "ohlcv" / "hyperliquid" / "*.parquet")],
        parse_instant("2025-01-01"),
        parse_instant("2025-03-01"),
        "both",
        out,
        _silent,
    )
    write_result(result, out)
    assert result.n_fills > 20
    assert result.funding != 0
    assert result.parity is not None
    assert result.parity.fills_equal
    return out


def test_replay_of_a_backtest_gives_the_recorded_hash(recorded: Path) -> None:
    outcome = replay_run(recorded, _silent)
    assert outcome.equal
    assert outcome.first_difference == 0
    said = json.loads((recorded / "run.json").read_text())
    assert outcome.recorded_hash == outcome.replayed_hash == said["ledger_hash"]
    with SqliteLedgerReader(recorded) as reader:
        assert outcome.rows == verify(reader).rows


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param("hash = zeroblob(32)", id="hash"),
        pytest.param("body = replace(body, 'quantity', 'quality')", id="body"),
    ],
)
def test_replay_names_the_row_that_was_edited(recorded: Path, edit: str) -> None:
    with closing(sqlite3.connect(recorded / "ledger.sqlite")) as connection, connection:
        ((seq,),) = connection.execute("SELECT seq FROM journal WHERE kind = 'fill' LIMIT 1")
        connection.execute("DROP TRIGGER journal_no_update")
        connection.execute(f"UPDATE journal SET {edit} WHERE seq = {seq}")
    outcome = replay_run(recorded, _silent)
    assert not outcome.equal
    assert outcome.first_difference == outcome.rows == seq


def test_replay_refuses_other_data(recorded: Path) -> None:
    file = recorded.parent / "data/crypto/ohlcv/hyperliquid/SOL-USDC-PERP_1h.parquet"
    frame = pl.read_parquet(file)
    frame.with_columns(volume=pl.col("volume") * 2).write_parquet(file)
    with pytest.raises(DataError, match=r"SOL-USDC-PERP_1h.parquet: not the file"):
        replay_run(recorded, _silent)


def test_replay_of_a_configuration_that_does_not_fit_says_so(recorded: Path) -> None:
    path = recorded / "run.json"
    said = json.loads(path.read_text())
    said["configuration"]["policy"]["name_of_old"] = 1
    path.write_text(json.dumps(said))
    with pytest.raises(ConfigError, match="doesn't fit this version"):
        replay_run(recorded, _silent)


def test_replay_of_another_configuration_differs(recorded: Path) -> None:
    path = recorded / "run.json"
    said = json.loads(path.read_text())
    said["configuration"]["risk"]["care"]["stop_loss"] = 0.01
    path.write_text(json.dumps(said))
    outcome = replay_run(recorded, _silent)
    assert not outcome.equal
    # the first row names the configuration by its hash
    assert outcome.first_difference == 1
