"""Frames that models are shown: what they hold, and what is said where pandas is absent."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from tests.unit.agents.models.conftest import START, walk

from tutti.agents.models.frames import BarHistory, frame_of_bars, pandas
from tutti.kernel.clock import HOUR
from tutti.model.errors import ConfigError

pytestmark = pytest.mark.kernels


def test_frame_of_bars_begins_where_all_features_are_known() -> None:
    block = walk(30, 2)
    frame = frame_of_bars(block, ("momentum_5",), 1)
    assert frame.columns.tolist() == ["open", "high", "low", "close", "volume", "momentum_5"]
    assert frame.index[0].value == START + 5 * HOUR
    assert frame["close"].tolist() == block.close[5:, 1].tolist()
    assert np.isfinite(frame.to_numpy()).all()


def test_history_leaves_out_bars_that_are_missing() -> None:
    block = walk(10)
    for name in ("open", "high", "low", "close", "volume"):
        getattr(block, name)[4] = np.nan
    history = BarHistory((), 3, 1)
    (counted,) = history.take(block)
    assert counted.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    history.take(walk(12).rows(10, 12))
    assert ((history.series(0)[0] - START) // HOUR).tolist() == [8, 9, 10, 11]


def test_pandas_that_is_not_installed_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match=r"plug-in models need pandas.*tutti\[models\]"):
        pandas()
