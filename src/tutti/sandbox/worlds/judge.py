"""Whether a strategy's timing was better than chance: its return before costs against its own size.

Where nothing can be foreseen, the profit of any position over the next bar is, before costs, as
likely to be won as lost, however the position was chosen and however volatile the bar. So the sum
of those profits over the root of the sum of their squares is standard normal (the central limit
theorem for martingale differences, self-normalised: de la Peña, Lai and Shao 2009, "Self-normalized
processes", chapter 15), and no volatility, size or turnover has to be assumed. Each is divided by
the equity before its bar, which leaves it as likely won as lost: in money, the bars in which the
account was large would outweigh the others, and few bars are not normal. Costs are added back
because every strategy pays them: against a profit of zero after costs a strategy without skill that
trades much would pass far less often than the level says, and the level would mean nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from tutti.sandbox.fast import (
    FILL_I,
    FILL_LIQUIDATION,
    FILL_MAKER,
    FILL_ORDER,
    FILL_SIGNED_LOTS,
    FILL_T,
)

if TYPE_CHECKING:
    from tutti.model.arrays import Terms
    from tutti.model.market import FloatArray, MarketBlock
    from tutti.sandbox.fast import FastResult

LEVEL = 0.05
"""One in so many strategies without skill is called skilled."""

FEWEST_BARS = 100
"""Bars with a profit or a loss that a verdict takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the test says.

    Parameters
    ----------
    z : float
        Standard normal where there is no skill; NaN where too little was held.
    p_value : float
        Chance of such a ``z`` or a higher one without skill; 1 where it is NaN.
    sharpe_gross, sharpe_net : float
        Of a year, before and after costs; NaN where nothing was held.
    """

    z: float
    p_value: float
    sharpe_gross: float
    sharpe_net: float
    n_fills: int

    @property
    def found(self) -> bool:
        """Whether the test finds skill at ``LEVEL``."""
        return self.p_value < LEVEL


def gross_profits(
    found: FastResult, block: MarketBlock, terms: Terms, balance: float
) -> FloatArray:
    """Return the profit of each bar before fees, spread, impact and funding, shape (t,).

    What a taker's fill is worse than the bar's open is a cost. A maker's is at its own price.
    """
    profits: FloatArray = np.diff(found.trace.equity, prepend=balance)
    whole, money = found.fills
    t, i = whole[:, FILL_T], whole[:, FILL_I]
    sizes = whole[:, FILL_SIGNED_LOTS] * terms.lot[i]
    worse = sizes * (money[:, 0] - block.open[t, i])
    taken = (whole[:, FILL_MAKER] == 0) & (whole[:, FILL_ORDER] != FILL_LIQUIDATION)
    np.add.at(profits, t, money[:, 1] + np.where(taken, worse, 0.0))
    if block.funding.any():
        held = np.zeros(block.close.shape)
        np.add.at(held, (t, i), sizes)
        known = np.where(np.isfinite(block.close), np.arange(len(block))[:, None], 0)
        price = np.take_along_axis(block.close, np.maximum.accumulate(known, axis=0), axis=0)
        paid = np.cumsum(held, axis=0) * np.nan_to_num(price) * block.funding
        profits += (paid * terms.is_perpetual).sum(axis=1)
    return profits


def of_equity(profits: FloatArray, equity: FloatArray, balance: float) -> FloatArray:
    """Return profits as shares of the equity before their bars, shape (t,).

    Parameters
    ----------
    profits, equity : ndarray of float64, shape (t,)
        Of each bar, and at its end; quote currency.
    balance : float
        Before the first bar, quote currency. Where nothing is left, neither is a return: 0.
    """
    before = np.concatenate(([balance], equity[:-1]))
    return np.divide(profits, before, out=np.zeros(len(profits)), where=before > 0.0)


def judge(gross: FloatArray, net: FloatArray, bars_per_year: float, n_fills: int) -> Verdict:
    """Return the verdict over returns of each bar.

    Parameters
    ----------
    gross, net : ndarray of float64, shape (t,)
        Before and after costs, as shares of the equity before the bar.
    """
    root = math.sqrt(bars_per_year)
    scale = math.sqrt(float(np.sum(gross**2)))
    if np.count_nonzero(gross) < FEWEST_BARS or scale == 0.0:
        z, p_value = math.nan, 1.0
    else:
        z = float(gross.sum()) / scale
        p_value = 1.0 - NormalDist().cdf(z)
    return Verdict(
        z=z,
        p_value=p_value,
        sharpe_gross=_ratio(gross) * root,
        sharpe_net=_ratio(net) * root,
        n_fills=n_fills,
    )


def _ratio(returns: FloatArray) -> float:
    deviation = float(returns.std())
    return float(returns.mean()) / deviation if deviation > 0.0 else math.nan
