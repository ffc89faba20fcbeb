"""What the checks say about a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """Whether rows can't be true, or may be true and deserve a look."""

    IMPOSSIBLE = "impossible"
    DOUBTFUL = "doubtful"


class Code(StrEnum):
    """What was found. Those up to ``UNREADABLE`` are impossible, the rest doubtful.

    Those from ``DAY_STAMPS`` on are of texts and readings.
    """

    MISSING_TIMESTAMP = "missing_timestamp"
    NOT_FINITE = "not_finite"
    NOT_POSITIVE = "not_positive"
    NEGATIVE_VOLUME = "negative_volume"
    HIGH_BELOW_LOW = "high_below_low"
    OUTSIDE_RANGE = "outside_range"
    NEWEST_FIRST = "newest_first"
    DUPLICATE_TIMESTAMP = "duplicate_timestamp"
    BACKWARD_TIMESTAMP = "backward_timestamp"
    UNREADABLE = "unreadable"

    GAPS = "gaps"
    OVERLAP = "overlap"
    FROZEN_PRICES = "frozen_prices"
    DEAD_MARKET = "dead_market"
    NO_VOLUME = "no_volume"
    WICKS = "wicks"
    PRICE_JUMP = "price_jump"
    VOLUME_UNIT = "volume_unit"
    TICK_CHANGE = "tick_change"
    MARKET_SWITCH = "market_switch"
    DUPLICATE_FEED = "duplicate_feed"
    ALIAS = "alias"
    DIFFERENT_MARKET = "different_market"
    SAME_BARS_TWICE = "same_bars_twice"
    NO_BARS = "no_bars"

    DAY_STAMPS = "day_stamps"
    KNOWN_TOO_EARLY = "known_too_early"
    FROM_THE_FUTURE = "from_the_future"
    REPEATED_TEXT = "repeated_text"
    ROWS_LEFT_OUT = "rows_left_out"
    OTHER_TABLE = "other_table"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of fault in one file.

    Parameters
    ----------
    row : int
        First row concerned, 1 for the first row of data; 0 for the file as a whole.
    ts : int
        Timestamp of that row, ns UTC; 0 where there is none.
    count : int
        Rows (for gaps and wicks: events) concerned.
    message : str
        One line for a person, without the name of the file.
    measures : mapping of str to float
        The figures in the message, by name; shares are fractions, times seconds, prices in quote
        currency.
    """

    severity: Severity
    code: Code
    file: str
    row: int
    ts: int
    count: int
    message: str
    measures: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        where = f"{self.file}, row {self.row}" if self.row else self.file
        return f"{where}: {self.code}: {self.message}"
