from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.features import FEATURES, FeaturePipeline
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.model.market import MarketBlock

    from .conftest import BlockMaker

pytestmark = pytest.mark.kernels


def test_pipeline_features_asked_for_come_in_that_order_once(walk: MarketBlock) -> None:
    pipeline = FeaturePipeline(["volatility_rank_5", "rsi_14", "volatility_rank_5"], 3)
    block = pipeline.advance(walk.rows(0, 40))
    assert pipeline.names == block.names == ("volatility_rank_5", "rsi_14")
    assert block.values.shape == (2, 40, 3)
    assert block.values.flags.c_contiguous


def test_pipeline_one_feature_alone_is_the_same_as_among_all(walk: MarketBlock) -> None:
    everything = FeaturePipeline(FEATURES, 3).advance(walk)
    for name in ("volatility_rank_250", "bollinger_position_20", "minus_di_14", "macd_signal"):
        alone = FeaturePipeline([name], 3).advance(walk)
        assert alone[name].tobytes() == everything[name].tobytes()


def test_pipeline_no_features_is_an_empty_block(walk: MarketBlock) -> None:
    pipeline = FeaturePipeline([], 3)
    assert pipeline.warm_up == 0
    assert pipeline.advance(walk).values.shape == (0, 300, 3)


def test_pipeline_unknown_name_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="unknown feature 'volatilty_20'; did you mean vol"):
        FeaturePipeline(["rsi_14", "volatilty_20"], 3)


def test_pipeline_block_of_other_instruments_is_refused(walk: MarketBlock) -> None:
    with pytest.raises(ValueError, match="follows 2 instruments, the block has 3"):
        FeaturePipeline(["rsi_14"], 2).advance(walk)


def test_pipeline_missing_bars_have_no_features_and_leave_no_trace(make_block: BlockMaker) -> None:
    pipeline = FeaturePipeline(["momentum_1", "sma_distance_2"], 1)
    block = pipeline.advance(make_block([100.0, np.nan, 110.0, np.nan, 121.0]))
    expected = [np.nan, np.nan, 0.1, np.nan, 0.1]
    assert block["momentum_1"][:, 0] == pytest.approx(expected, nan_ok=True)
    assert block["sma_distance_2"][2, 0] == pytest.approx(110.0 / 105.0 - 1.0)


@pytest.mark.parametrize("layout", ["read-only", "transposed", "float32"])
def test_pipeline_array_of_another_layout_gives_the_same(layout: str, walk: MarketBlock) -> None:
    close = walk.close.copy()
    match layout:
        case "read-only":
            close.flags.writeable = False
        case "transposed":
            close = np.asfortranarray(close)
        case _:
            close = close.astype(np.float32)
    expected = FeaturePipeline(["rsi_14"], 3).advance(replace(walk, close=close.astype(np.float64)))
    found = FeaturePipeline(["rsi_14"], 3).advance(replace(walk, close=close))
    assert found.values.tobytes() == expected.values.tobytes()
