"""Which folders a backtest may write its results to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.backtest import run_backtest
from tutti.app.config import load_config
from tutti.ledger.journal import Journal
from tutti.model.errors import ConfigError
from tutti.sandbox.result import write_result

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.sandbox.result import BacktestResult


def backtest(folder: Path, tier: str = "event") -> BacktestResult:
    bars = folder.parent / "BTC-USDT_1h.csv"
    rows = [f"2024-01-01T{hour:02}:00:00Z,100,101,99,100,5" for hour in range(24)]
    bars.write_text("\n".join(["ts,open,high,low,close,volume", *rows]) + "\n")
    return run_backtest(load_config(None), [str(bars)], None, None, tier, folder, lambda *_: None)


@pytest.mark.parametrize("run_id", ["", "backtest-0123456789ab"])
def test_folder_of_a_backtest_that_was_cut_short_is_used_again(tmp_path: Path, run_id: str) -> None:
    out = tmp_path / "out"
    with SqliteLedger(out, Durability.BATCHED) as store:
        if run_id:
            Journal(store, run_id)
    (out / "fills.csv").write_text("of another run")
    backtest(out)
    assert not (out / "fills.csv").exists()


def test_folder_of_a_paper_run_is_refused_and_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with SqliteLedger(out, Durability.BATCHED) as store:
        Journal(store, "paper-2024-01-01T000000")
    before = (out / "ledger.sqlite").read_bytes()
    with pytest.raises(ConfigError, match="holds a ledger that no backtest left; choose another"):
        backtest(out)
    assert (out / "ledger.sqlite").read_bytes() == before


def test_folder_with_something_else_named_like_a_ledger_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "ledger.sqlite").write_text("my notes")
    with pytest.raises(ConfigError, match="holds a ledger that no backtest left"):
        backtest(out)
    assert (out / "ledger.sqlite").read_text() == "my notes"


def test_folder_that_another_backtest_writes_to_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        SqliteLedger(out, Durability.BATCHED),
        pytest.raises(ConfigError, match="another process writes there; choose another folder"),
    ):
        backtest(out)


@pytest.mark.parametrize("tier", ["event", "fast"])
def test_studies_of_an_earlier_run_without_a_ledger_are_not_those_of_the_next(
    tmp_path: Path, tier: str
) -> None:
    out = tmp_path / "out"
    write_result(backtest(out, "fast"), out)
    assert not (out / "ledger.sqlite").exists()
    (out / "montecarlo.json").write_text("of the run before")
    backtest(out, tier)
    assert not (out / "montecarlo.json").exists()
