"""Where ``tutti data sync`` puts rows: Parquet files by month, day or year, each row with its times.

::

    <folder>/text/<source>/2024-03.parquet
    <folder>/readings/<source>/2024.parquet
    <folder>/ohlcv/<venue>/BTC-USDT_1h_2024.parquet          what `--bars` and `feed.bars` read
    <folder>/corrections/<venue>/BTC-USDT_1h_2024.parquet    bars that a source told otherwise later
    <folder>/trades/<venue>/BTC-USDT_2024-03-01.parquet

Rows are merged by what they are about: the same again adds nothing, so that a page may be stored
twice; another value for the same is a correction, known when it was received, beside the first.
A file is replaced as a whole, so that a reader and a crash see the old one or the new one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tutti.adapters.feeds.timeframe import format_timeframe
from tutti.adapters.stores.point_in_time.rows import READING, STAMPS, TEXT
from tutti.kernel.clock import HOUR, MINUTE

if TYPE_CHECKING:
    from pathlib import Path

_MORE = {"published_at": pl.Int64, "received_at": pl.Int64}
TEXT_ROWS = {**TEXT, **_MORE}
READING_ROWS = {**READING, **_MORE}
BAR_ROWS = {
    "ts": pl.Int64, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64,
    "close": pl.Float64, "volume": pl.Float64, "known_at": pl.Int64, **_MORE,
}  # fmt: skip
TRADE_ROWS = {
    "ts": pl.Int64, "price": pl.Float64, "qty": pl.Float64, "side": pl.String,
    "trade_id": pl.String, "known_at": pl.Int64, **_MORE,
}  # fmt: skip
_SIDES = ("open", "high", "low", "close", "volume")
Schema = dict[str, type[pl.DataType]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What came of storing rows: how many were new, how many corrected what was known."""

    rows: int = 0
    corrections: int = 0

    def __add__(self, other: Added) -> Added:
        return Added(rows=self.rows + other.rows, corrections=self.corrections + other.corrections)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What bars or trades are of, as files are named; ``step`` (ns) is 0 for trades."""

    venue: str
    symbol: str
    step: int = 0


class PointInTimeStore:
    """Folder of everything that was harvested.

    Parameters
    ----------
    folder : Path
        Made when the first row is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add_texts(self, source: str, rows: pl.DataFrame) -> Added:
        """Store rows of texts; their columns are ``TEXT_ROWS``."""
        merge = _Merge(keys=("symbol", "source", "id"), content=("title", "text"))
        return _add(self.folder / "text" / source, "%Y-%m", merge, rows)

    def add_readings(
        self,
        source: str,
        rows: pl.DataFrame,
        *,
        has_vintages: bool = False,
        is_computed: bool = False,
    ) -> Added:
        """Store rows of readings; their columns are ``READING_ROWS``.

        Parameters
        ----------
        has_vintages : bool
            Whether the source says itself when each value of a period became known.
        is_computed : bool
            Whether the values follow from other rows of the store: one that is computed anew takes
            the place of the earlier, which nobody was told.
        """
        merge = _Merge(
            keys=("symbol", "kind", "source", "name", "ts"),
            content=("value",),
            has_vintages=has_vintages,
            is_computed=is_computed,
        )
        return _add(self.folder / "readings" / source, "%Y", merge, rows)

    def add_bars(self, market: Market, rows: pl.DataFrame) -> Added:
        """Store bars; their columns are ``BAR_ROWS``. The first that was told of a bar stays."""
        period = "%Y" if market.step >= HOUR else "%Y-%m" if market.step >= MINUTE else "%Y-%m-%d"
        stem = f"{market.symbol}_{format_timeframe(market.step)}"
        where = self.folder / "ohlcv" / market.venue.lower()
        added = Added()
        for name, part in _by_period(rows, period):
            first = where / f"{stem}_{name}.parquet"
            later = self.folder / "corrections" / market.venue.lower() / first.name
            added = added + _merge_bars(first, later, part)
        return added

    def add_trades(self, market: Market, rows: pl.DataFrame) -> Added:
        """Store trades; their columns are ``TRADE_ROWS``."""
        merge = _Merge(keys=("trade_id",), content=())
        return _add(
            self.folder / "trades" / market.venue.lower(), "%Y-%m-%d", merge, rows, market.symbol
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merge:
    """How rows of one kind are told apart, and what of them may be corrected."""

    keys: tuple[str, ...]
    content: tuple[str, ...]
    has_vintages: bool = False
    is_computed: bool = False

    def into(self, path: Path, fresh: pl.DataFrame) -> Added:
        """Merge rows into a file; it is left alone where they add nothing."""
        old = read_stored(path, dict(fresh.schema))
        if self.is_computed:
            return self._anew(path, old, fresh)
        if not self.has_vintages:
            fresh = self._against(old, fresh)
        both = pl.concat((old, fresh)).sort("known_at", "received_at", *self.keys)
        if self.content:
            differs = pl.any_horizontal(
                pl.col(name).ne_missing(pl.col(name).shift(1).over(self.keys))
                for name in self.content
            )
            # the first of its key has nothing before it to differ from, whatever its content
            is_first = pl.int_range(pl.len()).over(self.keys) == 0
            kept = both.filter(differs | is_first)
        else:
            kept = both.unique(subset=list(self.keys), keep="first", maintain_order=True)
        grown = len(kept) - len(old)
        if not grown:
            return Added()
        corrections = _n_again(kept, self.keys) - _n_again(old, self.keys)
        _write(path, kept)
        return Added(rows=grown, corrections=max(corrections, 0))

    def _anew(self, path: Path, old: pl.DataFrame, fresh: pl.DataFrame) -> Added:
        """Put rows in the place of those with the same keys."""
        told = old.select(*self.keys, *self.content)
        changed = fresh.join(told, on=[*self.keys, *self.content], how="anti", nulls_equal=True)
        if not len(changed):
            return Added()
        new = changed.join(old, on=list(self.keys), how="anti")
        kept = old.join(changed, on=list(self.keys), how="anti")
        _write(path, pl.concat((kept, changed)).sort("known_at", "received_at", *self.keys))
        return Added(rows=len(new), corrections=len(changed) - len(new))

    def _against(self, old: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
        """Leave out what says no more than what is stored; date corrections by their arrival."""
        if not len(old) or not self.content:
            return fresh
        latest = old.unique(subset=list(self.keys), keep="last", maintain_order=True)
        told = latest.select(
            *self.keys, pl.lit(value=True).alias("stored"),
            *(pl.col(name).alias(f"{name} stored") for name in self.content),
        )  # fmt: skip
        joined = fresh.join(told, on=list(self.keys), how="left", maintain_order="left")
        is_stored = pl.col("stored").fill_null(value=False)
        differs = pl.any_horizontal(
            pl.col(name).ne_missing(pl.col(f"{name} stored")) for name in self.content
        )
        later = pl.max_horizontal("known_at", "received_at")
        return joined.filter(~is_stored | differs).select(
            pl.when(is_stored).then(later).otherwise(pl.col(name)).alias(name)
            if name == "known_at"
            else pl.col(name)
            for name in fresh.columns
        )


def _add(folder: Path, period: str, merge: _Merge, rows: pl.DataFrame, stem: str = "") -> Added:
    added = Added()
    for name, part in _by_period(rows, period):
        added = added + merge.into(folder / f"{stem}{'_' if stem else ''}{name}.parquet", part)
    return added


def read_stored(path: Path, schema: dict[str, pl.DataType] | Schema) -> pl.DataFrame:
    """Return the rows of a file of the store, instants as integers; none where there is no file."""
    if not path.exists():
        return pl.DataFrame(schema=schema)
    frame = pl.read_parquet(path).select(*schema)
    return frame.with_columns(pl.col(name).to_physical() for name in STAMPS if name in schema)


def _merge_bars(first: Path, later: Path, fresh: pl.DataFrame) -> Added:
    fresh = fresh.unique(subset=["ts", *_SIDES], keep="first", maintain_order=True)
    old = read_stored(first, dict(fresh.schema))
    new = fresh.join(old, on="ts", how="anti").unique(
        subset=["ts"], keep="first", maintain_order=True
    )
    if len(new):
        _write(first, pl.concat((old, new)).sort("ts"))
    # under other names, so that nobody takes corrections for bars
    names = {name: f"corrected_{name}" for name in _SIDES}
    before = read_stored(later, dict(fresh.rename(names).schema)).rename(
        {new_name: name for name, new_name in names.items()}
    )
    told = pl.concat((old, new, before))
    changed = fresh.join(told, on=["ts", *_SIDES], how="anti", nulls_equal=True)
    if len(changed):
        known = changed.with_columns(pl.max_horizontal("known_at", "received_at").alias("known_at"))
        _write(later, pl.concat((before, known)).sort("known_at", "ts").rename(names))
    return Added(rows=len(new), corrections=len(changed))


def _by_period(rows: pl.DataFrame, period: str) -> list[tuple[str, pl.DataFrame]]:
    if not len(rows):
        return []
    named = rows.with_columns(
        pl.from_epoch("ts", time_unit="ns").dt.strftime(period).alias("period")
    )
    parts = named.partition_by("period", maintain_order=True)
    return [(str(part["period"][0]), part.drop("period")) for part in parts]


def _n_again(frame: pl.DataFrame, keys: tuple[str, ...]) -> int:
    return len(frame) - frame.select(keys).n_unique()


def _write(path: Path, frame: pl.DataFrame) -> None:
    shown = frame.with_columns(
        pl.from_epoch(name, time_unit="ns").dt.replace_time_zone("UTC")
        for name in STAMPS
        if name in frame.columns
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        shown.write_parquet(file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
