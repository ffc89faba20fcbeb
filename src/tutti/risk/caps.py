"""Targets cut to what the limits leave room for, before they become intents."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.kernel.jit import lean_njit
from tutti.model.arrays import EQUITY, Book, Terms

if TYPE_CHECKING:
    from tutti.model.market import FloatArray
    from tutti.risk.limits import Limits

_HEADROOM = 1e-8
"""Fraction of each limit that caps leave unused, so that rounding never carries an order over it."""


_COUNTED = 2.0**53


@lean_njit
def _usable(price: float) -> bool:
    return 0.0 < price < math.inf


@lean_njit
def margin_rate(leverage: float, maintenance: float, guard: float, fee: float) -> float:
    """Return the equity that a venue must hold for each unit of exposure in an instrument.

    Enough for the initial margin, or to stay above the liquidation guard, whichever is more, and to
    pay the fee of closing.

    Parameters
    ----------
    leverage : float
        Largest at the venue; 1 for spot.
    maintenance : float
        Maintenance margin, as a fraction of notional; 0 for spot.
    guard : float
        ``Limits.liquidation_margin``.
    fee : float
        Taker fee, as a fraction of notional.
    """
    # the guard is below 1, so it asks nothing of spot that the leverage of 1 doesn't
    return max(1.0 / leverage, maintenance + guard) + max(fee, 0.0)


@lean_njit
def _opens(weight: float, held: float, equity: float) -> bool:
    turns = weight < 0.0 < held or held < 0.0 < weight
    return turns or abs(weight) * equity > abs(held) * (1.0 + _HEADROOM)


@lean_njit
def _cut(weight: float, most: float, held: float, equity: float, lot_value: float) -> float:
    """Return the weight cut to a notional of ``most``, in whole lots, but not below what is held."""
    if abs(weight) * equity <= most:
        return weight
    kept = 0.0
    if most > 0.0:
        lots = most / lot_value
        # so many lots that a float no longer counts them need no rounding
        kept = math.floor(lots) * lot_value if lots < _COUNTED else most
    if weight * held > 0.0:
        kept = max(kept, abs(held))
    return math.copysign(min(kept / equity, abs(weight)), weight)


@lean_njit
def _share(used: float, added: float, limit: float) -> float:
    """Return the share of ``added`` that fits, in [0, 1]; -1 when even ``used`` doesn't."""
    room = limit * (1.0 - _HEADROOM) - used
    # the comparisons are false for NaN: what can't be valued has no room
    if added <= room:
        return 1.0
    # a little less than fits, so that the rounded sum still fits when caps are applied again
    return room / added * (1.0 - _HEADROOM) if room >= 0.0 else -1.0


@lean_njit
def most_held(i: int, equity: float, limits: Limits) -> float:
    """Return the largest notional of a position in instrument ``i``, quote currency."""
    most = min(
        limits.max_instrument_fraction * equity, limits.max_notional_multiple * limits.base_notional
    )
    if limits.own_notional.shape[0] > 0:
        most = min(most, limits.own_fraction[i] * equity, limits.own_notional[i])
    return most


@lean_njit
def _lot_value(i: int, book: Book, price: FloatArray, terms: Terms) -> float:
    value: float = terms.lot[i] * (price[i] if _usable(price[i]) else book.mark[i])
    return value


@lean_njit
def _held(i: int, book: Book, price: FloatArray, terms: Terms) -> float:
    """Return the signed notional held of instrument ``i``."""
    lots: int = book.lots[i]
    return lots * _lot_value(i, book, price, terms) if lots != 0 else 0.0


@lean_njit
def _worst(i: int, book: Book, price: FloatArray, terms: Terms) -> float:
    """Return the notional of instrument ``i`` when its working order fills or not, whichever is more."""
    if book.lots[i] == 0 and book.working[i] == 0:
        return 0.0
    value = _lot_value(i, book, price, terms)
    worst: float = max(abs(book.lots[i] * value), abs((book.lots[i] + book.working[i]) * value))
    return worst


@lean_njit
def _scale(
    weights: FloatArray, book: Book, price: FloatArray, terms: Terms, limits: Limits
) -> None:
    """Scale what the targets add, venue by venue and then over all, into the room there is."""
    equity = book.account[EQUITY]
    n, venues = weights.shape[0], book.cash.shape[0]
    used = 0.0
    added = 0.0
    margin_used = 0.0
    margin_added = 0.0
    is_known = False
    # the last round is for the account as a whole
    for v in range(venues + 1):
        margin = book.cash[v] if v < venues else math.inf
        # with one venue that is the venue once more, unless its targets were scaled
        if not is_known:
            used = 0.0
            added = 0.0
            margin_used = 0.0
            margin_added = 0.0
            for i in range(n):
                if v < venues and terms.venue[i] != v:
                    continue
                rate = margin_rate(
                    terms.max_leverage[i],
                    terms.maintenance_margin[i],
                    limits.liquidation_margin,
                    terms.taker_fee[i],
                )
                held = _held(i, book, price, terms)
                worst = _worst(i, book, price, terms)
                margin += held
                used += worst
                margin_used += worst * rate
                if _opens(weights[i], held, equity):
                    more = max(abs(weights[i]) * equity - worst, 0.0)
                    added += more
                    margin_added += more * rate
        most = limits.max_venue_fraction if v < venues else limits.max_gross_fraction
        share = min(_share(used, added, most * equity), _share(margin_used, margin_added, margin))
        if share >= 1.0:
            is_known = venues == 1
            continue
        for i in range(n):
            held = _held(i, book, price, terms)
            if (v < venues and terms.venue[i] != v) or not _opens(weights[i], held, equity):
                continue
            worst = _worst(i, book, price, terms)
            more = max(abs(weights[i]) * equity - worst, 0.0)
            room = worst + share * more if share >= 0.0 else 0.0
            weights[i] = _cut(weights[i], room, held, equity, price[i] * terms.lot[i])


@lean_njit
def cap_targets(
    weights: FloatArray, book: Book, price: FloatArray, terms: Terms, limits: Limits
) -> None:
    """Cut targets to the limits, in place.

    Parameters
    ----------
    weights : ndarray of float64, shape (n,)
        Signed fractions of equity; the weight as it is for a position that is left alone.
    price : ndarray of float64, shape (n,)
        Closes; where one is NaN (no bar), or not positive, a position counts at its last mark, and
        nothing is opened or added.

    Notes
    -----
    Caps only ever take from what a target adds. A position that the market has carried over a limit
    is not sold for it (that would trade at each bar), but nothing is added to it, and no room is
    left for others. What is sold at this tick makes no room before it is filled, and an order at
    work counts as filled: so whichever orders fill, in whichever order, exposure stays inside the
    limits, and ``review`` finds nothing to object to. Where the additions of a venue, or of the
    account, don't fit, all are scaled by the same factor, and rounded down to whole lots. A spot
    instrument is never sold short. Where equity is not positive every target is 0.
    """
    equity = book.account[EQUITY]
    if not 0.0 < equity < math.inf:
        for i in range(weights.shape[0]):
            weights[i] = 0.0
        return
    adds = False
    for i in range(weights.shape[0]):
        if weights[i] < 0.0 and terms.is_perpetual[i] == 0:
            weights[i] = 0.0
        held = 0.0
        if book.lots[i] != 0:
            held = book.lots[i] * terms.lot[i] * (price[i] if _usable(price[i]) else book.mark[i])
        if not _opens(weights[i], held, equity):
            continue
        if _usable(price[i]) and abs(weights[i]) < math.inf:
            lot_value = price[i] * terms.lot[i]
            most = most_held(i, equity, limits) * (1.0 - _HEADROOM)
            weights[i] = _cut(weights[i], most, held, equity, lot_value)
            adds = True
        else:
            same_side = held < 0.0 > weights[i] or held > 0.0 < weights[i]
            weights[i] = held / equity if same_side else 0.0
    if adds:
        _scale(weights, book, price, terms, limits)
