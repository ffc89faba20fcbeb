"""Why a venue would not take an order: the checks that both tiers share."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING

from tutti.execution.margin import initial_margin, venue_equity
from tutti.kernel.jit import lean_njit

if TYPE_CHECKING:
    from tutti.model.arrays import Book, Terms


class Objection(IntEnum):
    """What :func:`objection_at` found."""

    NONE = 0
    NO_PRICE = 1
    BELOW_MIN_QUANTITY = 2
    BELOW_MIN_NOTIONAL = 3
    NOT_HELD = 4
    INSUFFICIENT_FUNDS = 5


_TOLERANCE = 1e-9
_NO_PRICE, _MIN_QUANTITY, _MIN_NOTIONAL, _NOT_HELD, _FUNDS = 1, 2, 3, 4, 5


@lean_njit
def _spot_reserved(book: Book, terms: Terms, v: int) -> float:
    total = 0.0
    for i in range(terms.lot.size):
        if terms.venue[i] == v and not terms.is_perpetual[i] and book.working[i] > 0:
            cost = book.working[i] * terms.lot[i] * book.mark[i]
            total += cost * (1.0 + terms.taker_fee[i])
    return total


@lean_njit
def _perpetual_value(book: Book, terms: Terms, v: int) -> float:
    total = 0.0
    for i in range(terms.lot.size):
        if terms.venue[i] == v and terms.is_perpetual[i] and book.lots[i] != 0:
            total += book.lots[i] * terms.lot[i] * book.mark[i]
    return total


@lean_njit
def objection_at(i: int, signed_lots: int, price: float, book: Book, terms: Terms) -> int:
    """Return the code of what the venue has against an order; 0 for nothing.

    Parameters
    ----------
    i : int
        Column of the instrument.
    signed_lots : int
        Of the order; negative for a sell.
    price : float
        Limit or trigger price, or the last close for a market order, quote currency.
    book : Book
        Account, with the marks of the last close and the other orders in ``working``.

    Notes
    -----
    Spot is paid with what is left of the cash after the working purchases (and, where perpetuals
    share the account, after their initial margin), fee included; spot is never sold short. A
    perpetual needs initial margin (notional / leverage) and the fee within the venue's equity. An
    order that only makes a perpetual position smaller needs neither margin nor a minimum size.
    Fills at the next price may cost more than what was checked.
    """
    v = terms.venue[i]
    lots = abs(signed_lots)
    notional = lots * terms.lot[i] * price
    if not price > 0.0 or math.isnan(book.mark[i]):
        return _NO_PRICE
    held = book.lots[i]
    wanted = held + book.working[i] + signed_lots
    # the other working orders may fill or not: it gets smaller either way
    reduces = held * signed_lots < 0 and lots <= abs(held) and held * wanted >= 0
    if reduces and terms.is_perpetual[i]:
        return 0
    if lots < terms.min_lots[i] or lots == 0:
        return _MIN_QUANTITY
    if notional < terms.min_notional[i] * (1.0 - _TOLERANCE):
        return _MIN_NOTIONAL
    fee = notional * max(terms.taker_fee[i], 0.0)
    if terms.is_perpetual[i]:
        larger = max(abs(wanted), abs(held)) - max(abs(held + book.working[i]), abs(held))
        needed = initial_margin(book, terms, v) + fee
        needed += max(larger, 0) * terms.lot[i] * price / terms.max_leverage[i]
        free = venue_equity(book, terms, v) - _spot_reserved(book, terms, v)
        return _FUNDS if needed > free * (1.0 + _TOLERANCE) else 0
    if signed_lots < 0:
        return _NOT_HELD if held + min(book.working[i], 0) + signed_lots < 0 else 0
    free = book.cash[v] + _perpetual_value(book, terms, v)
    free -= initial_margin(book, terms, v) + _spot_reserved(book, terms, v)
    return _FUNDS if notional + fee > free * (1.0 + _TOLERANCE) else 0
