"""The frames that models are shown: bars and features of one instrument as a pandas DataFrame.

pandas stands at this port only, is imported when the first frame is made, and comes with the extra
``tutti[models]``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.agents.models.port import COLUMNS
from tutti.features.pipeline import FeaturePipeline
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.features.block import FeatureBlock
    from tutti.model.market import FloatArray, IntArray, MarketBlock


def pandas() -> Any:
    """Return the module.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise ConfigError(
            "plug-in models need pandas; install it with: pip install 'tutti[models]'"
        ) from error


def index_of(ts: IntArray) -> Any:
    """Return starts of bars (ns UTC) as the index ``ts`` of a frame."""
    return pandas().DatetimeIndex(ts.astype("datetime64[ns]"), tz="UTC", name="ts")


def frame_of(index: Any, values: FloatArray, columns: Sequence[str]) -> Any:
    """Return a frame of its own memory, whatever is done to it.

    Parameters
    ----------
    index : pandas.DatetimeIndex
        As of `index_of`; it can't be written to, so that windows may share one.
    values : ndarray of float64, shape (k, c)
    columns : sequence of str, length c
    """
    return pandas().DataFrame(np.array(values), index=index, columns=list(columns), copy=False)


def frame_of_bars(block: MarketBlock, needs: Sequence[str] = (), column: int = 0) -> Any:
    """Return one instrument's bars with features, as a model is shown them: to train on.

    Parameters
    ----------
    block : MarketBlock
        Bars of the model's timeframe; see :class:`~tutti.agents.models.resample.Resampler`.
    needs : sequence of str
        Features; rows are left out where one is not known yet.
    column : int
        Which of the block's instruments.
    """
    history = BarHistory(needs, 0, len(block.instruments))
    history.take(block)
    ts, values = history.series(column)
    return frame_of(index_of(ts), values, history.columns)


class BarHistory:
    """Closed bars of the model's timeframe with their features, as many as a call needs.

    A bar counts for an instrument when it is there and all needed features are known.

    Parameters
    ----------
    needs : sequence of str
        Features, computed on these bars.
    lookback : int
        Rows of a window; older ones are forgotten. 0 keeps all.
    n : int
        Instruments.
    """

    def __init__(self, needs: Sequence[str], lookback: int, n: int) -> None:
        self.columns = (*COLUMNS, *needs)
        self._pipeline = FeaturePipeline(needs, n)
        self._lookback = lookback
        self._ts: list[IntArray] = [np.empty(0, np.int64) for _ in range(n)]
        self._values: list[FloatArray] = [np.empty((0, len(self.columns))) for _ in range(n)]

    def take(self, bars: MarketBlock) -> list[IntArray]:
        """Append bars that follow those before; return by instrument which of them count."""
        features = self._pipeline.advance(bars)
        planes = _planes(bars, features)
        counted = []
        for i in range(planes.shape[2]):
            known = np.flatnonzero(np.isfinite(planes[:, :, i]).all(axis=0))
            kept = self._lookback - 1 if self._lookback else len(self._ts[i])
            first = max(len(self._ts[i]) - kept, 0)
            self._ts[i] = np.concatenate([self._ts[i][first:], bars.ts[known]])
            new = planes[:, known, i].T
            self._values[i] = np.concatenate([self._values[i][first:], new])
            counted.append(known)
        return counted

    def series(self, i: int) -> tuple[IntArray, FloatArray]:
        """Return start and values of the bars kept of instrument ``i``: shapes (k,), (k, c)."""
        return self._ts[i], self._values[i]


def _planes(bars: MarketBlock, features: FeatureBlock) -> FloatArray:
    sides = [getattr(bars, name) for name in COLUMNS]
    planes: FloatArray = np.stack(sides)
    if features.names:
        planes = np.concatenate([planes, features.values])
    return planes
