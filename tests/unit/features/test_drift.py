"""After as many bars as a year of minutes has, moments are what the last values alone give."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.features import FeaturePipeline

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

    from .conftest import BlockMaker

_BARS = 525_600


def _moments(window: FloatArray) -> tuple[float, float]:
    values = window.tolist()
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((value - mean) ** 2 for value in values)


def test_moments_after_a_year_of_minutes_have_not_drifted(make_block: BlockMaker) -> None:
    rng = np.random.default_rng(17)
    close = 20_000.0 * np.exp(np.cumsum(rng.standard_normal(_BARS) * 5e-4))
    volume = rng.lognormal(sigma=2.0, size=_BARS)
    volume[rng.integers(0, _BARS, 500)] *= 1e5
    names = [
        "sma_distance_200",
        "bollinger_width_20",
        "close_z_50",
        "volume_z_50",
        "volatility_100",
    ]
    block = FeaturePipeline(names, 1).advance(make_block(close, volume=volume))
    for t in [*rng.integers(1000, _BARS, 300), _BARS - 1]:
        row = block.row(int(t), 0)
        assert row["sma_distance_200"] + 1.0 == pytest.approx(
            close[t] / _moments(close[t - 199 : t + 1])[0], rel=1e-12
        )
        mean, squares = _moments(close[t - 19 : t + 1])
        assert row["bollinger_width_20"] == pytest.approx(
            4.0 * math.sqrt(squares / 20) / mean, rel=1e-9
        )
        mean, squares = _moments(close[t - 49 : t + 1])
        score = (close[t] - mean) / math.sqrt(squares / 50)
        assert row["close_z_50"] == pytest.approx(score, rel=1e-9, abs=1e-10)
        mean, squares = _moments(volume[t - 49 : t + 1])
        score = (volume[t] - mean) / math.sqrt(squares / 50)
        assert row["volume_z_50"] == pytest.approx(score, rel=1e-9, abs=1e-10)
        squares = _moments(np.diff(np.log(close[t - 100 : t + 1])))[1]
        assert row["volatility_100"] == pytest.approx(math.sqrt(squares / 99), rel=1e-9)
