"""Findings with their meaning, on the recorded faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.adapters.feeds.consequences import Weight
from tutti.app.data_check import check_data

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.data
def test_every_recorded_fault_would_invalidate_a_backtest(market_data: Path) -> None:
    found = check_data([market_data / "faults"])
    heavy = {
        (each["file"].rsplit("/", 1)[1].split(".")[0], each["code"])
        for each in found.to_dict()["findings"]
        if each["severity"] == "invalidates"
    }
    assert heavy == {
        ("alias_coinbase_BTC-USDC_1m", "alias"),
        ("dead_market_cryptocom_BTC-USDC_1m", "dead_market"),
        ("mislabelled_venue_bitfinex_BTC-USD_1h", "duplicate_feed"),
        ("perp_to_spot_switch_binance_BTC_5m", "market_switch"),
        ("spot_as_perp_with_holes_binance_BTC_1h", "gaps"),
        ("spot_as_perp_with_holes_binance_BTC_1h", "different_market"),
        ("volume_unit_switch_bitstamp_BTC_1h", "volume_unit"),
    }
    assert found.is_invalid


@pytest.mark.data
def test_recorded_wick_is_told_and_does_not_invalidate(market_data: Path) -> None:
    # the open of 24 January 2023 in New York, of which many trades were undone
    found = check_data([market_data / "equities/ohlcv/yahoo/MA_1h.parquet"])
    ((finding, judgement),) = found.findings
    assert str(finding.code) == "wicks"
    assert "2023-01-24T14:30" in finding.message
    assert "up to 11.9% away" in judgement.consequence
    assert found.verdict == Weight.DISTORTS


@pytest.mark.data
def test_clean_panel_is_good(market_data: Path) -> None:
    names = ("BTC", "ETH", "SOL")
    folder = market_data / "crypto/ohlcv/binance_usdm"
    found = check_data([folder / f"{name}-USDT-PERP_1h.parquet" for name in names])
    assert found.verdict == "good"
    document = found.to_dict()
    assert document["n_findings"] == {"invalidates": 0, "distorts": 0, "note": 0}
    assert {each["verdict"] for each in document["files"]} == {"good"}
    assert document["files"][0]["rows"] == 21_888


def test_file_without_bars_in_the_range_has_no_first_bar(bars_csv: Path) -> None:
    (file,) = check_data([bars_csv], start=2**62).to_dict()["files"]
    assert (file["first"], file["last"], file["verdict"]) == (None, None, "note")


@pytest.fixture
def bars_csv(tmp_path: Path) -> Path:
    path = tmp_path / "BTC-USDT_1h.csv"
    rows = [f"{1_704_067_200 + 3600 * t},100,{101 + t % 3},99,100.5,{5 + t % 4}" for t in range(80)]
    path.write_text("\n".join(["ts,open,high,low,close,volume", *rows]))
    return path
