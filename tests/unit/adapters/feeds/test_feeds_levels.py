"""Changes that last: the unit of volume, the price grid, the market itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.feeds.findings import Code, Finding
from tutti.adapters.feeds.levels import level_changes

if TYPE_CHECKING:
    from tests.unit.adapters.feeds.conftest import SeriesMaker, Walk

    from tutti.adapters.feeds.series import BarSeries


def _only(series: BarSeries, code: Code) -> Finding:
    findings = list(level_changes(series))
    assert [finding.code for finding in findings] == [code]
    return findings[0]


@pytest.mark.parametrize("n", [50, 600, 5000])
def test_steady_volume_and_grid_give_nothing(make_series: SeriesMaker, walk: Walk, n: int) -> None:
    assert list(level_changes(make_series(walk(n)))) == []


@pytest.mark.parametrize("n", [110, 600, 5000])
@pytest.mark.parametrize("factor", [1e3, 1e-3])
def test_volume_in_another_unit_is_found_at_its_row(
    make_series: SeriesMaker, walk: Walk, n: int, factor: float
) -> None:
    series = make_series(walk(n))
    series.volume[n // 2 :] *= factor
    finding = _only(series, Code.VOLUME_UNIT)
    assert finding.row == n // 2 + 1
    assert finding.count == n - n // 2


def test_volume_factor_near_the_price_is_named_as_quote_units(
    make_series: SeriesMaker, walk: Walk
) -> None:
    series = make_series(walk(600, start=10_000.0))
    series.volume[:300] *= series.close[:300]
    assert "it was in quote units before" in _only(series, Code.VOLUME_UNIT).message


@pytest.mark.parametrize(
    ("factor", "n_found"),
    [pytest.param(25.0, 1, id="the price"), pytest.param(45.0, 0, id="not the price")],
)
def test_smaller_change_of_volume_is_one_of_unit_only_by_the_price(
    make_series: SeriesMaker, walk: Walk, factor: float, n_found: int
) -> None:
    series = make_series(walk(3000, start=25.0))
    series.volume[:1500] *= factor
    assert len(list(level_changes(series))) == n_found


def test_volume_that_changes_twice_is_found_twice(make_series: SeriesMaker, walk: Walk) -> None:
    series = make_series(walk(3000))
    series.volume[1000:2000] *= 1e4
    assert [finding.row for finding in level_changes(series)] == [1001, 2001]


def test_volume_that_grows_slowly_or_for_a_while_is_ordinary(
    make_series: SeriesMaker, walk: Walk
) -> None:
    series = make_series(walk(3000))
    series.volume[:] *= np.geomspace(1.0, 1e4, 3000)
    assert list(level_changes(series)) == []
    series = make_series(walk(3000))
    series.volume[1000:1060] *= 1e4
    assert list(level_changes(series)) == []


def test_market_that_comes_to_life_is_no_change_of_unit(
    make_series: SeriesMaker, walk: Walk
) -> None:
    series = make_series(walk(3000))
    series.volume[:1000] = 0.0
    assert list(level_changes(series)) == []


def _coarse(series: BarSeries, rows: slice) -> BarSeries:
    for side in (series.open, series.high, series.low, series.close):
        side[rows] = np.round(side[rows], 1)
    return series


@pytest.mark.parametrize("rows", [slice(0, 1000), slice(1000, 2000)], ids=["finer", "coarser"])
def test_price_grid_that_changes_alone_is_a_new_tick(
    make_series: SeriesMaker, walk: Walk, rows: slice
) -> None:
    finding = _only(_coarse(make_series(walk(2000, start=97.0)), rows), Code.TICK_CHANGE)
    assert abs(finding.row - 1001) <= 1


def test_price_grid_that_changes_with_volume_is_another_market(
    make_series: SeriesMaker, walk: Walk
) -> None:
    series = _coarse(make_series(walk(2000, start=970.0)), slice(0, 1000))
    series.volume[1000:] /= 8.0
    finding = _only(series, Code.MARKET_SWITCH)
    assert finding.row == 1001
    assert "price step goes from 0.1 to 0.01" in finding.message


def test_finer_grid_below_a_power_of_ten_is_significant_figures(
    make_series: SeriesMaker, walk: Walk
) -> None:
    closes = np.concatenate((walk(1000, start=104.0, scale=1e-4), walk(1000, start=96.0)))
    assert list(level_changes(_coarse(make_series(closes), slice(0, 1000)))) == []


def test_decimals_of_a_conversion_are_no_tick(make_series: SeriesMaker) -> None:
    rng = np.random.default_rng(3)
    closes = np.round(5000.0 + rng.normal(0.0, 1.0, 2000), 8)
    closes[1000:] = np.round(closes[1000:], 7)
    series = make_series(closes, open=closes, high=closes + 1.0, low=closes - 1.0)
    assert list(level_changes(series)) == []


def test_prices_without_a_grid_give_nothing(make_series: SeriesMaker) -> None:
    closes = np.exp(np.random.default_rng(2).normal(4.0, 0.01, 2000))
    assert list(level_changes(make_series(closes))) == []
