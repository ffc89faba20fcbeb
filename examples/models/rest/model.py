"""REST: the model runs elsewhere, in any language; this asks it over HTTP (``server.py`` is one).

It is ``awaited``: Tutti asks it beside the market, within the agent's ``timeout_s``, and writes what
it said on the ledger. A server that is down makes an abstention that says so.
"""

import json
import urllib.request


class TradeModel:
    """Params: ``url`` of the server, ``timeout`` in seconds of one call."""

    timeframe = "1h"
    lookback = 48
    awaited = True
    shared = True

    def __init__(self, config: dict):
        self.url = str(config.get("url", "http://127.0.0.1:8808/predict"))
        self.timeout = float(config.get("timeout", 2.0))
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url must begin with http:// or https://, was {self.url!r}")

    def predict(self, features) -> dict:
        """Send the frame, return what the server says of its last row."""
        frame = {
            "timestamp": features.index[-1].isoformat(),
            "columns": list(features.columns),
            "rows": features.to_numpy().tolist(),
        }
        request = urllib.request.Request(  # noqa: S310 (its scheme was looked at)
            self.url,
            data=json.dumps(frame).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
            return json.loads(answer.read())
