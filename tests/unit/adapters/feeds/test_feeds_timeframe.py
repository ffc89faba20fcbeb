"""Timeframes as text and as nanoseconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.adapters.feeds.timeframe import format_timeframe, parse_timeframe
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND
from tutti.model.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30s", 30 * SECOND),
        ("1m", MINUTE),
        ("5min", 5 * MINUTE),
        ("1H", HOUR),
        ("4hour", 4 * HOUR),
        ("1d", DAY),
        ("1D", DAY),
        ("1w", 7 * DAY),
    ],
)
def test_timeframe_in_its_spellings_is_a_length(text: str, length: int) -> None:
    assert parse_timeframe(text) == length


@pytest.mark.parametrize("text", ["", "m", "0m", "5x", "1M", "-1h", "1.5h"])
def test_timeframe_that_is_none_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ConfigError, match="as in 5m"):
        parse_timeframe(text)


@pytest.mark.parametrize(
    ("length", "text"),
    [(90 * MINUTE, "90m"), (48 * HOUR, "2d"), (7 * DAY, "1w"), (14 * DAY, "14d"), (10**8, "0.1s")],
)
def test_length_as_text_is_the_shortest_timeframe(length: int, text: str) -> None:
    assert format_timeframe(length) == text


@given(st.integers(min_value=1, max_value=10**6), st.sampled_from("smhdw"))
def test_timeframe_there_and_back_is_the_same_length(count: int, unit: str) -> None:
    length = parse_timeframe(f"{count}{unit}")
    assert parse_timeframe(format_timeframe(length)) == length
