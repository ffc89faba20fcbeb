"""scikit-learn: a logistic regression on our features, trained by ``train.py`` beside this file.

The weights are numbers in JSON. A pickle would run whatever it holds: load none that you didn't make.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

NEEDS = (
    "momentum_4",
    "momentum_24",
    "momentum_96",
    "rsi_14",
    "close_z_48",
    "volatility_24",
    "volume_z_48",
    "adx_14",
)


def inputs(features):
    """Return what the regression reads: returns in units of volatility, the rest about 0 and 1."""
    volatility = features["volatility_24"].to_numpy()
    columns = [
        features["momentum_4"] / (volatility * 2.0),
        features["momentum_24"] / (volatility * 4.9),
        features["momentum_96"] / (volatility * 9.8),
        features["rsi_14"] / 25 - 2,
        features["close_z_48"],
        features["volume_z_48"],
        features["adx_14"] / 25 - 1,
    ]
    return np.clip(np.nan_to_num(np.column_stack(columns)), -5, 5)


class TradeModel:
    """Params: ``weights`` (file), ``least`` (edge over a coin below which it holds)."""

    timeframe = "1h"
    lookback = 1
    needs = NEEDS
    shared = True

    def __init__(self, config: dict):
        path = Path(__file__).with_name("weights.json")
        saved = json.loads(Path(config.get("weights", path)).read_text())
        self.least = float(config.get("least", 0.02))
        self.regression = LogisticRegression()
        self.regression.classes_ = np.array([-1, 1])
        self.regression.coef_ = np.array([saved["coefficients"]])
        self.regression.intercept_ = np.array([saved["intercept"]])

    def predict_all(self, features):
        """Return signal and confidence of every row; each row by itself."""
        rise = self.regression.predict_proba(inputs(features))[:, 1]
        edge = rise - 0.5
        signal = np.where(np.abs(edge) < self.least, 0, np.sign(edge)).astype(int)
        return pd.DataFrame(
            {"signal": signal, "confidence": np.minimum(1.0, np.abs(edge) * 4)},
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
