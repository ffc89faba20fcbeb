"""Care of open positions: liquidation guard, stop-loss, take-profit, and positions gone stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tutti.kernel.jit import lean_njit
from tutti.model.order import Reason

if TYPE_CHECKING:
    from tutti.model.arrays import Book, Terms

_NONE = Reason.NONE.code
_TAKE_PROFIT = Reason.TAKE_PROFIT.code
_STOP_LOSS = Reason.STOP_LOSS.code
_STALE_POSITION = Reason.STALE_POSITION.code
_LIQUIDATION_GUARD = Reason.LIQUIDATION_GUARD.code

_EXACT = 1e-12
"""Fraction by which a move may miss its threshold through rounding and still meet it."""

MAX_VENUES = 62
"""Venues that fit into the bits of ``endangered_venues``."""


class CareRules(NamedTuple):
    """When a position is closed whatever the signal; 0 switches a rule off.

    ``take_profit``, ``stop_loss`` and ``stale_move`` are fractions of the average price,
    ``liquidation_margin`` is a margin ratio, as ``margin_ratio`` defines it. ``cooldown_ns`` is how
    long an instrument rests after a position was closed, before another is opened.
    """

    take_profit: float
    stop_loss: float
    stale_after_ns: int
    stale_move: float
    liquidation_margin: float
    cooldown_ns: int


@lean_njit
def is_resting(i: int, ts: int, book: Book, rules: CareRules) -> bool:
    """Return whether instrument ``i`` is flat, and was closed too short a time ago to be opened."""
    closed_at: int = book.closed_at[i]
    held: int = book.lots[i]
    return held == 0 and closed_at > 0 and ts - closed_at < rules.cooldown_ns


@lean_njit
def margin_ratio(v: int, book: Book, terms: Terms) -> float:
    """Return what venue ``v`` could still lose, as a fraction of its perpetuals' notional.

    ``(equity at the venue - maintenance margin) / gross notional of perpetuals``, at the marks;
    infinite without perpetuals, NaN where a held instrument was never priced.
    """
    equity = book.cash[v]
    gross = 0.0
    maintenance = 0.0
    for i in range(book.lots.shape[0]):
        if book.lots[i] == 0 or terms.venue[i] != v:
            continue
        value = book.lots[i] * terms.lot[i] * book.mark[i]
        equity += value
        if terms.is_perpetual[i] != 0:
            gross += abs(value)
            maintenance += abs(value) * terms.maintenance_margin[i]
    return (equity - maintenance) / gross if gross != 0.0 else float("inf")


@lean_njit
def endangered_venues(book: Book, terms: Terms, rules: CareRules) -> int:
    """Return the venues whose margin ratio is under the guard, as bits: bit v for venue v.

    Once a tick, before ``care_at``; up to ``MAX_VENUES`` venues.
    """
    endangered = 0
    if rules.liquidation_margin > 0.0:
        for v in range(book.cash.shape[0]):
            if margin_ratio(v, book, terms) < rules.liquidation_margin:
                endangered |= 1 << v
    return endangered


@lean_njit
def care_at(  # noqa: PLR0913, a kernel takes its arrays one by one
    i: int,
    ts: int,
    book: Book,
    price: float,
    terms: Terms,
    rules: CareRules,
    endangered: int,
) -> int:
    """Return why the position in instrument ``i`` has to be closed, as a code of ``Reason``.

    Parameters
    ----------
    ts : int
        Now, ns UTC.
    price : float
        Close; NaN where there is no bar, and then only the liquidation guard speaks.
    endangered : int
        What ``endangered_venues`` returned at this tick.

    Returns
    -------
    int
        0 to leave it alone, also when flat. Of several reasons the gravest: liquidation guard,
        stop-loss, take-profit, stale position.
    """
    if book.lots[i] == 0:
        return _NONE
    if (endangered >> terms.venue[i]) & 1 and terms.is_perpetual[i] != 0:
        return _LIQUIDATION_GUARD
    average = book.average_price[i]
    move = (price - average) / average
    gain = move if book.lots[i] > 0 else -move
    if 0.0 < rules.stop_loss <= -gain + _EXACT:
        return _STOP_LOSS
    if 0.0 < rules.take_profit <= gain + _EXACT:
        return _TAKE_PROFIT
    aged = 0 < rules.stale_after_ns <= ts - book.opened_at[i]
    if aged and abs(gain) < rules.stale_move - _EXACT:
        return _STALE_POSITION
    return _NONE
