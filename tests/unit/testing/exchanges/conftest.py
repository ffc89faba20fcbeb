"""A fake exchange served on the loopback, and unmodified ccxt clients pointed at it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import ccxt.pro
import pytest

from tutti.kernel.clock import LiveClock, SimulatedClock
from tutti.testing.exchanges import FakeExchange, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from tutti.testing.exchanges import Fault


class Venue:
    """One served exchange with one client of it."""

    def __init__(self, exchange: FakeExchange, client: Any, http: str) -> None:
        self.exchange = exchange
        self.client = client
        self.http = http

    def act(self, do: str, **action: object) -> dict[str, Any]:
        return self.exchange.market.act({"do": do, **action})

    def fault(self, *faults: Fault) -> None:
        self.exchange.plan.replace(faults)


@pytest.fixture
def stopped_clock() -> SimulatedClock:
    """Return a clock that shows now and stands still: no window of a rate limit ends."""
    return SimulatedClock(LiveClock().now())


@pytest.fixture
def opened() -> Callable[..., AbstractAsyncContextManager[Venue]]:
    """Return a function that serves a dialect and closes its client and server at the end."""

    @asynccontextmanager
    async def open_(
        dialect: str,
        *,
        options: dict[str, Any] | None = None,
        rate: float = 0.0,
        timeout_ms: int = 10_000,
        **given: Any,
    ) -> AsyncIterator[Venue]:
        exchange = FakeExchange(dialect, **{"seed": 7, "limits": 0.0, **given})
        async with serve(exchange, rate=rate) as addresses:
            client = getattr(ccxt.pro, dialect)(
                {"enableRateLimit": False, "timeout": timeout_ms, "options": options or {}}
            )
            client.timeout_on_exit = 0
            addresses.apply_to(client)
            try:
                yield Venue(exchange, client, addresses.http)
            finally:
                await client.close()

    return open_
