"""Rows that can't be true: found, refused, or dropped and counted."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.adapters.feeds.checks import sift
from tutti.adapters.feeds.doubtful import doubtful
from tutti.adapters.feeds.findings import Code, Severity
from tutti.adapters.feeds.series import NO_TIME, BarSeries
from tutti.model.errors import DataError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from tests.unit.adapters.feeds.conftest import SeriesMaker

_CLOSES = [100.0, 101.0, 102.0, 101.0, 100.0, 99.0]
_HOUR = 3_600_000_000_000


def _with(series: BarSeries, column: str, row: int, value: float) -> BarSeries:
    changed = getattr(series, column).copy()
    changed[row - 1] = value
    parts = {name: getattr(series, name) for name in ("row", "ts", *_FIELDS)} | {column: changed}
    return BarSeries(instrument=series.instrument, file=series.file, step=series.step, **parts)


_FIELDS = ("open", "high", "low", "close", "volume")


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("ts", NO_TIME, Code.MISSING_TIMESTAMP),
        ("open", np.nan, Code.NOT_FINITE),
        ("high", np.inf, Code.NOT_FINITE),
        ("low", -np.inf, Code.NOT_FINITE),
        ("close", np.nan, Code.NOT_FINITE),
        ("volume", np.nan, Code.NOT_FINITE),
        ("volume", np.inf, Code.NOT_FINITE),
        ("low", 0.0, Code.NOT_POSITIVE),
        ("close", -1.0, Code.NOT_POSITIVE),
        ("volume", -1e-9, Code.NEGATIVE_VOLUME),
        ("high", 50.0, Code.HIGH_BELOW_LOW),
        ("low", 101.5, Code.OUTSIDE_RANGE),
        ("open", 103.0, Code.OUTSIDE_RANGE),
        ("close", 90.0, Code.OUTSIDE_RANGE),
    ],
)
def test_impossible_row_is_refused_with_file_row_and_remedy(
    make_series: SeriesMaker, column: str, value: float, code: Code
) -> None:
    series = _with(make_series(_CLOSES), column, 4, value)
    with pytest.raises(DataError, match=r"^bars.parquet, row 4: .*--repair to drop 1$") as caught:
        sift(series, repair=False)
    assert f"{code} 1" in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value"),
    [("close", np.nan), ("ts", NO_TIME), ("volume", -1.0), ("open", 1e6)],
)
def test_impossible_row_with_repair_is_dropped_and_counted(
    make_series: SeriesMaker, column: str, value: float
) -> None:
    checked = sift(_with(make_series(_CLOSES), column, 4, value), repair=True)
    assert checked.dropped == 1
    assert checked.series.row.tolist() == [1, 2, 3, 5, 6]
    assert [(f.severity, f.row, f.count) for f in checked.findings] == [(Severity.IMPOSSIBLE, 4, 1)]


def test_clean_series_is_the_same_object(make_series: SeriesMaker) -> None:
    series = make_series(_CLOSES)
    checked = sift(series, repair=False)
    assert checked.series is series
    assert (checked.findings, checked.dropped) == ((), 0)


def test_prices_that_touch_are_possible_up_to_rounding(make_series: SeriesMaker) -> None:
    flat = np.full(6, 0.1 + 0.2)
    series = make_series(flat, open=flat, high=np.full(6, 0.3), low=flat, volume=np.zeros(6))
    assert sift(series, repair=False).dropped == 0


def test_several_faults_are_counted_by_kind_and_each_row_once(make_series: SeriesMaker) -> None:
    series = make_series(_CLOSES)
    series = _with(_with(_with(series, "open", 2, np.nan), "volume", 2, -1.0), "volume", 5, -1.0)
    checked = sift(series, repair=True)
    assert {f.code: f.count for f in checked.findings} == {
        Code.NOT_FINITE: 1,
        Code.NEGATIVE_VOLUME: 1,
    }
    assert checked.dropped == 2


def _stamped(make_series: SeriesMaker, hours: list[int]) -> BarSeries:
    return make_series(np.full(len(hours), 100.0), ts=np.array(hours) * _HOUR)


def test_repeated_timestamp_keeps_the_first_row(make_series: SeriesMaker) -> None:
    checked = sift(_stamped(make_series, [1, 2, 2, 3, 1]), repair=True)
    assert checked.series.row.tolist() == [1, 2, 4]
    assert [(f.code, f.row, f.count) for f in checked.findings] == [
        (Code.DUPLICATE_TIMESTAMP, 3, 2)
    ]


def test_row_that_goes_back_is_dropped(make_series: SeriesMaker) -> None:
    checked = sift(_stamped(make_series, [1, 2, 5, 3, 6, 7]), repair=True)
    assert checked.series.row.tolist() == [1, 2, 3, 5, 6]
    assert checked.findings[0].code is Code.BACKWARD_TIMESTAMP


def test_row_that_runs_ahead_is_dropped_instead_of_all_that_follow(
    make_series: SeriesMaker,
) -> None:
    checked = sift(_stamped(make_series, [1, 900, 2, 3, 4, 5]), repair=True)
    assert checked.series.row.tolist() == [1, 3, 4, 5, 6]


def test_backward_timestamp_without_repair_refuses_the_file(make_series: SeriesMaker) -> None:
    with pytest.raises(DataError, match=r"row 4: timestamp earlier than the row before"):
        sift(_stamped(make_series, [1, 2, 5, 3, 6]), repair=False)


def test_file_written_newest_first_is_refused_or_turned_round(make_series: SeriesMaker) -> None:
    series = _stamped(make_series, [5, 4, 3])
    with pytest.raises(DataError, match=r"newest to oldest.*--repair to turn them round"):
        sift(series, repair=False)
    checked = sift(series, repair=True)
    assert checked.series.ts.tolist() == [3 * _HOUR, 4 * _HOUR, 5 * _HOUR]
    assert checked.dropped == 0


def test_file_without_a_possible_row_is_refused_even_with_repair(make_series: SeriesMaker) -> None:
    with pytest.raises(DataError, match="no row is left"):
        sift(make_series([np.nan, np.nan]), repair=True)


def test_row_that_was_impossible_is_a_gap_of_those_that_are_left(make_series: SeriesMaker) -> None:
    checked = sift(_with(make_series(_CLOSES), "close", 4, np.nan), repair=True)
    findings = [*checked.findings, *doubtful(checked.series)]
    assert [(f.code, str(f).split(":")[0]) for f in findings] == [
        (Code.NOT_FINITE, "bars.parquet, row 4"),
        (Code.GAPS, "bars.parquet, row 5"),
    ]


def test_prices_that_stand_still_while_they_trade_are_nothing_to_tell(
    make_series: SeriesMaker,
) -> None:
    series = make_series(np.full(80, 5.0), high=np.full(80, 5.0), low=np.full(80, 5.0))
    assert doubtful(sift(series, repair=False).series) == []


@given(st.lists(st.integers(min_value=0, max_value=12), min_size=1, max_size=30))
def test_any_order_of_timestamps_is_rising_after_repair_and_rows_add_up(hours: list[int]) -> None:
    n = len(hours)
    series = BarSeries(
        instrument=InstrumentId("A", "B"),
        file="f",
        step=_HOUR,
        row=np.arange(1, n + 1),
        ts=np.array(hours) * _HOUR,
        **{name: np.ones(n) for name in _FIELDS},
    )
    checked = sift(series, repair=True)
    assert (np.diff(checked.series.ts) > 0).all()
    assert len(checked.series) + checked.dropped == n
    rising = all(b > a for a, b in itertools.pairwise(hours))
    assert (checked.findings == ()) == rising
