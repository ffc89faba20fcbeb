"""How much of an order each venue gets: best price, equal shares, priority, liquidity.

Pure functions over arrays. Quantities are whole lots, so that what venues get adds up exactly: it
is never more than the order, every part is a whole number of the venue's steps and no smaller than
its smallest order. What fits nowhere is left over.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.execution.router.offers import Offers
from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    BoolArray = NDArray[np.bool_]

_WHOLE = 1e-9


class Strategy(StrEnum):
    """How an order is split.

    ``BEST_PRICE``: the venue whose book fills it cheapest, fees included; what its book doesn't
    hold goes to the next. ``EQUAL_SPLIT``: the same to each. ``PRIORITY``: the first venue of the
    list that has room. ``LIQUIDITY``: the books of all as one, cheapest levels first, fees
    included.
    """

    BEST_PRICE = "best_price"
    EQUAL_SPLIT = "equal_split"
    PRIORITY = "priority"
    LIQUIDITY = "liquidity"


class _Market(NamedTuple):
    """Offers with what every strategy asks of them.

    ``cost``: all-in price of each level, lower is better for buys and sales alike; infinite where
    there is none. ``depth``: lots in each book. ``rank``: venues, best first level first.
    """

    offers: Offers
    cost: FloatArray
    lots: FloatArray
    depth: FloatArray
    rank: IntArray


def split(lots: int, side: int, offers: Offers, strategy: Strategy) -> IntArray:
    """Return the lots that each venue gets.

    Parameters
    ----------
    lots : int
        Of the order, positive.
    side : int
        +1 for a buy, -1 for a sell.

    Returns
    -------
    ndarray of int64, shape (v,)
        Their sum is at most ``lots``; less by less than one step of a venue used where a venue has
        room, and 0 where no venue can take it.
    """
    market = _market(side, offers)
    least, room = offers.least, offers.room
    active: BoolArray = (least <= lots) & (least <= room) & np.isfinite(market.cost[:, 0])
    share = _SHARES[strategy]
    while active.any():
        got = _whole(share(lots, market, active), lots, market, active)
        small = active & (got > 0) & (got < least)
        if not small.any():
            return got
        # the one furthest from its smallest order gives way; of equals, the dearest
        fill = np.where(small, got / least, np.inf)
        worst = max(np.flatnonzero(fill == fill.min()), key=lambda v: market.cost[v, 0])
        active[worst] = False
    return np.zeros(len(least), np.int64)


def expected_price(lots: int, offers: Offers, v: int) -> float:
    """Return the average price at which venue ``v`` fills ``lots``, before fees.

    What its book doesn't hold is taken at its last level; NaN where there is no book.
    """
    prices, sizes = offers.prices[v].tolist(), offers.lots[v].tolist()
    paid, left, last = 0.0, float(lots), math.nan
    # level by level: most orders end at the first few, where arrays would take all of them
    for price, size in zip(prices, sizes, strict=True):
        if size > 0.0 and math.isfinite(price):
            taken, last = min(left, size), price
            paid += taken * price
            left -= taken
            if left <= 0.0:
                break
    else:
        if math.isnan(last):
            return float(prices[0])
        paid += left * last
    return paid / lots


def _market(side: int, offers: Offers) -> _Market:
    cost = side * offers.prices * (1.0 + side * offers.fee)[:, None]
    known = np.isfinite(cost) & (offers.lots > 0.0)
    # a venue that tells a price but no size can be sent to all the same
    known[:, 0] = np.isfinite(cost[:, 0])
    cost = np.where(known, cost, np.inf)
    lots = np.where(known, offers.lots, 0.0)
    return _Market(offers, cost, lots, lots.sum(axis=1), np.argsort(cost[:, 0], kind="stable"))


def _whole(wanted: FloatArray, lots: int, market: _Market, active: BoolArray) -> IntArray:
    # whole steps, downwards; what is left over goes to the venues in use, then to the others
    step, least, room = market.offers.step, market.offers.least, market.offers.room
    got: IntArray = np.minimum((wanted / step + _WHOLE).astype(np.int64), room // step) * step
    left = lots - int(got.sum())
    if left > 0:
        ranked = [v for v in market.rank.tolist() if active[v]]
        for v in sorted(ranked, key=lambda v: got[v] == 0):
            more = min(left, int(room[v] - got[v])) // int(step[v]) * int(step[v])
            if got[v] + more >= least[v]:
                got[v] += more
                left -= more
    return got


def _in_turn(lots: int, turn: IntArray, most: FloatArray, active: BoolArray) -> FloatArray:
    wanted = np.zeros(len(most))
    left = float(lots)
    for v in turn.tolist():
        if active[v] and left > 0.0:
            wanted[v] = min(left, most[v])
            left -= wanted[v]
    return wanted


def _by_price(lots: int, market: _Market, active: BoolArray) -> FloatArray:
    average = _average(lots, market.cost, market.lots)
    most = np.minimum(market.offers.room, market.depth)
    return _in_turn(lots, np.argsort(average, kind="stable"), most, active)


def _by_priority(lots: int, market: _Market, active: BoolArray) -> FloatArray:
    most = market.offers.room.astype(np.float64)
    return _in_turn(lots, np.arange(len(most)), most, active)


def _equally(lots: int, market: _Market, active: BoolArray) -> FloatArray:
    room = np.where(active, market.offers.room, 0).astype(np.float64)
    wanted = np.zeros(len(room))
    left = float(lots)
    # those with the least room first: what they can't take is shared by the rest
    order = [v for v in np.argsort(room, kind="stable").tolist() if active[v]]
    for k, v in enumerate(order):
        wanted[v] = min(room[v], left / (len(order) - k))
        left -= wanted[v]
    return wanted


def _by_liquidity(lots: int, market: _Market, active: BoolArray) -> FloatArray:
    room = np.where(active, market.offers.room, 0).astype(np.float64)
    levels = np.where(active[:, None], market.lots, 0.0)
    # a book counts as far as our account there reaches
    upto = np.minimum(levels.cumsum(axis=1), room[:, None])
    levels = np.diff(upto, axis=1, prepend=0.0)
    order = np.argsort(market.cost, axis=None, kind="stable")
    sizes = levels.ravel()[order]
    taken = np.clip(lots - (sizes.cumsum() - sizes), 0.0, sizes)
    wanted = np.bincount(order // levels.shape[1], weights=taken, minlength=len(room))
    left = lots - wanted.sum()
    if left > 0.0 and upto[:, -1].sum() > 0.0:
        # beyond all books: where there was most, there will be most again
        wanted += left * upto[:, -1] / upto[:, -1].sum()
    return np.asarray(np.minimum(wanted, room))


def _average(lots: int, cost: FloatArray, sizes: FloatArray) -> FloatArray:
    # of the order alone in each book; what a book doesn't hold, at its last level
    upto = sizes.cumsum(axis=1)
    taken = np.clip(lots - (upto - sizes), 0.0, sizes)
    known = np.isfinite(cost)
    paid = np.where(known, cost, 0.0)
    last = paid[np.arange(len(cost)), cost.shape[1] - 1 - known[:, ::-1].argmax(axis=1)]
    missing = np.maximum(lots - upto[:, -1], 0.0)
    average = ((paid * taken).sum(axis=1) + missing * last) / lots
    return np.where(known.any(axis=1), average, np.inf)


_SHARES: dict[Strategy, Callable[[int, _Market, BoolArray], FloatArray]] = {
    Strategy.BEST_PRICE: _by_price,
    Strategy.EQUAL_SPLIT: _equally,
    Strategy.PRIORITY: _by_priority,
    Strategy.LIQUIDITY: _by_liquidity,
}
