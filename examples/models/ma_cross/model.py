"""Moving-average cross: long while the fast mean of the close is above the slow one.

Nothing is learnt, nothing is kept, nothing is needed but pandas.
"""


class TradeModel:
    """Params: ``fast`` and ``slow``, in bars."""

    timeframe = "1h"
    shared = True

    def __init__(self, config: dict):
        self.fast = int(config.get("fast", 12))
        self.slow = int(config.get("slow", 48))
        if not 0 < self.fast < self.slow:
            raise ValueError(f"fast must be below slow, were {self.fast} and {self.slow}")
        self.lookback = self.slow

    def predict(self, features) -> dict:
        """Return the side of the cross, the surer the wider it is open."""
        close = features["close"]
        gap = close.iloc[-self.fast :].mean() / close.iloc[-self.slow :].mean() - 1
        return {
            "timestamp": features.index[-1],
            "signal": int(gap > 0) - int(gap < 0),
            "confidence": min(1.0, abs(gap) * 50),
        }
