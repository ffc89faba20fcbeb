"""Lengths of time and curves over it."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.kernel.clock import DAY, HOUR, MINUTE
from tutti.sandbox.scenarios.span import Course, Span, Window


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0), ("30s", MINUTE // 2), ("10m", 10 * MINUTE), ("4h", 4 * HOUR), ("3d", 3 * DAY),
        ("2w", 14 * DAY), ("1 bar", HOUR), ("3 bars", 3 * HOUR), ("3bars", 3 * HOUR),
    ],
)  # fmt: skip
def test_span_as_written_is_a_length(text: str, ns: int) -> None:
    assert Span(text).ns(HOUR) == ns
    assert str(Span(text)) == text


@pytest.mark.parametrize("text", ["", "4", "4 h", "-4h", "04h", "1.5h", "4y", "bars", "1000000h"])
def test_span_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a length such as 30m, 4h, 3d or 2 bars"):
        Span(text)


def test_window_holds_its_begin_and_not_its_end() -> None:
    ts = np.array([9, 10, 19, 20], np.int64)
    assert Window(10, 20).holds(ts).tolist() == [False, True, True, False]


def test_window_meets_every_bar_with_a_part_in_it() -> None:
    ts = np.array([0, 10, 20, 30], np.int64)
    assert Window(15, 30).meets(ts, 10).tolist() == [1, 2]


def test_course_goes_straight_between_points_and_level_outside() -> None:
    course = Course.through([(100, 0.0), (200, -1.0)])
    found = course.at(np.array([0, 100, 150, 200, 900], np.int64))
    assert found.tolist() == [0.0, 0.0, -0.5, -1.0, -1.0]


def test_course_through_two_points_at_one_time_jumps_within_a_nanosecond() -> None:
    course = Course.through([(100, 0.0), (100, -1.0)])
    assert course.at(np.array([100, 101], np.int64)).tolist() == [0.0, -1.0]


def test_courses_total_is_their_sum_at_every_time() -> None:
    first = Course.through([(0, 0.0), (10, 1.0)])
    second = Course.through([(5, 0.0), (15, 2.0)])
    ts = np.arange(-5, 25, dtype=np.int64)
    total = Course.total([first, second])
    assert np.allclose(total.at(ts), first.at(ts) + second.at(ts))


def test_course_extremes_see_a_trough_within_the_interval() -> None:
    course = Course.through([(10, 0.0), (12, -1.0), (14, 0.5)])
    low, high = course.extremes(np.array([0, 11, 20], np.int64), np.array([20, 13, 30], np.int64))
    assert low.tolist() == [-1.0, -1.0, 0.5]
    assert high.tolist() == [0.5, -0.25, 0.5]
