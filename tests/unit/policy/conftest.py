"""Markets and features to try policies on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from tutti.features.block import FeatureBlock
from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, MarketBlock

HOUR = 3600 * 10**9

MakeMarket: TypeAlias = Callable[..., MarketBlock]
MakeFeatures: TypeAlias = Callable[..., FeatureBlock]


@pytest.fixture
def make_market() -> MakeMarket:
    """Return a maker of hourly blocks from closes of shape (t, n); all five prices are the close."""

    def make(close: FloatArray, symbols: tuple[str, ...] = ()) -> MarketBlock:
        n = close.shape[1]
        names = symbols or tuple(f"S{i}-USDT-PERP.SIM" for i in range(n))
        volume = np.where(np.isnan(close), np.nan, 1.0)
        return MarketBlock(
            instruments=tuple(InstrumentId.parse(name) for name in names),
            ts=np.arange(len(close)) * HOUR,
            step=HOUR,
            open=close,
            high=close,
            low=close,
            close=close,
            volume=volume,
            funding=np.zeros(close.shape),
        )

    return make


@pytest.fixture
def make_features() -> MakeFeatures:
    """Return a maker of blocks that hold one value a feature, for t ticks of n instruments."""

    def make(shape: tuple[int, int], /, **features: float) -> FeatureBlock:
        values = np.array([np.full(shape, value) for value in features.values()])
        return FeatureBlock(tuple(features), values.reshape(len(features), *shape))

    return make
