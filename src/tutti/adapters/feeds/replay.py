"""Recorded or simulated bars, one tick at a time, paced by a clock."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tutti.kernel.clock import Clock
    from tutti.model.market import MarketBlock


async def paced(
    blocks: Iterable[MarketBlock], clock: Clock, speed: float
) -> AsyncIterator[MarketBlock]:
    """Yield blocks as their last bar becomes known, ``speed`` times as fast as it happened.

    The first block comes at once; the pace is held against the start, so a slow reader is caught
    up with and no delay adds up. Other tasks run between any two blocks.

    Parameters
    ----------
    blocks : iterable of MarketBlock
        In time order; may be endless. Empty blocks are skipped.
    clock : Clock
        Shows the time by which to pace.
    speed : float
        1 as it happened, 60 a minute in a second, infinity without waiting.

    Raises
    ------
    ConfigError
        If the speed is not positive.
    """
    if not speed > 0.0:
        raise ConfigError(f"speed must be positive (inf for no waiting), was {speed!r}")
    began: tuple[int, int] | None = None
    for block in blocks:
        if not len(block):
            continue
        if math.isinf(speed):
            await asyncio.sleep(0)
        else:
            known_at = int(block.known_at[-1])
            if began is None:
                began = clock.now(), known_at
            await clock.sleep_until(began[0] + round((known_at - began[1]) / speed))
        yield block
