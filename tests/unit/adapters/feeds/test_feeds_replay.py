"""Recorded bars, one at a time, at the pace of a clock."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.adapters.feeds.replay import paced
from tutti.kernel.clock import HOUR, MINUTE, SECOND, SimulatedClock
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock

_WALL = 10**18


def _block(*minutes: int) -> MarketBlock:
    shape = (len(minutes), 1)
    values = np.arange(len(minutes), dtype=np.float64).reshape(shape)
    return MarketBlock(
        instruments=(InstrumentId("A", "X"),),
        ts=np.array(minutes, dtype=np.int64) * MINUTE,
        step=MINUTE,
        open=values,
        high=values,
        low=values,
        close=values,
        volume=values,
        funding=np.zeros(shape),
    )


def _ticks(*minutes: int) -> list[MarketBlock]:
    return [_block(each) for each in minutes]


async def _timed(speed: float, *minutes: int) -> list[tuple[int, int]]:
    clock = SimulatedClock(_WALL)
    return [
        (int(tick.ts[0]) // MINUTE, clock.now() - _WALL)
        async for tick in paced(_ticks(*minutes), clock, speed)
    ]


@pytest.mark.parametrize(
    ("speed", "second"), [(1.0, SECOND), (60.0, SECOND / 60), (0.5, 2 * SECOND)]
)
async def test_replay_keeps_the_pace_of_the_recording(speed: float, second: float) -> None:
    assert await _timed(speed, 0, 1, 5) == [
        (0, 0),
        (1, round(60 * second)),
        (5, round(300 * second)),
    ]


async def test_replay_without_waiting_leaves_the_clock_alone() -> None:
    assert await _timed(math.inf, 0, 1, 5) == [(0, 0), (1, 0), (5, 0)]


async def test_replay_catches_up_after_a_slow_reader() -> None:
    clock = SimulatedClock(_WALL)
    seen = []
    async for tick in paced(_ticks(0, 1, 2, 3), clock, 1.0):
        seen.append(clock.now() - _WALL)
        if tick.ts[0] == 0:
            clock.advance_to(_WALL + 150 * SECOND)
    assert seen == [0, 150 * SECOND, 150 * SECOND, 180 * SECOND]


async def test_pacing_of_blocks_goes_by_their_last_bar_and_skips_empty_ones() -> None:
    clock = SimulatedClock(_WALL)
    blocks = [_block(0, 1), _block(), _block(2, 61)]
    seen = [(len(block), clock.now() - _WALL) async for block in paced(iter(blocks), clock, 60.0)]
    assert seen == [(2, 0), (2, HOUR // 60)]


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
async def test_speed_that_is_not_positive_is_refused(speed: float) -> None:
    clock = SimulatedClock()
    with pytest.raises(ConfigError, match="speed must be positive"):
        await anext(paced([_block(0)], clock, speed))
