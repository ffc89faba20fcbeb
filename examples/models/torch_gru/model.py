"""PyTorch: a small recurrent network over the last bars, trained by ``train.py`` beside this file.

The weights are read with ``weights_only=True``: torch then takes tensors and nothing that runs.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

LENGTH, HIDDEN = 32, 16
NEEDS = ("volatility_24", "rsi_14", "volume_z_48")
N_INPUTS = 5


def inputs(features):
    """Return the rows as the network reads them, float32 of shape (rows, 5); each row by itself."""
    volatility = features["volatility_24"].to_numpy()
    close, opened = features["close"].to_numpy(), features["open"].to_numpy()
    columns = [
        np.log(close / opened) / volatility,
        (features["high"].to_numpy() - close) / (close * volatility),
        (close - features["low"].to_numpy()) / (close * volatility),
        features["rsi_14"].to_numpy() / 25 - 2,
        features["volume_z_48"].to_numpy(),
    ]
    return np.clip(np.nan_to_num(np.column_stack(columns)), -5, 5).astype(np.float32)


def windows(rows):
    """Return every window of `LENGTH` rows, shape (rows - LENGTH + 1, LENGTH, 5)."""
    return np.lib.stride_tricks.sliding_window_view(rows, LENGTH, axis=0).transpose(0, 2, 1)


class Network(torch.nn.Module):
    """Log odds of a rise."""

    def __init__(self):
        super().__init__()
        self.recurrent = torch.nn.GRU(N_INPUTS, HIDDEN, batch_first=True)
        self.head = torch.nn.Linear(HIDDEN, 1)

    def forward(self, sequences):
        """Return one number a sequence."""
        states, _ = self.recurrent(sequences)
        return self.head(states[:, -1]).squeeze(-1)


class TradeModel:
    """Params: ``weights`` (file), ``least`` (edge over a coin below which it holds)."""

    timeframe = "1h"
    lookback = LENGTH
    needs = NEEDS
    shared = True

    def __init__(self, config: dict):
        path = Path(__file__).with_name("weights.pt")
        torch.set_num_threads(1)
        self.least = float(config.get("least", 0.02))
        self.network = Network().eval()
        self.network.load_state_dict(torch.load(config.get("weights", path), weights_only=True))

    def predict_all(self, features):
        """Return signal and confidence of every row; those without a whole window hold."""
        edge = np.zeros(len(features))
        with torch.inference_mode():
            odds = self.network(torch.from_numpy(windows(inputs(features)).copy()))
        edge[LENGTH - 1 :] = torch.sigmoid(odds).numpy() - 0.5
        signal = np.where(np.abs(edge) < self.least, 0, np.sign(edge)).astype(int)
        return pd.DataFrame(
            {"signal": signal, "confidence": np.minimum(1.0, np.abs(edge) * 4)},
            index=features.index,
        )

    def predict(self, features) -> dict:
        """Return signal and confidence of the last row."""
        last = self.predict_all(features).iloc[-1]
        return {
            "timestamp": features.index[-1],
            "signal": int(last["signal"]),
            "confidence": float(last["confidence"]),
        }
