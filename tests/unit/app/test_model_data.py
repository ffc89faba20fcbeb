"""Frames to train on are those that analysts show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from tests.unit.agents.models.conftest import Follows, source_of

from tutti.agents.models.analyst import AnalystTerms, LFAnalyst
from tutti.app.backtest import read_source
from tutti.app.model_data import frames_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernels


def test_frame_to_train_on_is_the_one_that_a_model_is_shown(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    close = 100 * np.exp(np.cumsum(rng.normal(scale=0.01, size=200)))
    file = tmp_path / "BTC-USDT_1h.csv"
    stamps = pd.date_range("2024-01-01", periods=200, freq="1h")
    rows = [
        f"{stamp.isoformat()}Z,{price},{price * 1.01},{price * 0.99},{price},5"
        for stamp, price in zip(stamps, close, strict=True)
    ]
    file.write_text("ts,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    seen: list[Any] = []

    class Sees(Follows):
        needs = ("rsi_5",)

        def predict(self, features: Any) -> dict[str, Any]:
            seen.append(features)
            return super().predict(features)

    (trained_on,) = frames_of([str(file)], "4h", Sees.needs).values()
    block = read_source([str(file)], None, None, repair=False, timeframe=None, funding=None).block
    terms = AnalystTerms(name="voice", timeframe="4h", params={})
    LFAnalyst(source_of(Sees), terms).opine_on(block)
    pd.testing.assert_frame_equal(trained_on.iloc[-3:], seen[-1])
    assert len(trained_on) == len(seen) + Sees.lookback - 1
