"""An order and the venues that trade its instrument, to orders at each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from tutti.execution.router.offers import offers_of
from tutti.execution.router.split import Strategy, expected_price, split
from tutti.model.order import ChildOrder, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.execution.router.offers import Offer

_LENGTH = 32
_TAIL = 3
MOST_CHILDREN = 16**_TAIL - 1
"""Children of one order for which there are ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be routed.

    Parameters
    ----------
    parent : str
        Id of the order that the children belong to.
    lots : int
        Positive; ``lot`` base units each.
    limit : Decimal or None
        Price of a limit order.
    first : int
        Number of the first child: one past those that the order has already.
    """

    parent: str
    side: Side
    lots: int
    lot: Decimal
    limit: Decimal | None = None
    first: int = 1


def route(
    wanted: Wanted, venues: Sequence[Offer], strategy: Strategy = Strategy.BEST_PRICE
) -> tuple[ChildOrder, ...]:
    """Return the orders that ``wanted`` becomes; none where no venue can take any of it.

    Parameters
    ----------
    venues : sequence of Offer
        Venues to choose from, in the order of preference.
    """
    if not venues or wanted.lots <= 0:
        return ()
    side = wanted.side.sign
    offers = offers_of(venues, wanted.lot, wanted.limit)
    children: list[ChildOrder] = []
    for v, lots in enumerate(split(wanted.lots, side, offers, strategy).tolist()):
        if lots:
            price = expected_price(lots, offers, v)
            children.append(
                ChildOrder(
                    id=child_id(wanted.parent, wanted.first + len(children)),
                    parent=wanted.parent,
                    instrument=venues[v].instrument.id,
                    quantity=lots * wanted.lot,
                    expected_price=None if math.isnan(price) else price,
                    price=_on_grid(wanted, venues[v].instrument.price_step),
                )
            )
    return tuple(children)


def _on_grid(wanted: Wanted, step: Decimal) -> Decimal | None:
    # towards us: a venue with a coarser grid never gets a worse price than was approved
    if wanted.limit is None:
        return None
    towards_us = ROUND_FLOOR if wanted.side is Side.BUY else ROUND_CEILING
    return (wanted.limit / step).to_integral_value(towards_us) * step


def child_id(parent: str, number: int) -> str:
    """Return the id of an order's child, 1 to `MOST_CHILDREN`: as long, and the same at each start.

    Raises
    ------
    ValueError
        If there is no id of that number.
    """
    if not 1 <= number <= MOST_CHILDREN:
        raise ValueError(f"children are numbered from 1 to {MOST_CHILDREN}, was {number}")
    if len(parent) != _LENGTH:
        return f"{parent}-{number}"
    # the end of an id names the run: turning its last bits makes one that no order of the run has
    last = int(parent[-_TAIL:], 16) ^ number
    return f"{parent[:-_TAIL]}{last:0{_TAIL}x}"
