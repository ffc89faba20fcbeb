from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.features import FeaturePipeline

if TYPE_CHECKING:
    from tutti.model.market import MarketBlock

    from .conftest import BlockMaker

pytestmark = pytest.mark.kernels


def test_macd_line_comes_before_its_signal(walk: MarketBlock) -> None:
    block = FeaturePipeline(["macd", "macd_signal"], 3).advance(walk)
    close = walk.close[:, 0]
    seeds = close[14:26].mean() - close[:26].mean()
    assert block["macd"][25, 0] == pytest.approx(seeds / close[25], rel=1e-12)
    assert np.isnan(block["macd_signal"][25:33, 0]).all()


def test_rsi_flat_market_is_neither_overbought_nor_oversold(make_block: BlockMaker) -> None:
    values = FeaturePipeline(["rsi_3"], 1).advance(make_block([7.0] * 8))["rsi_3"]
    assert values[3:, 0].tolist() == [50.0] * 5


def test_rsi_market_that_only_rises_is_100(make_block: BlockMaker) -> None:
    values = FeaturePipeline(["rsi_3"], 1).advance(make_block([1, 2, 3, 4, 5]))["rsi_3"]
    assert values[3:, 0].tolist() == [100.0, 100.0]


def test_adx_flat_market_is_0(make_block: BlockMaker) -> None:
    block = FeaturePipeline(["adx_3", "plus_di_3", "minus_di_3"], 1).advance(make_block([7.0] * 9))
    assert block.values[:, -1, 0].tolist() == [0.0, 0.0, 0.0]


def test_averages_market_that_stops_moving_keep_their_last_reading(make_block: BlockMaker) -> None:
    frozen = make_block(np.concatenate([np.linspace(100.0, 110.0, 20), np.full(280, 110.0)]))
    block = FeaturePipeline(["adx_2", "plus_di_2", "rsi_2"], 1).advance(frozen)
    assert block.values[:, 20:, 0] == pytest.approx(np.full((3, 280), 100.0))


def test_directions_equal_moves_both_ways_count_for_neither(make_block: BlockMaker) -> None:
    outside = make_block([10] * 5, high=[11, 12, 13, 14, 15], low=[9, 8, 7, 6, 5])
    block = FeaturePipeline(["plus_di_2", "minus_di_2"], 1).advance(outside)
    assert block.values[:, -1, 0].tolist() == [0.0, 0.0]
