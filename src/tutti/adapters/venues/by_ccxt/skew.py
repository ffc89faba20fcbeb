"""How far our clock is from the venue's: signed requests carry a time, and a wrong one is refused."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tutti.kernel.clock import Clock

_TRIES = 3
_MILLISECOND = 1_000_000
_SECOND_MS = 1_000


async def measure_skew(client: Any, clock: Clock) -> None:
    """Measure the difference of the clocks and have the client allow for it.

    ccxt takes the time after the answer for the time of the server's reading; here it is the middle
    of the request, and the median of three. A venue that tells whole seconds (Kraken) may be up to
    one further than it says: of what fits all answers the least is taken, so that the times of one
    process don't fall behind those of the one before.
    """
    if not client.has.get("fetchTime") or "timeDifference" not in client.options:
        return
    readings, is_coarse = [], True
    for _ in range(_TRIES):
        before = clock.now()
        there = await client.fetch_time()
        middle = (before + clock.now()) // 2
        readings.append(middle / _MILLISECOND - float(there))
        is_coarse = is_coarse and not there % _SECOND_MS
    ahead = statistics.median(readings)
    if is_coarse:
        ahead = min(max(0.0, max(readings) - _SECOND_MS), *readings)
    client.options["timeDifference"] = round(ahead)
