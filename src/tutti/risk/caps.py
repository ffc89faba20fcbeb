"""Targets cut to what the limits leave room for, before they become intents."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.kernel.jit import njit
from tutti.model.arrays import EQUITY, Book, Terms

if TYPE_CHECKING:
    from tutti.model.market import FloatArray
    from tutti.risk.limits import Limits

_HEADROOM = 1e-8
"""Fraction of each limit that caps leave unused, so that rounding never carries an order over it."""


@njit
def margin_rate(i: int, terms: Terms, limits: Limits) -> float:
    """Return the equity that a venue must hold for each unit of exposure in instrument ``i``.

    Enough for the initial margin, or to stay above the liquidation guard, whichever is more, and to
    pay the fee of closing.
    """
    rate: float = 1.0 / terms.max_leverage[i]
    if terms.is_perpetual[i] != 0:
        rate = max(rate, terms.maintenance_margin[i] + limits.liquidation_margin)
    rate += max(terms.taker_fee[i], 0.0)
    return rate


@njit
def _value(i: int, lots: int, price: float, book: Book, terms: Terms) -> float:
    mark = book.mark[i] if math.isnan(price) else price
    value: float = lots * terms.lot[i] * mark if lots != 0 else 0.0
    return value


@njit
def _worst_held(i: int, price: float, book: Book, terms: Terms) -> float:
    held = abs(_value(i, book.lots[i], price, book, terms))
    return max(held, abs(_value(i, book.lots[i] + book.working[i], price, book, terms)))


@njit
def _opens(i: int, weight: float, price: float, book: Book, terms: Terms) -> bool:
    held: float = _value(i, book.lots[i], price, book, terms) / book.account[EQUITY]
    return weight * held < 0.0 or abs(weight) > abs(held) * (1.0 + _HEADROOM)


@njit
def _whole(notional: float, price: float, lot: float) -> float:
    return math.floor(notional / (price * lot)) * lot * price


@njit
def _cut(i: int, most: float, weights: FloatArray, price: float, book: Book, terms: Terms) -> None:
    """Cut target ``i`` to a notional of ``most``, in whole lots, but not below what is held."""
    equity = book.account[EQUITY]
    if abs(weights[i]) * equity <= most:
        return
    held = _value(i, book.lots[i], price, book, terms)
    kept = max(_whole(most, price, terms.lot[i]), 0.0) if most > 0.0 else 0.0
    if weights[i] * held > 0.0:
        kept = max(kept, abs(held))
    weights[i] = math.copysign(min(kept / equity, abs(weights[i])), weights[i])


@njit
def _scale(
    v: int, weights: FloatArray, book: Book, price: FloatArray, terms: Terms, limits: Limits
) -> None:
    """Scale what targets add at venue ``v`` (-1: everywhere) into the room that its limits leave."""
    equity = book.account[EQUITY]
    used = 0.0
    added = 0.0
    margin_used = 0.0
    margin_added = 0.0
    venue_equity = book.cash[v] if v >= 0 else 0.0
    for i in range(weights.shape[0]):
        if v >= 0 and terms.venue[i] != v:
            continue
        worst = _worst_held(i, price[i], book, terms)
        rate = margin_rate(i, terms, limits)
        if v >= 0:
            venue_equity += _value(i, book.lots[i], price[i], book, terms)
        used += worst
        margin_used += worst * rate
        if _opens(i, weights[i], price[i], book, terms):
            more = max(abs(weights[i]) * equity - worst, 0.0)
            added += more
            margin_added += more * rate
    share = _share(used, added, limits.max_gross_fraction * equity)
    if v >= 0:
        share = _share(used, added, limits.max_venue_fraction * equity)
        share = min(share, _share(margin_used, margin_added, venue_equity))
    if share >= 1.0:
        return
    for i in range(weights.shape[0]):
        if v >= 0 and terms.venue[i] != v:
            continue
        if _opens(i, weights[i], price[i], book, terms):
            worst = _worst_held(i, price[i], book, terms)
            more = max(abs(weights[i]) * equity - worst, 0.0)
            _cut(i, worst + share * more if share >= 0.0 else 0.0, weights, price[i], book, terms)


@njit
def _share(used: float, added: float, limit: float) -> float:
    """Return the share of ``added`` that fits, in [0, 1]; -1 when even ``used`` doesn't."""
    room = limit * (1.0 - _HEADROOM) - used
    # the comparisons are false for NaN: what can't be valued has no room
    if added <= room:
        return 1.0
    # a little less than fits, so that the rounded sum still fits when caps are applied again
    return room / added * (1.0 - _HEADROOM) if room >= 0.0 else -1.0


@njit
def cap_targets(
    weights: FloatArray, book: Book, price: FloatArray, terms: Terms, limits: Limits
) -> None:
    """Cut targets to the limits, in place.

    Parameters
    ----------
    weights : ndarray of float64, shape (n,)
        Signed fractions of equity; the weight as it is for a position that is left alone.
    price : ndarray of float64, shape (n,)
        Closes; NaN where there is no bar, and then a position counts at its last mark.

    Notes
    -----
    Caps only ever take from what a target adds. A position that has grown over a limit by the
    market is not sold for it (that would trade at each bar), but nothing is added to it, and no
    room is left for others. What is sold at this tick makes no room before it is filled, and an
    order at work counts as filled: so whichever orders fill, in whichever order, exposure stays
    inside the limits, and ``review`` finds nothing to object to. Where the additions of a venue, or
    of the account, don't fit, all are scaled by the same factor, and rounded down to whole lots.
    A spot instrument is never sold short. Where equity is not positive nothing is added.
    """
    equity = book.account[EQUITY]
    if not 0.0 < equity < math.inf:
        weights[:] = 0.0
        return
    adds = False
    most = min(
        limits.max_instrument_fraction * equity, limits.max_notional_multiple * limits.base_notional
    )
    for i in range(weights.shape[0]):
        if weights[i] < 0.0 and terms.is_perpetual[i] == 0:
            weights[i] = 0.0
        if _opens(i, weights[i], price[i], book, terms):
            if 0.0 < price[i] < math.inf and abs(weights[i]) < math.inf:
                _cut(i, most * (1.0 - _HEADROOM), weights, price[i], book, terms)
                adds = True
            else:
                weights[i] = _value(i, book.lots[i], price[i], book, terms) / equity
    if adds:
        for v in range(book.cash.shape[0]):
            _scale(v, weights, book, price, terms, limits)
        _scale(-1, weights, book, price, terms, limits)
