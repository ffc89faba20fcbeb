"""Figures beside bars as of any instant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.adapters.feeds.findings import Code
from tutti.adapters.stores.point_in_time import StoredReadings, open_readings
from tutti.kernel.clock import DAY, iso, parse_instant
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from pathlib import Path

_BTC = InstrumentId.parse("BTC-USDT-PERP.BINANCE_USDM")
_ETH = InstrumentId.parse("ETH-USDT.BINANCE")
_START = parse_instant("2024-03-01")
_LATER = _START + 1000 * DAY


def _written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows).write_parquet(path)
    return path


def _values(
    readings: StoredReadings, until: int, instrument: InstrumentId = _BTC
) -> dict[str, float]:
    return {each.name: each.value for each in readings.readings(instrument, until)}


def _stored(period: int, value: float, known: int, **more: Any) -> dict[str, Any]:
    return {
        "symbol": "", "kind": "macro", "source": "bls", "name": "cpi", "value": value,
        "ts": _START + period * DAY, "known_at": _START + known * DAY, **more,
    }  # fmt: skip


def test_newest_of_each_figure_that_was_known_is_read(tmp_path: Path) -> None:
    rows = [
        {"ts": _START + day * DAY, "fees": float(day), "transfers": day * 10} for day in range(3)
    ]
    readings = open_readings([_written(tmp_path / "onchain" / "BTC_1d.parquet", rows)])
    assert _values(readings, _START + DAY - 1) == {}
    assert _values(readings, _START + 2 * DAY) == {"fees": 1.0, "transfers": 10.0}
    assert _values(readings, _LATER) == {"fees": 2.0, "transfers": 20.0}
    (first, _) = readings.readings(_BTC, _LATER)
    assert (first.kind, first.source, first.instrument) == ("onchain", "onchain", _BTC)
    assert _values(readings, _LATER, _ETH) == {}
    assert [each.code for each in readings.findings] == [Code.DAY_STAMPS]


def test_figures_of_the_market_as_a_whole_are_read_for_each_instrument(tmp_path: Path) -> None:
    _written(tmp_path / "macro" / "cpi.parquet", [{"ts": _START + 5, "value": 3.1}])
    _written(tmp_path / "onchain" / "ETH_1d.parquet", [{"ts": _START + 7, "fees": 1.0}])
    readings = open_readings([tmp_path])
    assert [each.name for each in readings.readings(_ETH, _LATER)] == ["fees", "cpi"]
    assert [each.instrument for each in readings.readings(_BTC, _LATER)] == [None]
    assert readings.readings(_ETH, _LATER, ("macro",))[0].name == "cpi"
    assert readings.readings(_ETH, _LATER, ("sentiment",)) == ()


def test_correction_counts_from_when_it_was_known(tmp_path: Path) -> None:
    rows = [_stored(0, 3.0, 1), _stored(30, 3.2, 31), _stored(0, 2.9, 40), _stored(30, 3.3, 60)]
    readings = open_readings([_written(tmp_path / "x.parquet", rows)])
    assert _values(readings, _START + DAY) == {"cpi": 3.0}
    assert _values(readings, _START + 31 * DAY) == {"cpi": 3.2}
    # the correction of an older period does not hide the newer one
    assert _values(readings, _START + 40 * DAY) == {"cpi": 3.2}
    assert _values(readings, _START + 60 * DAY) == {"cpi": 3.3}


def test_figure_is_told_with_that_of_the_period_before(tmp_path: Path) -> None:
    rows = [_stored(0, 3.0, 1), _stored(30, 3.2, 31), _stored(0, 2.9, 40), _stored(60, 3.5, 61)]
    readings = open_readings([_written(tmp_path / "x.parquet", rows)])

    def told(day: int) -> tuple[float, float]:
        (reading,) = readings.readings(_BTC, _START + day * DAY)
        return reading.value, reading.previous

    assert told(1)[0] == 3.0
    assert math.isnan(told(1)[1])
    assert told(31) == (3.2, 3.0)
    # as it was when the newest one came: what was corrected later is not compared with
    assert told(40) == (3.2, 3.0)
    assert told(61) == (3.5, 3.2)


@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.integers(-9, 9)), min_size=1, max_size=20),
    until=st.integers(-1, 21),
)
def test_period_before_is_one_that_was_known_before_the_newest_came(
    rows: list[tuple[int, int]], until: int
) -> None:
    stored = [_stored(period, value, k) for k, (period, value) in enumerate(rows)]
    frame = pl.DataFrame(stored).with_columns(pl.col("value").cast(pl.Float64))
    found = StoredReadings(frame).readings(_BTC, _START + until * DAY)
    known = [row for k, row in enumerate(rows) if k <= until]
    if not known:
        assert found == ()
        return
    newest = max(period for period, _ in known)
    came = next(k for k, (period, _) in enumerate(known) if period == newest)
    before = [period for period, _ in known[:came]]
    (reading,) = found
    if not before:
        assert math.isnan(reading.previous)
        return
    values = [value for period, value in known[:came] if period == max(before)]
    assert reading.previous == values[-1]


def test_same_figure_told_again_keeps_the_time_it_was_first_known(tmp_path: Path) -> None:
    rows = [_stored(0, 3.0, 1), _stored(0, 3.0, 9)]
    (reading,) = open_readings([_written(tmp_path / "x.parquet", rows)]).readings(_BTC, _LATER)
    assert reading.known_at == _START + DAY


def test_fed_funds_are_known_when_the_next_business_day_is_over(tmp_path: Path) -> None:
    friday = parse_instant("2023-03-10")
    path = _written(tmp_path / "fed_funds.parquet", [{"ts": friday, "value": 4.57}])
    readings = open_readings([path])
    (reading,) = readings.readings(_BTC, _LATER)
    assert iso(reading.known_at)[:10] == "2023-03-14"
    assert not readings.findings


def test_sidecar_names_figures_with_their_units(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.parquet", [{"ts": _START + 1, "v": 1.0, "w": 2.0}])
    (tmp_path / "a.parquet.yaml").write_text(
        "{names: {v: rate_percent}, kind: macro, source: fed, symbol: ETH}"
    )
    (reading,) = open_readings([path]).readings(_ETH, _LATER)
    assert (reading.id, reading.value) == (f"fed:rate_percent:{_START + 1}", 1.0)


def test_long_tables_with_names_and_symbols_are_read(tmp_path: Path) -> None:
    rows = [
        {
            "time": _START + 1,
            "ticker": "btc-usdt",
            "name": "score",
            "value": 0.4,
            "kind": "sentiment",
        },
        {"time": _START + 1, "ticker": "eth", "name": "score", "value": -0.2, "kind": "sentiment"},
    ]
    readings = open_readings([_written(tmp_path / "scores.parquet", rows)])
    assert _values(readings, _LATER) == {"score": 0.4}
    assert readings.symbols == ("BTC", "ETH")
    assert len(readings) == 2


def test_missing_figures_are_left_out_and_counted(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"ts": _START + 1, "value": 1.0},
        {"ts": _START + 2, "value": None},
    ]
    readings = open_readings([_written(tmp_path / "x.parquet", rows)])
    assert _values(readings, _LATER) == {"x": 1.0}
    assert [(each.code, each.count) for each in readings.findings] == [(Code.ROWS_LEFT_OUT, 1)]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"ts": _START, "text": "a", "value": 1.0}, id="texts"),
        pytest.param({"ts": _START, "country": "CH"}, id="no figures"),
        pytest.param({"period": "1974-Q1", "value": 1.0}, id="no time"),
    ],
)
def test_other_tables_are_passed_over_as_findings(tmp_path: Path, row: dict[str, Any]) -> None:
    readings = open_readings([_written(tmp_path / "x.parquet", [row])])
    assert not len(readings)
    assert [each.code for each in readings.findings] == [Code.OTHER_TABLE]


def test_pattern_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="matches no file"):
        open_readings([f"{tmp_path}/*.parquet"])


@pytest.mark.data
def test_recorded_totals_of_a_day_are_known_the_next_day(market_data: Path) -> None:
    readings = open_readings([market_data / "onchain", market_data / "macro"])
    day = parse_instant("2023-03-10")
    found = {each.name: each for each in readings.readings(_BTC, day + DAY)}
    whole = pl.read_parquet(market_data / "onchain" / "BTC_1d.parquet")
    (of_day,) = whole.filter(
        pl.col("ts") == pl.from_epoch(pl.lit(day), "ns").dt.replace_time_zone("UTC")
    )["unique_addresses"]
    assert found["unique_addresses"].value == of_day
    assert found["unique_addresses"].known_at == day + DAY
    # of Thursday, published in the course of Friday
    assert iso(found["fed_funds_effective"].known_at)[:10] == "2023-03-11"
