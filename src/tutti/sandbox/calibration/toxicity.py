"""VPIN on the true sides of trades, beside VPIN on sides guessed from price changes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from tutti.features.pipeline import FeaturePipeline
from tutti.model.errors import DataError
from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, IntArray, MarketBlock
from tutti.sandbox.calibration.recording import instrument_of

if TYPE_CHECKING:
    from pathlib import Path

WINDOW: Final = 50
"""Bars that a VPIN is taken over: that of the agent ``vpin``."""

_COLUMNS = ("ts", "buy_volume", "sell_volume", "close")
_TOP = 0.9
_MOST_WINDOWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Volume of each bar by the side of the aggressor.

    Parameters
    ----------
    ts : ndarray of int64, shape (t,)
        Starts of bars, ns UTC.
    bought, sold, close : ndarray of float64, shape (t,)
        Base units, and quote currency.
    """

    instrument: InstrumentId
    ts: IntArray
    step: int
    bought: FloatArray
    sold: FloatArray
    close: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxicity:
    """How VPIN from bulk classification compares with VPIN from true sides.

    Parameters
    ----------
    true_mean, bulk_mean : float
        Means of the two, in [0, 1].
    true_spread, bulk_spread : float
        Their standard deviations over time.
    correlation : float
        Of the two over time.
    side_right, side_right_by_volume : float
        Share of bars, and of their volume, whose net side the guess gets right; half is chance.
        Bars that are balanced, or did not move, count as half.
    flow_correlation : float
        Of the signed imbalance of single bars, true and guessed.
    alarms_shared : float
        Of the tenth of the time when true VPIN is highest, the share that is also in the highest
        tenth of the guessed one; a tenth is chance.
    """

    instrument: InstrumentId
    bars: int
    window: int
    true_mean: float
    bulk_mean: float
    true_spread: float
    bulk_spread: float
    correlation: float
    side_right: float
    side_right_by_volume: float
    flow_correlation: float
    alarms_shared: float


def read_flow(path: Path) -> Flow:
    """Read a file of signed volume: ts, buy_volume, sell_volume, close.

    Raises
    ------
    DataError
        If it can't be read or lacks a column.
    """
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{path}: can't be read ({type(error).__name__}); name a Parquet file"
        ) from error
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise DataError(
            f"{path}: no column {', '.join(missing)}; there are {', '.join(table.columns)}"
        )
    table = table.drop_nulls(_COLUMNS)
    if len(table) <= _MOST_WINDOWS * WINDOW:
        raise DataError(f"{path}: {len(table)} bars, more than {_MOST_WINDOWS * WINDOW} are needed")
    ts = table["ts"].dt.cast_time_unit("ns").to_physical().to_numpy().astype(np.int64)
    return Flow(
        instrument=instrument_of(path),
        ts=ts,
        step=int(np.diff(ts).min()),
        bought=table["buy_volume"].to_numpy().astype(np.float64),
        sold=table["sell_volume"].to_numpy().astype(np.float64),
        close=table["close"].to_numpy().astype(np.float64),
    )


def toxicity(flow: Flow, window: int = WINDOW) -> Toxicity:
    """Compare the two over all bars on which both are known.

    Notes
    -----
    Guessed: `features.flow.vpin`, the feature that agents read. True: the sum of |bought - sold|
    over the same bars divided by their volume. Source: Easley, Lopez de Prado, O'Hara (2012); that
    bulk classification loses the side is Andersen and Bondarenko (2015), Assessing Measures of
    Order Flow Toxicity and Early Warning Signals for Market Turbulence, Review of Finance 19.
    """
    volume, net = flow.bought + flow.sold, flow.bought - flow.sold
    true = _ratio_of_sums(np.abs(net), volume, window)
    bulk = _bulk(flow, volume, window)[window - 1 :]
    known = np.isfinite(true) & np.isfinite(bulk)
    true, bulk = true[known], bulk[known]
    guessed, weight = _guessed_net(flow, volume, window), volume[window:]
    right = np.where(guessed * net[window:] == 0.0, 0.5, (guessed * net[window:] > 0.0) * 1.0)
    return Toxicity(
        instrument=flow.instrument,
        bars=len(true),
        window=window,
        true_mean=float(true.mean()),
        bulk_mean=float(bulk.mean()),
        true_spread=float(true.std()),
        bulk_spread=float(bulk.std()),
        correlation=_correlation(true, bulk),
        side_right=float(right[weight > 0.0].mean()),
        side_right_by_volume=float((right * weight).sum() / weight.sum()),
        flow_correlation=_correlation(net[window:], guessed),
        alarms_shared=_shared(true, bulk),
    )


def _bulk(flow: Flow, volume: FloatArray, window: int) -> FloatArray:
    close = flow.close[:, None]
    block = MarketBlock(
        instruments=(flow.instrument,),
        ts=flow.ts,
        step=flow.step,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=volume[:, None],
        funding=np.zeros_like(close),
    )
    name = f"vpin_{window}"
    values: FloatArray = FeaturePipeline([name], 1).advance(block)[name][:, 0]
    return values


def _guessed_net(flow: Flow, volume: FloatArray, window: int) -> FloatArray:
    # of each bar from the one numbered ``window`` on: what the feature takes for bought less sold
    change = np.diff(flow.close)
    deviation = sliding_window_view(change, window).std(axis=1, ddof=1)
    last = change[window - 1 :]
    scaled = np.divide(last, deviation, out=np.zeros_like(last), where=deviation > 0.0)
    error_function = np.array([math.erf(value / math.sqrt(2.0)) for value in scaled.tolist()])
    net: FloatArray = volume[window:] * error_function
    return net


def _ratio_of_sums(above: FloatArray, below: FloatArray, window: int) -> FloatArray:
    top, bottom = (sliding_window_view(each, window).sum(axis=1) for each in (above, below))
    ratio: FloatArray = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0.0)
    return ratio


def _correlation(first: FloatArray, second: FloatArray) -> float:
    if first.std() == 0.0 or second.std() == 0.0:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


def _shared(true: FloatArray, bulk: FloatArray) -> float:
    high = true >= np.quantile(true, _TOP)
    return float((bulk[high] >= np.quantile(bulk, _TOP)).mean())
