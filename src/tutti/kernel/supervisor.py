"""Runs the named tasks of a service: restarts those that may fail, ends all when one must not."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from tutti.kernel.clock import SECOND, Clock
from tutti.kernel.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import numpy as np

_log = logging.getLogger(__name__)


class OnFailure(StrEnum):
    """What the failure of a task means for the service."""

    RESTART = "restart"
    """Start it again after a pause; when it keeps failing, everything ends."""

    END_ALL = "end_all"
    """Nothing can go on without it."""

    IGNORE = "ignore"
    """The rest goes on without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a task is kept running.

    Parameters
    ----------
    restarts : int
        How many in a row, at most; a run of ``steady_s`` seconds sets the count back.
    """

    on_failure: OnFailure = OnFailure.RESTART
    restarts: int = 10
    backoff: Backoff = field(default_factory=Backoff)
    steady_s: float = 60.0


class TaskState(StrEnum):
    """Where a task is."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSING = "pausing"
    ENDED = "ended"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """State of one task; ``since`` in ns UTC, ``error`` the last failure in words."""

    name: str
    state: TaskState
    since: int
    restarts: int = 0
    error: str = ""


class Supervisor:
    """Owner of a service's tasks.

    Parameters
    ----------
    clock : Clock
        Times the pauses and the states.
    random : numpy.random.Generator
        For jitter.
    """

    def __init__(self, clock: Clock, random: np.random.Generator) -> None:
        self._clock = clock
        self._random = random
        self._tasks: dict[str, tuple[Callable[[], Awaitable[None]], Policy]] = {}
        self._health: dict[str, Health] = {}
        self._running: list[asyncio.Task[None]] = []

    def add(self, name: str, run: Callable[[], Awaitable[None]], policy: Policy) -> None:
        """Have ``run`` called (anew after each failure) once the supervisor runs.

        Raises
        ------
        ValueError
            If the name is taken.
        """
        if name in self._tasks:
            raise ValueError(f"there is a task {name!r} already")
        self._tasks[name] = (run, policy)
        self._health[name] = Health(name=name, state=TaskState.WAITING, since=self._clock.now())

    def health(self) -> tuple[Health, ...]:
        """Return the state of every task, in the order in which they were added."""
        return tuple(self._health.values())

    async def run(self) -> None:
        """Run all tasks until each has ended, one has failed for good, or ``stop`` is called.

        Raises
        ------
        ExceptionGroup
            With the failure that ended everything.
        """
        async with asyncio.TaskGroup() as group:
            self._running = [
                group.create_task(self._keep(name, run, policy), name=name)
                for name, (run, policy) in self._tasks.items()
            ]

    def stop(self) -> None:
        """Cancel all tasks; ``run`` returns once each has cleaned up."""
        for task in self._running:
            task.cancel()

    async def _keep(self, name: str, run: Callable[[], Awaitable[None]], policy: Policy) -> None:
        failures = 0
        try:
            while True:
                began = self._clock.now()
                self._note(name, TaskState.RUNNING)
                try:
                    await run()
                except Exception as e:  # noqa: BLE001 - the boundary of a task
                    _log.exception("task %s failed", name)
                    is_steady = self._clock.now() - began >= policy.steady_s * SECOND
                    failures = 1 if is_steady else failures + 1
                    if not self._goes_on(name, policy, failures, e):
                        return
                else:
                    self._note(name, TaskState.ENDED)
                    return
                pause_s = policy.backoff.pause_s(failures, self._random)
                await self._clock.sleep_until(self._clock.now() + round(pause_s * SECOND))
        except asyncio.CancelledError:
            self._note(name, TaskState.CANCELLED)
            raise

    def _goes_on(self, name: str, policy: Policy, failures: int, error: Exception) -> bool:
        # False: the task is over; raises when everything is
        text = f"{type(error).__name__}: {error}"
        if policy.on_failure is OnFailure.RESTART and failures <= policy.restarts:
            health = self._health[name]
            self._health[name] = replace(health, restarts=health.restarts + 1)
            self._note(name, TaskState.PAUSING, text)
            return True
        self._note(name, TaskState.FAILED, text)
        if policy.on_failure is OnFailure.IGNORE:
            return False
        raise error

    def _note(self, name: str, state: TaskState, error: str | None = None) -> None:
        before = self._health[name]
        self._health[name] = replace(
            before,
            state=state,
            since=self._clock.now(),
            error=before.error if error is None else error,
        )
