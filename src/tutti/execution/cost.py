"""What a fill costs: spread, square-root impact, rounding to a tick, fees.

Impact follows the square-root law of market impact with the bar's own range as volatility:
``impact = coefficient * sigma * sqrt(quantity / volume)``, Almgren, Thum, Hauptmann and Li (2005),
"Direct estimation of equity market impact", with their fitted exponent of 0.6 taken as 0.5 (Tóth et
al. 2011) and without a permanent part; ``sigma`` is Parkinson's (1980) estimate from high and low.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.kernel.jit import lean_njit
from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray

if TYPE_CHECKING:
    from tutti.model.arrays import Terms, Tradable

_PARKINSON = 1.0 / (2.0 * math.sqrt(math.log(2.0)))
_WHOLE_BPS = 10_000.0


class Costs(NamedTuple):
    """Cost and fill rules of the simulated venues; the same for both tiers.

    Parameters
    ----------
    half_spread_bps : float64 (n,)
        Distance from the bar's price to the touch, in basis points of price, per instrument.
    impact_coefficient : float
        Factor of the square-root law; 0 for no impact, about 1 in the literature.
    participation : float
        Share of a bar's volume that our orders may fill, (0, 1]; 0 for no limit.
    latency_ns : int
        From the decision until the order is at the venue.
    through : int
        1 when a resting limit order needs the price to trade through it, 0 when a touch fills it.
    liquidation_fee : float
        Fraction of notional that a forced close pays on top of the taker fee.
    """

    half_spread_bps: FloatArray
    impact_coefficient: float
    participation: float
    latency_ns: int
    through: int
    liquidation_fee: float


def costs_of(
    half_spread_bps: FloatArray,
    *,
    impact_coefficient: float = 0.0,
    participation: float = 0.0,
    latency_ns: int = 0,
    through: bool = False,
    liquidation_fee: float = 0.0,
) -> Costs:
    """Return checked cost rules, in the types that the kernels are compiled for.

    Raises
    ------
    ConfigError
        If a value is negative, not finite, or a fraction above 1.
    """
    spread = np.ascontiguousarray(half_spread_bps, dtype=np.float64)
    if not (np.isfinite(spread) & (spread >= 0) & (spread < _WHOLE_BPS)).all():
        raise ConfigError(
            f"half_spread_bps must lie in [0, {_WHOLE_BPS:g}), was {half_spread_bps!r}"
        )
    if not (math.isfinite(impact_coefficient) and impact_coefficient >= 0.0):
        raise ConfigError(f"impact_coefficient must not be negative, was {impact_coefficient!r}")
    for name, share in (("participation", participation), ("liquidation_fee", liquidation_fee)):
        if not 0.0 <= share <= 1.0:
            raise ConfigError(f"{name} must be a fraction in [0, 1], was {share!r}")
    if latency_ns < 0:
        raise ConfigError(f"latency_ns must not be negative, was {latency_ns!r}")
    return Costs(
        half_spread_bps=spread,
        impact_coefficient=float(impact_coefficient),
        participation=float(participation),
        latency_ns=int(latency_ns),
        through=int(through),
        liquidation_fee=float(liquidation_fee),
    )


@lean_njit
def slack(ticks: float) -> float:
    """Return the rounding error, in ticks, that a price from a file may carry at this height."""
    return 1e-9 + 1e-12 * abs(ticks)


@lean_njit
def against(side: int, ticks: float) -> int:
    """Return ``ticks`` as a whole number, up for a buy and down for a sell, at least 1."""
    whole = math.ceil(ticks - slack(ticks)) if side > 0 else math.floor(ticks + slack(ticks))
    return max(whole, 1)


@lean_njit
def impact(coefficient: float, high: float, low: float, share: float) -> float:
    """Return what a taker's price moves against it, as a fraction of the price; 0 without a range.

    Parameters
    ----------
    coefficient : float
        Factor of the square-root law.
    high, low : float
        Of the bar that fills.
    share : float
        Quantity over the bar's volume.
    """
    if high <= low:
        return 0.0
    sigma = math.log(high / low) * _PARKINSON
    return coefficient * sigma * math.sqrt(share)


@lean_njit
def taker_price(  # noqa: PLR0913
    side: int, price: float, lots: int, i: int, t: int, bars: Tradable, terms: Terms, costs: Costs
) -> int:
    """Return what taking ``lots`` at ``price`` pays, in ticks, rounded against us.

    Parameters
    ----------
    side : int
        +1 for a buy, -1 for a sell.
    price : float
        Price before costs, quote currency.
    lots : int
        Positive.

    Notes
    -----
    A bar without volume counts as if the order were as large as its volume.
    """
    worse = costs.half_spread_bps[i] * 1e-4
    if costs.impact_coefficient > 0.0:
        volume = bars.volume[t, i]
        share = lots * terms.lot[i] / volume if volume > 0.0 else 1.0
        worse += impact(costs.impact_coefficient, bars.high[t, i], bars.low[t, i], share)
    return against(side, price * (1.0 + side * worse) / terms.tick[i])


@lean_njit
def fee_of(lots: int, price_ticks: int, is_maker: int, i: int, terms: Terms) -> float:
    """Return the fee of a fill in quote currency; negative for a rebate.

    ``lots`` is positive, ``is_maker`` 1 for a fill of a resting order, else 0.
    """
    rate = terms.maker_fee[i] if is_maker else terms.taker_fee[i]
    fee: float = (lots * terms.lot[i]) * (price_ticks * terms.tick[i]) * rate
    return fee
