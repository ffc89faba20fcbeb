"""Time is ns UTC; the simulated clock moves only when told to."""

from __future__ import annotations

import time

import pytest

from tutti.kernel.clock import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    LiveClock,
    SimulatedClock,
    iso,
    parse_instant,
)


def test_units_are_nanoseconds() -> None:
    assert (SECOND, MINUTE, HOUR, DAY) == (10**9, 60 * 10**9, 3600 * 10**9, 86_400 * 10**9)


def test_simulated_clock_moves_when_told_to() -> None:
    clock = SimulatedClock(5)
    clock.advance_to(7)
    clock.advance_to(7)
    assert clock.now() == 7


def test_simulated_clock_never_goes_back() -> None:
    clock = SimulatedClock(5)
    with pytest.raises(ValueError, match="can't go back from 5 to 4"):
        clock.advance_to(4)
    assert clock.now() == 5


async def test_simulated_sleep_ends_at_once_at_the_time_asked_for() -> None:
    clock = SimulatedClock(0)
    await clock.sleep_until(3 * HOUR)
    await clock.sleep_until(HOUR)
    assert clock.now() == 3 * HOUR


async def test_live_sleep_ends_not_before_the_time_asked_for() -> None:
    clock = LiveClock()
    until = clock.now() + SECOND // 200
    await clock.sleep_until(until)
    assert clock.now() >= until


async def test_live_sleep_into_the_past_ends_at_once() -> None:
    clock = LiveClock()
    began = time.perf_counter()
    await clock.sleep_until(clock.now() - HOUR)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("ts", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_704_067_200_123_456_789, "2024-01-01T00:00:00.123Z"),
    ],
)
def test_iso_writes_utc_to_the_millisecond(ts: int, text: str) -> None:
    assert iso(ts) == text


@pytest.mark.parametrize(
    ("text", "ts"),
    [
        ("2024-01-01", 1_704_067_200 * SECOND),
        ("2024-01-01T00:00:00", 1_704_067_200 * SECOND),
        ("2024-01-01T00:00:00Z", 1_704_067_200 * SECOND),
        ("2024-01-01T01:00:00+01:00", 1_704_067_200 * SECOND),
        ("2024-01-01T00:00:00.000001", 1_704_067_200 * SECOND + 1000),
        ("1969-12-31T23:59:59.500000", -SECOND // 2),
    ],
)
def test_instant_without_offset_is_read_as_utc(text: str, ts: int) -> None:
    assert parse_instant(text) == ts


def test_instant_that_is_no_date_is_refused() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        parse_instant("yesterday")
