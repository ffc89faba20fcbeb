"""Gaps, frozen prices, wicks and jumps: what is reported, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.feeds.doubtful import doubtful
from tutti.adapters.feeds.findings import Code, Finding, Severity
from tutti.kernel.clock import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from tests.unit.adapters.feeds.conftest import SeriesMaker, Walk

    from tutti.adapters.feeds.series import BarSeries


def _only(findings: list[Finding], code: Code) -> Finding:
    assert [finding.code for finding in findings] == [code]
    assert findings[0].severity is Severity.DOUBTFUL
    return findings[0]


@pytest.mark.parametrize("n", [1, 2, 3, 40, 700])
def test_ordinary_bars_are_not_doubtful(make_series: SeriesMaker, walk: Walk, n: int) -> None:
    assert doubtful(make_series(walk(n))) == []


def test_bar_within_another_is_reported(make_series: SeriesMaker, walk: Walk) -> None:
    series = make_series(walk(100))
    ts = series.ts.copy()
    ts[40] -= 20 * MINUTE
    finding = next(
        finding
        for finding in doubtful(make_series(walk(100), ts=ts))
        if finding.code is Code.OVERLAP
    )
    assert (finding.row, finding.count) == (41, 1)
    assert "1 bar begins before the one before has ended, the first 40 min after it" in str(finding)


def test_prices_that_move_without_volume_are_reported_with_what_to_set(
    make_series: SeriesMaker, walk: Walk
) -> None:
    finding = _only(doubtful(make_series(walk(100), volume=np.zeros(100))), Code.NO_VOLUME)
    assert (finding.row, finding.count) == (1, 100)
    assert "no order fills; venues.default.participation: 0" in str(finding)


def test_missing_bars_are_counted_with_the_longest_gap(
    make_series: SeriesMaker, walk: Walk
) -> None:
    series = make_series(walk(100))
    kept = np.delete(np.arange(100), [20, 50, 51, 52])
    finding = _only(doubtful(series.take(kept)), Code.GAPS)
    assert (finding.row, finding.count) == (22, 2)
    assert "4 bars missing (4.00%) in 2 gaps, the longest 3 h from 2024-01-03T02:00" in str(finding)


@pytest.mark.parametrize(
    ("hole", "length"), [(1, "60 min"), (30, "30 h"), (24 * 4, "4 days")], ids=str
)
def test_length_of_a_gap_is_told_in_fitting_units(
    make_series: SeriesMaker, walk: Walk, hole: int, length: str
) -> None:
    series = make_series(walk(300))
    kept = np.delete(np.arange(300), np.arange(100, 100 + hole))
    assert f"the longest {length} from" in str(_only(doubtful(series.take(kept)), Code.GAPS))


def _sessions(make_series: SeriesMaker, walk: Walk, *, weeks: int = 8) -> BarSeries:
    # New York hours in winter: seven hourly bars from 14:30 UTC, Monday to Friday
    days = [day for day in range(7 * weeks) if day % 7 < 5]
    hours = [day * DAY + 14 * HOUR + 30 * MINUTE + i * HOUR for day in days for i in range(7)]
    monday = 1_704_067_200_000_000_000
    return make_series(walk(len(hours)), ts=monday + np.array(hours))


def test_nights_weekends_holidays_and_early_closes_are_no_gaps(
    make_series: SeriesMaker, walk: Walk
) -> None:
    series = _sessions(make_series, walk)
    assert doubtful(series) == []
    holiday = np.arange(7 * 12, 7 * 13)
    early = np.arange(7 * 20 - 3, 7 * 20)
    assert doubtful(series.take(np.delete(np.arange(len(series)), [*holiday, *early]))) == []


def test_hole_within_a_session_and_missing_sessions_are_gaps(
    make_series: SeriesMaker, walk: Walk
) -> None:
    series = _sessions(make_series, walk)
    inside = np.delete(np.arange(len(series)), 7 * 6 + 3)
    assert "beyond nights" in _only(doubtful(series.take(inside)), Code.GAPS).message
    sessions = np.delete(np.arange(len(series)), np.arange(7 * 6, 7 * 9))
    assert _only(doubtful(series.take(sessions)), Code.GAPS).count == 1


def test_days_of_stocks_have_no_gap_at_weekends(make_series: SeriesMaker, walk: Walk) -> None:
    days = np.array([day for day in range(200) if day % 7 < 5]) * DAY
    series = make_series(walk(len(days)), step=DAY, ts=1_704_067_200_000_000_000 + days)
    assert doubtful(series) == []


def _flat(series: BarSeries, start: int, stop: int) -> BarSeries:
    for side in (series.open, series.high, series.low, series.close):
        side[start:stop] = series.close[start]
    series.volume[start:stop] = 0.0
    return series


def test_long_run_of_one_price_without_volume_is_frozen(
    make_series: SeriesMaker, walk: Walk
) -> None:
    finding = _only(doubtful(_flat(make_series(walk(500)), 100, 190)), Code.FROZEN_PRICES)
    assert (finding.row, finding.count) == (102, 89)


def test_short_run_without_volume_is_ordinary(make_series: SeriesMaker, walk: Walk) -> None:
    assert doubtful(_flat(make_series(walk(500)), 100, 130)) == []


@pytest.mark.parametrize("n", [5, 500])
def test_file_of_one_price_without_volume_is_a_dead_market(
    make_series: SeriesMaker, walk: Walk, n: int
) -> None:
    finding = _only(doubtful(_flat(make_series(walk(n)), 0, n)), Code.DEAD_MARKET)
    assert finding.count == n
    assert "nothing trades here" in finding.message


@pytest.mark.parametrize(("column", "factor"), [("high", 1.3), ("low", 0.7)])
def test_wick_without_follow_through_is_reported(
    make_series: SeriesMaker, walk: Walk, column: str, factor: float
) -> None:
    series = make_series(walk(300))
    getattr(series, column)[150] *= factor
    finding = _only(doubtful(series), Code.WICKS)
    assert (finding.row, finding.count) == (151, 1)


def test_move_that_is_followed_through_is_no_wick(make_series: SeriesMaker, walk: Walk) -> None:
    closes = walk(300)
    closes[150:] = np.round(closes[150:] * 1.3, 2)
    assert doubtful(make_series(closes)) == []


def test_several_wicks_are_one_finding_that_shows_the_farthest(
    make_series: SeriesMaker, walk: Walk
) -> None:
    series = make_series(walk(300))
    series.high[100] *= 1.1
    series.high[200] *= 1.4
    finding = _only(doubtful(series), Code.WICKS)
    assert (finding.row, finding.count) == (101, 2)
    assert "2024-01-09T08:00" in finding.message


@pytest.mark.parametrize("factor", [0.1, 4.0, 1000.0])
def test_price_level_that_jumps_between_bars_and_stays_is_reported(
    make_series: SeriesMaker, walk: Walk, factor: float
) -> None:
    closes = walk(300)
    closes[150:] = np.round(closes[150:] * factor, 2)
    series = make_series(closes, open=closes, high=closes + 0.05, low=closes - 0.05)
    finding = _only(doubtful(series), Code.PRICE_JUMP)
    assert finding.row == 151
    assert "a split, or another unit" in finding.message


def test_price_level_after_a_long_gap_is_no_jump(make_series: SeriesMaker, walk: Walk) -> None:
    closes = walk(300)
    closes[150:] = np.round(closes[150:] * 3, 2)
    ts = 1_704_067_200_000_000_000 + HOUR * np.arange(300)
    ts[150:] += 900 * HOUR
    series = make_series(closes, ts=ts, open=closes, high=closes + 0.05, low=closes - 0.05)
    assert _only(doubtful(series), Code.GAPS).count == 1
