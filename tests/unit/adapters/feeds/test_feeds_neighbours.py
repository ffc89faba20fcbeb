"""What a loose file claims to be, and which bars nearby can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tutti.adapters.feeds.files import describe
from tutti.adapters.feeds.neighbours import Claim, neighbours


def _claim(path: str) -> Claim:
    return Claim.of(describe(Path(path)))


_SPOT = _claim("ohlcv/binance/BTC-USDT_1h.parquet")
_PERPETUAL = _claim("ohlcv/binance_usdm/BTC-USDT-PERP_1h.parquet")
_COINBASE = _claim("ohlcv/coinbase/BTC-USD_1h.parquet")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("bitfinex_BTC-USD_1h.csv", _COINBASE),
        ("coinbase_BTC-USDC_1h.csv", _COINBASE),
        ("binance_BTC_PERP_1h.csv", _SPOT),
        ("binance_BTC-USDT_1h.csv", _PERPETUAL),
    ],
    ids=["venue", "quote", "contract", "spot"],
)
def test_name_that_says_otherwise_contradicts(name: str, other: Claim) -> None:
    assert _claim(name).contradicts(other)
    assert not _claim(name).names(other)


@pytest.mark.parametrize(
    ("name", "other", "named"),
    [
        ("coinbase_BTC_1h.csv", _COINBASE, True),
        ("binance_BTC_futures_1h.csv", _PERPETUAL, True),
        ("BTC-USD_1h.csv", _COINBASE, False),
    ],
)
def test_name_that_says_the_same_or_too_little_does_not_contradict(
    name: str, other: Claim, *, named: bool
) -> None:
    assert not _claim(name).contradicts(other)
    assert _claim(name).names(other) is named


def test_neighbours_are_bars_of_the_coin_and_timeframe_in_a_tree_nearby(tmp_path: Path) -> None:
    for name in (
        "crypto/ohlcv/coinbase/BTC-USD_1h.parquet",
        "crypto/ohlcv/coinbase/BTC-USD_1m.parquet",
        "crypto/ohlcv/coinbase/ETH-USD_1h.parquet",
        "crypto/ohlcv/kraken/BTC-EUR_1h.csv",
        "crypto/ohlcv/kraken/notes.txt",
        "mine/x_BTC_1h.csv",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = neighbours(describe(tmp_path / "mine/x_BTC_1h.csv"))
    assert [str(each.instrument) for each in found] == ["BTC-USD.COINBASE", "BTC-EUR.KRAKEN"]


def test_file_far_from_any_tree_has_no_neighbours(tmp_path: Path) -> None:
    assert neighbours(describe(tmp_path / "a/b/c/d/BTC_1h.csv")) == []
    assert neighbours(describe(Path("/BTC_1h.csv"))) == []
