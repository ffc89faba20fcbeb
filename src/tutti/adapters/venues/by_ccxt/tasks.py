"""The tasks of one venue: each has an owner, none is forgotten, a failure is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Coroutine

_log = structlog.stdlib.get_logger(__name__)


class Tasks:
    """Owner of tasks that come and go; a ``TaskGroup`` would end them all with the first failure.

    Parameters
    ----------
    owner : str
        Name of the venue, for logs.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` beside everything else; return its task, which may be cancelled."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Cancel all and wait until each has ended."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        for task in tasks:
            try:
                await task
            except asyncio.CancelledError:
                if not task.cancelled():
                    raise
            except Exception as error:  # noqa: BLE001 - the others have to end as well
                _log.debug("task had failed", venue=self._owner, error=type(error).__name__)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # its text may hold a request: only its kind is safe
            _log.error("task failed", venue=self._owner, error=type(error).__name__)
