"""Streams of a venue, each for a group of symbols, as symbols join and leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine, Sequence
    from collections.abc import Set as AbstractSet

    from tutti.adapters.venues.by_ccxt.tasks import Tasks


class Subscriptions:
    """Says which stream is of which symbols, and ends those that have to begin anew.

    Parameters
    ----------
    tasks : Tasks
        Owner of the streams.
    together : int
        Symbols in one subscription.
    """

    def __init__(self, tasks: Tasks, together: int) -> None:
        self._tasks = tasks
        self._together = together
        self._streams: list[tuple[tuple[str, ...], asyncio.Task[None]]] = []

    def groups(self, symbols: Sequence[str]) -> list[list[str]]:
        """Return symbols in groups of those that one subscription may hold."""
        size = self._together
        return [list(symbols[k : k + size]) for k in range(0, len(symbols), size)]

    def run(self, group: Sequence[str], stream: Coroutine[Any, Any, None]) -> None:
        """Run the stream of a group of symbols."""
        self._streams.append((tuple(group), self._tasks.start(stream)))

    def hold(self, symbols: AbstractSet[str]) -> bool:
        """Tell whether a stream is of any of some symbols."""
        return any(not symbols.isdisjoint(group) for group, _ in self._streams)

    def leave(self, gone: AbstractSet[str]) -> list[list[str]]:
        """End the streams that hold any of some symbols; return what is left of each group.

        A group that has several streams is returned once: who begins it begins all of them.
        """
        touched = [each for each in self._streams if not gone.isdisjoint(each[0])]
        self._streams = [each for each in self._streams if each not in touched]
        for _, task in touched:
            task.cancel()
        left = [[each for each in group if each not in gone] for group, _ in touched]
        return [list(group) for group in dict.fromkeys(map(tuple, left)) if group]
