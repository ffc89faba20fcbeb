"""What venues offer to an order: their books as arrays, with fees, steps, minimums and room."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.model.instrument import Instrument
from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Sequence


_WHOLE = 1e-9
"""Share of a step by which a quantity may miss a whole number through rounding of floats."""
MOST_LOTS = 2**53
"""Room of a venue that takes any quantity: what a float still counts one by one."""


class Ladder(NamedTuple):
    """One side of a venue's book, best price first.

    Parameters
    ----------
    prices : float64 (k,)
        Quote currency.
    sizes : float64 (k,)
        Base units at each price.
    """

    prices: FloatArray
    sizes: FloatArray


class Offers(NamedTuple):
    """What each venue offers on the side that an order takes; a row a venue, best level first.

    A lot is the quantity step of the instrument that is decided on; every venue's own step is a
    whole number of them.

    Parameters
    ----------
    prices : float64 (v, k)
        Quote currency; NaN where the book is shorter.
    lots : float64 (v, k)
        At each price; 0 where the book is shorter.
    fee : float64 (v,)
        Fraction of notional that a taker pays.
    step : int64 (v,)
        Lots in one quantity step of the venue, at least 1.
    least : int64 (v,)
        Smallest order in lots, at least one step.
    room : int64 (v,)
        Most lots that our account there can take on.
    """

    prices: FloatArray
    lots: FloatArray
    fee: FloatArray
    step: IntArray
    least: IntArray
    room: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One venue's book and what our account there can take.

    Parameters
    ----------
    instrument : Instrument
        Its terms there.
    ladder : Ladder
        Of the side that the order takes.
    room : Decimal or None
        Most base units that our account there can take on; None for any number.
    is_free : bool
        The order has no smallest size there: it only makes a perpetual position smaller.
    """

    instrument: Instrument
    ladder: Ladder
    room: Decimal | None = None
    is_free: bool = False


def offers_of(venues: Sequence[Offer], lot: Decimal, limit: Decimal | None = None) -> Offers:
    """Return what venues offer as arrays.

    Parameters
    ----------
    venues : sequence of Offer
        In the order of preference; at least one.
    lot : Decimal
        Base units in one lot.
    limit : Decimal or None
        Price of the order, at which its smallest notional counts; None for the best in the book.

    Raises
    ------
    ValueError
        If a venue's step is not a whole number of lots.
    """
    depth = max(len(each.ladder.prices) for each in venues)
    prices = np.full((len(venues), max(depth, 1)), math.nan)
    lots = np.zeros(prices.shape)
    for v, each in enumerate(venues):
        count = len(each.ladder.prices)
        prices[v, :count] = each.ladder.prices
        lots[v, :count] = each.ladder.sizes / float(lot)
    steps = [_whole(each.instrument, lot) for each in venues]
    best = prices[:, 0].tolist()
    return Offers(
        prices=prices,
        lots=lots,
        fee=np.array([float(each.instrument.taker_fee) for each in venues]),
        step=np.array(steps, np.int64),
        least=np.array(
            [
                _least(each, step, lot, price if limit is None else float(limit))
                for each, step, price in zip(venues, steps, best, strict=True)
            ],
            np.int64,
        ),
        room=np.array(
            [
                MOST_LOTS if each.room is None else min(max(int(each.room / lot), 0), MOST_LOTS)
                for each in venues
            ],
            np.int64,
        ),
    )


def _whole(instrument: Instrument, lot: Decimal) -> int:
    step, off = divmod(instrument.quantity_step, lot)
    if off or not step:
        raise ValueError(
            f"{instrument.id}: its quantity step {instrument.quantity_step} is no multiple of {lot}"
        )
    return int(step)


def _least(offer: Offer, step: int, lot: Decimal, price: float) -> int:
    if offer.is_free or not price > 0.0:  # without a price it isn't traded at all
        return step
    terms = offer.instrument
    units = max(float(terms.min_quantity), float(terms.min_notional) / price)
    steps = math.ceil(units / (float(lot) * step) * (1.0 - _WHOLE) - _WHOLE)
    return max(steps, 1) * step
