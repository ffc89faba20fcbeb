"""VPIN on true sides is what its definition says, and a guess is measured against it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from tutti.kernel.clock import MINUTE
from tutti.model.errors import DataError
from tutti.model.instrument import InstrumentId
from tutti.sandbox.calibration.toxicity import Flow, read_flow, toxicity

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernels

_START = 1_677_628_800 * 1_000_000_000


def flow(bought: np.ndarray, sold: np.ndarray, close: np.ndarray) -> Flow:
    return Flow(
        instrument=InstrumentId("BTC-USD", "TESTEX"),
        ts=_START + MINUTE * np.arange(len(close), dtype=np.int64),
        step=MINUTE,
        bought=bought,
        sold=sold,
        close=close,
    )


def moving_with(net: np.ndarray, noise: float, seed: int = 1) -> np.ndarray:
    shocks = np.random.default_rng(seed).normal(0.0, 1.0, len(net))
    return 100.0 + np.cumsum(0.01 * (net + noise * shocks))


def test_guess_follows_flow_that_moves_the_price() -> None:
    rng = np.random.default_rng(2)
    net = rng.normal(0.0, 1.0, 600)
    volume = np.full(600, 4.0)
    found = toxicity(flow((volume + net) / 2, (volume - net) / 2, moving_with(net, 0.0)))
    assert found.side_right > 0.98
    assert found.side_right_by_volume > 0.98
    assert found.flow_correlation > 0.9
    assert found.true_mean == pytest.approx(np.abs(net).mean() / 4.0, rel=0.1)
    assert found.bars == 600 - 2 * 50 + 1


def test_guess_of_flow_that_moves_nothing_is_chance() -> None:
    rng = np.random.default_rng(3)
    net = rng.normal(0.0, 1.0, 2000)
    volume = np.full(2000, 4.0)
    unmoved = moving_with(np.zeros(2000), 1.0)
    found = toxicity(flow((volume + net) / 2, (volume - net) / 2, unmoved))
    assert found.side_right == pytest.approx(0.5, abs=0.05)
    assert abs(found.flow_correlation) < 0.1


def test_flow_of_one_side_is_wholly_toxic_and_no_trade_counts_for_nothing() -> None:
    bought = np.full(400, 2.0)
    bought[::3] = 0.0
    found = toxicity(flow(bought, np.zeros(400), moving_with(np.ones(400), 0.5)))
    assert found.true_mean == pytest.approx(1.0)
    assert math.isnan(found.correlation)  # it never changes


def test_flow_file_is_read_and_bad_ones_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    table = pl.DataFrame(
        {
            "ts": pl.Series(_START + MINUTE * np.arange(300)).cast(pl.Datetime("ns", "UTC")),
            "buy_volume": rng.uniform(0, 1, 300),
            "sell_volume": rng.uniform(0, 1, 300),
            "close": 100 + rng.normal(0, 1, 300),
        }
    )
    path = tmp_path / "kraken" / "BTC-USD_1m.parquet"
    path.parent.mkdir()
    table.write_parquet(path)
    found = read_flow(path)
    assert str(found.instrument) == "BTC-USD.KRAKEN"
    assert found.step == MINUTE
    table.head(100).write_parquet(path)
    with pytest.raises(DataError, match="more than 200 are needed"):
        read_flow(path)
    table.drop("close").write_parquet(path)
    with pytest.raises(DataError, match="no column close"):
        read_flow(path)
    path.write_text("no parquet")
    with pytest.raises(DataError, match="can't be read"):
        read_flow(path)
