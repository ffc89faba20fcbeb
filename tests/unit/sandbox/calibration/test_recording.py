"""Recordings are read as they are, on one clock, or refused with a reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from tutti.kernel.clock import SECOND
from tutti.model.errors import DataError
from tutti.sandbox.calibration.recording import instrument_of, matching, read_recording

if TYPE_CHECKING:
    from tests.unit.sandbox.calibration.conftest import Files


def changed(source: Path, folder: Path, *changes: pl.Expr | str) -> Path:
    """Write a copy of a file with some columns replaced, or dropped where only named."""
    target = folder / source.parent.name / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    table = pl.read_parquet(source)
    for change in changes:
        table = table.drop(change) if isinstance(change, str) else table.with_columns(change)
    table.write_parquet(target)
    return target


def test_recording_carries_id_clock_and_files(files: Files) -> None:
    found = read_recording(files.trades, files.quotes, files.book)
    assert str(found.instrument) == "BTC-USDT.TESTEX"
    assert found.clock == "received"
    assert [each.kind for each in found.files] == ["trades", "quotes", "book"]
    assert found.files[0].rows == len(found.trades.ts) == 300
    assert len(found.files[0].sha256) == 64
    assert set(found.trades.side.tolist()) == {1, -1}
    # the recorder's clock is a second behind, messages take 5 to 7 ms
    assert found.delay_ns.min() / 1e6 == pytest.approx(5 - 1000, abs=0.5)
    assert found.trades.event_ts[0] - found.trades.ts[0] == pytest.approx(SECOND, rel=0.01)


def test_recording_without_receipt_is_on_the_exchange_clock(files: Files, tmp_path: Path) -> None:
    trades = changed(files.trades, tmp_path, "ts_recv")
    found = read_recording(trades, files.quotes)
    assert found.clock == "exchange"
    assert found.book is None
    assert found.trades.ts.tolist() == found.trades.event_ts.tolist()
    alone = read_recording(trades, changed(files.quotes, tmp_path / "q", "ts_recv"))
    assert not len(alone.delay_ns)


def test_quotes_without_exchange_stamps_say_so(files: Files, tmp_path: Path) -> None:
    unstamped = pl.lit(None, pl.Datetime("ns", "UTC")).alias("ts")
    quotes = changed(files.quotes, tmp_path, unstamped)
    assert read_recording(files.trades, quotes).quotes.event_ts is None
    trades = changed(files.trades, tmp_path / "t", "ts_recv")
    with pytest.raises(DataError, match="no exchange time"):
        read_recording(trades, quotes)


@pytest.mark.parametrize(
    ("stream", "change", "message"),
    [
        ("trades", "price", "no column price"),
        ("trades", pl.lit(-1.0).alias("price"), "price must be above 0"),
        ("trades", pl.lit("long").alias("side"), "side must be buy or sell, was 'long'"),
        ("quotes", (pl.col("ask") * 2).alias("bid"), "is above ask"),
        ("book", pl.lit(-1.0).alias("qty"), "qty must be at least 0"),
        ("book", pl.lit("update").alias("event"), "no snapshot"),
    ],
)
def test_impossible_stream_is_refused_by_name(
    files: Files, tmp_path: Path, stream: str, change: pl.Expr | str, message: str
) -> None:
    paths = {"trades": files.trades, "quotes": files.quotes, "book": files.book}
    paths[stream] = changed(paths[stream], tmp_path, change)
    with pytest.raises(DataError, match=message):
        read_recording(paths["trades"], paths["quotes"], paths["book"])


def test_file_that_is_none_or_empty_is_refused(files: Files, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_recording(tmp_path / "x.parquet", files.quotes)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="can't be read"):
        read_recording(broken, files.quotes)
    empty = tmp_path / "empty.parquet"
    pl.read_parquet(files.trades).head(0).write_parquet(empty)
    with pytest.raises(DataError, match="holds no rows"):
        read_recording(empty, files.quotes)


def test_book_without_numbers_and_csv_are_read(files: Files, tmp_path: Path) -> None:
    book = changed(files.book, tmp_path, "last_id")
    table = tmp_path / "testex" / "BTC-USDT_20240101.csv"
    trades = pl.read_parquet(files.trades)
    trades.write_csv(table)
    found = read_recording(table, files.quotes, book)
    assert found.book is not None
    assert not found.book.last_id.any()
    assert np.array_equal(found.trades.price, trades["price"].to_numpy())


def test_streams_of_one_recording_have_one_name(files: Files, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / files.quotes.name
    other.parent.mkdir()
    shutil.copy(files.quotes, other)
    assert matching([other, files.quotes], files.trades) == files.quotes
    assert matching([other], files.trades) is None
    assert str(instrument_of(Path("data/kraken/BTC-USDT_2023.parquet"))) == "BTC-USDT.KRAKEN"
