"""Made-up bars and made-up models for the tests of plug-in models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.agents.models.port import ModelSource
from tutti.kernel.clock import DAY, HOUR
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tutti.model.market import FloatArray

BTC = InstrumentId("BTC-USDT", "SIM")
ETH = InstrumentId("ETH-USDT", "SIM")
START = 19_900 * DAY


def bars(
    closes: Sequence[Any] | FloatArray, *, step: int = HOUR, start: int = START
) -> MarketBlock:
    """Return bars that open at the close before, one column an instrument."""
    close = np.array(closes, float)
    close = close.reshape(len(close), -1)
    opened = np.vstack([close[:1], close[:-1]])
    absent = np.isnan(close)
    opened = np.where(np.isnan(opened), close, opened)
    return MarketBlock(
        instruments=(BTC, ETH)[: close.shape[1]],
        ts=start + step * np.arange(len(close)),
        step=step,
        open=np.where(absent, np.nan, opened),
        high=np.fmax(opened, close) + 1,
        low=np.fmin(opened, close) - 1,
        close=close,
        volume=np.where(absent, np.nan, 1.0),
        funding=np.zeros_like(close),
    )


def walk(n: int, columns: int = 1, seed: int = 1) -> MarketBlock:
    """Return hourly bars of a random walk."""
    moves = np.random.default_rng(seed).normal(scale=0.01, size=(n, columns))
    return bars(100 * np.exp(np.cumsum(moves, axis=0)))


class Follows:
    """Goes with the last bar, as sure as it moved."""

    lookback = 3

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.seen: list[Any] = []

    def predict(self, features: Any) -> dict[str, Any]:
        self.seen.append(features)
        move = features["close"].iloc[-1] / features["close"].iloc[-2] - 1
        return {
            "timestamp": features.index[-1],
            "signal": int(np.sign(move)),
            "confidence": min(1.0, abs(move) * 20),
        }


def source_of(make: Callable[[dict[str, Any]], Any], name: str = "made_up") -> ModelSource:
    """Return a source of models that are made by ``make``."""
    return ModelSource(name=name, origin="a test", make=make)


@pytest.fixture
def follows() -> ModelSource:
    """Return a model that goes with the last bar."""
    return source_of(Follows)
