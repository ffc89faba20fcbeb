"""What has been collected into a folder, by source and symbol."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from tutti.adapters.harvest.cursors import Cursors
from tutti.kernel.clock import iso
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Rows of one symbol from one source.

    Parameters
    ----------
    symbol : str
        Empty for the market as a whole; bars carry their length, as ``BTC-USDT 1h``.
    first, last : str
        Stamps of the oldest and the newest row.
    last_sync : str
        When the source was last asked; empty for never.
    bytes : int
        Of the files; shared evenly by rows where several symbols share them.
    """

    source: str
    kind: str
    symbol: str
    rows: int
    first: str
    last: str
    last_sync: str
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def what_is_stored(folder: Path) -> list[Stored]:
    """Return what a folder holds, by kind, source and symbol.

    Raises
    ------
    DataError
        If a file can't be read.
    """
    asked = {
        each.name: max((p.last_sync for p in Cursors(each).all()), default=0)
        for each in sorted((folder / ".sync").glob("*"))
        if each.is_dir()
    }
    found: dict[tuple[str, str, str], list[tuple[int, int, int, int]]] = defaultdict(list)
    for kind, source, symbol, rows, first, last, size in _parts(folder):
        found[kind, source, symbol].append((rows, first, last, size))
    return [
        Stored(
            source=source,
            kind=kind,
            symbol=symbol,
            rows=sum(each[0] for each in parts),
            first=iso(min(each[1] for each in parts)),
            last=iso(max(each[2] for each in parts)),
            last_sync=_said(asked, kind, source),
            bytes=sum(each[3] for each in parts),
        )
        for (kind, source, symbol), parts in sorted(found.items())
    ]


def _said(asked: dict[str, int], kind: str, source: str) -> str:
    names = (source, f"{source}_{kind}", "yfinance" if source == "yahoo" else source)
    at = max((asked.get(name, 0) for name in names), default=0)
    return iso(at) if at else ""


def _parts(folder: Path) -> Iterator[tuple[str, str, str, int, int, int, int]]:
    for kind, place in (("bars", "ohlcv"), ("trades", "trades")):
        for path in sorted((folder / place).glob("*/*.parquet")):
            name = path.stem.rpartition("_")[0]
            symbol = name.replace("_", " ") if kind == "bars" else name
            for _, rows, first, last in _counted(path, by=""):
                yield kind, path.parent.name, symbol, rows, first, last, path.stat().st_size
    for kind, place in (("texts", "text"), ("readings", "readings")):
        for path in sorted((folder / place).glob("*/*.parquet")):
            counted = _counted(path, by="symbol")
            whole = sum(each[1] for each in counted)
            for symbol, rows, first, last in counted:
                size = path.stat().st_size * rows // whole
                yield kind, path.parent.name, symbol, rows, first, last, size


def _counted(path: Path, *, by: str) -> list[tuple[str, int, int, int]]:
    try:
        lazy = pl.scan_parquet(path)
        stamps = pl.col("ts").to_physical()
        name = pl.col(by) if by else pl.lit("")
        counted = (
            lazy.group_by(name.alias("name"))
            .agg(pl.len().alias("rows"), stamps.min().alias("first"), stamps.max().alias("last"))
            .sort("name")
            .collect()
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        said = str(error).splitlines()[0]
        raise DataError(f"{path}: can't be read ({said}); get it again") from error
    return [(str(a), int(b), int(c), int(d)) for a, b, c, d in counted.iter_rows()]
