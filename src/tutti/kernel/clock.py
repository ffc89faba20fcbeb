"""Time as something passed in: the wall's, or a simulated one."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> int:
        """Return nanoseconds since the epoch, UTC."""
        ...

    async def sleep_until(self, ts: int) -> None:
        """Return once ``now() >= ts``."""
        ...


class LiveClock:
    """The wall's time."""

    def now(self) -> int:
        """Return nanoseconds since the epoch, UTC."""
        return time.time_ns()

    async def sleep_until(self, ts: int) -> None:
        """Sleep until the wall shows ``ts``; other tasks run even where that is past."""
        await asyncio.sleep(0)
        while (wait := ts - self.now()) > 0:
            await asyncio.sleep(wait / SECOND)


class SimulatedClock:
    """Time that moves only when told to, and never backwards."""

    def __init__(self, start: int = 0) -> None:
        self._now = start

    def now(self) -> int:
        """Return the simulated time, ns UTC."""
        return self._now

    def advance_to(self, ts: int) -> None:
        """Move to ``ts``.

        Raises
        ------
        ValueError
            If ``ts`` lies in the past.
        """
        if ts < self._now:
            raise ValueError(f"time can't go back from {self._now} to {ts}")
        self._now = ts

    async def sleep_until(self, ts: int) -> None:
        """Move to ``ts`` at once, and let other tasks run."""
        if ts > self._now:
            self._now = ts
        await asyncio.sleep(0)


def iso(ts: int) -> str:
    """Return ``ts`` (ns UTC) as ``2024-01-31T12:00:00.000Z``."""
    stamp = datetime.fromtimestamp(ts // SECOND, tz=UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{ts // 1_000_000 % 1000:03d}Z"


def parse_instant(text: str) -> int:
    """Return ns UTC for an ISO date or time; without an offset it is read as UTC.

    Raises
    ------
    ValueError
        If the text is neither.
    """
    stamp = datetime.fromisoformat(text)
    if stamp.tzinfo is None:
        stamp = stamp.replace(tzinfo=UTC)
    whole = int(stamp.timestamp() // 1)
    return whole * SECOND + stamp.microsecond * 1000
