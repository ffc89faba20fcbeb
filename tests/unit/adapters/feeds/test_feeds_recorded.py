"""What the checks say of the recorded data: every fault found, little said of the rest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from tutti.adapters.feeds.bars import read_bars
from tutti.adapters.feeds.findings import Code
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.data

_FAULTS = {
    "alias_coinbase_BTC-USDC_1m": (Code.ALIAS, "BTC-USD.COINBASE"),
    "dead_market_cryptocom_BTC-USDC_1m": (Code.DEAD_MARKET, "nothing trades here"),
    "mislabelled_venue_bitfinex_BTC-USD_1h": (Code.DUPLICATE_FEED, "BTC-USD.COINBASE"),
    "perp_to_spot_switch_binance_BTC_5m": (Code.MARKET_SWITCH, "at 2025-02-18T10:30"),
    "spot_as_perp_with_holes_binance_BTC_1h": (Code.GAPS, "1000 bars missing (29.26%) in 2 gaps"),
    "volume_unit_switch_bitstamp_BTC_1h": (Code.VOLUME_UNIT, "it was in quote units before"),
}


@pytest.mark.parametrize("name", _FAULTS)
def test_recorded_fault_gives_its_finding(market_data: Path, name: str) -> None:
    code, words = _FAULTS[name]
    findings = read_bars([market_data / "faults" / f"{name}.parquet"]).findings
    assert [words in finding.message for finding in findings if finding.code is code] == [True]
    others = {finding.code for finding in findings} - {code}
    assert others <= {Code.GAPS, Code.DIFFERENT_MARKET}


def test_spot_sold_as_a_perpetual_is_told_from_it(market_data: Path) -> None:
    path = market_data / "faults" / "spot_as_perp_with_holes_binance_BTC_1h.parquet"
    (finding,) = (f for f in read_bars([path]).findings if f.code is Code.DIFFERENT_MARKET)
    assert "BTC-USDT-PERP.BINANCE_USDM" in finding.message
    assert "a price step of 0.01 against a price step of 0.1" in finding.message


def test_clean_files_give_few_findings_beside_gaps(market_data: Path) -> None:
    paths = sorted(market_data.glob("*/ohlcv/*/*.parquet"))
    assert len(paths) == 327
    counts: Counter[Code] = Counter()
    for path in paths:
        counts.update(finding.code for finding in read_bars([path], repair=True).findings)
    # most wicks and ticks are events on record; the volumes are the vendors' own unit switches
    assert counts.pop(Code.GAPS) < 65
    assert counts.pop(Code.WICKS) < 30
    assert counts.pop(Code.TICK_CHANGE) < 20
    # two indices, and a vendor of stock prices that keeps no volume
    assert counts.pop(Code.NO_VOLUME) == 27
    assert counts == {Code.VOLUME_UNIT: 8, Code.FROZEN_PRICES: 1, Code.OUTSIDE_RANGE: 2}


def test_venues_read_together_are_not_called_duplicates(market_data: Path) -> None:
    hours = read_bars([market_data / "crypto/ohlcv/*/*_1h.parquet"])
    assert len(hours.instruments) == 82
    assert {f.code for f in hours.findings} <= {Code.GAPS, Code.WICKS, Code.TICK_CHANGE}


def test_missing_bars_are_those_of_the_manifest(market_data: Path) -> None:
    manifest = pl.read_csv(market_data / "manifest.csv", infer_schema_length=None)
    wanted = manifest.filter(
        pl.col("file").str.contains("crypto/ohlcv/.*_(1m|5m|15m|30m|1h|4h|8h).parquet"),
        pl.col("missing_bars") > 0,
    )
    for row in wanted.iter_rows(named=True):
        (gaps,) = (
            f for f in read_bars([market_data / row["file"]]).findings if f.code is Code.GAPS
        )
        assert gaps.measures["missing"] == row["missing_bars"], row["file"]
    assert len(wanted) > 30


def test_index_with_opens_outside_the_range_is_refused_or_repaired(market_data: Path) -> None:
    path = market_data / "index/ohlcv/cboe/VIX_1d.parquet"
    with pytest.raises(DataError, match="outside_range 47"):
        read_bars([path])
    assert read_bars([path], repair=True).dropped_rows == 47


def test_block_of_recorded_bars_is_the_files_bar_for_bar(market_data: Path) -> None:
    folder = market_data / "crypto/ohlcv/binance_usdm"
    paths = [folder / f"{coin}-USDT-PERP_1h.parquet" for coin in ("BTC", "TIA")]
    block = read_bars(paths).block
    for column, path in enumerate(paths):
        frame = pl.read_parquet(path)
        there = ~np.isnan(block.close[:, column])
        assert np.array_equal(block.ts[there], frame["ts"].to_physical().to_numpy())
        for name in ("open", "high", "low", "close", "volume"):
            assert np.array_equal(getattr(block, name)[there, column], frame[name].to_numpy())
