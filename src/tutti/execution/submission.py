"""Send an order: retry only what is certain not to have left, never what may have arrived."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tutti.execution.lifecycle import apply, failed, noted
from tutti.kernel.retry import Backoff
from tutti.model.errors import (
    ConfigError,
    OrderRejected,
    RateLimited,
    Transient,
    VenueError,
)
from tutti.model.order import OrderRefused

if TYPE_CHECKING:
    import numpy as np

    from tutti.execution.port import Venue
    from tutti.model.order import ApprovedOrder, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """How often, and after which waits, an order that did not leave is sent again.

    Parameters
    ----------
    attempts : int
        Attempts in total, at least 1.
    backoff : Backoff
        The waits between them.
    """

    attempts: int = 3
    backoff: Backoff = field(default_factory=lambda: Backoff(first_s=0.25, longest_s=10.0))

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ConfigError(f"attempts must be at least 1, was {self.attempts!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLater:
    """Order that did not leave and is to be sent again after ``wait_s`` seconds."""

    wait_s: float
    failures: int
    detail: str


def attempt(  # noqa: PLR0913
    venue: Venue,
    approved: ApprovedOrder,
    order: Order,
    ts: int,
    rules: RetryRules,
    random: np.random.Generator,
    failures: int = 0,
) -> Order | RetryLater:
    """Send ``order`` once; return it as it is now, or when to try again.

    Parameters
    ----------
    order : Order
        SENT already, and durable as such: it may be on the wire from here on.
    failures : int
        Attempts that failed before this one.

    Returns
    -------
    Order
        The same object when the venue's answer is still to come; REJECTED; FAILED after the last
        attempt that certainly did not leave; SENT with a detail when nobody knows.
    RetryLater
        After a failure that may pass.
    """
    try:
        venue.submit(approved, ts)
    except Transient as error:
        failures += 1
        if failures >= rules.attempts:
            return failed(order, ts, f"not sent after {failures} attempts: {error}")
        wait_s = rules.backoff.pause_s(failures, random)
        if isinstance(error, RateLimited):
            wait_s = max(wait_s, error.retry_after_s)
        return RetryLater(wait_s=wait_s, failures=failures, detail=str(error))
    except OrderRejected as error:
        return apply(order, OrderRefused(order_id=order.id, ts=ts, detail=str(error)))
    except VenueError as error:
        # unknown, or of a kind that promises nothing: it may have arrived
        return noted(order, ts, str(error))
    return order
