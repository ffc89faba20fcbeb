"""The error tree is sorted by what the caller must do."""

from __future__ import annotations

import pytest

from tutti.model import errors
from tutti.model.errors import (
    InsufficientFunds,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Transient,
    TuttiError,
    VenueError,
)


def test_every_error_is_a_tutti_error() -> None:
    ours = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert len(ours) == 20
    assert all(issubclass(error, TuttiError) for error in ours)


def test_venue_error_names_the_venue_in_message_and_attribute() -> None:
    error = VenueError("is down", venue="KRAKEN")
    assert str(error) == "KRAKEN: is down"
    assert error.venue == "KRAKEN"


def test_rate_limited_is_transient_and_says_how_long_to_wait() -> None:
    error = RateLimited("too many requests", venue="KRAKEN", retry_after_s=2.5)
    assert isinstance(error, Transient)
    assert (error.venue, error.retry_after_s) == ("KRAKEN", 2.5)


@pytest.mark.parametrize("error", [OrderRejected, InsufficientFunds, OutcomeUnknown])
def test_errors_about_an_order_are_never_retried(error: type[VenueError]) -> None:
    assert issubclass(error, VenueError)
    assert not issubclass(error, Transient)
