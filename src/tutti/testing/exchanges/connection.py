"""One websocket connection of a fake exchange, with what goes wrong on it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any

from tutti.testing.exchanges.faults import FaultKind

if TYPE_CHECKING:
    from aiohttp import web

    from tutti.testing.exchanges.exchange import FakeExchange

_MOST_WAITING = 200_000


class Connection:
    """One websocket connection: messages pass through the faults into a queue.

    Implements :class:`~tutti.testing.exchanges.dialect.Stream`.

    Parameters
    ----------
    exchange : FakeExchange
        Whose faults.
    socket : aiohttp.web.WebSocketResponse
        Where messages go.
    """

    def __init__(self, exchange: FakeExchange, socket: web.WebSocketResponse) -> None:
        self._exchange = exchange
        self._socket = socket
        self._waiting: deque[tuple[float, str | None]] = deque()
        self._wake = asyncio.Event()
        self._kept: dict[str, str] = {}
        self._closing: tuple[int, str] | None = None
        self.is_dropped = False

    def send(self, where: str, message: Any, *, listing: str = "") -> None:
        """Send a message, as far as the faults at ``where`` let it through."""
        text = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
        plan = self._exchange.plan
        faults = plan.of_message(where, listing) if plan.faults else []
        if not faults:
            self._put(text, 0.0)
            self._release(where)
            return
        kinds = {fault.kind: fault for fault in faults}
        if FaultKind.DROP in kinds:
            self._waiting.append((0.0, None))
            self._wake.set()
            return
        if FaultKind.SILENT in kinds or FaultKind.GAP in kinds:
            return
        if FaultKind.REORDER in kinds and where not in self._kept:
            self._kept[where] = text
            return
        delay = kinds[FaultKind.LATE].seconds if FaultKind.LATE in kinds else 0.0
        self._put(text, delay)
        if FaultKind.DUPLICATE in kinds:
            self._put(text, delay)
        self._release(where)

    def _release(self, where: str) -> None:
        kept = self._kept.pop(where, None)
        if kept is not None:
            self._put(kept, 0.0)

    def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        self._closing = (code, reason)
        self._wake.set()

    def _put(self, text: str, delay: float) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self.is_dropped = True  # it reads too slowly: real venues let go as well
        self._waiting.append((delay, text))
        self._wake.set()

    async def write(self) -> None:
        """Write what is sent, until the connection is dropped or closed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting and not self.is_dropped:
                delay, text = self._waiting.popleft()
                if delay:
                    await self._exchange.sleep(delay)
                if text is None:
                    self.is_dropped = True  # by a fault; what was sent before it was written
                    return
                await self._socket.send_str(text)
            if self.is_dropped:
                return
            if self._closing is not None:
                code, reason = self._closing
                await self._socket.close(code=code, message=reason.encode())
                return
