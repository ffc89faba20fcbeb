"""What a venue tells of how it does."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Told by venues and streams how they do; implemented by the service's metrics."""

    def up(self, venue: str, *, is_up: bool) -> None:
        """Take note whether a venue answers."""
        ...

    def failed(self, venue: str) -> None:
        """Count a request that failed."""
        ...

    def data_age(self, venue: str, seconds: float) -> None:
        """Take note of the age of the oldest of the newest data, by the exchange's time."""
        ...

    def order_answered(self, venue: str, seconds: float) -> None:
        """Take note of the time from an order's submission to its answer."""
        ...


class NoMeter:
    """Meter that nobody reads."""

    def up(self, venue: str, *, is_up: bool) -> None:
        """Ignore it."""

    def failed(self, venue: str) -> None:
        """Ignore it."""

    def data_age(self, venue: str, seconds: float) -> None:
        """Ignore it."""

    def order_answered(self, venue: str, seconds: float) -> None:
        """Ignore it."""
