"""Arrays that the kernels share: contract terms, the book of positions, signals and rules.

Each is a NamedTuple, so that compiled kernels take it whole. ``n`` is the number of instruments,
``v`` of venues, ``a`` of agents. Book arrays are written in place, by ``portfolio`` and ``engine``
kernels only; everything else is read.
"""

from __future__ import annotations

from typing import NamedTuple

from tutti.model.market import FloatArray, IntArray


class Terms(NamedTuple):
    """Contract terms as arrays of shape (n,); ``lot`` is the quantity step, ``tick`` the price step."""

    lot: FloatArray
    tick: FloatArray
    min_lots: IntArray
    min_notional: FloatArray
    maker_fee: FloatArray
    taker_fee: FloatArray
    is_perpetual: IntArray
    max_leverage: FloatArray
    maintenance_margin: FloatArray
    venue: IntArray


class Book(NamedTuple):
    """State of the account.

    Parameters
    ----------
    lots : int64 (n,)
        Held, signed, in lots.
    average_price : float64 (n,)
        Of the open position; 0 when flat.
    opened_at : int64 (n,)
        ns UTC; 0 when flat.
    closed_at : int64 (n,)
        When the last position was closed, ns UTC; 0 before the first.
    paused_until : int64 (n,)
        Until when nothing is opened, because the price moved too wildly, ns UTC; 0 for no pause.
    lead : int64 (n,)
        Index of the agent that the open position is booked to; -1 for none.
    mark : float64 (n,)
        Last known close; NaN before the first bar.
    marked_at : int64 (n,)
        When that close became known, ns UTC; -1 where it is what was paid, after a restart.
    working : int64 (n,)
        Signed lots not yet filled in the working order of each instrument.
    cash : float64 (v,)
        Quote currency at each venue. A purchase lowers it by its notional, for spot and perpetual
        alike, so that ``equity = cash.sum() + (lots * lot * mark).sum()`` for both.
    agent_day : float64 (a,)
        P&L, realised and unrealised, of each agent's positions since the day began.
    account : float64 (8,)
        Indexed by the constants below.
    """

    lots: IntArray
    average_price: FloatArray
    opened_at: IntArray
    closed_at: IntArray
    paused_until: IntArray
    lead: IntArray
    mark: FloatArray
    marked_at: IntArray
    working: IntArray
    cash: FloatArray
    agent_day: FloatArray
    account: FloatArray


EQUITY = 0
PEAK_EQUITY = 1
DAY_START_EQUITY = 2
DAY_NUMBER = 3
"""Days since the epoch (UTC) of the last tick."""
MODE = 4
"""0 trading, 1 reduce only (daily loss), 2 flatten and stay flat (drawdown or operator), 3 paused:
nothing is opened until an operator resumes."""
FEES_PAID = 5
FUNDING_RECEIVED = 6
TURNOVER = 7
"""Sum of absolute notional filled."""

TRADING, REDUCE_ONLY, FLATTEN, PAUSED = 0.0, 1.0, 2.0, 3.0


class Signals(NamedTuple):
    """What the policy makes of a block, before it looks at the book; arrays of shape (t, n).

    ``score`` in [-1, 1]: direction and strength. ``confidence`` in [0, 1]. ``size``: notional to
    hold at most, as a positive fraction of equity when ``sizes_are_fractions``, else in quote
    currency. ``lead``: index of the agent that the position would be booked to, -1 for the policy
    itself. NaN score: no view, hold what is held.
    """

    score: FloatArray
    confidence: FloatArray
    size: FloatArray
    lead: IntArray


class Tradable(NamedTuple):
    """Prices of a block as the kernels take them; arrays of shape (t, n), ``ts`` of shape (t,)."""

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    funding: FloatArray
