"""When a row became known, told from its stamp and a rule.

A file that names only days must not be known on those days: a total of the whole day, or news of
it, could be read at its end at the earliest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tutti.adapters.feeds.timeframe import parse_timeframe
from tutti.kernel.clock import DAY
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.model.market import IntArray

DayArray = NDArray[np.datetime64]

_BUSINESS_DAYS = re.compile(r"([1-9]\d?) business days?")
_NONE = ("none", "0", "0s")
_TIMES_OF_A_DAY = 2  # a zone's midnight, in summer and in winter
_FEW_ROWS = 20
_FEW_DAYS = 5
_MOST = 0.5
_FIRST_YEAR, _LAST_YEAR = 1950, 2100
_SUNDAY = 6
_DATES = ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25))
# month, weekday (0 is Monday), which one of the month (-1 is the last)
_MOVABLE = ((1, 0, 3), (2, 0, 3), (5, 0, -1), (9, 0, 1), (10, 0, 2), (11, 3, 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How long after its stamp something became known.

    Parameters
    ----------
    span : int
        Nanoseconds.
    business_days : int
        Known when so many business days after the day of the stamp are over, UTC; then ``span``
        is added. Holidays are those of the Federal Reserve, by today's rules in all years.
    """

    span: int = 0
    business_days: int = 0

    def known_at(self, ts: IntArray) -> IntArray:
        """Return when rows with these stamps (ns UTC) became known, ns UTC."""
        if not self.business_days:
            return ts + self.span
        days = (ts // DAY).astype("datetime64[D]")
        published = np.busday_offset(days, self.business_days, roll="forward", holidays=holidays())
        known: IntArray = (published.astype(np.int64) + 1) * DAY + self.span
        return known


NEXT_DAY = Lag(span=DAY)
"""For stamps that stand for a day."""

AT_ONCE = Lag()


def parse_lag(text: str) -> Lag:
    """Return the lag written as ``15m``, ``1d``, ``1 business day`` or ``none``.

    Raises
    ------
    ConfigError
        If the text is none of these.
    """
    words = " ".join(text.split())
    if words in _NONE:
        return AT_ONCE
    if match := _BUSINESS_DAYS.fullmatch(words):
        return Lag(business_days=int(match[1]))
    try:
        return Lag(span=parse_timeframe(words))
    except ConfigError as error:
        raise ConfigError(
            f"lag {text!r} is not understood: write 15m, 1d, 1 business day or none"
        ) from error


def names_days(ts: IntArray) -> bool:
    """Return whether stamps (ns UTC) stand for whole days.

    They do where all are midnight, or where at most two times of the day, such as 07:00 and 08:00
    for midnight in California, are those of most rows.
    """
    if not len(ts):
        return False
    times = ts % DAY
    if not times.any():
        return True
    days = len(np.unique(ts // DAY))
    if len(ts) < _FEW_ROWS or days < _FEW_DAYS:
        return False
    counts = np.sort(np.unique(times, return_counts=True)[1])[::-1]
    return bool(counts[:_TIMES_OF_A_DAY].sum() > _MOST * len(ts))


@cache
def holidays() -> DayArray:
    """Return the days between 1950 and 2100 on which the Federal Reserve's banks are closed.

    Source: federalreserve.gov, "Holidays observed"; a holiday on a Sunday is kept on Monday.
    """
    found: list[date] = []
    for year in range(_FIRST_YEAR, _LAST_YEAR + 1):
        for month, day in _DATES:
            fixed = date(year, month, day)
            found.append(fixed + timedelta(days=fixed.weekday() == _SUNDAY))
        found += [_nth(year, *each) for each in _MOVABLE]
    return np.array(found, dtype="datetime64[D]")


def _nth(year: int, month: int, weekday: int, which: int) -> date:
    if which < 0:
        last = date(year, month + 1, 1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))
