"""Files that grow while they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from tutti.adapters.stores.point_in_time import FollowedReadings, FollowedTexts
from tutti.adapters.stores.point_in_time.writing import READING_ROWS, TEXT_ROWS, PointInTimeStore
from tutti.kernel.clock import DAY, parse_instant
from tutti.model.errors import DataError
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from pathlib import Path

_T = parse_instant("2024-03-01T12:00")
_BTC = InstrumentId.parse("BTC-USDT.BINANCE")
_TIMES = {"ts": _T, "known_at": _T, "published_at": _T, "received_at": _T}


def _text(name: str, month: int = 0) -> pl.DataFrame:
    row = {"id": name, "symbol": "BTC", "kind": "news", "source": "s", "title": name, "text": "",
           "url": ""}  # fmt: skip
    times = {key: at + month * 31 * DAY for key, at in _TIMES.items()}
    return pl.DataFrame([row | times], schema=TEXT_ROWS)


def test_texts_that_come_while_a_service_runs_are_seen_after_a_refresh(tmp_path: Path) -> None:
    store = PointInTimeStore(tmp_path)
    store.add_texts("wire", _text("a"))
    texts = FollowedTexts([tmp_path / "text"])

    def titles() -> list[str]:
        return [each.title for each in texts.texts(_BTC, 0, _T + 99 * DAY)]

    assert not texts.refresh()
    store.add_texts("wire", _text("b"))
    assert titles() == ["a"]
    assert texts.refresh()
    assert titles() == ["a", "b"]
    # another month is another file
    store.add_texts("wire", _text("c", month=1))
    assert texts.refresh()
    assert titles() == ["c", "a", "b"]
    assert not texts.refresh()


def test_readings_that_come_are_seen_after_a_refresh(tmp_path: Path) -> None:
    store = PointInTimeStore(tmp_path)
    row = {"symbol": "", "kind": "macro", "source": "s", "name": "x", "value": 1.0, **_TIMES}
    store.add_readings("s", pl.DataFrame([row], schema=READING_ROWS))
    readings = FollowedReadings([tmp_path / "readings"])
    assert not readings.refresh()
    store.add_readings("s", pl.DataFrame([row | {"name": "y"}], schema=READING_ROWS))
    assert readings.refresh()
    assert [each.name for each in readings.readings(_BTC, _T)] == ["x", "y"]


def test_what_was_read_stays_where_a_file_breaks(tmp_path: Path) -> None:
    PointInTimeStore(tmp_path).add_texts("wire", _text("a"))
    texts = FollowedTexts([tmp_path / "text"])
    (tmp_path / "text" / "wire" / "2024-04.parquet").write_bytes(b"half")
    with pytest.raises(DataError, match="can't be read"):
        texts.refresh()
    assert [each.title for each in texts.texts(_BTC, 0, _T)] == ["a"]
    (tmp_path / "text" / "wire" / "2024-04.parquet").unlink()
    assert not texts.refresh()


def test_no_files_are_followed_by_nobody() -> None:
    assert not FollowedTexts([]).refresh()
    assert not FollowedReadings([]).refresh()
