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
from tutti.model.order import OrderRefused, OrderStatus, OrderUnsent

if TYPE_CHECKING:
    import numpy as np

    from tutti.execution.port import Venue
    from tutti.model.order import ApprovedOrder, Order, OrderUnanswered


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
        asked_s = error.retry_after_s if isinstance(error, RateLimited) else 0.0
        unsent = OrderUnsent(order_id=order.id, ts=ts, detail=str(error), retry_after_s=asked_s)
        return not_sent(order, unsent, rules, random, failures)
    except OrderRejected as error:
        return apply(order, OrderRefused(order_id=order.id, ts=ts, detail=str(error)))
    except VenueError as error:
        # unknown, or of a kind that promises nothing: it may have arrived
        return noted(order, ts, str(error))
    return order


def not_sent(
    order: Order,
    event: OrderUnsent,
    rules: RetryRules,
    random: np.random.Generator,
    failures: int = 0,
) -> Order | RetryLater:
    """Return when an order that certainly did not leave is sent again, or that it has failed.

    Parameters
    ----------
    order : Order
        SENT; one that the venue has answered to meanwhile is returned as it is.
    failures : int
        Attempts that failed before this one.
    """
    if order.status is not OrderStatus.SENT:
        return order
    failures += 1
    if failures >= rules.attempts:
        return failed(order, event.ts, f"not sent after {failures} attempts: {event.detail}")
    wait_s = max(rules.backoff.pause_s(failures, random), event.retry_after_s)
    return RetryLater(wait_s=wait_s, failures=failures, detail=event.detail)


def not_answered(order: Order, event: OrderUnanswered) -> Order:
    """Return an order of unknown outcome: SENT as before, with the reason on it.

    One that the venue has answered to meanwhile is returned as it is.
    """
    if order.status is not OrderStatus.SENT or order.detail == event.detail:
        return order
    return noted(order, event.ts, event.detail)
