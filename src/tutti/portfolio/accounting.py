"""Average-cost accounting on the book's arrays: fills, funding, marks, days.

The profit of a position belongs to the agent that leads it: every change of equity is booked to
the lead's ``agent_day``, or to nobody where the lead is -1 (the policy itself).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.clock import DAY
from tutti.kernel.jit import lean_njit
from tutti.model.arrays import (
    DAY_NUMBER,
    DAY_START_EQUITY,
    EQUITY,
    FEES_PAID,
    FUNDING_RECEIVED,
    PEAK_EQUITY,
    TURNOVER,
    Book,
    Terms,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.market import FloatArray

_ACCOUNT_SIZE = 8


def new_book(n_instruments: int, n_agents: int, cash: Sequence[float], ts: int) -> Book:
    """Return the book of an account that holds nothing but ``cash`` (one value a venue) at ``ts``."""
    account = np.zeros(_ACCOUNT_SIZE)
    account[EQUITY] = account[PEAK_EQUITY] = account[DAY_START_EQUITY] = sum(cash)
    account[DAY_NUMBER] = ts // DAY
    return Book(
        lots=np.zeros(n_instruments, dtype=np.int64),
        average_price=np.zeros(n_instruments),
        opened_at=np.zeros(n_instruments, dtype=np.int64),
        closed_at=np.zeros(n_instruments, dtype=np.int64),
        paused_until=np.zeros(n_instruments, dtype=np.int64),
        lead=np.full(n_instruments, -1, dtype=np.int64),
        mark=np.full(n_instruments, np.nan),
        marked_at=np.zeros(n_instruments, dtype=np.int64),
        working=np.zeros(n_instruments, dtype=np.int64),
        cash=np.array(cash, dtype=np.float64),
        agent_day=np.zeros(n_agents),
        account=account,
    )


@lean_njit
def _credit(book: Book, lead: int, amount: float) -> None:
    if lead >= 0:
        book.agent_day[lead] += amount


@lean_njit
def apply_fill(  # noqa: PLR0913
    book: Book,
    terms: Terms,
    i: int,
    signed_lots: int,
    price: float,
    fee: float,
    ts: int,
    lead: int,
) -> float:
    """Book one fill, in place.

    Parameters
    ----------
    signed_lots : int
        Not 0; negative for a sell.
    price : float
        Price of the fill, quote currency.
    fee : float
        Quote currency; negative for a rebate.
    ts : int
        Time of the fill, ns UTC.
    lead : int
        Agent that a position opened by this fill is booked to; a position that stays open keeps
        its lead.

    Returns
    -------
    float
        Profit realised by the part that closes, before the fee; 0 when nothing closes.

    Notes
    -----
    Adding moves the average price, reducing keeps it, crossing zero closes at the fill price and
    opens the rest there. Back at exactly zero the average price, the time and the lead are those
    of a flat book. ``working`` and the equity in ``account`` are the engine's and ``mark``'s.
    """
    lot = terms.lot[i]
    held = book.lots[i]
    after = held + signed_lots
    notional = signed_lots * lot * price
    book.cash[terms.venue[i]] -= notional + fee
    book.account[FEES_PAID] += fee
    book.account[TURNOVER] += abs(notional)
    if math.isnan(book.mark[i]):
        book.mark[i] = price
        book.marked_at[i] = ts
    closing = 0
    if held * signed_lots < 0:
        closing = signed_lots if abs(signed_lots) <= abs(held) else -held
    opening = signed_lots - closing
    realised = 0.0
    gap = book.mark[i] - price
    if closing != 0:
        realised = -closing * lot * (price - book.average_price[i])
        share = fee if opening == 0 else fee * closing / signed_lots
        fee -= share
        _credit(book, book.lead[i], closing * lot * gap - share)
    if after == 0:
        book.average_price[i] = 0.0
        book.opened_at[i] = 0
        book.closed_at[i] = ts
        book.lead[i] = -1
    elif opening != 0:
        if held == 0 or closing != 0:
            book.average_price[i] = price
            book.opened_at[i] = ts
            book.lead[i] = lead
        else:
            cost = held * book.average_price[i] + signed_lots * price
            book.average_price[i] = cost / after
        _credit(book, book.lead[i], opening * lot * gap - fee)
    book.lots[i] = after
    return realised


@lean_njit
def pay_funding(book: Book, terms: Terms, i: int, rate: float, price: float) -> float:
    """Pay one funding on what is held of instrument ``i``; return what the account received.

    Parameters
    ----------
    rate : float
        Fraction of notional; positive when longs pay.
    price : float
        Price that the notional is taken at, quote currency.
    """
    amount: float = -book.lots[i] * terms.lot[i] * price * rate
    book.cash[terms.venue[i]] += amount
    book.account[FUNDING_RECEIVED] += amount
    _credit(book, book.lead[i], amount)
    return amount


@lean_njit
def equity(book: Book, terms: Terms) -> float:
    """Return cash plus positions at their marks over all venues, quote currency."""
    total = 0.0
    for v in range(book.cash.size):
        total += book.cash[v]
    for i in range(terms.lot.size):
        if book.lots[i] != 0:
            total += book.lots[i] * terms.lot[i] * book.mark[i]
    return total


@lean_njit
def mark(book: Book, terms: Terms, close: FloatArray, ts: int) -> None:
    """Value the book at the closes of a tick, in place; equity and its peak with it.

    Parameters
    ----------
    close : float64 (n,)
        Quote currency; NaN where there is no bar: the mark stays the last close.
    ts : int
        When the closes became known, ns UTC.
    """
    for i in range(terms.lot.size):
        price = close[i]
        if not math.isnan(price):
            # what moved since an earlier process is nobody's profit of today
            if book.lots[i] != 0 and book.marked_at[i] >= 0:
                _credit(book, book.lead[i], book.lots[i] * terms.lot[i] * (price - book.mark[i]))
            book.mark[i] = price
            book.marked_at[i] = ts
    value = equity(book, terms)
    book.account[EQUITY] = value
    if value > book.account[PEAK_EQUITY]:
        book.account[PEAK_EQUITY] = value


@lean_njit
def new_day(book: Book, ts: int) -> bool:
    """Begin a new UTC day if ``ts`` lies in one: agents' profits to 0, equity as the day's start.

    Call it with the start of a bar, before its fills: the bar that ends at midnight belongs to the
    day that ends.
    """
    day = ts // DAY
    if day == int(book.account[DAY_NUMBER]):
        return False
    book.account[DAY_NUMBER] = day
    book.account[DAY_START_EQUITY] = book.account[EQUITY]
    book.agent_day[:] = 0.0
    return True
