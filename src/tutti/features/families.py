"""Which features exist: families of kernels, named with their window.

A feature is called ``<family>_<window>``, with any window up to 5000 bars: ``rsi_14``,
``momentum_240``. MACD has fixed windows and none in its names.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from tutti.features import averages, flow, windows
from tutti.features.form import Kernel
from tutti.model.errors import ConfigError

LARGEST_WINDOW = 5000
"""In bars; every window is kept in memory for each instrument."""

RANKED_WINDOW = 20
"""Window of the feature that ``volatility_rank`` and ``bollinger_width_rank`` rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A kernel, how many slots it takes and what it remembers.

    Parameters
    ----------
    lanes : int
        Series that it follows.
    rows : int
        Numbers kept of each series; 0 for a kernel that keeps the last values themselves.
    window : int or None
        Fixed window of a family whose names carry none.
    ranks : str or None
        Family whose feature the kernel reads, through its last slot.
    """

    kernel: Kernel
    slots: int = 1
    lanes: int = 1
    rows: int = 0
    window: int | None = None
    ranks: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Features that differ only in their window.

    Parameters
    ----------
    output : int
        Which output of the study.
    bars_per_window, bars_more : int
        The first value comes with bar number ``bars_per_window * window + bars_more``, from 1.
    smallest : int
        Smallest window that means something, in bars.
    """

    name: str
    study: Study
    description: str
    source: str
    output: int = 0
    bars_per_window: int = 1
    bars_more: int = 0
    smallest: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureInfo:
    """What one feature is.

    Parameters
    ----------
    warm_up : int
        Bars of an instrument until the feature has its first value, that bar included.
    """

    name: str
    description: str
    source: str
    warm_up: int


_AVERAGE = Study(kernel=averages.ema, rows=2)
_MACD = Study(kernel=averages.macd, slots=3, lanes=3, rows=2, window=averages.SLOW)
_RSI = Study(kernel=averages.rsi, lanes=2, rows=3)
_RANGE = Study(kernel=averages.atr, rows=3)
_DIRECTION = Study(kernel=averages.directional, slots=3, lanes=2, rows=8)
_CLOSE = Study(kernel=windows.close_window, slots=4)
_RETURN = Study(kernel=windows.volatility)
_VOLUME = Study(kernel=windows.volume_score)
_PAST = Study(kernel=windows.momentum)
_CHANNEL = Study(kernel=windows.channel, slots=2, lanes=2)
_TAIL = Study(kernel=windows.tail_loss, lanes=2)
_FLOW = Study(kernel=flow.vpin, lanes=3)
_VOLATILITY_RANK = Study(kernel=windows.rank, slots=2, ranks="volatility")
_WIDTH_RANK = Study(kernel=windows.rank, slots=2, ranks="bollinger_width")

_FAMILIES = (
    Family(
        name="rsi",
        study=_RSI,
        bars_more=1,
        description="relative strength index, 0 to 100",
        source="Wilder (1978); TA-Lib RSI",
    ),
    Family(
        name="adx",
        study=_DIRECTION,
        bars_per_window=2,
        description="strength of the trend in either direction, 0 to 100",
        source="Wilder (1978); TA-Lib ADX",
    ),
    Family(
        name="plus_di",
        study=_DIRECTION,
        output=1,
        bars_more=1,
        description="upward movement as a share of the range, 0 to 100",
        source="Wilder (1978); TA-Lib PLUS_DI",
    ),
    Family(
        name="minus_di",
        study=_DIRECTION,
        output=2,
        bars_more=1,
        description="downward movement as a share of the range, 0 to 100",
        source="Wilder (1978); TA-Lib MINUS_DI",
    ),
    Family(
        name="macd",
        study=_MACD,
        description="EMA 12 less EMA 26, fraction of the close",
        source="Appel (1979); TA-Lib MACD",
    ),
    Family(
        name="macd_signal",
        study=_MACD,
        output=1,
        bars_more=averages.SIGNAL - 1,
        description="EMA 9 of the MACD line, fraction of the close",
        source="Appel (1979); TA-Lib MACD",
    ),
    Family(
        name="macd_histogram",
        study=_MACD,
        output=2,
        bars_more=averages.SIGNAL - 1,
        description="MACD line less its signal, fraction of the close",
        source="Appel (1979); TA-Lib MACD",
    ),
    Family(
        name="bollinger_width",
        study=_CLOSE,
        output=2,
        description="distance of the 2-deviation bands, fraction of their middle",
        source="Bollinger (2001); TA-Lib BBANDS",
    ),
    Family(
        name="bollinger_position",
        study=_CLOSE,
        output=3,
        description="close between the 2-deviation bands, 0 at the lower, 1 at the upper",
        source="Bollinger (2001); TA-Lib BBANDS",
    ),
    Family(
        name="atr",
        study=_RANGE,
        bars_more=1,
        description="average true range, fraction of the close",
        source="Wilder (1978); TA-Lib ATR",
    ),
    Family(
        name="ema_distance",
        study=_AVERAGE,
        description="close over its exponential average, less 1",
        source="TA-Lib EMA",
    ),
    Family(
        name="sma_distance",
        study=_CLOSE,
        description="close over its mean, less 1",
        source="TA-Lib SMA",
    ),
    Family(
        name="momentum",
        study=_PAST,
        bars_more=1,
        smallest=1,
        description="return over the window",
        source="TA-Lib ROCP; Jegadeesh and Titman (1993)",
    ),
    Family(
        name="volatility",
        study=_RETURN,
        bars_more=1,
        description="sample deviation of log returns, per bar",
        source="close-to-close estimator; Hull, Options, Futures and Other Derivatives",
    ),
    Family(
        name="volume_z",
        study=_VOLUME,
        description="z-score of the volume",
        source="standard score",
    ),
    Family(
        name="vpin",
        study=_FLOW,
        bars_per_window=2,
        description="probability of informed trading by bulk volume classification, 0 to 1",
        source="Easley, Lopez de Prado, O'Hara (2012), on time bars",
    ),
    Family(
        name="channel_high",
        study=_CHANNEL,
        bars_more=1,
        description="close over the highest high of the bars before it, less 1",
        source="Donchian channel; Faith (2007)",
    ),
    Family(
        name="channel_low",
        study=_CHANNEL,
        output=1,
        bars_more=1,
        description="close over the lowest low of the bars before it, less 1",
        source="Donchian channel; Faith (2007)",
    ),
    Family(
        name="volatility_rank",
        study=_VOLATILITY_RANK,
        bars_more=RANKED_WINDOW,
        description=f"share of the window's volatility_{RANKED_WINDOW} below the newest",
        source="percentile rank",
    ),
    Family(
        name="bollinger_width_rank",
        study=_WIDTH_RANK,
        bars_more=RANKED_WINDOW - 1,
        description=f"share of the window's bollinger_width_{RANKED_WINDOW} below the newest",
        source="percentile rank; the squeeze of Bollinger (2001)",
    ),
    Family(
        name="cvar_95",
        study=_TAIL,
        bars_more=1,
        description="mean of the worst 5 % of returns per bar, a positive loss",
        source="Rockafellar and Uryasev (2000)",
    ),
    Family(
        name="close_z",
        study=_CLOSE,
        output=1,
        description="z-score of the close",
        source="standard score",
    ),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _FAMILIES}
"""Every family by name."""


def parse(name: str) -> tuple[Family, int]:
    """Return the family and window that a feature's name stands for.

    Raises
    ------
    ConfigError
        If no family has that name, or the window is missing or out of range.
    """
    family = FAMILIES.get(name)
    if family is not None and family.study.window is not None:
        return family, family.study.window
    stem, _, window = name.rpartition("_")
    family = FAMILIES.get(stem)
    if family is None or family.study.window is not None:
        raise ConfigError(f"unknown feature {name!r}; {_suggestion(name)}")
    # str(int()) refuses leading zeros, which would give one feature two names
    if (
        not (window.isascii() and window.isdecimal())
        or str(int(window)) != window
        or not family.smallest <= int(window) <= LARGEST_WINDOW
    ):
        raise ConfigError(
            f"feature {name!r} must end in a window of {family.smallest} to {LARGEST_WINDOW} bars, "
            f"as in {stem}_20"
        )
    return family, int(window)


def describe(name: str) -> FeatureInfo:
    """Return what the feature of that name is; ConfigError when there is none."""
    family, window = parse(name)
    return FeatureInfo(
        name=name,
        description=family.description,
        source=family.source,
        warm_up=family.bars_per_window * window + family.bars_more,
    )


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name, FEATURES, n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"the families are {', '.join(FAMILIES)}"


_DEFAULT = (
    "rsi_14",
    "adx_14",
    "plus_di_14",
    "minus_di_14",
    "macd",
    "macd_signal",
    "macd_histogram",
    "bollinger_width_20",
    "bollinger_position_20",
    "atr_14",
    "ema_distance_12",
    "ema_distance_26",
    "ema_distance_50",
    "ema_distance_200",
    "sma_distance_20",
    "sma_distance_50",
    "sma_distance_200",
    "momentum_1",
    "momentum_5",
    "momentum_15",
    "momentum_60",
    "momentum_240",
    "volatility_20",
    "volatility_100",
    "volume_z_50",
    "vpin_50",
    "channel_high_55",
    "channel_low_55",
    "volatility_rank_250",
    "bollinger_width_rank_250",
    "cvar_95_250",
    "close_z_50",
)

FEATURES: dict[str, FeatureInfo] = {name: describe(name) for name in _DEFAULT}
"""The features that agents use unless told otherwise, by name."""
