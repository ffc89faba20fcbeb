"""Timestamps in all the ways that files write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.adapters.feeds.instants import to_nanoseconds
from tutti.adapters.feeds.series import NO_TIME
from tutti.model.errors import DataError

_MOMENTS = [datetime(2024, 3, 10, 6, 30, tzinfo=UTC) + timedelta(hours=i) for i in range(3)]
_NS = [int(moment.timestamp()) * 10**9 for moment in _MOMENTS]


def _read(values: list[object], dtype: pl.DataType | type[pl.DataType] | None = None) -> list[int]:
    return list(map(int, to_nanoseconds(pl.Series("ts", values, dtype=dtype), "f.csv")))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_times_of_any_unit_and_zone_are_the_same_instants(unit: str, zone: str | None) -> None:
    column = pl.Series("ts", _MOMENTS).dt.cast_time_unit(unit)  # type: ignore[arg-type]
    column = column.dt.convert_time_zone(zone) if zone else column.dt.replace_time_zone(None)
    assert to_nanoseconds(column, "f").tolist() == _NS


@pytest.mark.parametrize("factor", [1, 10**3, 10**6, 10**9])
def test_epoch_integers_are_told_apart_by_magnitude(factor: int) -> None:
    numbers = [ns // 10**9 * factor for ns in _NS]
    assert _read([*numbers]) == _NS
    assert _read([str(number) for number in numbers]) == _NS


@pytest.mark.parametrize("factor", [1e0, 1e3, 1e6])
def test_epoch_reals_keep_microseconds(factor: float) -> None:
    assert _read([(ns / 1e9 + 0.25) * factor for ns in _NS]) == [ns + 250_000_000 for ns in _NS]


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M:%S.000000",
        "%Y-%m-%d %H:%M:%S+00:00",
        "%Y-%m-%d %H:%M:%S+0000",
        "%Y/%m/%d %H:%M:%S",
        "%Y.%m.%d %H:%M",
        "%Y%m%dT%H%M%S",
        " %Y-%m-%dT%H:%M ",
    ],
)
def test_iso_text_in_its_spellings_is_understood(form: str) -> None:
    assert _read([moment.strftime(form) for moment in _MOMENTS]) == _NS


def test_iso_text_with_an_offset_is_put_to_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert _read([moment.astimezone(east).isoformat() for moment in _MOMENTS]) == _NS
    there = ZoneInfo("America/New_York")
    # the offset changes within: clocks went forward on that day
    assert _read([moment.astimezone(there).isoformat() for moment in _MOMENTS]) == _NS


def test_iso_text_of_mixed_spellings_is_read_one_by_one() -> None:
    assert _read(["2024-03-10 06:30", None, "2024-03-10T07:30:00.000Z"]) == [
        _NS[0],
        NO_TIME,
        _NS[1],
    ]


@pytest.mark.parametrize("values", [[date(2024, 1, 31)], ["2024-01-31"], [20240131], ["20240131"]])
def test_days_are_their_midnight(values: list[object]) -> None:
    assert _read(values) == [1_706_659_200_000_000_000]


def test_date_and_time_of_day_in_two_columns_are_joined() -> None:
    days, clocks = pl.Series(["2024-03-10", "2024.03.10"]), pl.Series(["06:30", "07:30"])
    assert to_nanoseconds(days, "f", clocks).tolist() == _NS[:2]


def test_time_column_that_is_no_time_of_day_is_not_joined() -> None:
    days, clocks = pl.Series(["2024-03-10"]), pl.Series(["1710000000"])
    assert to_nanoseconds(days, "f", clocks).tolist() == [1_710_028_800_000_000_000]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([None, 1_710_052_200], pl.Int64),
        ([None, 1_710_052_200.0], pl.Float64),
        ([float("nan"), 1_710_052_200.0], pl.Float64),
        ([None, _MOMENTS[0]], None),
        ([None, "2024-03-10 06:30"], pl.String),
    ],
)
def test_missing_time_is_marked(values: list[object], dtype: type[pl.DataType] | None) -> None:
    assert _read(values, dtype) == [NO_TIME, _NS[0]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["03/10/2024 06:30"], "row 1: time '03/10/2024 06:30'"),
        (["2024-03-10 06:30", "soon"], "row 2: time 'soon'"),
        (["1710052200", "1710055800", "1710059400", "soon"], "row 4: time 'soon'"),
        ([20240131, 20240231], "row 2: time '20240231'"),
        (["2024-13-10 06:30"], "row 1"),
        (["yesterday"], "row 1: time 'yesterday'"),
    ],
)
def test_text_that_is_no_time_is_refused_with_its_row(values: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        _read(values)


def test_column_that_holds_no_times_is_refused() -> None:
    with pytest.raises(DataError, match="not times"):
        to_nanoseconds(pl.Series([True, False]), "f")


@given(
    st.lists(
        st.integers(min_value=-(10**9), max_value=4 * 10**9).map(lambda s: s * 10**9),
        min_size=1,
        max_size=20,
    )
)
def test_any_instants_as_iso_text_come_back(moments: list[int]) -> None:
    text = [datetime.fromtimestamp(ns // 10**9, tz=UTC).isoformat() for ns in moments]
    assert np.array_equal(to_nanoseconds(pl.Series(text), "f"), np.array(moments))
