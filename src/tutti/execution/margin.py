"""Margin of an account at one venue: what it is worth, what it needs, when it is liquidated.

All positions of a venue share one account (cross margin). Everything that it holds counts as
collateral; perpetuals need margin, spot needs to be paid for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tutti.execution.cost import Costs, taker_price
from tutti.kernel.jit import lean_njit, njit

if TYPE_CHECKING:
    from tutti.model.arrays import Book, Terms, Tradable
    from tutti.model.market import FloatArray, IntArray

NOT_DUE = -1.0


@lean_njit
def venue_equity(book: Book, terms: Terms, v: int) -> float:
    """Return cash plus positions at their marks at venue ``v``, quote currency."""
    total: float = book.cash[v]
    for i in range(terms.lot.size):
        if terms.venue[i] == v and book.lots[i] != 0:
            total += book.lots[i] * terms.lot[i] * book.mark[i]
    return total


@lean_njit
def maintenance(book: Book, terms: Terms, v: int) -> float:
    """Return the maintenance margin of the perpetuals at venue ``v``, quote currency."""
    total = 0.0
    for i in range(terms.lot.size):
        if terms.venue[i] == v and book.lots[i] != 0:
            notional = abs(book.lots[i]) * terms.lot[i] * book.mark[i]
            total += notional * terms.maintenance_margin[i]
    return total


@lean_njit
def initial_margin(book: Book, terms: Terms, v: int) -> float:
    """Return the initial margin of the perpetuals at venue ``v``, working orders included.

    A working order counts where it makes the position larger.
    """
    total = 0.0
    for i in range(terms.lot.size):
        if terms.venue[i] == v and terms.is_perpetual[i]:
            lots = max(abs(book.lots[i]), abs(book.lots[i] + book.working[i]))
            if lots != 0:
                total += lots * terms.lot[i] * book.mark[i] / terms.max_leverage[i]
    return total


@lean_njit
def _liquidation_point(
    t: int, marks: FloatArray, book: Book, bars: Tradable, terms: Terms, v: int
) -> float:
    # Equity less maintenance is linear between all prices at the open and all at their worst:
    # how far along that line it reaches zero, in [0, 1].
    at_open = book.cash[v]
    at_worst = book.cash[v]
    exposed = False
    for i in range(terms.lot.size):
        lots = book.lots[i]
        if terms.venue[i] == v and lots != 0:
            size = lots * terms.lot[i]
            start = bars.open[t, i]
            worst = bars.low[t, i] if lots > 0 else bars.high[t, i]
            if math.isnan(start):
                start = marks[i]
                worst = marks[i]
                if math.isnan(start):
                    return NOT_DUE
            at_open += size * start - abs(size) * start * terms.maintenance_margin[i]
            at_worst += size * worst - abs(size) * worst * terms.maintenance_margin[i]
            exposed = exposed or terms.is_perpetual[i] != 0
    if not exposed or at_worst >= 0.0:
        return NOT_DUE
    return at_open / (at_open - at_worst) if at_open > 0.0 else 0.0


@lean_njit
def liquidation_due(
    t: int,
    book: Book,
    bars: Tradable,
    terms: Terms,
    costs: Costs,  # noqa: ARG001
    v: int,
) -> bool:
    """Tell whether bar ``t`` brings the equity at venue ``v`` under its maintenance margin.

    All positions are taken at the worst price of the bar at once: the bar doesn't tell in which
    order they were reached.
    """
    return _liquidation_point(t, book.mark, book, bars, terms, v) != NOT_DUE


@lean_njit
def liquidation_fills(  # noqa: PLR0913
    t: int,
    book: Book,
    bars: Tradable,
    terms: Terms,
    costs: Costs,
    v: int,
    lots: IntArray,
    price_ticks: IntArray,
) -> bool:
    """Return whether venue ``v`` liquidates at bar ``t``, and write with which fills.

    Every perpetual that has a bar is closed, at the prices where equity meets the maintenance
    margin (the open, when it gapped past them) plus the costs of a taker. Where a perpetual has no
    bar it stays until it has one. The fee is the taker's plus ``costs.liquidation_fee``.

    Parameters
    ----------
    lots : int64 (n,)
        Written: signed lots of each closing fill; 0 for none.
    price_ticks : int64 (n,)
        Written where ``lots`` is not 0.
    """
    point = _liquidation_point(t, book.mark, book, bars, terms, v)
    lots[:] = 0
    if point == NOT_DUE:
        return False
    for i in range(terms.lot.size):
        held = book.lots[i]
        price = bars.open[t, i]
        if (
            terms.venue[i] == v
            and terms.is_perpetual[i] != 0
            and held != 0
            and not math.isnan(price)
        ):
            worst = bars.low[t, i] if held > 0 else bars.high[t, i]
            side = -1 if held > 0 else 1
            price += point * (worst - price)
            lots[i] = -held
            price_ticks[i] = taker_price(side, price, abs(held), i, t, bars, terms, costs)
    return True


@njit
def quiet_until(start: int, stop: int, book: Book, bars: Tradable, terms: Terms, v: int) -> int:
    """Return the first bar in ``[start, stop)`` that pays funding or liquidates; else ``stop``.

    True as long as nothing is filled: lets a venue skip the bars in which it has nothing to do.
    """
    marks = book.mark.copy()
    for t in range(start, stop):
        for i in range(terms.lot.size):
            if (
                terms.venue[i] == v
                and terms.is_perpetual[i] != 0
                and book.lots[i] != 0
                and abs(bars.funding[t, i]) > 0.0
            ):
                return t
        if _liquidation_point(t, marks, book, bars, terms, v) != NOT_DUE:
            return t
        for i in range(terms.lot.size):
            if not math.isnan(bars.close[t, i]):
                marks[i] = bars.close[t, i]
    return stop


@njit
def carry_marks(start: int, stop: int, close: FloatArray, marks: FloatArray) -> None:
    """Bring ``marks`` (n,) to the last close of the bars ``[start, stop)``, where there is one."""
    for i in range(marks.size):
        for t in range(stop - 1, start - 1, -1):
            if not math.isnan(close[t, i]):
                marks[i] = close[t, i]
                break
