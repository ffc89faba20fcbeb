"""Columns of one file, in the shapes that files come in."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from tutti.adapters.feeds.table import BARS, read_columns
from tutti.model.errors import DataError

_ROWS = ["1704067200,1,3,0.5,2,10", "1704070800,2,4,1.5,3,20"]
_TS = [1_704_067_200_000_000_000, 1_704_070_800_000_000_000]


def _csv(
    *lines: str, header: str = "ts,open,high,low,close,volume"
) -> tuple[list[int], dict[str, list[float]]]:
    ts, columns = read_columns("\n".join([header, *lines]).encode(), "f.csv", BARS)
    return ts.tolist(), {name: values.tolist() for name, values in columns.items()}


_EXPECTED = {
    "open": [1.0, 2.0],
    "high": [3.0, 4.0],
    "low": [0.5, 1.5],
    "close": [2.0, 3.0],
    "volume": [10.0, 20.0],
}


@pytest.mark.parametrize(
    "header",
    [
        "ts,open,high,low,close,volume",
        "Timestamp,Open,High,Low,Close,Volume",
        "Open time,OPEN,HIGH,LOW,CLOSE,VOL",
        '"date","o","h","l","c","v"',
        "unix, open , high , low , close , volume",
    ],
)
def test_columns_under_their_usual_names_are_found(header: str) -> None:
    assert _csv(*_ROWS, header=header) == (_TS, _EXPECTED)


@pytest.mark.parametrize(
    ("header", "third"),
    [
        ("unix,open,high,low,close,Volume BTC,Volume USDT", 500),
        ("unix,open,high,low,close,Volume_(BTC),Volume_(Currency)", 500),
        ("unix,open,high,low,close,volume eth,trades", 500),
    ],
)
def test_volume_in_coins_is_told_from_volume_in_money(header: str, third: int) -> None:
    rows = [f"{row},{third}" for row in _ROWS]
    assert _csv(*rows, header=header) == (_TS, _EXPECTED)


def test_table_of_several_markets_is_refused_and_not_thinned() -> None:
    rows = [f"{row},{market}" for row in _ROWS for market in ("BTC", "ETH", "SOL")]
    with pytest.raises(DataError, match=r"f\.csv: holds 3 markets \(BTC, ETH, SOL\); write a file"):
        _csv(*rows, header="ts,open,high,low,close,volume,Symbol")


def test_row_twice_of_one_market_is_left_to_the_checks() -> None:
    rows = [f"{row},BTC" for row in (*_ROWS, _ROWS[1])]
    assert len(_csv(*rows, header="ts,open,high,low,close,volume,symbol")[0]) == 3


@pytest.mark.parametrize("names", ["Volume ETH,Volume BTC", "Volume USD,Volume EUR"])
def test_volumes_that_can_not_be_told_apart_are_refused(names: str) -> None:
    rows = [f"{row},500" for row in _ROWS]
    with pytest.raises(DataError, match="no column 'volume' among"):
        _csv(*rows, header=f"unix,open,high,low,close,{names}")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_understood(separator: str) -> None:
    lines = [row.replace(",", separator) for row in _ROWS]
    header = separator.join(["ts", *BARS])
    assert _csv(*lines, header=header) == (_TS, _EXPECTED)


def test_title_comment_bom_and_blank_end_are_no_rows() -> None:
    text = "\ufeffhttps://somewhere\n# a comment\nts,open,high,low,close,volume\r\n"
    data = (text + "\r\n".join(_ROWS) + "\r\n\r\n").encode()
    ts, columns = read_columns(data, "f.csv", BARS)
    assert ts.tolist() == _TS
    assert columns["close"].tolist() == [2.0, 3.0]


def test_dump_without_header_is_read_in_the_order_of_venues() -> None:
    lines = [f"{row},1704070799999,0,0" for row in _ROWS]
    ts, columns = read_columns("\n".join(lines).encode(), "f.csv", BARS)
    assert ts.tolist() == _TS
    assert {name: values.tolist() for name, values in columns.items()} == _EXPECTED


def test_date_and_time_apart_are_one_stamp() -> None:
    ts, _ = _csv(
        "2024-01-01,00:00,1,1,1,1,1",
        "2024-01-01,01:00,1,1,1,1,1",
        header="Date,Time,Open,High,Low,Close,Volume",
    )
    assert ts == _TS


def test_gzip_is_unpacked() -> None:
    data = gzip.compress("\n".join(["ts,o,h,l,c,v", *_ROWS]).encode())
    assert read_columns(data, "f.csv.gz", BARS)[0].tolist() == _TS


@pytest.mark.parametrize("nothing", ["", "nan", "NaN", "null", "NA"])
def test_cell_without_a_number_is_missing(nothing: str) -> None:
    _, columns = _csv(_ROWS[0], f"1704070800,{nothing},4,1.5,3,20")
    assert np.isnan(columns["open"][1])


def test_row_cut_short_is_missing_what_it_lacks() -> None:
    _, columns = _csv(_ROWS[0], "1704070800,2,4")
    assert np.isnan([columns["low"][1], columns["close"][1], columns["volume"][1]]).all()


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        (["1704070800,abc,4,1.5,3,20"], None, "f.csv, row 1: open is 'abc'"),
        ([_ROWS[0], "1704070800,1,4,1.5,3,20,7,8"], None, "row 2: has 8 cells, the header has 6"),
        (_ROWS, "ts,open,high,low,price,volume", "no column 'close' among 'ts', 'open'"),
        (_ROWS, "when,open,high,low,close,volume", "no column 'ts'"),
        (_ROWS, "ts,close,high,low,Close,volume", "no column 'open'"),
        (_ROWS, "ts,open,high,low,close,volume,Close", "two columns are named 'close'"),
        ([], None, "has no rows"),
        ([], "ts", "no header line"),
    ],
)
def test_broken_csv_is_refused_with_what_and_where(
    lines: list[str], header: str | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        _csv(*lines, header=header or "ts,open,high,low,close,volume")


def test_many_columns_are_not_all_listed() -> None:
    with pytest.raises(DataError, match=r"'c11' \.\.\.; rename"):
        _csv(header=",".join(f"c{n}" for n in range(30)))


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "f.csv", "is empty"),
        (b"", "f.parquet", "is empty"),
        (bytes(range(256)), "f.csv", "is not text"),
        (b"hello", "f.csv.gz", "read as gzip"),
        (b"PAR1 no parquet PAR1", "f.parquet", "read as Parquet"),
        (b'ts,open,high,low,close,volume\n1,"2,3\n', "f.csv", "f.csv"),
    ],
)
def test_unreadable_bytes_are_refused_in_one_line(data: bytes, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_columns(data, name, BARS)
    assert "\n" not in str(caught.value)


def _parquet(**changes: pl.Series) -> bytes:
    moments = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (0, 1)]
    frame = pl.DataFrame({"ts": moments, **_EXPECTED}).with_columns(**changes)
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "volume",
    [
        pl.Series([10, 20]),
        pl.Series([10, 20], dtype=pl.UInt32),
        pl.Series([10.0, 20.0], dtype=pl.Float32),
        pl.Series(["10", "20.0"]),
        pl.Series([10, 20]).cast(pl.Decimal(10, 2)),
    ],
    ids=["int", "uint", "float32", "text", "decimal"],
)
def test_numbers_of_any_kind_in_parquet_become_floats(volume: pl.Series) -> None:
    ts, columns = read_columns(_parquet(volume=volume), "f.parquet", BARS)
    assert ts.tolist() == _TS
    assert columns["volume"].tolist() == [10.0, 20.0]
    assert columns["volume"].dtype == np.float64


def test_parquet_column_that_holds_no_numbers_is_refused() -> None:
    with pytest.raises(DataError, match="'open' holds List"):
        read_columns(_parquet(open=pl.Series([[1.0], [2.0]])), "f.parquet", BARS)


def test_parquet_without_rows_is_refused() -> None:
    buffer = io.BytesIO()
    pl.read_parquet(_parquet()).clear().write_parquet(buffer)
    with pytest.raises(DataError, match="has no rows"):
        read_columns(buffer.getvalue(), "f.parquet", BARS)


def test_parquet_cut_in_half_is_refused() -> None:
    data = _parquet()
    with pytest.raises(DataError, match="write it again"):
        read_columns(data[: len(data) // 2], "f.parquet", BARS)
