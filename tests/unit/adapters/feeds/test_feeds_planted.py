"""Faults planted in recorded bars that have none: each is found, wherever it lies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.feeds.across import check_across
from tutti.adapters.feeds.consequences import Weight, judge
from tutti.adapters.feeds.doubtful import doubtful
from tutti.adapters.feeds.files import describe
from tutti.adapters.feeds.findings import Code, Finding
from tutti.adapters.feeds.loading import load
from tutti.kernel.clock import DAY, HOUR
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tutti.adapters.feeds.series import BarSeries

pytestmark = pytest.mark.data

_COINS = (
    "ADA",
    "APT",
    "AR",
    "BCH",
    "BNB",
    "BTC",
    "DOGE",
    "DOT",
    "ETH",
    "FIL",
    "LINK",
    "LTC",
    "SOL",
    "SUI",
)
_AWAY_FROM_THE_ENDS = 500


def _volume_in_quote(series: BarSeries, at: int) -> BarSeries:
    volume = series.volume.copy()
    volume[:at] *= series.close[:at]
    return replace(series, volume=volume)


def _wick(series: BarSeries, at: int) -> BarSeries:
    low = series.low.copy()
    low[at] *= 0.5
    return replace(series, low=low)


def _split(series: BarSeries, at: int) -> BarSeries:
    sides = {name: getattr(series, name).copy() for name in ("open", "high", "low", "close")}
    for side in sides.values():
        side[at:] /= 2.0
    return replace(series, **sides)


def _hole(series: BarSeries, at: int) -> BarSeries:
    inside = (series.ts >= series.ts[at]) & (series.ts < series.ts[at] + 9 * DAY)
    return series.take(~inside)


def _frozen(series: BarSeries, at: int) -> BarSeries:
    stretch = slice(at, at + 100)
    columns = {
        name: getattr(series, name).copy() for name in ("open", "high", "low", "close", "volume")
    }
    for name, column in columns.items():
        column[stretch] = 0.0 if name == "volume" else series.close[at - 1]
    return replace(series, **columns)


def _half_hours(series: BarSeries, at: int) -> BarSeries:
    ts = series.ts.copy()
    ts[at] -= HOUR // 2
    return replace(series, ts=ts)


_PLANTS: dict[Code, tuple[Callable[[BarSeries, int], BarSeries], Weight]] = {
    Code.VOLUME_UNIT: (_volume_in_quote, Weight.INVALIDATES),
    Code.WICKS: (_wick, Weight.DISTORTS),
    Code.PRICE_JUMP: (_split, Weight.INVALIDATES),
    Code.GAPS: (_hole, Weight.INVALIDATES),
    Code.FROZEN_PRICES: (_frozen, Weight.DISTORTS),
    Code.OVERLAP: (_half_hours, Weight.DISTORTS),
}


@pytest.fixture(scope="module")
def clean(market_data: Path) -> list[BarSeries]:
    """Return hourly bars of perpetuals in which nothing is found, but for a change of tick."""
    folder = market_data / "crypto/ohlcv/binance_usdm"
    found = []
    for coin in _COINS:
        series = load(
            describe(folder / f"{coin}-USDT-PERP_1h.parquet"), 0, (None, None), repair=False
        ).series
        assert series is not None
        found.append(series)
    return found


def _codes(findings: list[Finding]) -> set[Code]:
    return {finding.code for finding in findings}


@pytest.mark.parametrize("code", _PLANTS)
def test_planted_fault_is_found_in_every_market(code: Code, clean: list[BarSeries]) -> None:
    plant, weight = _PLANTS[code]
    rng = np.random.default_rng(5)
    for series in clean:
        if code is Code.VOLUME_UNIT and 1 / 30 < np.median(series.close) < 30:
            continue  # dollars and coins are too much alike
        assert code not in _codes(doubtful(series))
        at = int(rng.integers(_AWAY_FROM_THE_ENDS, len(series) - _AWAY_FROM_THE_ENDS))
        findings = [each for each in doubtful(plant(series, at)) if each.code is code]
        assert len(findings) == 1, series.file
        assert abs(findings[0].ts - int(series.ts[at])) <= 10 * DAY
        assert judge(findings[0]).weight is weight


def test_market_sold_under_another_name_is_found_among_all(clean: list[BarSeries]) -> None:
    assert check_across(clean) == []
    for original in clean:
        # a later part, in thousands, at another venue
        copy = replace(
            original.take(slice(3000, None)),
            instrument=InstrumentId("kCOIN-USD", "ELSEWHERE"),
            file="elsewhere/kCOIN-USD_1h.parquet",
        )
        copy = replace(
            copy, **{n: getattr(copy, n) * 1e3 for n in ("open", "high", "low", "close")}
        )
        (finding,) = check_across([*clean, copy])
        assert (finding.file, finding.code) == (copy.file, Code.DUPLICATE_FEED)
        assert str(original.instrument) in finding.message
        assert finding.measures["factor"] == pytest.approx(1000.0)
