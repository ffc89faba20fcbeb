"""Risk of the portfolio as a whole: VaR, CVaR, exposure, concentration, correlation, and flags."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

_PAIR = 2


def _held(returns: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    # the bars that every held instrument has, and the weights of those instruments
    columns = weights.nonzero()[0]
    held = returns[:, columns]
    whole = ~np.isnan(held).any(axis=1)
    return held if whole.all() else held[whole], weights[columns]


def value_at_risk(returns: FloatArray, level: float = 0.95) -> float:
    """Return the loss that is reached in the worst ``1 - level`` of bars, historically.

    Parameters
    ----------
    returns : ndarray of float64, shape (t,)
        Of the portfolio, per bar, without NaN.
    level : float
        In (0, 1).

    Returns
    -------
    float
        Fraction of equity, positive for a loss: the least of the ``ceil((1 - level) t)`` worst.
        NaN without returns.
    """
    return _least(_worst(returns, level))


def conditional_value_at_risk(returns: FloatArray, level: float = 0.95) -> float:
    """Return the mean loss in the worst ``1 - level`` of bars; at least ``value_at_risk``.

    Parameters and unit are those of ``value_at_risk``. Source: Rockafellar and Uryasev (2000),
    "Optimization of conditional value-at-risk", for a sample.
    """
    return _mean(_worst(returns, level))


def _worst(returns: FloatArray, level: float) -> FloatArray:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be in (0, 1), was {level!r}")
    # a hair less, because 1 - 0.95 is a little more than a twentieth
    count = math.ceil((1.0 - level) * len(returns) - 1e-9)
    gains = np.sort(returns)
    losses: FloatArray = -gains[:count]
    return losses


def _least(worst: FloatArray) -> float:
    return float(worst[-1]) if len(worst) else math.nan


def _mean(worst: FloatArray) -> float:
    return float(worst.mean()) if len(worst) else math.nan


def gross_exposure(weights: FloatArray) -> float:
    """Return the sum of absolute weights."""
    return float(np.abs(weights).sum())


def concentration(weights: FloatArray) -> float:
    """Return the Herfindahl index of the absolute weights: 1/k for k equal ones, 0 when flat."""
    gross = gross_exposure(weights)
    return float(((weights / gross) ** 2).sum()) if gross > 0.0 else 0.0


def average_correlation(returns: FloatArray, weights: FloatArray) -> float:
    """Return the mean correlation of the pairs of held instruments, in [-1, 1].

    A short position counts with the opposite sign of its instrument, so 1 means that everything
    held wins and loses together. Over the bars that all held instruments have; an instrument
    that did not move correlates with nothing. NaN with fewer than two positions or bars.
    """
    return _correlation(*_held(returns, weights))


def _correlation(held: FloatArray, weights: FloatArray) -> float:
    moves = held * np.sign(weights)
    count = moves.shape[1]
    if count < _PAIR or len(moves) < _PAIR:
        return math.nan
    centred = moves - moves.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(length > 0.0, length, np.inf)
    # the square of the summed unit vectors holds each pair twice, and each vector with itself
    pairs = float((unit.sum(axis=1) ** 2).sum() - (unit**2).sum())
    mean: float = pairs / (count * (count - 1))
    return mean


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRisk:
    """What a portfolio risks; fractions of equity, losses and drawdown positive.

    VaR and CVaR are per bar; NaN where there is too little history.
    """

    value_at_risk: float
    conditional_value_at_risk: float
    gross_exposure: float
    net_exposure: float
    concentration: float
    average_correlation: float
    drawdown: float


class RiskFlag(StrEnum):
    """Measure of the portfolio that is over its threshold."""

    VALUE_AT_RISK = "value_at_risk"
    CONDITIONAL_VALUE_AT_RISK = "conditional_value_at_risk"
    GROSS_EXPOSURE = "gross_exposure"
    CONCENTRATION = "concentration"
    AVERAGE_CORRELATION = "average_correlation"
    DRAWDOWN = "drawdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskThresholds:
    """Where each measure is flagged; the names are those of ``RiskFlag``.

    Raises
    ------
    ConfigError
        If one is not positive.
    """

    value_at_risk: float = 0.02
    conditional_value_at_risk: float = 0.03
    gross_exposure: float = 0.9
    concentration: float = 0.5
    average_correlation: float = 0.8
    drawdown: float = 0.1

    def __post_init__(self) -> None:
        for flag in RiskFlag:
            value: float = getattr(self, flag)
            if not value > 0.0:
                raise ConfigError(f"risk.flags.{flag} must be positive, was {value!r}")


def assess(
    returns: FloatArray, weights: FloatArray, *, drawdown: float, level: float = 0.95
) -> PortfolioRisk:
    """Return the risk of holding ``weights`` (n,) through ``returns`` (t, n), oldest first."""
    held, held_weights = _held(returns, weights)
    worst = _worst(held @ held_weights, level)
    return PortfolioRisk(
        value_at_risk=_least(worst),
        conditional_value_at_risk=_mean(worst),
        gross_exposure=gross_exposure(weights),
        net_exposure=float(weights.sum()),
        concentration=concentration(weights),
        average_correlation=_correlation(held, held_weights),
        drawdown=drawdown,
    )


def flags(risk: PortfolioRisk, thresholds: RiskThresholds) -> tuple[RiskFlag, ...]:
    """Return the measures at or over their thresholds; an unknown one (NaN) is not flagged."""
    return tuple(flag for flag in RiskFlag if getattr(risk, flag) >= getattr(thresholds, flag))
