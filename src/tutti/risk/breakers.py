"""Circuit breakers: drawdown and daily loss in the book; errors, stale data, wild markets beside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tutti.kernel.jit import lean_njit
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
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

    from tutti.model.market import FloatArray, IntArray
    from tutti.risk.limits import Limits

BoolArray: TypeAlias = NDArray[np.bool_]

UNLOCKED, UNRESOLVED, HALTED, PAUSED = 0, 1, 2, 3
"""Locks of an instrument: none; an order of unknown fate, or a halt (nothing is sent); a market too
wild to add to a position (it may be reduced)."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Staleness:
    """Instruments, by column, whose data went stale or came back since the last look."""

    gone: tuple[int, ...]
    back: tuple[int, ...]


class StaleDataBreaker:
    """Notices when an instrument's data goes stale; ``review`` then refuses its orders.

    Parameters
    ----------
    max_age_ns : int
        ``Limits.max_data_age_ns``.
    """

    def __init__(self, max_age_ns: int) -> None:
        self.max_age_ns = max_age_ns
        self.stale: frozenset[int] = frozenset()

    def update(self, marked_at: IntArray, ts: int) -> Staleness:
        """Look at the ages at ``ts`` and return what changed.

        Parameters
        ----------
        marked_at : ndarray of int64, shape (n,)
            When each instrument's last close became known, ns UTC; as in ``Book``.
        """
        now = frozenset(np.flatnonzero(ts - marked_at > self.max_age_ns).tolist())
        change = Staleness(
            gone=tuple(sorted(now - self.stale)), back=tuple(sorted(self.stale - now))
        )
        self.stale = now
        return change


class MarketBreaker:
    """Pauses entries where the spread is too wide or the price moved too far, and for a while after.

    Parameters
    ----------
    n_instruments : int
    max_spread_bps : float
        Of the middle price; 0 to ignore spreads.
    max_move : float
        Absolute return of one bar, as a fraction; 0 to ignore moves.
    cool_down_ns : int
        How long a pause outlasts its cause.

    Raises
    ------
    ConfigError
        If a bound is negative or NaN.
    """

    def __init__(
        self, n_instruments: int, *, max_spread_bps: float, max_move: float, cool_down_ns: int
    ) -> None:
        for name, value in (
            ("max_spread_bps", max_spread_bps),
            ("max_move", max_move),
            ("cool_down_ns", cool_down_ns),
        ):
            if not value >= 0:
                raise ConfigError(f"risk.{name} must be 0 (none) or positive; was {value!r}")
        self._max_spread_bps = max_spread_bps or math.inf
        self._max_move = max_move or math.inf
        self._cool_down_ns = cool_down_ns
        self._until = np.zeros(n_instruments, np.int64)

    def update(self, spread_bps: FloatArray, move: FloatArray, ts: int) -> None:
        """Take in a tick; NaN in ``spread_bps`` or ``move`` (both (n,)) causes no pause."""
        wild = (spread_bps > self._max_spread_bps) | (np.abs(move) > self._max_move)
        # one past now, so that a cool-down of 0 still pauses this tick
        self._until[wild] = ts + self._cool_down_ns + 1

    def paused(self, ts: int) -> BoolArray:
        """Return where entries are paused at ``ts``, shape (n,)."""
        return self._until > ts


def lock(paused: BoolArray, *, unresolved: Collection[int] = (), halted: bool = False) -> IntArray:
    """Return the lock of each instrument, shape (n,), as ``objections`` takes it.

    Parameters
    ----------
    paused : ndarray of bool, shape (n,)
        From ``MarketBreaker.paused``.
    unresolved : collection of int
        Columns with an order of unknown fate.
    halted : bool
        Nothing may be sent at all.
    """
    if halted:
        return np.full(paused.shape, HALTED, np.int64)
    locks = np.where(paused, PAUSED, UNLOCKED).astype(np.int64)
    locks[list(unresolved)] = UNRESOLVED
    return locks
