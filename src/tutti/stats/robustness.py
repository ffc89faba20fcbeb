"""How a result depends on what it costs, on its size, and on when it was earned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.stats.inference import moments, sharpe_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from tutti.model.market import FloatArray, IntArray

STATES = ("rising, calm", "rising, rough", "falling, calm", "falling, rough")
"""Names of the market's states, by number."""

_FEWEST_DAYS = 20
_LONGEST_WINDOW = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CostBearing:
    """What a result would have been at other costs, had it traded the same.

    Parameters
    ----------
    multiples : tuple of float
    total_returns : tuple of float
        At so many times the cost.
    break_even_multiple : float
        Cost at which nothing is left; infinite where there is no cost, 0 where even without it
        nothing is.
    break_even_bps : float
        What each unit of notional traded could cost more, in basis points, before nothing is left;
        negative where nothing is. NaN without trading.
    """

    multiples: tuple[float, ...]
    total_returns: tuple[float, ...]
    break_even_multiple: float
    break_even_bps: float


def cost_bearing(
    gain: float,
    cost: float,
    *,
    balance: float,
    traded: float,
    multiples: Sequence[float] = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0),
) -> CostBearing:
    """Return how a gain holds at other costs.

    Parameters
    ----------
    gain : float
        After the cost, quote currency.
    cost : float
        Paid; negative for a rebate.
    balance : float
        At the start, positive.
    traded : float
        Notional, both sides.

    Notes
    -----
    To first order: at other costs a strategy may trade otherwise, and smaller.
    """
    before = gain + cost
    even = before / cost if cost > 0.0 and before > 0.0 else 0.0 if before <= 0.0 else math.inf
    return CostBearing(
        multiples=tuple(multiples),
        total_returns=tuple((before - each * cost) / balance for each in multiples),
        break_even_multiple=even,
        break_even_bps=1e4 * gain / traded if traded > 0.0 else math.nan,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How much money a strategy can carry before its own impact eats it.

    Parameters
    ----------
    most_profit : float
        Multiple of the balance at which it earns most; 0 where it earns nothing before impact,
        NaN where it has none.
    break_even : float
        Multiple at which it earns nothing any more.
    """

    most_profit: float
    break_even: float


def capacity(gain: float, impact_cost: float) -> Capacity:
    """Return the capacity of a strategy whose trades grow with its balance.

    Parameters
    ----------
    gain : float
        After all costs, quote currency.
    impact_cost : float
        Of the square-root law, of what was paid.

    Notes
    -----
    With a multiple m of the balance the gain before impact grows as m and the impact as m^1.5, so
    ``m (gain + impact) - m^1.5 impact`` has its root at ``((gain + impact) / impact)²`` and is
    largest at 4/9 of that. For the exponent see `execution.cost`.
    """
    before = gain + impact_cost
    if before <= 0.0:
        return Capacity(most_profit=0.0, break_even=0.0)
    if impact_cost <= 0.0:
        return Capacity(most_profit=math.nan, break_even=math.nan)
    even = (before / impact_cost) ** 2
    return Capacity(most_profit=4.0 / 9.0 * even, break_even=even)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What was earned on some of the days.

    Parameters
    ----------
    days : int
    share : float
        Of all days, in [0, 1].
    total_return : float
        Compounded over these days alone.
    sharpe, sharpe_se : float
        Of one day; NaN for fewer than three days or days without movement.
    """

    name: str
    days: int
    share: float
    total_return: float
    sharpe: float
    sharpe_se: float


def market_states(market: ArrayLike) -> IntArray:
    """Return the market's state on each day: 0 to 3 as in `STATES`, -1 before one is known.

    Parameters
    ----------
    market : array-like of shape (n,)
        Returns of the market, a day each.

    Returns
    -------
    ndarray of int64, shape (n,)
        By the sign of its mean, and by whether its deviation is above the median one, over the
        last days (30, fewer in short samples). Everything is -1 for fewer than twenty days.

    Notes
    -----
    The median is that of the whole sample: the states describe a result, nothing trades on them.
    """
    values = np.asarray(market, dtype=np.float64)
    states = np.full(len(values), -1, dtype=np.int64)
    if len(values) < _FEWEST_DAYS:
        return states
    window = min(_LONGEST_WINDOW, max(5, len(values) // 6))
    views = np.lib.stride_tricks.sliding_window_view(values, window)
    deviation = views.std(axis=1)
    falls = views.mean(axis=1) < 0.0
    rough = deviation > np.median(deviation)
    states[window - 1 :] = 2 * falls + rough
    return states


def by_state(daily: ArrayLike, states: IntArray, names: Sequence[str] = STATES) -> list[Stretch]:
    """Return what was earned in each state that came about.

    Parameters
    ----------
    daily : array-like of shape (n,)
        Returns of the account, a day each.
    states : ndarray of int64, shape (n,)
        Numbers of ``names``; -1 for none.
    """
    values = np.asarray(daily, dtype=np.float64)
    if values.shape != states.shape:
        raise ValueError(f"states must have the shape of daily, {values.shape}, was {states.shape}")
    found = [(name, values[states == k]) for k, name in enumerate(names)]
    return [_stretch(name, part, len(values)) for name, part in found if len(part)]


def by_part(daily: ArrayLike, n_parts: int = 4) -> list[Stretch]:
    """Return what was earned in each of so many successive parts, named by their first day."""
    values = np.asarray(daily, dtype=np.float64)
    firsts = np.linspace(0, len(values), n_parts + 1).round().astype(np.int64)
    return [
        _stretch(str(begin), values[begin:end], len(values))
        for begin, end in zip(firsts[:-1].tolist(), firsts[1:].tolist(), strict=True)
        if end > begin
    ]


def _stretch(name: str, values: FloatArray, n: int) -> Stretch:
    try:
        of = moments(values)
        ratio, error = of.sharpe, sharpe_error(of)
    except ValueError:
        ratio, error = math.nan, math.nan
    return Stretch(
        name=name,
        days=len(values),
        share=len(values) / n,
        total_return=float(np.prod(1.0 + values) - 1.0),
        sharpe=ratio,
        sharpe_se=error,
    )
