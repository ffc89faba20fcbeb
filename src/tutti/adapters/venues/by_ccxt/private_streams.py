"""Order and trade updates of an account by websocket, for as long as the venue has them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from tutti.adapters.venues.by_ccxt.lanes import LANE, Lane
from tutti.adapters.venues.by_ccxt.translate import lineage
from tutti.kernel.clock import SECOND
from tutti.kernel.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping

    import numpy as np

    from tutti.kernel.clock import Clock

_log = structlog.stdlib.get_logger(__name__)

_STEADY_S = 30


class PrivateStreams:
    """Follows what the venue tells of the account, and says when it may have missed something.

    Parameters
    ----------
    client : ccxt client
        With keys.
    clock : Clock
    random : Generator
        Jitter of pauses.
    orders, trades : callable
        Given each batch of updates.
    lost : callable
        Called when a stream broke: what happened since has to be asked for.
    """

    def __init__(
        self,
        client: Any,
        *,
        clock: Clock,
        random: np.random.Generator,
        orders: Callable[[Iterable[Mapping[str, Any]]], None],
        trades: Callable[[Iterable[Mapping[str, Any]]], None],
        lost: Callable[[], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._random = random
        self._orders = orders
        self._trades = trades
        self._lost = lost
        self._backoff = Backoff(first_s=0.5, longest_s=30.0, jitter=0.5)

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """Return what has to run: one task for each stream that the venue has."""
        client, has = self._client, self._client.has
        found: list[Coroutine[Any, Any, None]] = []
        if has.get("watchOrders"):
            found.append(self._follow("orders", client.watch_orders, self._orders))
        if has.get("watchMyTrades"):
            found.append(self._follow("trades", client.watch_my_trades, self._trades))
        return found

    async def _follow(
        self,
        name: str,
        watch: Callable[[], Awaitable[Any]],
        take: Callable[[Iterable[Mapping[str, Any]]], None],
    ) -> None:
        LANE.set(Lane.QUESTION)
        failures = 0
        while True:
            began = self._clock.now()
            try:
                updates = await watch()
                failures = 0
                take(updates)
            except Exception as error:  # noqa: BLE001 - a stream is begun anew, whatever broke it
                if "NotSupported" in lineage(error):
                    return
                steady = self._clock.now() - began > _STEADY_S * SECOND
                failures = 1 if steady else failures + 1
                _log.info(
                    "private stream broke", stream=name, venue=self._client.id,
                    error=type(error).__name__,
                )  # fmt: skip
                self._lost()
                await asyncio.sleep(self._backoff.pause_s(failures, self._random))
