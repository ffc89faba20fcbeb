"""What one path came to, in a few figures and a thin curve, and many paths in distributions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tutti.model.market import FloatArray, IntArray
from tutti.stats.performance import sharpe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FIGURES = ("total_return", "max_drawdown", "sharpe", "lowest", "fees", "n_fills")
"""Figures of a path. ``lowest`` is the least equity as a fraction of the first."""

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Quantiles that distributions and the fan are told by."""

CURVE_POINTS = 160
_DAYS_A_YEAR = 365.0
_DAY = 86_400_000_000_000
_RUINED = 1e-12
_Z95 = 1.959963984540054


class Paths(NamedTuple):
    """Paths by row: figures (k, 6) in the order of ``FIGURES``, equity (k, points)."""

    figures: FloatArray
    curves: FloatArray


def together(parts: Sequence[Paths]) -> Paths:
    """Return the paths of all parts, in order."""
    return Paths(
        np.concatenate([part.figures for part in parts]),
        np.concatenate([part.curves for part in parts]),
    )


def no_paths(count: int, points: int) -> Paths:
    """Return room for so many paths."""
    return Paths(np.zeros((count, len(FIGURES))), np.zeros((count, points)))


class Yardstick:
    """Measures the equity of paths that share their ticks.

    Parameters
    ----------
    known_at : ndarray of int64, shape (t,)
        When each value is known, ns UTC.
    balance : float
        Equity before the first tick, quote currency.
    """

    def __init__(self, known_at: IntArray, balance: float) -> None:
        self.balance = balance
        count = len(known_at)
        self.rows = np.unique(np.linspace(0, count - 1, min(CURVE_POINTS, count)).astype(np.int64))
        self.ts = known_at[self.rows]
        day = (known_at - 1) // _DAY
        self._day_ends = np.append(np.flatnonzero(np.diff(day)), count - 1)

    def measure(
        self, equity: FloatArray, fees: float, n_fills: int, paths: Paths, row: int
    ) -> None:
        """Write what became of a path into ``row`` of ``paths``.

        Parameters
        ----------
        equity : ndarray of float64, shape (t,)
            At the close of each bar.
        """
        peak = np.maximum.accumulate(np.maximum(equity, self.balance))
        low = float(equity.min()) / self.balance
        daily = np.append(self.balance, np.maximum(equity[self._day_ends], _RUINED * self.balance))
        paths.figures[row] = (
            equity[-1] / self.balance - 1.0,
            min(1.0, float((1.0 - equity / peak).max())),
            sharpe(daily[1:] / daily[:-1] - 1.0, _DAYS_A_YEAR),
            low,
            fees,
            n_fills,
        )
        paths.curves[row] = equity[self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Distribution of one figure over the paths where it is defined.

    Parameters
    ----------
    quantiles : dict of float to float
        By level.
    recorded : float
        The figure on the recorded market.
    recorded_rank : float
        Share of paths at or below it, in [0, 1]; NaN where it is undefined.
    """

    mean: float
    deviation: float
    quantiles: dict[float, float]
    recorded: float
    recorded_rank: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; what is undefined is None."""
        return {
            "mean": _known(self.mean),
            "deviation": _known(self.deviation),
            "quantiles": {f"{level:g}": _known(each) for level, each in self.quantiles.items()},
            "recorded": _known(self.recorded),
            "recorded_rank": _known(self.recorded_rank),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Share of paths in which something happened, with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True, kw_only=True)
class MonteCarlo:
    """What a strategy might have come to.

    Parameters
    ----------
    method : str
        ``bootstrap``, ``trades``, ``garch`` or ``noise``.
    signals : str
        ``recomputed`` where every path is analysed anew, ``resampled`` where the signals of the
        recorded bars travel with them, ``recorded`` where the market is as recorded, ``none``
        where trades are drawn instead of bars.
    settings : dict
        Of the method.
    ts : ndarray of int64, shape (p,)
        Instants of the curves, ns UTC.
    fan : ndarray of float64, shape (levels, p)
        Quantiles of equity at each instant, by ``LEVELS``; quote currency.
    recorded : ndarray of float64, shape (p,)
        Equity on the recorded market.
    spreads : dict of str to Spread
        By ``FIGURES``.
    loss, ruin : Share
        Paths that end below where they began, and that ever fall to ``ruin_at``.
    ruin_at : float
        Fraction of the starting balance.
    symbol_bars : int
        Decided on, all paths together.
    """

    method: str
    signals: str
    n_paths: int
    seed: int
    settings: dict[str, float]
    instruments: tuple[str, ...]
    balance: float
    ts: IntArray
    fan: FloatArray
    recorded: FloatArray
    spreads: dict[str, Spread]
    loss: Share
    ruin: Share
    ruin_at: float
    symbol_bars: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the curves, as JSON values."""
        return {
            "method": self.method,
            "signals": self.signals,
            "n_paths": self.n_paths,
            "seed": self.seed,
            "settings": self.settings,
            "instruments": list(self.instruments),
            "starting_balance": self.balance,
            "figures": {name: spread.to_dict() for name, spread in self.spreads.items()},
            "probability_of_loss": self.loss.to_dict(),
            "probability_of_ruin": self.ruin.to_dict(),
            "ruin_at": self.ruin_at,
            "symbol_bars": self.symbol_bars,
            "seconds": self.seconds,
            "symbol_bars_per_second": self.symbol_bars / self.seconds if self.seconds else None,
        }


def spreads_of(paths: Paths, recorded: FloatArray) -> dict[str, Spread]:
    """Return the distribution of each figure.

    Parameters
    ----------
    recorded : ndarray of float64, shape (6,)
        Figures on the recorded market.
    """
    return {
        name: _spread(paths.figures[:, k], float(recorded[k])) for k, name in enumerate(FIGURES)
    }


def share_of(happened: NDArray[np.bool_]) -> Share:
    """Return the share of true values with its Wilson interval (Wilson 1927)."""
    count = len(happened)
    value = float(np.mean(happened))
    scale = 1.0 + _Z95**2 / count
    middle = (value + _Z95**2 / (2 * count)) / scale
    half = _Z95 / scale * math.sqrt(value * (1 - value) / count + _Z95**2 / (4 * count**2))
    # exact at the ends, which rounding would miss
    low = max(0.0, middle - half) if value > 0.0 else 0.0
    high = min(1.0, middle + half) if value < 1.0 else 1.0
    return Share(value=value, low=low, high=high)


def fan_of(paths: Paths) -> FloatArray:
    """Return the quantiles of equity at each instant, shape (levels, points)."""
    fan: FloatArray = np.quantile(paths.curves, LEVELS, axis=0)
    return fan


def index_of(name: str) -> int:
    """Return the column of a figure."""
    return FIGURES.index(name)


def _spread(values: FloatArray, recorded: float) -> Spread:
    known = values[np.isfinite(values)]
    if not len(known):
        nothing = dict.fromkeys(LEVELS, math.nan)
        return Spread(mean=math.nan, deviation=math.nan, quantiles=nothing, recorded=recorded,
                      recorded_rank=math.nan)  # fmt: skip
    return Spread(
        mean=float(known.mean()),
        deviation=float(known.std(ddof=1)) if len(known) > 1 else math.nan,
        quantiles=dict(zip(LEVELS, np.quantile(known, LEVELS).tolist(), strict=True)),
        recorded=recorded,
        recorded_rank=float(np.mean(known <= recorded)) if math.isfinite(recorded) else math.nan,
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
