"""Circuit breakers: drawdown, daily loss and wild markets in the book, errors in a row beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.kernel.jit import lean_njit
from tutti.model.arrays import (
    DAY_START_EQUITY,
    EQUITY,
    FLATTEN,
    MODE,
    PAUSED,
    PEAK_EQUITY,
    REDUCE_ONLY,
    TRADING,
    Book,
)

if TYPE_CHECKING:
    from tutti.model.market import FloatArray
    from tutti.risk.limits import Limits

UNLOCKED, UNRESOLVED, HALTED = 0, 1, 2
"""Locks of an instrument: none; an order of unknown fate, or a halt: nothing is sent."""

_EXACT = 1e-12
"""Fraction of a limit by which a loss may miss it through rounding and still be at it."""


@lean_njit
def drawdown(equity: float, peak: float) -> float:
    """Return the fall of equity from its peak as a fraction; 1 where there was never any."""
    return 1.0 - equity / peak if peak > 0.0 else 1.0


@lean_njit
def reaches(loss: float, limit: float) -> bool:
    """Return whether a loss is at its limit, rounding aside; an unknown one (NaN) is."""
    return not loss < limit * (1.0 - _EXACT)


@lean_njit
def may_lead(agent: int, book: Book, limits: Limits) -> bool:
    """Return whether an agent's loss of the day leaves it free to lead an entry.

    The policy itself (-1) always is.
    """
    return agent < 0 or not reaches(-book.agent_day[agent], limits.max_agent_daily_loss)


@lean_njit
def pause_wild(book: Book, close: FloatArray, limits: Limits, ts: int) -> None:
    """Pause entries where a close lies too far from the one before, in place; before ``mark``.

    Parameters
    ----------
    close : float64 (n,)
        Of the tick; NaN where there is no bar.
    ts : int
        When the closes became known, ns UTC.
    """
    for i in range(book.mark.shape[0]):
        # false for NaN: a first bar, or none, is no move
        if abs(close[i] / book.mark[i] - 1.0) > limits.max_bar_move:
            book.paused_until[i] = ts + limits.pause_ns


@lean_njit
def update_mode(book: Book, limits: Limits, ts: int) -> None:  # noqa: ARG001, part of the seam
    """Set the mode of the account from its equity, in place; after ``mark``, once a tick.

    A drawdown that reaches its limit, or equity that is not positive or not known (NaN), sets
    ``FLATTEN``: everything is closed, and only ``reset`` ends it. A loss since the day began that reaches its limit sets
    ``REDUCE_ONLY``; ``start_day`` ends it, a recovery doesn't.
    """
    account = book.account
    fall = drawdown(account[EQUITY], account[PEAK_EQUITY])
    if reaches(fall, limits.max_drawdown) or account[EQUITY] <= 0.0:
        account[MODE] = FLATTEN
    loss = account[DAY_START_EQUITY] - account[EQUITY]
    if account[MODE] == TRADING and reaches(loss, limits.max_daily_loss):
        account[MODE] = REDUCE_ONLY


@lean_njit
def start_day(book: Book) -> None:
    """End yesterday's daily-loss stop, in place; when ``portfolio.new_day`` found a new UTC day."""
    if book.account[MODE] == REDUCE_ONLY:
        book.account[MODE] = TRADING


def flatten(book: Book) -> None:
    """Close everything and stay flat, at an operator's word, in place."""
    book.account[MODE] = FLATTEN


def pause(book: Book) -> None:
    """Open nothing more until an operator resumes, in place; positions stay in care.

    An account that is to be flattened stays so.
    """
    if book.account[MODE] != FLATTEN:
        book.account[MODE] = PAUSED


def unpause(book: Book) -> None:
    """End a pause, in place; a stop of another cause stays."""
    if book.account[MODE] == PAUSED:
        book.account[MODE] = TRADING


def reset(book: Book) -> None:
    """Trade again at an operator's word, in place: drawdown and daily loss count from here."""
    account = book.account
    account[MODE] = TRADING
    account[PEAK_EQUITY] = account[DAY_START_EQUITY] = account[EQUITY]
    book.agent_day[:] = 0.0


class ErrorBreaker:
    """Halts trading after so many errors in a row, until an operator resets it.

    Parameters
    ----------
    max_errors : int
        ``Limits.max_consecutive_errors``; at least 1.
    """

    def __init__(self, max_errors: int) -> None:
        self.max_errors = max_errors
        self.count = 0
        self.last = ""
        self.tripped = False

    def failed(self, what: str) -> bool:
        """Count an error, described in words; return whether the breaker is tripped now."""
        self.count += 1
        self.last = what
        self.tripped = self.tripped or self.count >= self.max_errors
        return self.tripped

    def succeeded(self) -> None:
        """Begin to count anew; a tripped breaker stays so."""
        self.count = 0

    def reset(self) -> None:
        """Let trading go on, at an operator's word."""
        self.count = 0
        self.tripped = False
