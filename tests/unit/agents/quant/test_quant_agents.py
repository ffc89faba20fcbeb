"""The seven quant agents: what each looks for, and how they behave on real bars."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from tutti.agents.aggregation import aggregate
from tutti.agents.array_panel import ArrayPanel
from tutti.agents.port import MetaAgent
from tutti.agents.quant import DISPLAY_NAMES, QUANT_AGENTS, RECIPES, quant_agents
from tutti.agents.quant.scored import ScoredAgent
from tutti.agents.quant.strategy_optimizer import StrategyOptimizer
from tutti.features import FEATURES, FeatureBlock, FeaturePipeline
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from pathlib import Path

_QUIET = {
    "momentum_1": 0.0,
    "momentum_5": 0.0,
    "momentum_15": 0.0,
    "momentum_60": 0.0,
    "momentum_240": 0.0,
    "macd": 0.0,
    "macd_histogram": 0.0,
    "ema_distance_50": 0.0,
    "sma_distance_200": 0.0,
    "plus_di_14": 20.0,
    "minus_di_14": 20.0,
    "adx_14": 15.0,
    "rsi_14": 50.0,
    "close_z_50": 0.0,
    "bollinger_position_20": 0.5,
    "channel_high_55": -0.05,
    "channel_low_55": 0.05,
    "atr_14": 0.01,
    "volatility_20": 0.01,
    "volatility_100": 0.01,
    "volume_z_50": 0.0,
    "volatility_rank_250": 0.5,
    "bollinger_width_rank_250": 0.5,
    "vpin_50": 0.40,
}
_ADVANCE = {
    "momentum_5": 0.03,
    "momentum_15": 0.06,
    "momentum_60": 0.12,
    "momentum_240": 0.2,
    "macd": 0.03,
    "macd_histogram": 0.01,
    "ema_distance_50": 0.08,
    "sma_distance_200": 0.15,
    "plus_di_14": 35.0,
    "minus_di_14": 12.0,
    "adx_14": 32.0,
    "bollinger_position_20": 0.9,
}
_SITUATIONS = {
    "momentum_hunter": _ADVANCE,
    "trend_surfer": _ADVANCE,
    "breakout_sniper": {
        "channel_high_55": 0.01,
        "channel_low_55": 0.11,
        "bollinger_position_20": 1.05,
        "momentum_5": 0.03,
        "volume_z_50": 2.0,
    },
    "volatility_harvester": {
        "momentum_5": 0.04,
        "momentum_1": 0.02,
        "bollinger_position_20": 1.0,
        "volatility_rank_250": 0.95,
        "bollinger_width_rank_250": 0.95,
        "volume_z_50": 2.0,
    },
    "mean_reversion": {
        "rsi_14": 24.0,
        "close_z_50": -2.2,
        "bollinger_position_20": -0.05,
        "momentum_5": -0.03,
    },
    "vpin": {"vpin_50": 0.62, "momentum_15": 0.05, "momentum_5": 0.03},
}
"""For each agent, what makes it buy."""


def _opine(name: str, changes: dict[str, float]) -> tuple[float, float]:
    agent = ScoredAgent(RECIPES[name])
    row = _QUIET | changes
    values = np.array([row[feature] for feature in agent.needs]).reshape(-1, 1, 1)
    bias, confidence = agent.opine(FeatureBlock(agent.needs, values))
    return float(bias[0, 0]), float(confidence[0, 0])


def _mirrored(row: dict[str, float]) -> dict[str, float]:
    # the same market upside down
    turned = {name: -value for name, value in row.items() if name.startswith(("mom", "macd"))}
    for name in ("ema_distance_50", "sma_distance_200", "close_z_50"):
        turned[name] = -row[name]
    turned["plus_di_14"], turned["minus_di_14"] = row["minus_di_14"], row["plus_di_14"]
    turned["channel_high_55"] = -row["channel_low_55"]
    turned["channel_low_55"] = -row["channel_high_55"]
    turned["rsi_14"] = 100.0 - row["rsi_14"]
    turned["bollinger_position_20"] = 1.0 - row["bollinger_position_20"]
    return row | turned


@pytest.mark.parametrize("name", list(RECIPES))
def test_agent_in_its_situation_buys_and_is_sure(name: str) -> None:
    bias, confidence = _opine(name, _SITUATIONS[name])
    assert bias > 0.5
    assert confidence > 0.65


@pytest.mark.parametrize("name", list(RECIPES))
def test_agent_in_a_quiet_market_holds(name: str) -> None:
    assert _opine(name, {}) == (0.0, 0.0)


@pytest.mark.parametrize("name", list(RECIPES))
def test_agent_in_the_mirrored_situation_sells_as_surely(name: str) -> None:
    bias, confidence = _opine(name, _SITUATIONS[name])
    mirrored = _opine(name, _mirrored(_QUIET | _SITUATIONS[name]))
    assert mirrored == pytest.approx((-bias, confidence))


def test_vpin_while_flow_is_balanced_holds_whatever_price_does() -> None:
    assert _opine("vpin", _SITUATIONS["vpin"] | {"vpin_50": 0.40}) == (0.0, 0.0)


def test_mean_reversion_in_a_strong_trend_steps_aside() -> None:
    assert _opine("mean_reversion", _SITUATIONS["mean_reversion"] | {"adx_14": 48.0}) == (0.0, 0.0)


def test_quant_agents_are_the_seven_and_need_only_known_features() -> None:
    agents = quant_agents()
    assert [agent.name for agent in agents] == list(QUANT_AGENTS) == list(DISPLAY_NAMES)
    assert len(agents) == 7
    assert isinstance(agents[-1], MetaAgent)
    assert {name for agent in agents for name in agent.needs} <= set(FEATURES)


def test_strategy_optimizer_made_by_name_hears_the_other_six() -> None:
    agent = QUANT_AGENTS["strategy_optimizer"]()
    assert isinstance(agent, StrategyOptimizer)
    assert agent.heard == tuple(RECIPES)


def test_quant_agents_take_parameters_by_name() -> None:
    one, other = quant_agents(("vpin", "momentum_hunter"), {"vpin": {"buy": 0.3}})
    assert isinstance(one, ScoredAgent)
    assert isinstance(other, ScoredAgent)
    assert one.recipe.buy == 0.3
    assert other.recipe == RECIPES["momentum_hunter"]


def test_quant_agents_of_an_unknown_name_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"\['soothsayer'\]; there are momentum_hunter"):
        quant_agents(("vpin", "soothsayer"))


@pytest.mark.parametrize("name", list(RECIPES))
def test_recipe_names_the_literature_that_it_comes_from(name: str) -> None:
    assert re.search(r"[A-Z]['a-z]+ \((19|20)\d\d\), [A-Z]", RECIPES[name].source)


def _bars(folder: Path, file: str) -> MarketBlock:
    frame = pl.read_parquet(folder / "crypto" / "ohlcv" / file)
    columns = {
        name: np.ascontiguousarray(frame[name].cast(pl.Float64).to_numpy()[:, None])
        for name in ("open", "high", "low", "close", "volume")
    }
    ts = frame["ts"].cast(pl.Datetime("ns")).cast(pl.Int64).to_numpy()
    return MarketBlock(
        instruments=(InstrumentId("BTC-USDT-PERP", "BINANCE_USDM"),),
        ts=ts,
        step=3_600_000_000_000,
        funding=np.zeros_like(columns["close"]),
        **columns,
    )


@pytest.mark.data
def test_agents_on_real_hours_are_neither_mute_nor_saturated(market_data: Path) -> None:
    block = _bars(market_data, "binance_usdm/BTC-USDT-PERP_1h.parquet")
    panel = ArrayPanel(quant_agents())
    features = FeaturePipeline(panel.needs, 1).advance(block)
    bias, confidence = panel.opine_stacked(features)
    for a, name in enumerate(panel.names):
        known = ~np.isnan(bias[a])
        speaks = known & (bias[a] != 0)
        assert known.mean() > 0.98, name
        assert 0.04 < speaks.sum() / known.sum() < 0.6, name
        assert 0.4 < (bias[a][speaks] > 0).mean() < 0.65, name
        assert (np.abs(bias[a][speaks]) == 1.0).mean() < 0.2, name
        assert 0.2 < np.median(confidence[a][speaks]) < 0.85, name
    known = np.isfinite(bias).any(axis=0)
    pooled = aggregate(
        bias,
        confidence,
        np.full(block.close.shape, -1, np.int64),
        np.ones(len(panel.names)),
        np.ones((5, len(panel.names))),
        np.ones((len(panel.names), 1), np.int64),
    )
    assert 0.01 < (pooled.confidence[known] > 0.65).mean() < 0.10
