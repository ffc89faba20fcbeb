"""Momentum and mean reversion of one instrument, each as a vote in [-1, 1]."""

from __future__ import annotations

import math

from tutti.kernel.jit import njit

HORIZONS = (15, 60, 240)
"""Bars over which momentum looks back."""

MOMENTUM_NEEDS = (*(f"momentum_{bars}" for bars in HORIZONS), "volatility_100")
REVERSION_NEEDS = ("close_z_50", "rsi_14", "bollinger_position_20")

_RSI_MIDDLE, _RSI_REACH = 50.0, 20.0
_Z_SCALE = 1.5
_QUIET, _EXTREME = 0.6, 1.0


@njit
def squash(x: float) -> float:
    """Return ``x / sqrt(1 + x^2)``: odd, in (-1, 1), near ``x`` around 0.

    Unlike a hyperbolic tangent it is exactly rounded everywhere, so that compiled code gives the
    same bits for one value as for a row of them.
    """
    return x / math.sqrt(1.0 + x * x)


@njit
def momentum_vote(short: float, middle: float, long: float, volatility: float) -> float:
    """Return the mean over the horizons of momentum in units of what chance would move.

    Parameters
    ----------
    short, middle, long : float
        Returns over ``HORIZONS``.
    volatility : float
        Standard deviation of returns per bar.

    Returns
    -------
    float
        In (-1, 1), positive after a rise; NaN where an input is NaN or volatility is not positive.

    Notes
    -----
    Moskowitz, Ooi and Pedersen (2012), "Time series momentum": past returns over ex-ante
    volatility. Here three horizons are averaged, each squashed, as in Baz et al. (2015), "Dissecting
    investment strategies in the cross section and time series", section 2 (they use EMA differences
    and another squashing).
    """
    if not volatility > 0.0:
        return math.nan
    total = squash(short / (volatility * math.sqrt(HORIZONS[0])))
    total += squash(middle / (volatility * math.sqrt(HORIZONS[1])))
    total += squash(long / (volatility * math.sqrt(HORIZONS[2])))
    return total / 3.0


@njit
def _clip(x: float) -> float:
    # comparisons are false for NaN, which so passes through
    if x > 1.0:
        return 1.0
    return -1.0 if x < -1.0 else x


@njit
def reversion_vote(z: float, rsi: float, band: float) -> float:
    """Return a vote against a close that is stretched by all three measures.

    Parameters
    ----------
    z : float
        Close in standard deviations from its mean.
    rsi : float
        In [0, 100].
    band : float
        Position in the Bollinger band, 0 at the lower and 1 at the upper edge.

    Returns
    -------
    float
        In [-1, 1], positive after a fall, 0 unless the close is stretched; NaN where an input is.

    Notes
    -----
    The three, each scaled to [-1, 1], are averaged; the vote rises from 0 at 0.6 to 1 at 1, because
    a close that is only somewhat off its mean says nothing. Bollinger (2001), "Bollinger on
    Bollinger bands" (position in the band); Connors and Alvarez (2009), "Short term trading
    strategies that work" (RSI as an oscillator); the combination is ours.
    """
    stretch = _clip((rsi - _RSI_MIDDLE) / _RSI_REACH) + _clip(2.0 * band - 1.0)
    stretch = (stretch + squash(z / _Z_SCALE)) / 3.0
    beyond = abs(stretch) - _QUIET
    if beyond <= 0.0:
        return 0.0
    return -math.copysign(_clip(beyond / (_EXTREME - _QUIET)), stretch)
