"""Our own rate limiter, in front of ccxt's: with lanes, so that a cancellation never queues.

ccxt's throttler is first in, first out: behind two hundred requests for bars an order waits, and so
does the cancellation of it. Here urgent requests (cancels, the kill switch) go first and have
a part of the bucket to themselves; orders go before questions, questions before market data.
"""

from __future__ import annotations

import asyncio
import heapq
from contextvars import ContextVar
from enum import IntEnum
from typing import TYPE_CHECKING

from tutti.kernel.clock import SECOND

if TYPE_CHECKING:
    from tutti.kernel.clock import Clock


class Lane(IntEnum):
    """Who goes first; the lower the number, the sooner."""

    URGENT = 0
    """Cancellations and everything that the kill switch does."""

    ORDER = 1
    """New orders."""

    QUESTION = 2
    """What became of an order, positions, balances."""

    DATA = 3
    """Bars, books, markets."""


LANE: ContextVar[Lane] = ContextVar("lane", default=Lane.DATA)
"""Lane of the requests of the task at hand."""

_SOON_S = 1e-9
_SHARE_KEPT_FREE = {Lane.URGENT: 0.0, Lane.ORDER: 0.25, Lane.QUESTION: 0.35, Lane.DATA: 0.5}
"""Part of the bucket that a lane leaves to those before it."""


class Lanes:
    """Bucket of requests that fills steadily and empties by lane.

    Parameters
    ----------
    per_second : float
        Cost that may be spent in a second, in the long run.
    burst : float
        Cost that may be spent at once after a pause; at least 4.
    clock : Clock

    Notes
    -----
    A bucket that refills at the venue's rate and holds ``burst`` lets no more than
    ``burst + per_second * t`` through in any ``t`` seconds.
    """

    def __init__(self, per_second: float, burst: float, clock: Clock) -> None:
        if not per_second > 0.0:
            raise ValueError(f"a rate must be positive, was {per_second!r}")
        self._rate = per_second
        self._capacity = max(burst, 4.0)
        self._clock = clock
        self._level = self._capacity
        self._filled_at = clock.now()
        self._closed_until = 0
        self._queue: list[tuple[int, int, float, asyncio.Future[None]]] = []
        self._count = 0
        self._pump: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def hold(self, seconds: float) -> None:
        """Let nothing but urgent requests through for a while: the venue asked for it."""
        self._closed_until = max(self._closed_until, self._clock.now() + round(seconds * SECOND))

    async def enter(self, cost: float, lane: Lane) -> None:
        """Return when a request of this cost may leave."""
        # what costs more than the bucket holds waits for a full one
        cost = min(cost, self._capacity * (1.0 - _SHARE_KEPT_FREE[lane]))
        first = self._queue[0][0] if self._queue else len(Lane)
        if lane < first and self._wait_s(cost, lane) <= 0.0:
            self._level -= cost
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._queue, (int(lane), self._count, cost, turn))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._let_through())
        await turn

    async def throttle(self, cost: float | None = None) -> None:
        """Do as ccxt's throttler does, by the lane of the task."""
        await self.enter(1.0 if cost is None else float(cost), LANE.get())

    def close(self) -> None:
        """Let nobody wait any more."""
        if self._pump is not None:
            self._pump.cancel()
        for _, _, _, turn in self._queue:
            turn.cancel()
        self._queue.clear()

    def _wait_s(self, cost: float, lane: Lane) -> float:
        now = self._clock.now()
        passed = max(0, now - self._filled_at) / SECOND
        self._level = min(self._capacity, self._level + passed * self._rate)
        self._filled_at = now
        wait = (cost + _SHARE_KEPT_FREE[lane] * self._capacity - self._level) / self._rate
        if lane is not Lane.URGENT:
            wait = max(wait, (self._closed_until - now) / SECOND)
        return wait if wait > _SOON_S else 0.0

    async def _let_through(self) -> None:
        while self._queue:
            lane, _, cost, turn = self._queue[0]
            if turn.done():
                heapq.heappop(self._queue)
                continue
            wait_s = self._wait_s(cost, Lane(lane))
            if wait_s > 0.0:
                # in small steps: somebody more urgent may come
                await self._clock.sleep_until(self._clock.now() + round(min(wait_s, 0.05) * SECOND))
                continue
            heapq.heappop(self._queue)
            self._level -= cost
            turn.set_result(None)
