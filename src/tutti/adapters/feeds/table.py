"""One file to arrays: formats, column names and numbers as they come."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tutti.adapters.feeds.instants import to_nanoseconds
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.model.market import FloatArray, IntArray

TIME = (
    *("ts", "timestamp", "open_time", "opentime", "unix", "datetime", "time", "date", "t"),
    *("start", "start_time", "__index_level_0__", "index", "unnamed:_0", ""),
)
BARS: Mapping[str, tuple[str, ...]] = {
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price"),
    "volume": ("volume", "v", "vol", "base_volume", "volumefrom"),
}
_MARKET: Mapping[str, tuple[str, ...]] = {
    "market": ("symbol", "ticker", "instrument", "pair", "market", "coin")
}
_MOST_MARKETS = 5
_NO_VALUE = ["", "nan", "NaN", "NAN", "null", "NULL", "None", "NA", "N/A", "-"]
# a dump without header, as venues publish them: time, prices and volume come first
_BARE = ("open_time", "open", "high", "low", "close", "volume")
_VOLUME_OF = re.compile(r"volume_\(?([a-z0-9]+)\)?")
_MONEY = frozenset(
    (
        *("usd", "usdt", "usdc", "busd", "tusd", "fdusd", "dai", "currency", "quote"),
        *("eur", "gbp", "jpy", "krw", "try", "aud", "cad", "chf", "brl"),
    )
)
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
_BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
_SEPARATORS = ",;\t|"
_MAX_NAMED = 12


class OtherTable(DataError):
    """Table that lacks the asked columns: of another kind, so a search passes over it."""


def read_columns(
    data: bytes, file: str, fields: Mapping[str, tuple[str, ...]]
) -> tuple[IntArray, dict[str, FloatArray]]:
    """Return the timestamps (ns UTC) and the asked columns of a Parquet or CSV file.

    Parameters
    ----------
    data : bytes
        The file.
    file : str
        Its name: ``.parquet`` and ``.pq`` are Parquet, ``.gz`` is unpacked, the rest is CSV.
    fields : mapping of str to tuple of str
        Name wanted to the names it may have in the file (lower case, ``_`` for spaces), best
        first. Case doesn't matter, further columns are ignored.

    Raises
    ------
    DataError
        If the file is empty, can't be read, lacks a column, or has text where a number belongs.
    """
    if not data:
        raise DataError(f"{file}: is empty (0 bytes); write it again or leave it out")
    frame = _frame(data, file, fields)
    if not len(frame):
        raise DataError(f"{file}: has no rows; write it again or leave it out")
    clock = frame.get_column("clock") if "clock" in frame.columns else None
    ts = to_nanoseconds(frame.get_column("ts"), file, clock)
    _refuse_several(data, file, ts)
    return ts, {name: _numbers(frame.get_column(name), name, file) for name in fields}


def _frame(data: bytes, file: str, fields: Mapping[str, tuple[str, ...]]) -> pl.DataFrame:
    return _parquet(data, file, fields) if _is_parquet(file) else _csv(data, file, fields)


def _refuse_several(data: bytes, file: str, ts: IntArray) -> None:
    # tables of many markets are common; dropping rows for their timestamps would keep only one
    if (np.diff(ts) > 0).all() or len(np.unique(ts)) == len(ts):
        return
    try:
        markets = _frame(data, file, _MARKET).get_column("market")
    except DataError:
        return  # it says nothing of markets
    names = markets.drop_nulls().unique(maintain_order=True).cast(pl.String).to_list()
    if len(names) > 1:
        more = " ..." if len(names) > _MOST_MARKETS else ""
        raise DataError(
            f"{file}: holds {len(names)} markets ({', '.join(names[:_MOST_MARKETS])}{more});"
            " write a file for each"
        )


def _is_parquet(file: str) -> bool:
    return file.lower().endswith((".parquet", ".pq"))


def _plain(name: str) -> str:
    return re.sub(r"\s+", "_", name.strip().strip("<>\"'").strip().lower())


def _choose(
    columns: Sequence[str], file: str, fields: Mapping[str, tuple[str, ...]]
) -> dict[str, int]:
    # index of the column for each wanted name, and for "clock" where date and time stand apart
    plain = [_plain(column) for column in columns]
    chosen: dict[str, int] = {}
    for field, names in {"ts": TIME, **fields}.items():
        hit = next((name for name in names if name in plain), None)
        if hit is None and field == "volume":
            hit = _base_volume(plain)
        if hit is None:
            listed = ", ".join(map(repr, columns[:_MAX_NAMED]))
            more = " ..." if len(columns) > _MAX_NAMED else ""
            raise OtherTable(
                f"{file}: no column {field!r} among {listed}{more}; rename or add it"
                f" (understood: {', '.join(filter(None, names))})"
            )
        if plain.count(hit) > 1:
            raise DataError(f"{file}: two columns are named {hit!r}; keep one")
        chosen[field] = plain.index(hit)
    if plain[chosen["ts"]] == "time" and "date" in plain:
        chosen["clock"] = chosen["ts"]
        chosen["ts"] = plain.index("date")
    return chosen


def _base_volume(plain: Sequence[str]) -> str | None:
    # "Volume BTC" beside "Volume USDT": the one that is not counted in money
    found = {name: match[1] for name in plain if (match := _VOLUME_OF.fullmatch(name))}
    base = [name for name, unit in found.items() if unit not in _MONEY]
    return base[0] if len(base) == 1 else None


def _parquet(data: bytes, file: str, fields: Mapping[str, tuple[str, ...]]) -> pl.DataFrame:
    try:
        columns = list(pl.read_parquet_schema(io.BytesIO(data)))
        chosen = _choose(columns, file, fields)
        wanted = {columns[at]: name for name, at in chosen.items()}
        return pl.read_parquet(io.BytesIO(data), columns=list(wanted)).rename(wanted)
    except _BROKEN as error:
        raise _unreadable(file, "Parquet", error) from error


def _csv(data: bytes, file: str, fields: Mapping[str, tuple[str, ...]]) -> pl.DataFrame:
    if file.lower().endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise _unreadable(file, "gzip", error) from error
    head, start = _header(data, file)
    body = data[start:]
    if body[-4:].count(b"\n") > 1:
        # blank lines at the end are no rows
        body = body.rstrip()
    separator = max(_SEPARATORS, key=head.count)
    cells = [cell.strip().strip('"') for cell in head.split(separator)]
    bare = len(cells) >= len(_BARE) and all(_NUMBER.fullmatch(cell) for cell in cells)
    if bare:
        cells = [*_BARE, *(f"column {n + 1}" for n in range(len(_BARE), len(cells)))]
    chosen = sorted(_choose(cells, file, fields).items(), key=lambda item: item[1])
    try:
        # all as text, so that a word among the numbers can be named with its row
        frame = pl.read_csv(
            io.BytesIO(body),
            separator=separator,
            has_header=not bare,
            columns=[at for _, at in chosen],
            comment_prefix="#",
            null_values=_NO_VALUE,
            infer_schema=False,
        )
    except _BROKEN as error:
        for row, line in enumerate(body.splitlines(), start=int(bare)):
            if (n_cells := line.count(separator.encode()) + 1) > len(cells):
                raise DataError(
                    f"{file}, row {row}: has {n_cells} cells, the header has {len(cells)};"
                    " correct the row"
                ) from error
        raise _unreadable(file, "CSV", error) from error
    frame.columns = [name for name, _ in chosen]
    return frame


def _header(data: bytes, file: str) -> tuple[str, int]:
    # the first line with more than one cell, and where it begins; titles and comments go before it
    start = 0
    for line in io.BytesIO(data):
        try:
            text = line.decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{file}: is not text; save it as CSV in UTF-8, or as Parquet"
            ) from error
        if not text.startswith("#") and any(separator in text for separator in _SEPARATORS):
            return text, start
        start += len(line)
    raise DataError(f"{file}: has no header line; the first line names the columns")


def _unreadable(file: str, kind: str, error: Exception) -> DataError:
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    return DataError(f"{file}: can't be read as {kind} ({said}); write it again")


def _numbers(column: pl.Series, name: str, file: str) -> FloatArray:
    if column.dtype == pl.String:
        column = column.str.strip_chars()
    try:
        cast = column.cast(pl.Float64, strict=False)
    except _BROKEN as error:
        raise DataError(
            f"{file}: column {name!r} holds {column.dtype}, not numbers; store numbers"
        ) from error
    if cast.null_count() > column.null_count():
        lost = (cast.is_null() & column.is_not_null()).to_numpy()
        at = int(np.argmax(lost))
        raise DataError(f"{file}, row {at + 1}: {name} is {column[at]!r}; write a number")
    return np.ascontiguousarray(cast.to_numpy(), dtype=np.float64)
