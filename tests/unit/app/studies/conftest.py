"""A short market and a strategy that trades it often."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tutti.app.backtest import Source
from tutti.app.config import Config, override
from tutti.kernel.clock import HOUR
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named

_START = 1_704_067_200_000_000_000  # 2024-01-01


def _source(*names: tuple[str, str]) -> Source:
    block = SimulatedMarket(
        [
            MarketSpec(instrument=InstrumentId(*name), volatility=1.5, funding_rate=0.0001)
            for name in names
        ],
        seed=4, step=HOUR, start=_START,
        regime_schedule=RegimeChain(regimes_named("trend", "crash", "range"), mean_bars=20.0),
    ).next_block(400)  # fmt: skip
    return Source(block=block, files=(), findings=())


@pytest.fixture(scope="session")
def source() -> Source:
    """Return 400 hours of two perpetuals at two venues."""
    return _source(("A-USDT-PERP", "X"), ("B-USDT-PERP", "Y"))


@pytest.fixture(scope="session")
def dollars() -> Source:
    """Return 400 hours of a spot pair in dollars."""
    return _source(("A-USD", "X"))


@pytest.fixture(scope="session")
def twins() -> Source:
    """Return 400 hours of a perpetual that two venues trade at the same prices."""
    one = _source(("A-USDT-PERP", "X")).block
    both: dict[str, Any] = {
        name: np.repeat(getattr(one, name), 2, axis=1)
        for name in ("open", "high", "low", "close", "volume", "funding")
    }
    names = (one.instruments[0], InstrumentId("A-USDT-PERP", "Y"))
    return Source(block=replace(one, instruments=names, **both), files=(), findings=())


@pytest.fixture(scope="session")
def mixed() -> Source:
    """Return 400 hours of a pair in dollars at one venue and one in a stablecoin at another."""
    return _source(("A-USD-PERP", "X"), ("A-USDT-PERP", "Y"))


@pytest.fixture(scope="session")
def config() -> Config:
    """Return a crossing of means that is always invested, on a fifth of its money each."""
    return override(
        Config(),
        {
            "agents": (),
            "policy.name": "ema_cross",
            "policy.fast": 3,
            "policy.slow": 10,
            "policy.long_only": False,
            "policy.sizing.method": "fixed_fraction",
            "policy.sizing.fraction": 0.2,
            "risk.max_instrument_fraction": 0.6,
            "risk.max_drawdown": 1.0,
            "risk.max_notional_multiple": None,
            "risk.max_daily_loss": None,
            "risk.max_agent_daily_loss": None,
            "risk.max_bar_move": None,
            "risk.care": {"take_profit": 0, "stop_loss": 0, "stale_after_s": 0, "cooldown_s": 0},
        },
    )
