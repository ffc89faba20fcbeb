"""In-process publish and subscribe: typed topics, synchronous delivery, bounded queues."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from tutti.model.errors import InvariantBroken

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Overflow(Enum):
    """What a full queue does with one more event."""

    DROP_OLDEST = "drop_oldest"
    """Forget the oldest and count it: for what is out of date soon, such as a display."""

    REFUSE = "refuse"
    """Raise InvariantBroken at the publisher: for what must not be lost."""


class Topic(Generic[T]):
    """Where events of one type are published.

    ``publish`` calls the handlers in the order in which they came, then returns: a handler runs
    to its end before the next, and an exception passes to the publisher. Whoever is slow, or must
    not disturb the publisher, asks for a queue and reads it in a task of its own. One thread only.

    Parameters
    ----------
    name : str
        For messages and measures.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._handlers: tuple[Callable[[T], None], ...] = ()

    def publish(self, event: T) -> None:
        """Hand ``event`` to every handler and queue."""
        for handle in self._handlers:
            handle(event)

    def subscribe(self, handler: Callable[[T], None]) -> Callable[[], None]:
        """Call ``handler`` with each event from now on; return what ends that.

        Handlers that come or go during a delivery count from the next one on.
        """
        self._handlers = (*self._handlers, handler)

        def leave() -> None:
            self._handlers = tuple(h for h in self._handlers if h is not handler)

        return leave

    def queue(self, size: int, overflow: Overflow) -> Queue[T]:
        """Return a new queue that gets each event from now on."""
        return Queue(self, size, overflow)


class Queue(Generic[T]):
    """Bounded queue of one subscriber; iterate over it with ``async for``.

    The iteration ends after ``close``, once everything that arrived before has been read.

    Attributes
    ----------
    dropped : int
        Events forgotten because the queue was full.
    """

    def __init__(self, topic: Topic[T], size: int, overflow: Overflow) -> None:
        if size < 1:
            raise ValueError(f"{topic.name}: a queue holds at least 1 event, was {size!r}")
        self.dropped = 0
        self._name = topic.name
        self._size = size
        self._overflow = overflow
        self._events: deque[T] = deque()
        self._arrival = asyncio.Event()
        self._is_closed = False
        self._leave = topic.subscribe(self._put)

    def __len__(self) -> int:
        return len(self._events)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._events:
            if self._is_closed:
                raise StopAsyncIteration
            self._arrival.clear()
            await self._arrival.wait()
        return self._events.popleft()

    def close(self) -> None:
        """Take no more events."""
        self._leave()
        self._is_closed = True
        self._arrival.set()

    def _put(self, event: T) -> None:
        if len(self._events) >= self._size:
            if self._overflow is Overflow.REFUSE:
                raise InvariantBroken(f"{self._name}: {self._size} events wait for a subscriber")
            self._events.popleft()
            self.dropped += 1
        self._events.append(event)
        self._arrival.set()
