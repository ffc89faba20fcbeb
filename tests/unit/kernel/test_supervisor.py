"""Tasks are restarted as their policy says, and none outlives the supervisor."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tutti.kernel.clock import SECOND, SimulatedClock
from tutti.kernel.retry import Backoff
from tutti.kernel.supervisor import OnFailure, Policy, Supervisor, TaskState

_BACKOFF = Backoff(first_s=1.0, factor=2.0, longest_s=60.0, jitter=0.0)
_RESTART = Policy(on_failure=OnFailure.RESTART, restarts=3, backoff=_BACKOFF, steady_s=600.0)


class _Feed:
    """Fails as often as told, then runs until it is cancelled or, if told so, ends."""

    def __init__(self, clock: SimulatedClock, *, failures: int, ends: bool = True) -> None:
        self._clock = clock
        self._failures = failures
        self._ends = ends
        self.started_at: list[float] = []
        self.lives_s = 0.0
        self.is_cleaned_up = False

    async def run(self) -> None:
        self.started_at.append(self._clock.now() / SECOND)
        await self._clock.sleep_until(self._clock.now() + int(self.lives_s * SECOND))
        if len(self.started_at) <= self._failures:
            raise OSError(f"failure {len(self.started_at)}")
        if self._ends:
            return
        try:
            await asyncio.Event().wait()
        finally:
            self.is_cleaned_up = True


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def supervisor(clock: SimulatedClock) -> Supervisor:
    return Supervisor(clock, np.random.default_rng(1))


async def test_tasks_that_end_end_the_supervisor(
    supervisor: Supervisor, clock: SimulatedClock
) -> None:
    supervisor.add("a", _Feed(clock, failures=0).run, _RESTART)
    supervisor.add("b", _Feed(clock, failures=0).run, _RESTART)
    assert [h.state for h in supervisor.health()] == [TaskState.WAITING] * 2
    await supervisor.run()
    assert [(h.name, h.state) for h in supervisor.health()] == [
        ("a", TaskState.ENDED),
        ("b", TaskState.ENDED),
    ]


async def test_failed_task_is_restarted_after_growing_pauses(
    supervisor: Supervisor, clock: SimulatedClock
) -> None:
    feed = _Feed(clock, failures=3)
    supervisor.add("feed", feed.run, _RESTART)
    await supervisor.run()
    assert feed.started_at == [0.0, 1.0, 3.0, 7.0]
    (health,) = supervisor.health()
    assert (health.state, health.restarts) == (TaskState.ENDED, 3)
    assert health.error == "OSError: failure 3"


async def test_task_that_keeps_failing_ends_everything(
    supervisor: Supervisor, clock: SimulatedClock
) -> None:
    other = _Feed(clock, failures=0, ends=False)
    supervisor.add("feed", _Feed(clock, failures=99).run, _RESTART)
    supervisor.add("other", other.run, _RESTART)
    with pytest.raises(ExceptionGroup) as caught:
        await supervisor.run()
    assert [str(e) for e in caught.value.exceptions] == ["failure 4"]
    assert [h.state for h in supervisor.health()] == [TaskState.FAILED, TaskState.CANCELLED]
    assert other.is_cleaned_up


async def test_failures_long_apart_are_not_counted_together(
    supervisor: Supervisor, clock: SimulatedClock
) -> None:
    feed = _Feed(clock, failures=8)
    feed.lives_s = 600.0
    supervisor.add("feed", feed.run, _RESTART)
    await supervisor.run()
    assert np.diff(feed.started_at).tolist() == [601.0] * 8


async def test_task_that_nothing_can_go_on_without_ends_everything_at_once(
    supervisor: Supervisor, clock: SimulatedClock
) -> None:
    feed = _Feed(clock, failures=1)
    supervisor.add("engine", feed.run, Policy(on_failure=OnFailure.END_ALL))
    with pytest.raises(ExceptionGroup):
        await supervisor.run()
    assert len(feed.started_at) == 1


async def test_task_that_may_fail_leaves_the_others_alone(
    supervisor: Supervisor, clock: SimulatedClock
) -> None:
    supervisor.add("display", _Feed(clock, failures=1).run, Policy(on_failure=OnFailure.IGNORE))
    supervisor.add("engine", _Feed(clock, failures=0).run, _RESTART)
    await supervisor.run()
    assert [h.state for h in supervisor.health()] == [TaskState.FAILED, TaskState.ENDED]


async def test_stop_lets_tasks_clean_up_and_ends_quietly(
    supervisor: Supervisor, clock: SimulatedClock
) -> None:
    feed = _Feed(clock, failures=0, ends=False)
    supervisor.add("feed", feed.run, _RESTART)
    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert supervisor.health()[0].state is TaskState.RUNNING
        supervisor.stop()
    assert feed.is_cleaned_up
    assert supervisor.health()[0].state is TaskState.CANCELLED


async def test_cancelling_the_supervisor_cancels_its_tasks(
    supervisor: Supervisor, clock: SimulatedClock
) -> None:
    feed = _Feed(clock, failures=0, ends=False)
    supervisor.add("feed", feed.run, _RESTART)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await supervisor.run()
    assert feed.is_cleaned_up


async def test_task_during_its_pause_is_not_well() -> None:
    pausing = asyncio.Event()

    class Standstill(SimulatedClock):
        async def sleep_until(self, ts: int) -> None:
            pausing.set()
            await asyncio.Event().wait()

    async def fail() -> None:
        raise OSError("gone")

    supervisor = Supervisor(Standstill(), np.random.default_rng(1))
    supervisor.add("feed", fail, _RESTART)
    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.run())
        await pausing.wait()
        (health,) = supervisor.health()
        assert health.state is TaskState.PAUSING
        supervisor.stop()
    assert supervisor.health()[0].state is TaskState.CANCELLED


def test_two_tasks_with_one_name_are_refused(supervisor: Supervisor, clock: SimulatedClock) -> None:
    supervisor.add("feed", _Feed(clock, failures=0).run, _RESTART)
    with pytest.raises(ValueError, match="a task 'feed' already"):
        supervisor.add("feed", _Feed(clock, failures=0).run, _RESTART)
