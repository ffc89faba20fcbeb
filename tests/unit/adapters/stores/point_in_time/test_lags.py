"""When rows became known."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.adapters.stores.point_in_time.lags import (
    AT_ONCE,
    NEXT_DAY,
    Lag,
    holidays,
    names_days,
    parse_lag,
)
from tutti.kernel.clock import DAY, HOUR, MINUTE, iso, parse_instant
from tutti.model.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "lag"),
    [
        ("none", AT_ONCE),
        ("0s", AT_ONCE),
        ("15m", Lag(span=15 * MINUTE)),
        ("1d", NEXT_DAY),
        ("1 business day", Lag(business_days=1)),
        ("2  business days", Lag(business_days=2)),
    ],
)
def test_lag_written_out_is_read(text: str, lag: Lag) -> None:
    assert parse_lag(text) == lag


@pytest.mark.parametrize("text", ["", "soon", "1 working day", "-1d"])
def test_lag_of_another_form_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ConfigError, match="write 15m, 1d, 1 business day or none"):
        parse_lag(text)


@pytest.mark.parametrize(
    ("day", "known"),
    [
        pytest.param("2023-03-08", "2023-03-10", id="wednesday: thursday is over"),
        pytest.param("2023-03-10", "2023-03-14", id="friday: monday is over"),
        pytest.param("2023-03-11", "2023-03-15", id="saturday counts from monday"),
        pytest.param("2023-05-26", "2023-05-31", id="friday before memorial day"),
        pytest.param("2024-12-24", "2024-12-27", id="before christmas"),
        pytest.param("2023-11-10", "2023-11-14", id="a holiday on a saturday moves nothing"),
    ],
)
def test_business_day_later_is_known_when_that_day_is_over(day: str, known: str) -> None:
    ts = np.array([parse_instant(day)])
    assert iso(int(Lag(business_days=1).known_at(ts)[0]))[:10] == known


@pytest.mark.parametrize(
    "day", ["2024-01-15", "2024-02-19", "2024-05-27", "2024-09-02", "2024-10-14", "2024-11-28",
            "2023-01-02", "2022-12-26", "2021-07-05"],
)  # fmt: skip
def test_holidays_of_the_federal_reserve_are_known(day: str) -> None:
    assert np.datetime64(day) in holidays()


def test_stamps_at_midnight_name_days() -> None:
    assert names_days(np.arange(3) * DAY)


def test_stamps_at_the_midnight_of_another_zone_name_days() -> None:
    winter, summer = np.arange(20) * DAY + 8 * HOUR, np.arange(20, 40) * DAY + 7 * HOUR
    assert names_days(np.concatenate((winter, summer, [3 * DAY + 123])))


@pytest.mark.parametrize(
    "ts",
    [
        pytest.param(np.array([], dtype=np.int64), id="none"),
        pytest.param(np.array([DAY, DAY + 7 * HOUR]), id="two rows"),
        pytest.param(np.arange(200) * 37 * MINUTE, id="all over the day"),
        pytest.param(np.full(50, 8 * HOUR), id="many at once on one day"),
    ],
)
def test_stamps_of_moments_name_no_days(ts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    assert not names_days(ts)
