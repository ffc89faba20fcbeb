"""The folder that a new model begins with: a model that works, its README and its test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_MODEL = '''\
"""{title}: goes with the crossing of two means of the close."""


class TradeModel:
    """Long while the fast mean is above the slow one, short while it is below."""

    timeframe = "1h"  # bars that it is shown, where the configuration names none
    lookback = 60  # rows of every frame, oldest first
    needs = ("rsi_14",)  # our features beside open, high, low, close, volume
    shared = True  # remembers nothing, so that one object may serve all instruments

    def __init__(self, config: dict) -> None:
        # what the agent has under params, and "timeframe"
        self.fast = int(config.get("fast", 12))
        self.slow = int(config.get("slow", 48))

    def predict(self, features) -> dict:
        """Return what the last row makes of the market."""
        close = features["close"]
        gap = close.iloc[-self.fast :].mean() / close.iloc[-self.slow :].mean() - 1
        # a market that has run far already is not followed any further
        tired = features["rsi_14"].iloc[-1] > 80 if gap > 0 else features["rsi_14"].iloc[-1] < 20
        return {{
            "timestamp": features.index[-1],
            "signal": 0 if tired else int(gap > 0) - int(gap < 0),
            "confidence": min(1.0, abs(gap) * 50),
        }}
'''

_README = """\
# {name}

A model for Tutti. `model.py` holds one class, `TradeModel`: made with the params of its agent, it
predicts from a frame of closed bars (see "Add a model" in Tutti's documentation).

    tutti models check {name}
    pytest {name}

To let it speak, name the folder above this one and an agent that runs it:

    models: {{folders: [.]}}
    agents:
      - {{name: {name}, kind: lf_analyst, params: {{model: {name}, timeframe: 1h}}}}

    tutti backtest --config config.yaml --bars 'data/*.parquet'
"""

_TEST = '''\
"""{title} keeps what every model has to keep, and says what it is meant to say."""

from pathlib import Path

import pandas as pd
from tutti.testing.conformance.models import findings_of

from {name}.model import TradeModel


def frame(closes):
    index = pd.date_range("2024-01-01", periods=len(closes), freq="1h", tz="UTC", name="ts")
    bars = {{side: closes for side in ("open", "high", "low", "close")}}
    return pd.DataFrame({{**bars, "volume": 1.0, "rsi_14": 50.0}}, index=index)


def test_model_conforms():
    assert findings_of(Path(__file__).parent) == ()


def test_model_goes_with_a_rise():
    answer = TradeModel({{}}).predict(frame([100.0 + k for k in range(60)]))
    assert answer["signal"] == 1
'''


def write_template(name: str, folder: Path) -> tuple[Path, ...]:
    """Write the folder of a new model and return its files.

    Parameters
    ----------
    name : str
        Letters, digits and underscores.
    folder : Path
        Where the model's own folder goes.

    Raises
    ------
    ConfigError
        If the name can't be a module's, or the folder is there already.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"a model's name is letters, digits and underscores, was {name!r}; write for example "
            f"{_suggested(name)}"
        )
    room = folder / name
    if room.exists():
        raise ConfigError(f"{room} is there already; choose another name, or remove it")
    room.mkdir(parents=True)
    written = []
    title = name.replace("_", " ").capitalize()
    texts = {"model.py": _MODEL, "README.md": _README, f"test_{name}.py": _TEST, "__init__.py": ""}
    for file, text in texts.items():
        (room / file).write_text(text.format(name=name, title=title), encoding="utf-8")
        written.append(room / file)
    return tuple(written)


def _suggested(name: str) -> str:
    found = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    return found if _NAME.fullmatch(found) else "my_model"
