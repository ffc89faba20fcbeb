"""The rate limiter: urgent requests never queue behind others."""

from __future__ import annotations

import asyncio

import pytest

from tutti.adapters.venues.by_ccxt.lanes import LANE, Lane, Lanes
from tutti.kernel.clock import SECOND, SimulatedClock


async def _settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_requests_within_the_burst_leave_at_once() -> None:
    clock = SimulatedClock()
    lanes = Lanes(10.0, 20.0, clock)
    for _ in range(10):
        await lanes.enter(1.0, Lane.DATA)
    assert clock.now() == 0


async def test_requests_over_the_burst_leave_at_the_rate() -> None:
    clock = SimulatedClock()
    lanes = Lanes(10.0, 20.0, clock)
    for _ in range(30):
        await lanes.enter(1.0, Lane.DATA)
    assert clock.now() == pytest.approx(2 * SECOND, abs=SECOND // 10)


async def test_cancellation_leaves_at_once_though_data_used_up_their_part() -> None:
    clock = SimulatedClock()
    lanes = Lanes(1.0, 20.0, clock)
    for _ in range(10):
        await lanes.enter(1.0, Lane.DATA)
    for _ in range(10):
        await lanes.enter(1.0, Lane.URGENT)
    assert clock.now() == 0


async def test_waiting_requests_leave_by_lane_and_then_by_age() -> None:
    clock = _Stopped()
    lanes = Lanes(10.0, 4.0, clock)
    for _ in range(4):
        await lanes.enter(1.0, Lane.URGENT)
    order: list[str] = []

    async def leave(name: str, lane: Lane) -> None:
        await lanes.enter(1.0, lane)
        order.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(leave("bars 1", Lane.DATA))
        group.create_task(leave("bars 2", Lane.DATA))
        group.create_task(leave("order", Lane.ORDER))
        group.create_task(leave("cancel", Lane.URGENT))
        await _settle()
        assert len(lanes) == 4
        clock.runs.set()
    assert order == ["cancel", "order", "bars 1", "bars 2"]
    assert len(lanes) == 0


class _Stopped(SimulatedClock):
    """Clock that stands still until told to run."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = asyncio.Event()

    async def sleep_until(self, ts: int) -> None:
        await self.runs.wait()
        await super().sleep_until(ts)


async def test_hold_stops_all_but_urgent_requests() -> None:
    clock = SimulatedClock()
    lanes = Lanes(10.0, 20.0, clock)
    lanes.hold(5.0)
    await lanes.enter(1.0, Lane.URGENT)
    assert clock.now() == 0
    await lanes.enter(1.0, Lane.ORDER)
    assert clock.now() >= 5 * SECOND


async def test_request_that_costs_more_than_the_bucket_holds_still_leaves() -> None:
    clock = SimulatedClock()
    lanes = Lanes(1.0, 4.0, clock)
    await lanes.enter(500.0, Lane.DATA)
    await lanes.enter(500.0, Lane.URGENT)
    assert clock.now() < 10 * SECOND


async def test_request_that_nobody_waits_for_any_more_costs_nothing() -> None:
    clock = _Stopped()
    lanes = Lanes(1.0, 4.0, clock)
    for _ in range(4):
        await lanes.enter(1.0, Lane.URGENT)
    gone = asyncio.ensure_future(lanes.enter(1.0, Lane.DATA))
    left = asyncio.ensure_future(lanes.enter(1.0, Lane.DATA))
    await _settle()
    gone.cancel()
    clock.runs.set()
    await left
    assert clock.now() < 4 * SECOND


async def test_throttle_takes_the_lane_of_the_task() -> None:
    clock = SimulatedClock()
    lanes = Lanes(1.0, 4.0, clock)
    LANE.set(Lane.URGENT)
    for _ in range(4):
        await lanes.throttle()
    assert clock.now() == 0


async def test_closed_lanes_keep_nobody_waiting() -> None:
    clock = _Stopped()
    lanes = Lanes(1.0, 4.0, clock)
    for _ in range(4):
        await lanes.enter(1.0, Lane.URGENT)
    waiting = asyncio.ensure_future(lanes.enter(1.0, Lane.DATA))
    await _settle()
    lanes.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_lanes_refuse_a_rate_of_nothing() -> None:
    with pytest.raises(ValueError, match="positive"):
        Lanes(0.0, 4.0, SimulatedClock())
