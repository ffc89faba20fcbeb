"""Tries again what may pass, with growing pauses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tutti.kernel.clock import SECOND
from tutti.model.errors import RateLimited, Transient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import numpy as np

    from tutti.kernel.clock import Clock

_T = TypeVar("_T")

_LONGEST_EXPONENT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to pause after each failure.

    Parameters
    ----------
    first_s : float
        Pause after the first failure, before jitter.
    factor : float
        Each pause is this many times the one before; at least 1.
    longest_s : float
        No pause is longer, before jitter.
    jitter : float
        In [0, 1]. A pause is drawn evenly from its last part of this size: 0 for none, 1 for
        anything between nothing and the whole ("full jitter").
    """

    first_s: float = 0.2
    factor: float = 2.0
    longest_s: float = 30.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.first_s <= self.longest_s:
            raise ValueError(
                f"a pause must be in [0, longest], was {self.first_s!r} of {self.longest_s!r} s"
            )
        if self.factor < 1:
            raise ValueError(f"factor must be at least 1, was {self.factor!r}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter must be in [0, 1], was {self.jitter!r}")

    def pause_s(self, failures: int, random: np.random.Generator) -> float:
        """Return the pause after ``failures`` (at least 1) failures in a row, in seconds."""
        exponent = min(failures - 1, _LONGEST_EXPONENT)
        whole = min(self.first_s * self.factor**exponent, self.longest_s)
        return float(whole * (1 - self.jitter * random.random()))


async def retry(
    attempt: Callable[[], Awaitable[_T]],
    *,
    clock: Clock,
    random: np.random.Generator,
    backoff: Backoff | None = None,
    attempts: int = 5,
    on: tuple[type[Exception], ...] = (Transient,),
) -> _T:
    """Return the result of the first ``attempt`` that succeeds.

    Only for what is safe to repeat: an order whose outcome is unknown is reconciled instead.

    Parameters
    ----------
    attempt : callable
        Makes a new awaitable at each call.
    attempts : int
        How many at most; at least 1.
    on : tuple of exception types
        Failures that may pass. After `RateLimited` the pause is at least what the venue asked for.

    Raises
    ------
    Exception
        The last failure, when no attempt is left; any other failure at once.
    """
    if attempts < 1:
        raise ValueError(f"attempts must be at least 1, was {attempts!r}")
    pauses = backoff or Backoff()
    for failures in range(1, attempts):
        try:
            return await attempt()
        except on as e:
            pause_s = pauses.pause_s(failures, random)
            if isinstance(e, RateLimited):
                pause_s = max(pause_s, e.retry_after_s)
        await clock.sleep_until(clock.now() + round(pause_s * SECOND))
    return await attempt()
