"""How much to hold: notional by confidence, Kelly, volatility target, CVaR budget, or fixed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

import numpy as np

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.features.block import FeatureBlock
    from tutti.model.market import FloatArray, MarketBlock

YEAR = 365 * 86_400 * 1_000_000_000
"""Nanoseconds of a year in which a market never closes."""

_VOLATILITY = "volatility_100"
_CVAR = "cvar_95_250"


class SizingMethod(StrEnum):
    """Way to choose the size of a position; formulas at ``size``."""

    NOTIONAL = "notional"
    FRACTIONAL_KELLY = "fractional_kelly"
    VOLATILITY_TARGET = "volatility_target"
    CVAR_BUDGET = "cvar_budget"
    FIXED_FRACTION = "fixed_fraction"
    FIXED_QUANTITY = "fixed_quantity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """Method of sizing and its parameters; each method reads only its own.

    Parameters
    ----------
    method : SizingMethod
    base_notional : float
        Quote currency; notional.
    fraction : float
        Of equity; fixed fraction.
    quantity : float
        Base units; fixed quantity.
    kelly_fraction : float
        Share of the full Kelly bet, in (0, 1].
    information_coefficient : float
        Correlation expected between score and next return, in (0, 1]; fractional Kelly.
    target_volatility : float
        Of the account, per year, as a fraction of equity; volatility target.
    share : float
        Part of the volatility target, or of the CVaR budget, that one position may use, in (0, 1].
    cvar_budget : float
        Fraction of equity that the account may lose in the mean of the worst 5 % of horizons.
    horizon_bars : int
        Bars that a position is expected to be held; CVaR budget.
    max_fraction : float
        Of equity, bound on the sizes that come from an estimate (Kelly, volatility, CVaR).

    Raises
    ------
    ConfigError
        If a value is not positive and finite, or a fraction exceeds 1.
    """

    method: SizingMethod = SizingMethod.NOTIONAL
    base_notional: float = 150.0
    fraction: float = 0.05
    quantity: float = 1.0
    kelly_fraction: float = 0.25
    information_coefficient: float = 0.02
    target_volatility: float = 0.2
    share: float = 0.1
    cvar_budget: float = 0.05
    horizon_bars: int = 24
    max_fraction: float = 0.1

    def __post_init__(self) -> None:
        try:
            SizingMethod(self.method)
        except ValueError:
            known = ", ".join(SizingMethod)
            raise ConfigError(
                f"policy.sizing.method must be one of {known}, was {self.method!r}"
            ) from None
        for name in (
            "base_notional", "fraction", "quantity", "target_volatility", "cvar_budget",
            "horizon_bars", "max_fraction",
        ):  # fmt: skip
            value: float = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ConfigError(
                    f"policy.sizing.{name} must be positive and finite, was {value!r}"
                )
        for name in ("kelly_fraction", "information_coefficient", "share"):
            value = getattr(self, name)
            if not 0.0 < value <= 1.0:
                raise ConfigError(f"policy.sizing.{name} must be in (0, 1], was {value!r}")

    @property
    def are_fractions(self) -> bool:
        """True where sizes are fractions of equity, False where they are quote currency."""
        return self.method not in (SizingMethod.NOTIONAL, SizingMethod.FIXED_QUANTITY)

    @property
    def needs(self) -> tuple[str, ...]:
        """Features that the method reads."""
        match self.method:
            case SizingMethod.FRACTIONAL_KELLY | SizingMethod.VOLATILITY_TARGET:
                return (_VOLATILITY,)
            case SizingMethod.CVAR_BUDGET:
                return (_CVAR,)
            case _:
                return ()


def size(
    sizing: Sizing,
    score: FloatArray,
    confidence: FloatArray,
    market: MarketBlock,
    features: FeatureBlock,
) -> FloatArray:
    """Return the size that each signal deserves, were it followed.

    Parameters
    ----------
    score : ndarray of float64, shape (t, n)
        In [-1, 1].
    confidence : ndarray of float64, shape (t, n)
        In [0, 1].

    Returns
    -------
    ndarray of float64, shape (t, n)
        Positive; fractions of equity or quote currency as ``sizing.are_fractions`` says. NaN where
        an input is missing or a risk estimate is not positive: such a signal opens nothing.

    Notes
    -----
    With c confidence, s score, v volatility per bar, P bars per year:

    - notional: ``base_notional * (0.8 + 0.4 c)`` (Agent Symphony specification, section
      2.3).
    - fractional Kelly: ``kelly_fraction * edge / v^2``, the continuous Kelly bet (Kelly 1956; Thorp
      2006, "The Kelly criterion in blackjack, sports betting and the stock market", section 7).
      The edge is Grinold's forecast ``information_coefficient * v * |s| * c`` (Grinold and Kahn
      2000, "Active Portfolio Management", chapter 11: alpha = volatility x IC x score).
    - volatility target: ``share * target_volatility / (v * sqrt(P))`` (Moskowitz, Ooi and Pedersen
      2012, "Time series momentum", section 2: position inverse to volatility).
    - CVaR budget: ``share * cvar_budget / (cvar * sqrt(horizon_bars))``, cvar the mean of the worst
      5 % of bars (Rockafellar and Uryasev 2000), scaled to the horizon by the root of time.
    - fixed fraction and fixed quantity: what they say; the quantity at the close of the bar.
    """
    match sizing.method:
        case SizingMethod.NOTIONAL:
            return sizing.base_notional * (0.8 + 0.4 * confidence)
        case SizingMethod.FIXED_FRACTION:
            return np.full(score.shape, float(sizing.fraction))
        case SizingMethod.FIXED_QUANTITY:
            return sizing.quantity * market.close
        case SizingMethod.FRACTIONAL_KELLY:
            edge = sizing.information_coefficient * np.abs(score) * confidence
            return _bounded(sizing, sizing.kelly_fraction * edge, features[_VOLATILITY])
        case SizingMethod.VOLATILITY_TARGET:
            per_bar = sizing.target_volatility / math.sqrt(YEAR / market.step)
            return _bounded(sizing, sizing.share * per_bar, features[_VOLATILITY])
        case SizingMethod.CVAR_BUDGET:
            budget = sizing.share * sizing.cvar_budget / math.sqrt(sizing.horizon_bars)
            return _bounded(sizing, budget, features[_CVAR])
        case _:
            assert_never(sizing.method)


def _bounded(sizing: Sizing, reward: FloatArray | float, risk: FloatArray) -> FloatArray:
    # a risk of zero is a frozen price, not a safe instrument
    known = np.where(risk > 0.0, risk, np.nan)
    return np.minimum(reward / known, sizing.max_fraction)
