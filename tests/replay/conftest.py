"""Recorded bars of a few perpetuals, for runs that are repeated in every way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tutti.app.backtest import Source, read_source
from tutti.kernel.clock import parse_instant

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def recorded_hours(market_data: Path) -> Source:
    """Return three months of hours of four perpetuals, with their funding."""
    folder = market_data / "crypto" / "ohlcv" / "hyperliquid"
    return read_source(
        [str(folder / f"{coin}-USDC-PERP_1h.parquet") for coin in ("BTC", "ETH", "SOL", "DOGE")],
        parse_instant("2025-01-01"),
        parse_instant("2025-04-01"),
        repair=False,
        timeframe=None,
        funding=None,
    )
