"""Circuit breakers: drawdown and daily loss in the book; errors, stale data, wild markets beside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.kernel.jit import njit
from tutti.model.arrays import (
    DAY_START_EQUITY,
    EQUITY,
    FLATTEN,
    MODE,
    PEAK_EQUITY,
    REDUCE_ONLY,
    TRADING,
    Book,
)

if TYPE_CHECKING:
    from tutti.risk.limits import Limits

UNLOCKED, UNRESOLVED, HALTED, PAUSED = 0, 1, 2, 3
"""Locks of an instrument: none; an order of unknown fate, or a halt (nothing is sent); a market too
wild to add to a position (it may be reduced)."""


@njit
def drawdown(book: Book) -> float:
    """Return the fall of equity from its peak as a fraction; 1 where there was never any."""
    peak = book.account[PEAK_EQUITY]
    return 1.0 - book.account[EQUITY] / peak if peak > 0.0 else 1.0


@njit
def may_lead(agent: int, book: Book, limits: Limits) -> bool:
    """Return whether an agent's loss of the day leaves it free to lead an entry.

    The policy itself (-1) always is.
    """
    return agent < 0 or book.agent_day[agent] > -limits.max_agent_daily_loss


@njit
def update_mode(book: Book, limits: Limits, ts: int) -> None:  # noqa: ARG001, part of the seam
    """Set the mode of the account from its equity, in place; after ``mark``, once a tick.

    A drawdown that reaches its limit, or equity that is not positive, sets ``FLATTEN``: everything
    is closed, and only ``reset`` ends it. A loss since the day began that reaches its limit sets
    ``REDUCE_ONLY``; ``start_day`` ends it, a recovery doesn't.
    """
    account = book.account
    if drawdown(book) >= limits.max_drawdown or account[EQUITY] <= 0.0:
        account[MODE] = FLATTEN
    loss = account[DAY_START_EQUITY] - account[EQUITY]
    if account[MODE] == TRADING and loss >= limits.max_daily_loss:
        account[MODE] = REDUCE_ONLY


@njit
def start_day(book: Book) -> None:
    """End yesterday's daily-loss stop, in place; when ``portfolio.new_day`` found a new UTC day."""
    if book.account[MODE] == REDUCE_ONLY:
        book.account[MODE] = TRADING


def flatten(book: Book) -> None:
    """Close everything and stay flat, at an operator's word, in place."""
    book.account[MODE] = FLATTEN


def reset(book: Book) -> None:
    """Trade again at an operator's word, in place: drawdown and daily loss count from here."""
    account = book.account
    account[MODE] = TRADING
    account[PEAK_EQUITY] = account[DAY_START_EQUITY] = account[EQUITY]
    book.agent_day[:] = 0.0
