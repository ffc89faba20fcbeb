"""Market regimes by rules, with hysteresis.

At each tick, with ADX, the distance d of the close from its 200-bar mean, and the ranks over 250
bars of volatility and of the width of the Bollinger bands::

    volatile   rank of volatility >= volatility_high_rank
    trending   ADX >= adx_trend
    ranging    ADX <= adx_range, or band-width rank <= squeeze_rank
    otherwise  ranging if that is the regime in force, else trending

The first that holds is the candidate; volatile and trending are bull or bear by the sign of d, which
turns only once d has left ``direction_band`` standard deviations of such a distance. A candidate
other than the regime in force replaces it after standing ``hysteresis_bars`` bars in a row.

Confidence: ``(1 + margin) / 2`` while the candidate is the regime in force, margin being how far in
[0, 1] the inputs lie beyond the thresholds (for a direction, the lesser of its two margins); while
another candidate knocks, ``1/2`` falling towards 0 as its time comes.

Source: Agent Symphony, technical specification (2025), section 4.1, for regimes and thresholds;
Wilder (1978) for ADX, Bollinger (2002) for the squeeze. Precedence, bands and confidence are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.kernel.jit import njit
from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray, IntArray
from tutti.model.opinion import Regime, RegimeBlock

if TYPE_CHECKING:
    from tutti.features.block import FeatureBlock

ADX = "adx_14"
MEAN_DISTANCE = "sma_distance_200"
VOLATILITY = "volatility_100"
VOLATILITY_RANK = "volatility_rank_250"
WIDTH_RANK = "bollinger_width_rank_250"
NEEDS = (ADX, MEAN_DISTANCE, VOLATILITY, VOLATILITY_RANK, WIDTH_RANK)

_RANGE = int(Regime.RANGE_BOUND)
_BULL_TRENDING = int(Regime.BULL_TRENDING)
_BULL_VOLATILE = int(Regime.BULL_VOLATILE)
_TO_BEAR = int(Regime.BEAR_TRENDING) - int(Regime.BULL_TRENDING)
_UNKNOWN = -1
_SPREAD = math.sqrt(200 / 3)  # of a random walk about its mean of 200, in bars' deviations
_FULL_TREND = 25.0  # ADX points beyond the threshold that make a trend certain
_LARGEST_ADX = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeRules:
    """Thresholds of the regime rules.

    Parameters
    ----------
    adx_trend, adx_range : float
        ADX from which there is a trend, and up to which there is none; ``range <= trend``.
    volatility_high_rank : float
        Rank of volatility among its last 250 values from which a market is volatile, in (0, 1).
    squeeze_rank : float
        Rank of the band width up to which bands are squeezed, in [0, 1).
    hysteresis_bars : int
        Bars in a row that another regime must stand before it is in force; 1 switches at once.
    direction_band : float
        Distance from the mean, in standard deviations, within which the direction stays.

    Raises
    ------
    ConfigError
        If a threshold is out of range.
    """

    adx_trend: float = 25.0
    adx_range: float = 20.0
    volatility_high_rank: float = 0.8
    squeeze_rank: float = 0.2
    hysteresis_bars: int = 3
    direction_band: float = 0.1

    def __post_init__(self) -> None:
        for field in fields(self):
            if not math.isfinite(getattr(self, field.name)):
                raise ConfigError(f"regime rules: {field.name} must be a finite number")
        if not 0 <= self.adx_range <= self.adx_trend <= _LARGEST_ADX:
            raise ConfigError(
                "regime rules: needs 0 <= adx_range <= adx_trend <= 100, "
                f"was {self.adx_range!r} and {self.adx_trend!r}"
            )
        for name in ("volatility_high_rank", "squeeze_rank"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"regime rules: {name} must be in [0, 1]")
        if self.hysteresis_bars < 1:
            raise ConfigError(
                f"regime rules: hysteresis_bars must be at least 1, was {self.hysteresis_bars!r}"
            )
        if self.direction_band < 0:
            raise ConfigError("regime rules: direction_band must not be negative")


class _Rules(NamedTuple):
    trend: float
    ranging: float
    volatile: float
    squeeze: float
    bars: int
    band: float


class _Memory(NamedTuple):
    regime: IntArray  # (n,), in force
    candidate: IntArray  # (n,)
    stood: IntArray  # (n,), bars in a row that the candidate has stood
    direction: IntArray  # (n,), 1 bull, -1 bear, 0 not yet known
    confidence: FloatArray  # (n,), last given


class _Inputs(NamedTuple):
    adx: float
    distance: float
    volatility_rank: float
    width_rank: float


@njit
def _part(value: float, threshold: float, certain: float) -> float:
    # how far value lies from threshold towards certain, in [0, 1]
    if certain == threshold:
        return 1.0
    return max(0.0, min(1.0, (value - threshold) / (certain - threshold)))


@njit
def _judged(x: _Inputs, rules: _Rules, current: int, direction: int) -> tuple[int, float]:
    # the candidate, and by how much the inputs lie beyond its thresholds
    aside = min(1.0, abs(x.distance)) if x.distance * direction > 0.0 else 0.0
    bear = _TO_BEAR if direction < 0 else 0
    if x.volatility_rank >= rules.volatile:
        return _BULL_VOLATILE + bear, min(aside, _part(x.volatility_rank, rules.volatile, 1.0))
    trend = _part(x.adx, rules.trend, rules.trend + _FULL_TREND)
    if x.adx >= rules.trend:
        return _BULL_TRENDING + bear, min(aside, trend)
    if x.adx <= rules.ranging or x.width_rank <= rules.squeeze:
        calm = _part(x.adx, rules.ranging, 0.5 * rules.ranging)
        return _RANGE, max(calm, _part(x.width_rank, rules.squeeze, 0.0))
    if current in (_UNKNOWN, _RANGE):
        return _RANGE, 0.0
    # no longer volatile, not yet ranging: what is left of it is a trend
    return _BULL_TRENDING + bear, 0.0


@njit
def _step(i: int, x: _Inputs, rules: _Rules, memory: _Memory) -> None:
    if memory.direction[i] == 0 or abs(x.distance) > rules.band:
        memory.direction[i] = 1 if x.distance >= 0.0 else -1
    current = memory.regime[i]
    candidate, margin = _judged(x, rules, current, memory.direction[i])
    memory.stood[i] = memory.stood[i] + 1 if candidate == memory.candidate[i] else 1
    memory.candidate[i] = candidate
    if current == _UNKNOWN or candidate == current or memory.stood[i] >= rules.bars:
        memory.regime[i] = candidate
        memory.confidence[i] = 0.5 * (1.0 + margin)
    else:
        memory.confidence[i] = 0.5 * (1.0 - memory.stood[i] / rules.bars)


@njit
def _classify(
    values: FloatArray, columns: IntArray, rules: _Rules, memory: _Memory, out: RegimeBlock
) -> None:
    # values: float64 (F, T, N); columns of NEEDS in it
    for t in range(values.shape[1]):
        for i in range(values.shape[2]):
            spread = values[columns[2], t, i] * _SPREAD
            distance = values[columns[1], t, i]
            x = _Inputs(
                values[columns[0], t, i],
                distance / spread if spread > 0.0 else 0.0 * distance,
                values[columns[3], t, i],
                values[columns[4], t, i],
            )
            if not math.isnan(x.adx + x.distance + spread + x.volatility_rank + x.width_rank):
                _step(i, x, rules, memory)
            out.code[t, i] = memory.regime[i]
            out.confidence[t, i] = memory.confidence[i]


class RegimeClassifier:
    """Classifies each instrument, or all by one of reference, and remembers between blocks.

    Parameters
    ----------
    rules : RegimeRules
    n_instruments : int
    reference : int, optional
        Column whose regime holds for all; by default each instrument has its own.

    Raises
    ------
    ConfigError
        If the reference is not a column.
    """

    needs: tuple[str, ...] = NEEDS

    def __init__(
        self, rules: RegimeRules, n_instruments: int, reference: int | None = None
    ) -> None:
        if reference is not None and not 0 <= reference < n_instruments:
            raise ConfigError(
                f"regime: reference {reference!r} is not one of {n_instruments} instruments"
            )
        self.rules = rules
        self.reference = reference
        self._rules = _Rules(
            trend=float(rules.adx_trend),
            ranging=float(rules.adx_range),
            volatile=float(rules.volatility_high_rank),
            squeeze=float(rules.squeeze_rank),
            bars=int(rules.hysteresis_bars),
            band=float(rules.direction_band),
        )
        self._n_instruments = n_instruments
        followed = n_instruments if reference is None else 1
        self._memory = _Memory(
            regime=np.full(followed, _UNKNOWN, np.int64),
            candidate=np.full(followed, _UNKNOWN, np.int64),
            stood=np.zeros(followed, np.int64),
            direction=np.zeros(followed, np.int64),
            confidence=np.full(followed, np.nan),
        )

    def classify(self, features: FeatureBlock) -> RegimeBlock:
        """Return the regime after each tick, shape (t, n), and remember the last.

        Blocks must come in time order; any cut of a history into blocks gives the same bits. At a
        bar that is missing the regime is what it was.

        Raises
        ------
        ValueError
            If a needed feature is not in the block, or it has another number of instruments.
        """
        n_ticks, n = features.values.shape[1:]
        if n != self._n_instruments:
            raise ValueError(f"follows {self._n_instruments} instruments, the block has {n}")
        missing = [name for name in NEEDS if name not in features.names]
        if missing:
            raise ValueError(f"features {missing} are needed, but only {features.names} are there")
        columns = np.array([features.names.index(name) for name in NEEDS], np.int64)
        values = features.values
        if self.reference is not None:
            values = values[:, :, self.reference : self.reference + 1]
        shape = (n_ticks, values.shape[2])
        out = RegimeBlock(np.empty(shape, np.int64), np.empty(shape))
        _classify(np.ascontiguousarray(values), columns, self._rules, self._memory, out)
        if self.reference is None:
            return out
        return RegimeBlock(np.repeat(out.code, n, axis=1), np.repeat(out.confidence, n, axis=1))
