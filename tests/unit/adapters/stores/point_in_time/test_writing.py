"""Rows stored once, corrections beside what they correct."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tutti.adapters.feeds.bars import read_bars
from tutti.adapters.stores.point_in_time import open_readings, open_texts
from tutti.adapters.stores.point_in_time.writing import (
    BAR_ROWS,
    READING_ROWS,
    TEXT_ROWS,
    TRADE_ROWS,
    Added,
    Market,
    PointInTimeStore,
)
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND, parse_instant
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from pathlib import Path

_T = parse_instant("2024-02-28")
_BTC = InstrumentId.parse("BTC-USDT.BINANCE")
_HOURLY = Market(venue="BINANCE", symbol="BTC-USDT", step=HOUR)


def _text(at: int, title: str, *, name: str = "", received: int = 0) -> dict[str, Any]:
    return {
        "id": name or title, "symbol": "BTC", "kind": "news", "source": "s", "title": title,
        "text": "", "url": "", "ts": at, "known_at": at, "published_at": at,
        "received_at": received or at + 9 * DAY,
    }  # fmt: skip


def _reading(period: int, value: float, known: int, received: int = 0) -> dict[str, Any]:
    return {
        "symbol": "", "kind": "macro", "source": "s", "name": "cpi", "value": value, "ts": period,
        "known_at": known, "published_at": known, "received_at": received or known + 9 * DAY,
    }  # fmt: skip


def _bar(at: int, close: float, received: int = 0) -> dict[str, Any]:
    return {
        "ts": at, "open": close, "high": close, "low": close, "close": close, "volume": 1.0,
        "known_at": at + HOUR, "published_at": at + HOUR, "received_at": received or at + DAY,
    }  # fmt: skip


def _texts(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=TEXT_ROWS)


def _readings(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=READING_ROWS)


def _bars(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=BAR_ROWS)


def test_same_texts_again_add_nothing(tmp_path: Path) -> None:
    store = PointInTimeStore(tmp_path)
    rows = _texts(_text(_T, "a"), _text(_T + 3 * DAY, "b"))
    assert store.add_texts("wire", rows) == Added(rows=2)
    before = {each: each.read_bytes() for each in tmp_path.rglob("*.parquet")}
    assert store.add_texts("wire", rows) == Added()
    assert store.add_texts("wire", _texts(_text(_T, "a", received=_T + 90 * DAY))) == Added()
    assert {each: each.read_bytes() for each in tmp_path.rglob("*.parquet")} == before
    names = sorted(each.name for each in (tmp_path / "text" / "wire").iterdir())
    assert names == ["2024-02.parquet", "2024-03.parquet"]
    assert len(open_texts([tmp_path / "text"])) == 2


def test_corrected_text_is_known_from_when_the_correction_came(tmp_path: Path) -> None:
    store = PointInTimeStore(tmp_path)
    store.add_texts("wire", _texts(_text(_T, "cut", name="x")))
    later = _text(_T, "no cut", name="x", received=_T + 20 * DAY)
    assert store.add_texts("wire", _texts(later)) == Added(rows=1, corrections=1)
    assert store.add_texts("wire", _texts(later)) == Added()
    texts = open_texts([tmp_path / "text"])
    assert [each.title for each in texts.texts(_BTC, 0, _T + 19 * DAY)] == ["cut"]
    assert [each.title for each in texts.texts(_BTC, 0, _T + 20 * DAY)] == ["no cut"]


def test_corrected_reading_is_known_from_when_the_correction_came(tmp_path: Path) -> None:
    store = PointInTimeStore(tmp_path)
    store.add_readings("bls", _readings(_reading(_T, 3.0, _T + DAY)))
    # the rule would say that it was known at once
    told = _readings(_reading(_T, 3.1, _T + DAY, received=_T + 30 * DAY))
    assert store.add_readings("bls", told) == Added(rows=1, corrections=1)
    readings = open_readings([tmp_path / "readings"])
    assert [each.value for each in readings.readings(_BTC, _T + 29 * DAY)] == [3.0]
    assert [each.value for each in readings.readings(_BTC, _T + 30 * DAY)] == [3.1]


def test_vintages_are_known_when_the_source_says(tmp_path: Path) -> None:
    store = PointInTimeStore(tmp_path)
    rows = _readings(
        _reading(_T, 3.1, _T + 30 * DAY),
        _reading(_T, 3.0, _T + DAY),
        _reading(_T, 3.1, _T + 60 * DAY),
    )
    assert store.add_readings("fred", rows, has_vintages=True) == Added(rows=2, corrections=1)
    assert store.add_readings("fred", rows, has_vintages=True) == Added()
    readings = open_readings([tmp_path / "readings"])
    assert [each.value for each in readings.readings(_BTC, _T + 29 * DAY)] == [3.0]
    (last,) = readings.readings(_BTC, _T + 90 * DAY)
    assert (last.value, last.known_at) == (3.1, _T + 30 * DAY)


def test_bars_are_read_by_a_backtest_and_the_first_told_stays(tmp_path: Path) -> None:
    store = PointInTimeStore(tmp_path)
    year_end = parse_instant("2023-12-31T20:00")
    rows = [_bar(year_end + k * HOUR, 100.0 + k) for k in range(8)]
    assert store.add_bars(_HOURLY, _bars(*rows[4:])) == Added(rows=4)
    # the past comes later, out of order, with a bar twice
    assert store.add_bars(_HOURLY, _bars(rows[1], rows[0], *rows[1:5])) == Added(rows=4)
    data = read_bars([tmp_path / "ohlcv" / "binance"])
    assert data.instruments == (InstrumentId.parse("BTC-USDT.BINANCE"),)
    assert data.block.close[:, 0].tolist() == [100.0 + k for k in range(8)]
    corrected = _bar(year_end, 99.0, received=year_end + 5 * DAY)
    assert store.add_bars(_HOURLY, _bars(corrected)) == Added(corrections=1)
    assert store.add_bars(_HOURLY, _bars(corrected)) == Added()
    assert read_bars([tmp_path / "ohlcv"]).block.close[0, 0] == 100.0
    (beside,) = (tmp_path / "corrections" / "binance").iterdir()
    row = pl.read_parquet(beside).row(0, named=True)
    assert (beside.name, row["corrected_close"]) == ("BTC-USDT_1h_2023.parquet", 99.0)
    assert int(row["known_at"].timestamp()) * SECOND == year_end + 5 * DAY


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (DAY, "X_1d_2024"),
        (HOUR, "X_1h_2024"),
        (MINUTE, "X_1m_2024-02"),
        (SECOND, "X_1s_2024-02-28"),
    ],
)
def test_files_hold_as_much_time_as_is_handy(tmp_path: Path, step: int, name: str) -> None:
    market = Market(venue="V", symbol="X", step=step)
    PointInTimeStore(tmp_path).add_bars(market, _bars(_bar(_T, 1.0)))
    assert [each.stem for each in (tmp_path / "ohlcv" / "v").iterdir()] == [name]


def test_trades_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    store = PointInTimeStore(tmp_path)
    row = {"ts": _T, "price": 1.0, "qty": 2.0, "side": "buy", "known_at": _T, "published_at": _T,
           "received_at": _T}  # fmt: skip
    rows = pl.DataFrame([row | {"trade_id": each} for each in "aab"], schema=TRADE_ROWS)
    market = Market(venue="BINANCE", symbol="BTC-USDT")
    assert store.add_trades(market, rows) == Added(rows=2)
    assert store.add_trades(market, rows) == Added()
    (file,) = (tmp_path / "trades" / "binance").iterdir()
    assert file.name == "BTC-USDT_2024-02-28.parquet"


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    assert PointInTimeStore(tmp_path).add_texts("wire", _texts()) == Added()
    assert not list(tmp_path.iterdir())


def test_text_under_anothers_id_is_no_correction_however_often_both_are_told(
    tmp_path: Path,
) -> None:
    store = PointInTimeStore(tmp_path)
    ours, theirs = _text(_T, "told", name="7"), {**_text(_T, "forged", name="7"), "source": "t"}
    assert store.add_texts("rss", _texts(ours)) == Added(rows=1)
    assert store.add_texts("rss", _texts(theirs)) == Added(rows=1)
    assert store.add_texts("rss", _texts(ours)) == Added()
    assert store.add_texts("rss", _texts(theirs)) == Added()
