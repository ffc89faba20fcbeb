from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.features import FeaturePipeline

if TYPE_CHECKING:
    from .conftest import BlockMaker

pytestmark = pytest.mark.kernels


def test_vpin_market_that_stands_still_is_balanced(make_block: BlockMaker) -> None:
    values = FeaturePipeline(["vpin_3"], 1).advance(make_block([4.0] * 8))["vpin_3"]
    assert values[5:, 0].tolist() == [0.0] * 3


def test_vpin_market_that_climbs_by_equal_steps_is_all_bought(make_block: BlockMaker) -> None:
    values = FeaturePipeline(["vpin_3"], 1).advance(make_block(np.arange(1.0, 9.0)))["vpin_3"]
    assert values[5:, 0].tolist() == [1.0] * 3


def test_vpin_market_without_volume_is_unknown(make_block: BlockMaker) -> None:
    bars = make_block([3.0, 4.0] * 5, volume=[5.0] * 3 + [0.0] * 7)
    values = FeaturePipeline(["vpin_2"], 1).advance(bars)["vpin_2"]
    assert not np.isnan(values[3, 0])
    assert np.isnan(values[4:, 0]).all()
