"""How often the hybrid policy enters on recorded bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from tutti.agents.aggregation import Aggregation, aggregate
from tutti.agents.array_panel import ArrayPanel
from tutti.agents.quant import quant_agents
from tutti.conductor.regime import RegimeClassifier, RegimeRules
from tutti.features.pipeline import FeaturePipeline
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock
from tutti.policy.hybrid import HybridPolicy
from tutti.policy.sizing import Sizing

if TYPE_CHECKING:
    from pathlib import Path

_SYMBOLS = ("BTC-USDT-PERP", "ETH-USDT-PERP", "SOL-USDT-PERP")
_WEEK = 168
_SHORTEST = 4


def _year_of_hours(folder: Path) -> MarketBlock:
    frames = [
        pl.read_parquet(folder / "crypto/ohlcv/binance_usdm" / f"{symbol}_1h.parquet").tail(8760)
        for symbol in _SYMBOLS
    ]
    ts = frames[0]["ts"].cast(pl.Datetime("ns")).cast(pl.Int64).to_numpy()
    columns = {
        name: np.column_stack([frame[name].to_numpy().astype(np.float64) for frame in frames])
        for name in ("open", "high", "low", "close", "volume")
    }
    return MarketBlock(
        instruments=tuple(InstrumentId(symbol, "BINANCE_USDM") for symbol in _SYMBOLS),
        ts=ts,
        step=int(ts[1] - ts[0]),
        funding=np.zeros_like(columns["close"]),
        **columns,
    )


@pytest.mark.data
@pytest.mark.slow
def test_hybrid_on_recorded_hours_enters_a_few_times_a_week(market_data: Path) -> None:
    market = _year_of_hours(market_data)
    n = len(_SYMBOLS)
    panel = ArrayPanel(quant_agents())
    policy = HybridPolicy(market.instruments, Sizing())
    classifier = RegimeClassifier(RegimeRules(), n)
    needs = (*panel.needs, *policy.needs, *classifier.needs)
    features = FeaturePipeline(needs, n).advance(market)
    regime = classifier.classify(features)
    views = panel.opine_stacked(features)
    a = len(panel.names)
    context = aggregate(
        views.bias,
        views.confidence,
        regime.code,
        np.ones(a),
        np.ones((5, a)),
        np.ones((a, n), np.int64),
        Aggregation.WEIGHTED_AVERAGE,
    )
    signals = policy.signals(market, features, context, regime)
    sure = np.where(signals.confidence >= 0.65, np.sign(signals.score), 0.0)
    # a cluster counts once in four hours, which is when a position that went nowhere is closed
    entries = np.zeros(n)
    last = np.full(n, -_SHORTEST)
    for t in range(len(market)):
        fresh = (sure[t] != 0) & (t - last > _SHORTEST)
        entries += fresh
        last[fresh] = t
    per_week = entries / (len(market) / _WEEK)
    assert (per_week > 0.3).all()
    assert (per_week < 6.0).all()
    assert (sure > 0).any()
    assert (sure < 0).any()
