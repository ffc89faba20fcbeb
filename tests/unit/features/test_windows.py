from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tutti.features import FeaturePipeline

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, MarketBlock

    from .conftest import BlockMaker

pytestmark = pytest.mark.kernels


def _scores(series: FloatArray, window: int) -> FloatArray:
    windows = sliding_window_view(series, window, axis=0)
    result: FloatArray = (windows[..., -1] - windows.mean(axis=-1)) / windows.std(axis=-1)
    return result


def test_close_window_flat_market_is_in_the_middle_of_no_band(make_block: BlockMaker) -> None:
    names = ["close_z_3", "bollinger_width_3", "bollinger_position_3", "sma_distance_3"]
    moved_before = [1.7, 2.3, 0.1, *[0.1] * 7]
    block = FeaturePipeline(names, 1).advance(make_block(moved_before))
    assert block.values[:, 4:, 0].tolist() == [[0.0] * 6, [0.0] * 6, [0.5] * 6, [0.0] * 6]


def test_volume_score_after_an_enormous_volume_keeps_its_digits(make_block: BlockMaker) -> None:
    rng = np.random.default_rng(5)
    volume = rng.lognormal(size=60)
    volume[23] = 1e12
    values = FeaturePipeline(["volume_z_10"], 1).advance(make_block(np.ones(60), volume=volume))
    expected = _scores(volume, 10)
    assert values["volume_z_10"][9:, 0] == pytest.approx(expected, rel=1e-9)


def test_moments_of_a_market_that_hardly_moves_keep_their_digits(make_block: BlockMaker) -> None:
    # a stable coin: the deviation is a millionth of the price
    close = 1.0 + 1e-6 * np.random.default_rng(6).standard_normal(120)
    values = FeaturePipeline(["close_z_20"], 1).advance(make_block(close))["close_z_20"]
    for t in range(19, 120):
        window = close[t - 19 : t + 1] - close[t]
        expected = -math.fsum(window) / 20
        deviation = math.sqrt(math.fsum((window + expected) ** 2) / 20)
        assert values[t, 0] == pytest.approx(expected / deviation, rel=1e-9, abs=1e-9)


def test_channel_break_out_is_above_the_bars_before(make_block: BlockMaker) -> None:
    block = FeaturePipeline(["channel_high_3", "channel_low_3"], 1).advance(
        make_block([5, 4, 3, 6, 2], high=[8, 5, 4, 6, 6], low=[4, 4, 2.5, 3, 2])
    )
    assert block["channel_high_3"][3:, 0] == pytest.approx([6 / 8 - 1, 2 / 6 - 1])
    assert block["channel_low_3"][3:, 0] == pytest.approx([6 / 2.5 - 1, 2 / 2.5 - 1])


@pytest.mark.parametrize("window", [2, 30, 250])
@pytest.mark.parametrize("ranked", ["volatility", "bollinger_width"])
def test_rank_is_the_share_of_values_below(ranked: str, window: int, walk: MarketBlock) -> None:
    block = FeaturePipeline([f"{ranked}_20", f"{ranked}_rank_{window}"], 3).advance(walk)
    for i in range(3):
        series = block[f"{ranked}_20"][:, i]
        for t in range(window + 20, 300, 7):
            last = series[t - window + 1 : t + 1]
            share = np.count_nonzero(last < series[t]) / (window - 1)
            assert block[f"{ranked}_rank_{window}"][t, i] == share


def test_rank_rising_and_flat_deviation_is_1_and_0(make_block: BlockMaker) -> None:
    growing = 100.0 + np.cumsum(np.arange(40) * np.tile([1.0, -1.0], 20))
    values = FeaturePipeline(["volatility_rank_5", "bollinger_width_rank_5"], 2).advance(
        make_block(np.column_stack([growing, np.full(40, 3.0)]))
    )
    assert values.values[:, -1, 0].tolist() == [1.0, 1.0]
    assert values.values[:, -1, 1].tolist() == [0.0, 0.0]


def test_tail_loss_is_the_mean_of_the_worst_twentieth_rounded_up(make_block: BlockMaker) -> None:
    # 21 returns: the worst two are -50 % and -20 %
    steps = np.full(21, 0.01)
    steps[[4, 9]] = [-0.2, -0.5]
    close = 100.0 * np.cumprod(np.concatenate([[1.0], 1.0 + steps]))
    values = FeaturePipeline(["cvar_95_21"], 1).advance(make_block(close))["cvar_95_21"]
    assert values[-1, 0] == pytest.approx(0.35)
