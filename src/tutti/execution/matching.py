"""Which orders a bar fills, how much of them, and at what price.

A bar tells neither the path of the price nor who traded, so each order is matched against the bar
by itself, and every doubt is decided against us; see ``docs/decisions/0003-fill-model.md``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.execution.cost import Costs, slack, taker_price
from tutti.kernel.jit import lean_njit

if TYPE_CHECKING:
    from tutti.model.arrays import Terms, Tradable
    from tutti.model.market import IntArray

MARKET, LIMIT, STOP = 0, 1, 2
RESTING = -1
"""Arrival time of an order that was at the venue before the bar opened; it fills as a maker."""

_MOST_LOTS = 1e18  # fits an integer

# columns of a table of working orders, int64 (k, 9)
COLUMN, KIND, SIDE, LOTS_LEFT, LIMIT_TICKS, ARRIVAL, FILL_LOTS, FILL_TICKS, IS_MAKER = range(9)
N_COLUMNS = 9


@lean_njit
def capacity_at(i: int, t: int, bars: Tradable, terms: Terms, costs: Costs) -> int:
    """Return how many lots the bar can fill, all our orders together; -1 for any number.

    A bar with volume fills at least one lot, one without fills none.
    """
    if costs.participation <= 0.0:
        return -1
    volume = bars.volume[t, i]
    if not volume > 0.0:
        return 0
    lots: float = min(costs.participation * volume / terms.lot[i], _MOST_LOTS)
    return max(math.floor(lots + slack(lots)), 1)


@lean_njit
def is_reached(i: int, t: int, side: int, trigger_ticks: int, bars: Tradable, terms: Terms) -> bool:
    """Tell whether the bar's prices reach the trigger of a stop; False for a bar without prices."""
    reached: float = bars.high[t, i] if side > 0 else bars.low[t, i]
    beyond: float = side * (reached / terms.tick[i] - trigger_ticks)
    return beyond >= -slack(trigger_ticks)


@lean_njit
def match_at(  # noqa: PLR0913
    i: int,
    t: int,
    order_type: int,
    side: int,
    lots_left: int,
    limit_ticks: int,
    arrival_ts: int,
    bars: Tradable,
    terms: Terms,
    costs: Costs,
) -> tuple[int, int, int]:
    """Match one order against one bar.

    Parameters
    ----------
    i, t : int
        Column and row of the bar.
    order_type : int
        MARKET, LIMIT or STOP.
    side : int
        +1 for a buy, -1 for a sell.
    lots_left : int
        What is not filled yet.
    limit_ticks : int
        Limit or trigger price; ignored for a market order.
    arrival_ts : int
        When the order is at the venue, ns UTC; RESTING once it has seen an open.

    Returns
    -------
    fill_lots, price_ticks, is_maker : int
        All 0 when nothing fills. A stop that was triggered is a market order from then on.
    """
    price = bars.open[t, i]
    if bars.ts[t] < arrival_ts or math.isnan(price):
        return 0, 0, 0
    capacity = capacity_at(i, t, bars, terms, costs)
    lots = lots_left if capacity < 0 else min(lots_left, capacity)
    if lots <= 0:
        return 0, 0, 0
    if order_type == MARKET:
        return lots, taker_price(side, price, lots, i, t, bars, terms, costs), 0
    tick = terms.tick[i]
    near = slack(limit_ticks)
    if order_type == STOP:
        if not is_reached(i, t, side, limit_ticks, bars, terms):
            return 0, 0, 0
        trigger = limit_ticks * tick
        worse = max(price, trigger) if side > 0 else min(price, trigger)
        return lots, taker_price(side, worse, lots, i, t, bars, terms, costs), 0
    if arrival_ts != RESTING and side * (limit_ticks - price / tick) >= -near:
        ticks = taker_price(side, price, lots, i, t, bars, terms, costs)
        return lots, min(ticks, limit_ticks) if side > 0 else max(ticks, limit_ticks), 0
    reached = bars.low[t, i] if side > 0 else bars.high[t, i]
    beyond = side * (limit_ticks - reached / tick)
    if beyond > near or (costs.through == 0 and beyond >= -near):
        return lots, limit_ticks, 1
    return 0, 0, 0


@lean_njit
def match_orders(
    t: int, orders: IntArray, count: int, bars: Tradable, terms: Terms, costs: Costs
) -> int:
    """Match the first ``count`` working orders, oldest first, against bar ``t``.

    Orders for one instrument share what the bar can fill. The table is updated in place: fills,
    lots left, stops that became market orders, orders that now rest.

    Parameters
    ----------
    orders : int64 (k, 9)
        One row per order; the columns are COLUMN ... IS_MAKER.

    Returns
    -------
    int
        How many orders were filled, in part or whole.
    """
    n_filled = 0
    for k in range(count):
        i = orders[k, COLUMN]
        left = orders[k, LOTS_LEFT]
        capacity = capacity_of = capacity_at(i, t, bars, terms, costs)
        if capacity >= 0:
            for other in range(k):
                if orders[other, COLUMN] == i:
                    capacity -= orders[other, FILL_LOTS]
            left = min(left, capacity)
        lots, ticks, is_maker = match_at(
            i, t, orders[k, KIND], orders[k, SIDE], left, orders[k, LIMIT_TICKS],
            orders[k, ARRIVAL], bars, terms, costs,
        )  # fmt: skip
        orders[k, FILL_LOTS] = lots
        orders[k, FILL_TICKS] = ticks
        orders[k, IS_MAKER] = is_maker
        if bars.ts[t] >= orders[k, ARRIVAL] and not math.isnan(bars.open[t, i]):
            orders[k, ARRIVAL] = RESTING
        if lots > 0:
            n_filled += 1
            orders[k, LOTS_LEFT] -= lots
        if orders[k, KIND] == STOP and (
            lots > 0
            or (
                # older orders used up the bar's share: it was triggered all the same
                capacity_of != 0
                and orders[k, ARRIVAL] == RESTING
                and is_reached(i, t, orders[k, SIDE], orders[k, LIMIT_TICKS], bars, terms)
            )
        ):
            orders[k, KIND] = MARKET
    return n_filled
