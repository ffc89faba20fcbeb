"""Which files a pattern means, and what their names say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tutti.adapters.feeds.files import describe, find_files
from tutti.kernel.clock import DAY, HOUR, MINUTE
from tutti.model.errors import ConfigError


@pytest.mark.parametrize(
    ("path", "instrument", "step"),
    [
        ("d/ohlcv/binance/BTC-USDT_1h.parquet", "BTC-USDT.BINANCE", HOUR),
        ("ohlcv/binance_usdm/BTC-USDT-PERP_5m.csv", "BTC-USDT-PERP.BINANCE_USDM", 5 * MINUTE),
        ("ohlcv/binance.us/BTC-USD_1m.csv.gz", "BTC-USD.BINANCE_US", MINUTE),
        ("d/ohlcv/yahoo/BRK.B_1d.parquet", "BRK.B.YAHOO", DAY),
        ("elsewhere/ETH-EUR_1d.csv", "ETH-EUR.LOCAL", DAY),
        ("elsewhere/prices.csv", "prices.LOCAL", 0),
        ("BTCUSDT-1h-2024-01.csv", "BTCUSDT.LOCAL", HOUR),
        ("BTC_USDT-4h.parquet", "BTC_USDT.LOCAL", 4 * HOUR),
        ("x/BTC_1h_5m.csv", "BTC_1h.LOCAL", 5 * MINUTE),
    ],
)
def test_name_of_a_bar_file_says_instrument_and_timeframe(
    path: str, instrument: str, step: int
) -> None:
    described = describe(Path(path))
    assert (str(described.instrument), described.step) == (instrument, step)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b_1h.csv", "a_1h.parquet", "deep/c_1h.csv.gz", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def _names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_glob_finds_data_files_in_order_of_name(folder: Path) -> None:
    assert _names(find_files([f"{folder}/*"])) == ["a_1h.parquet", "b_1h.csv"]
    assert _names(find_files([f"{folder}/**/*.csv.gz"])) == ["c_1h.csv.gz"]


def test_folder_means_every_data_file_below_it(folder: Path) -> None:
    assert _names(find_files([folder])) == ["a_1h.parquet", "b_1h.csv", "c_1h.csv.gz"]


def test_file_matched_twice_is_found_once(folder: Path) -> None:
    assert _names(find_files([folder / "b_1h.csv", f"{folder}/*.csv"])) == ["b_1h.csv"]


def test_home_folder_and_relative_globs_are_understood(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert _names(find_files(["~/b_1h.csv"])) == ["b_1h.csv"]
    monkeypatch.chdir(folder / "deep")
    assert _names(find_files(["../*.parquet"])) == ["a_1h.parquet"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("none.csv", "none.csv: no such file"),
        ("*.nothing", "matches no file"),
        ("*.txt", "matches no .parquet"),
        ("notes.txt", "convert it"),
        ("empty", "no .parquet.* file in this folder"),
    ],
)
def test_pattern_without_data_files_is_refused_and_named(
    folder: Path, pattern: str, message: str
) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(ConfigError, match=message):
        find_files([f"{folder}/{pattern}"])


def test_no_pattern_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one file"):
        find_files([])
