"""Rate limits as exchanges count them: weights in a window, or a counter that decays."""

from __future__ import annotations

from collections import deque

from tutti.kernel.clock import SECOND


class Window:
    """So much weight in fixed windows of time, as at Binance.

    Parameters
    ----------
    limit : int
        Weight allowed in a window.
    seconds : int
        How long a window is.
    """

    def __init__(self, limit: int, seconds: int) -> None:
        self.limit = limit
        self.seconds = seconds
        self.used = 0
        self._start = 0

    def add(self, weight: int, now: int) -> bool:
        """Count a request in and return whether the limit still holds."""
        start = now - now % (self.seconds * SECOND)
        if start != self._start:
            self._start = start
            self.used = 0
        self.used += weight
        return self.used <= self.limit

    def wait_s(self, now: int) -> float:
        """Return seconds until the next window."""
        return (self._start + self.seconds * SECOND - now) / SECOND


class Decaying:
    """Counter that rises with each request and falls with time, as at Kraken.

    Parameters
    ----------
    limit : float
        What the counter may not exceed.
    per_second : float
        How fast it falls.
    """

    def __init__(self, limit: float, per_second: float) -> None:
        self.limit = limit
        self.per_second = per_second
        self._level = 0.0
        self._at = 0

    def add(self, weight: float, now: int) -> bool:
        """Count a request in and return whether the limit holds; what is refused isn't counted."""
        fallen = (now - self._at) / SECOND * self.per_second
        self._level = max(0.0, self._level - fallen)
        self._at = now
        if self._level + weight > self.limit:
            return False
        self._level += weight
        return True


class Rolling:
    """So many requests in any stretch of time, as at Coinbase and Hyperliquid.

    Parameters
    ----------
    limit : int
        Weight allowed.
    seconds : float
        Length of the stretch.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._seen: deque[tuple[int, int]] = deque()
        self._sum = 0

    def add(self, weight: int, now: int) -> bool:
        """Count a request in and return whether the limit holds; what is refused isn't counted."""
        horizon = now - int(self.seconds * SECOND)
        while self._seen and self._seen[0][0] <= horizon:
            self._sum -= self._seen.popleft()[1]
        if self._sum + weight > self.limit:
            return False
        self._seen.append((now, weight))
        self._sum += weight
        return True
