"""Books of venues of which only bars are known: what the cost model charges, as levels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tutti.execution.router.offers import Ladder

if TYPE_CHECKING:
    from tutti.execution.cost import Costs
    from tutti.model.arrays import Terms, Tradable
    from tutti.model.market import FloatArray

_LEVELS = 10
_PARKINSON = 1.0 / (2.0 * math.sqrt(math.log(2.0)))


def ladder_of_bar(side: int, i: int, t: int, bars: Tradable, terms: Terms, costs: Costs) -> Ladder:
    """Return the side of a book that an order takes, as the cost model has it at a bar's close.

    Parameters
    ----------
    side : int
        +1 for the asks that a buy takes, -1 for the bids.
    i, t : int
        Column and row of the bar.

    Returns
    -------
    Ladder
        Ten levels whose sizes add up to what the bar's volume lets us fill; taking the first of
        them costs what `tutti.execution.cost.taker_price` charges. Empty for a missing bar.

    Notes
    -----
    The model's average price moves with the square root of the quantity, so the price of a level
    moves with the difference of ``q ** 1.5`` over its ends.
    """
    close = float(bars.close[t, i])
    if math.isnan(close):
        return Ladder(np.empty(0), np.empty(0))
    spread = costs.half_spread_bps[i] * 1e-4
    volume = float(bars.volume[t, i])
    if costs.participation <= 0.0 or not volume > 0.0:
        return Ladder(np.array([close * (1.0 + side * spread)]), np.zeros(1))
    share = np.linspace(0.0, costs.participation, _LEVELS + 1)
    high, low = float(bars.high[t, i]), float(bars.low[t, i])
    sigma = math.log(high / low) * _PARKINSON if high > low else 0.0
    paid = costs.impact_coefficient * sigma * share**1.5
    impact: FloatArray = np.diff(paid) / np.diff(share)
    prices = close * (1.0 + side * (spread + impact))
    if side < 0:
        prices = np.maximum(prices, float(terms.tick[i]))
    return Ladder(prices, np.diff(share) * volume)
