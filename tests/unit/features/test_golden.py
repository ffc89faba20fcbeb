"""Every feature against an independent computation: TA-Lib where it has it, numpy and SciPy else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import talib
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import norm

from tutti.features import FEATURES, FeaturePipeline
from tutti.model.market import FloatArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.model.market import MarketBlock


class _Series(NamedTuple):
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


def _windows(series: FloatArray, window: int) -> FloatArray:
    return np.asarray(sliding_window_view(series, window))


def _score(series: FloatArray, window: int) -> FloatArray:
    windows = _windows(series, window)
    return np.asarray((windows[:, -1] - windows.mean(axis=1)) / windows.std(axis=1))


def _volatility(close: FloatArray, window: int) -> FloatArray:
    return np.asarray(_windows(np.diff(np.log(close)), window).std(axis=1, ddof=1))


def _width(s: _Series) -> FloatArray:
    upper, middle, lower = talib.BBANDS(s.close, 20, 2.0, 2.0)
    return np.asarray((upper - lower) / middle)


def _position(s: _Series) -> FloatArray:
    upper, _, lower = talib.BBANDS(s.close, 20, 2.0, 2.0)
    return np.asarray((s.close - lower) / (upper - lower))


def _rank(series: FloatArray, window: int) -> FloatArray:
    windows = _windows(series, window)
    return np.asarray((windows < windows[:, -1:]).sum(axis=1) / (window - 1))


def _tail(close: FloatArray, window: int) -> FloatArray:
    worst = np.sort(_windows(close[1:] / close[:-1] - 1.0, window), axis=1)
    return np.asarray(-worst[:, : math.ceil(window / 20)].mean(axis=1))


def _vpin(s: _Series, window: int) -> FloatArray:
    changes = np.diff(s.close)
    z = changes[window - 1 :] / _windows(changes, window).std(axis=1, ddof=1)
    volume = s.volume[window:]
    bought = volume * norm.cdf(z)
    imbalance = np.abs(bought - (volume - bought))
    return np.asarray(
        _windows(imbalance, window).sum(axis=1) / _windows(volume, window).sum(axis=1)
    )


def _returns(close: FloatArray, window: int) -> FloatArray:
    return np.asarray(close[window:] / close[:-window] - 1.0)


# Values to the newest bar; those that begin later than the series are taken to end with it.
_REFERENCES: dict[str, Callable[[_Series], FloatArray]] = {
    "rsi_14": lambda s: talib.RSI(s.close, 14),
    "rsi_2": lambda s: talib.RSI(s.close, 2),
    "adx_14": lambda s: talib.ADX(s.high, s.low, s.close, 14),
    "adx_5": lambda s: talib.ADX(s.high, s.low, s.close, 5),
    "plus_di_14": lambda s: talib.PLUS_DI(s.high, s.low, s.close, 14),
    "minus_di_14": lambda s: talib.MINUS_DI(s.high, s.low, s.close, 14),
    "macd": lambda s: talib.MACD(s.close)[0] / s.close,
    "macd_signal": lambda s: talib.MACD(s.close)[1] / s.close,
    "macd_histogram": lambda s: talib.MACD(s.close)[2] / s.close,
    "bollinger_width_20": _width,
    "bollinger_position_20": _position,
    "atr_14": lambda s: talib.ATR(s.high, s.low, s.close, 14) / s.close,
    "ema_distance_12": lambda s: s.close / talib.EMA(s.close, 12) - 1.0,
    "ema_distance_26": lambda s: s.close / talib.EMA(s.close, 26) - 1.0,
    "ema_distance_50": lambda s: s.close / talib.EMA(s.close, 50) - 1.0,
    "ema_distance_200": lambda s: s.close / talib.EMA(s.close, 200) - 1.0,
    "sma_distance_20": lambda s: s.close / talib.SMA(s.close, 20) - 1.0,
    "sma_distance_50": lambda s: s.close / talib.SMA(s.close, 50) - 1.0,
    "sma_distance_200": lambda s: s.close / talib.SMA(s.close, 200) - 1.0,
    "momentum_1": lambda s: talib.ROCP(s.close, 1),
    "momentum_5": lambda s: talib.ROCP(s.close, 5),
    "momentum_15": lambda s: talib.ROCP(s.close, 15),
    "momentum_60": lambda s: talib.ROCP(s.close, 60),
    "momentum_240": lambda s: talib.ROCP(s.close, 240),
    "volatility_2": lambda s: _volatility(s.close, 2),
    "volatility_20": lambda s: _volatility(s.close, 20),
    "volatility_100": lambda s: _volatility(s.close, 100),
    "volume_z_50": lambda s: _score(s.volume, 50),
    "vpin_50": lambda s: _vpin(s, 50),
    "channel_high_55": lambda s: s.close[55:] / _windows(s.high, 55)[:-1].max(axis=1) - 1.0,
    "channel_low_55": lambda s: s.close[55:] / _windows(s.low, 55)[:-1].min(axis=1) - 1.0,
    "channel_low_2": lambda s: s.close[2:] / _windows(s.low, 2)[:-1].min(axis=1) - 1.0,
    "volatility_rank_250": lambda s: _rank(_volatility(s.close, 20), 250),
    "bollinger_width_rank_250": lambda s: _rank(
        _windows(s.close, 20).std(axis=1) / _windows(s.close, 20).mean(axis=1), 250
    ),
    "cvar_95_20": lambda s: _tail(s.close, 20),
    "cvar_95_250": lambda s: _tail(s.close, 250),
    "close_z_50": lambda s: _score(s.close, 50),
}


def _assert_as_expected(name: str, bars: MarketBlock) -> None:
    values = FeaturePipeline([name], bars.close.shape[1]).advance(bars)[name]
    for i in range(bars.close.shape[1]):
        columns = (bars.high, bars.low, bars.close, bars.volume)
        expected = _REFERENCES[name](_Series(*(np.ascontiguousarray(x[:, i]) for x in columns)))
        found = values[-len(expected) :, i]
        known = ~np.isnan(expected)
        # TA-Lib withholds the MACD line until its signal is there
        assert name == "macd" or (known == ~np.isnan(found)).all()
        assert np.isnan(values[: -len(expected), i]).all()
        assert found[known] == pytest.approx(expected[known], rel=1e-9, abs=1e-10)


def test_references_are_there_for_every_feature() -> None:
    assert set(FEATURES) <= set(_REFERENCES)


@pytest.mark.kernels
@pytest.mark.parametrize("name", _REFERENCES)
def test_feature_of_made_up_bars_is_that_of_the_reference(name: str, walk: MarketBlock) -> None:
    _assert_as_expected(name, walk)


@pytest.mark.data
@pytest.mark.parametrize("name", _REFERENCES)
def test_feature_of_recorded_bars_is_that_of_the_reference(
    name: str, recorded: MarketBlock
) -> None:
    _assert_as_expected(name, recorded)
