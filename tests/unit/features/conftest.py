"""Bars for the feature tests: made-up ones, and recorded ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl
import pytest

from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, MarketBlock

if TYPE_CHECKING:
    from pathlib import Path

_HOUR = 3_600_000_000_000


class BlockMaker(Protocol):
    """Makes a block from closes of shape (t,) or (t, n)."""

    def __call__(
        self,
        close: object,
        *,
        high: object = None,
        low: object = None,
        volume: object = None,
    ) -> MarketBlock: ...


def _columns(values: object) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    return array.reshape(len(array), -1)


@pytest.fixture(scope="session")
def make_block() -> BlockMaker:
    """Return a maker of blocks whose highs and lows are the closes unless they are given."""

    def make(
        close: object, *, high: object = None, low: object = None, volume: object = None
    ) -> MarketBlock:
        closes = _columns(close)
        return MarketBlock(
            instruments=tuple(InstrumentId(f"COIN{i}", "TEST") for i in range(closes.shape[1])),
            ts=np.arange(len(closes), dtype=np.int64) * _HOUR,
            step=_HOUR,
            open=closes,
            high=closes if high is None else _columns(high),
            low=closes if low is None else _columns(low),
            close=closes,
            volume=np.where(np.isnan(closes), np.nan, 1.0) if volume is None else _columns(volume),
            funding=np.zeros_like(closes),
        )

    return make


@pytest.fixture(scope="session")
def walk(make_block: BlockMaker) -> MarketBlock:
    """Return 300 made-up bars of 3 instruments, none missing."""
    rng = np.random.default_rng(11)
    close = 100.0 * np.exp(np.cumsum(rng.standard_normal((300, 3)) * 0.01, axis=0))
    return make_block(
        close,
        high=close * (1.0 + 0.01 * rng.random((300, 3))),
        low=close * (1.0 - 0.01 * rng.random((300, 3))),
        volume=rng.lognormal(sigma=1.5, size=(300, 3)),
    )


@pytest.fixture(scope="session")
def recorded(market_data: Path, make_block: BlockMaker) -> MarketBlock:
    """Return recorded hours of one perpetual, more than two years."""
    bars = pl.read_parquet(market_data / "crypto/ohlcv/binance_usdm/BTC-USDT-PERP_1h.parquet")
    return make_block(
        bars["close"].to_numpy(),
        high=bars["high"].to_numpy(),
        low=bars["low"].to_numpy(),
        volume=bars["volume"].to_numpy(),
    )
