from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tutti.stats.account import (
    DAY_NS,
    checked,
    daily_equity,
    monthly_returns,
    periods_per_year,
    returns,
)

_HOUR = 3_600_000_000_000


def _ns(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("equity", "message"),
    [
        ([], r"equity must have shape \(n,\)"),
        ([[1.0]], r"equity must have shape \(n,\)"),
        ([1.0, np.nan], r"equity must be finite, was .*nan.* at 1"),
        ([1.0, 2.0, np.inf], r"equity must be finite, was .*inf.* at 2"),
        ([0.0, 1.0], r"equity must start positive"),
    ],
)
def test_equity_that_can_not_be_is_refused(equity: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked(equity)


def test_equity_after_ruin_stays_nothing() -> None:
    assert checked([100.0, 50.0, -20.0, 30.0]).tolist() == [100.0, 50.0, 0.0, 0.0]
    assert checked([100.0, 1e-300, 30.0]).tolist() == [100.0, 0.0, 0.0]


def test_returns_are_simple_and_end_with_ruin() -> None:
    assert returns([100.0, 110.0, 99.0, 0.0, 0.0]) == pytest.approx([0.1, -0.1, -1.0, 0.0])


def test_returns_of_one_value_are_none() -> None:
    assert returns([100.0]).shape == (0,)


def test_periods_per_year_of_an_hour_are_those_of_365_days() -> None:
    assert periods_per_year(_HOUR) == 8760.0


def test_periods_per_year_of_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="step_ns must be positive"):
        periods_per_year(0)


def test_daily_equity_is_the_first_value_and_each_days_last() -> None:
    # closes known at 22:00, 23:00, midnight (still the first day), 01:00, and 12:00
    ts = np.array([22, 23, 24, 25, 36]) * _HOUR
    assert daily_equity(ts, [10.0, 11.0, 12.0, 13.0, 14.0]).tolist() == [10.0, 12.0, 14.0]


def test_daily_equity_carries_on_over_days_without_a_value() -> None:
    friday, monday = 10 * DAY_NS, 13 * DAY_NS
    ts = np.array([friday - _HOUR, friday, monday])
    assert daily_equity(ts, [10.0, 11.0, 12.0]).tolist() == [10.0, 11.0, 11.0, 11.0, 12.0]


def test_daily_equity_first_value_that_ends_its_day_is_there_once() -> None:
    ts = np.array([DAY_NS, 2 * DAY_NS])
    assert daily_equity(ts, [10.0, 11.0]).tolist() == [10.0, 11.0]


@pytest.mark.parametrize("of", [daily_equity, monthly_returns])
def test_equity_by_calendar_without_a_time_for_each_value_is_refused(of: object) -> None:
    with pytest.raises(ValueError, match=r"ts must have the shape of equity, \(2,\), was \(3,\)"):
        of(np.arange(3), [1.0, 2.0])  # type: ignore[operator]


def test_monthly_returns_are_from_month_end_to_month_end() -> None:
    ts = np.array(
        [
            _ns(2023, 12, 30),
            _ns(2023, 12, 31, 23),
            _ns(2024, 1, 20),
            _ns(2024, 2, 1),  # midnight: January's last
            _ns(2024, 4, 2),
        ]
    )
    table = monthly_returns(ts, [100.0, 110.0, 99.0, 121.0, 60.5])
    assert [(year, month) for year, month, _ in table] == [(2023, 12), (2024, 1), (2024, 4)]
    assert [gain for *_, gain in table] == pytest.approx([0.1, 0.1, -0.5])


def test_monthly_returns_first_value_alone_in_its_month_only_starts_the_next() -> None:
    ts = np.array([_ns(2024, 5, 1), _ns(2024, 5, 9)])
    ((year, month, gain),) = monthly_returns(ts, [100.0, 120.0])
    assert (year, month) == (2024, 5)
    assert gain == pytest.approx(0.2)


def test_monthly_returns_of_one_value_are_none() -> None:
    assert monthly_returns(np.array([_ns(2024, 5, 2)]), [100.0]) == []
