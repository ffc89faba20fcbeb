"""What a de-peg did to prices when there was one, which is what the scenario does."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.data


def test_bitcoin_in_usdc_rose_by_what_usdc_lost_in_march_2023(market_data: Path) -> None:
    def closes(name: str) -> pl.DataFrame:
        path = market_data / "crypto" / "ohlcv" / "kraken" / f"{name}_1m.parquet"
        return pl.read_parquet(path).select("ts", pl.col("close").alias(name))

    both = closes("BTC-USD").join(closes("BTC-USDC"), on="ts").join(closes("USDC-USD"), on="ts")
    both = both.filter(pl.col("ts").dt.date().is_in([date(2023, 3, 11), date(2023, 3, 12)]))
    dearer = (both["BTC-USDC"] / both["BTC-USD"]).to_numpy()
    worth = both["USDC-USD"].to_numpy()
    assert len(both) > 2000
    assert worth.min() < 0.88
    assert np.median(np.abs(dearer * worth - 1.0)) < 0.0015
    assert np.corrcoef(np.log(dearer), -np.log(worth))[0, 1] > 0.99
