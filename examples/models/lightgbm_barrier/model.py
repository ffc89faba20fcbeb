"""LightGBM: which barrier the price touches first, trained by ``train.py`` beside this file.

The trees are LightGBM's own text format: it holds numbers, and running it runs nothing else.
"""

from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd

NEEDS = (
    "momentum_4",
    "momentum_24",
    "momentum_96",
    "rsi_14",
    "adx_14",
    "bollinger_position_20",
    "volatility_24",
    "volatility_rank_240",
    "volume_z_48",
    "ema_distance_50",
    "channel_high_48",
    "channel_low_48",
)


class TradeModel:
    """Params: ``trees`` (file), ``least`` (lead of one side below which it holds)."""

    timeframe = "1h"
    lookback = 1
    needs = NEEDS
    shared = True

    def __init__(self, config: dict):
        path = Path(__file__).with_name("trees.txt")
        self.least = float(config.get("least", 0.05))
        self.trees = lightgbm.Booster(model_str=Path(config.get("trees", path)).read_text())

    def predict_all(self, features):
        """Return signal and confidence of every row; each row by itself."""
        rows = features[list(NEEDS)].to_numpy()
        # one thread: a row takes no time, and many threads would get in each other's way
        below, _, above = self.trees.predict(rows, num_threads=1).T
        lead = above - below
        signal = np.where(np.abs(lead) < self.least, 0, np.sign(lead)).astype(int)
        return pd.DataFrame(
            {"signal": signal, "confidence": np.minimum(1.0, np.abs(lead) * 3)},
            index=features.index,
        )

    def predict(self, features) -> dict:
        """Return signal and confidence of the last row."""
        last = self.predict_all(features.iloc[-1:]).iloc[0]
        return {
            "timestamp": features.index[-1],
            "signal": int(last["signal"]),
            "confidence": float(last["confidence"]),
        }
