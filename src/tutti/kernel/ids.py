"""Time-ordered ids that are a pure function of the run, the time and a counter."""

from __future__ import annotations

import hashlib


class IdSource:
    """Makes ids of 32 hexadecimal digits: 12 of milliseconds, 6 of a counter, 14 of the run.

    The same run name and the same sequence of calls give the same ids, so a replay repeats them;
    two runs can't collide.

    Parameters
    ----------
    run : str
        Name of the run.
    start : int
        First value of the counter; after a restart, one past the last used.
    """

    def __init__(self, run: str, start: int = 0) -> None:
        self._tail = hashlib.sha256(run.encode()).hexdigest()[:14]
        self._counter = start

    def new(self, ts: int) -> str:
        """Return the next id, for the time ``ts`` (ns UTC)."""
        n = self._counter
        self._counter = n + 1
        return f"{ts // 1_000_000:012x}{n & 0xFFFFFF:06x}{self._tail}"
