"""A table of depth is a recording: each row a whole book, its volume at the mid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from tutti.kernel.clock import MINUTE
from tutti.model.errors import DataError
from tutti.sandbox.calibration.books import ladders, walked
from tutti.sandbox.calibration.depth import read_depth
from tutti.sandbox.calibration.fit import fit
from tutti.sandbox.calibration.samples import bars_of, order_samples

if TYPE_CHECKING:
    from pathlib import Path

START = 1_618_680_120 * 1_000_000_000


def table(rows: int = 240) -> pl.DataFrame:
    rng = np.random.default_rng(6)
    mid = 50_000.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, rows)))
    columns = {
        "ts": pl.Series(START + MINUTE * np.arange(rows)).cast(pl.Datetime("ns", "UTC")),
        "midpoint": mid,
        "spread": np.full(rows, 1.0),
        "buy_notional": rng.uniform(0.0, 1e5, rows) * (rng.random(rows) > 0.1),
        "sell_notional": rng.uniform(0.0, 1e5, rows),
    }
    for level in range(15):
        away = (0.5 + level * 5.0) / mid
        columns |= {
            f"bids_distance_{level}": -away,
            f"asks_distance_{level}": away,
            f"bids_notional_{level}": np.full(rows, 1e5),
            f"asks_notional_{level}": np.full(rows, 1e5),
        }
    return pl.DataFrame(columns)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "coinbase" / "BTC-USD_depth15.parquet"
    found.parent.mkdir()
    table().write_parquet(found)
    return found


def test_each_row_is_the_whole_book_of_its_instant(path: Path) -> None:
    found, rows = read_depth(path), table()
    assert str(found.instrument) == "BTC-USD.COINBASE"
    assert found.book is not None
    (ladder,) = ladders(found.book, found.quotes.ts[7:8])
    assert ladder.bids.shape == ladder.asks.shape == (15, 2)
    assert ladder.mid == pytest.approx(rows["midpoint"][7])
    assert ladder.asks[0, 0] - ladder.bids[0, 0] == pytest.approx(1.0)
    assert (ladder.asks[:, 0] * ladder.asks[:, 1]).sum() == pytest.approx(15e5)
    assert walked(ladder.asks, np.array([1e-3]))[0] == pytest.approx(ladder.mid + 0.5)


def test_volume_stands_at_the_mid_and_tells_nothing_of_orders(path: Path) -> None:
    found, rows = read_depth(path), table()
    bars = bars_of(found, 10 * MINUTE)
    inside = (rows["ts"].to_physical() >= bars.ts[2]) & (
        rows["ts"].to_physical() < bars.ts[2] + 10 * MINUTE
    )
    part = rows.filter(inside)
    notional = part["buy_notional"] + part["sell_notional"]
    assert bars.volume[2] == pytest.approx((notional / part["midpoint"]).sum())
    assert bars.high[2] == pytest.approx(part["midpoint"].max())
    assert order_samples(found, bars) is None


def test_table_of_depth_is_fitted_like_any_recording(path: Path) -> None:
    found = fit(read_depth(path), 10 * MINUTE)
    assert found.method == "book walked"
    assert found.half_spread_bps.value == pytest.approx(0.1, rel=0.05)
    assert found.impact_coefficient.value > 0.0
    assert found.delay is None
    assert found.files[0].kind == "depth"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("spread", "no column spread"),
        (pl.lit(-1.0).alias("spread"), "midpoint and spread must be positive"),
    ],
)
def test_impossible_table_is_refused(path: Path, change: pl.Expr | str, message: str) -> None:
    rows = table()
    changed = rows.drop(change) if isinstance(change, str) else rows.with_columns(change)
    changed.write_parquet(path)
    with pytest.raises(DataError, match=message):
        read_depth(path)
    path.write_text("no parquet")
    with pytest.raises(DataError, match="can't be read"):
        read_depth(path)
