"""Timeframes as text (``5m``, ``1h``) and as nanoseconds."""

from __future__ import annotations

import re

from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND
from tutti.model.errors import ConfigError

_UNITS = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
_WORDS = {"min": "m", "hour": "h", "day": "d", "week": "w", "sec": "s"}
_FORM = re.compile(r"([1-9]\d*) ?(min|hour|day|week|sec|[smhdwHDW])")


def parse_timeframe(text: str) -> int:
    """Return the length in nanoseconds of a timeframe such as ``30s``, ``5m``, ``1h``, ``1d``.

    ``5min``, ``1hour``, ``1H`` and ``1D`` are understood too. ``1M`` is not: months differ.

    Raises
    ------
    ConfigError
        If the text is no timeframe.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"timeframe {text!r} is not understood: write a number and s, m, h, d or w, as in 5m"
        )
    count, unit = match.groups()
    return int(count) * _UNITS[_WORDS.get(unit, unit).lower()]


def format_timeframe(step: int) -> str:
    """Return nanoseconds as the shortest timeframe that says the same; inverse of the parser."""
    for unit, length in _UNITS.items():
        if step % length == 0 and (unit != "w" or step == length):
            return f"{step // length}{unit}"
    return f"{step / SECOND:g}s"
