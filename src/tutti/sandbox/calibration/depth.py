"""Reads a table of depth, one row an instant: levels as distances from the mid, and signed volume."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tutti.model.errors import DataError
from tutti.sandbox.calibration.recording import (
    BUY,
    SELL,
    BookEvents,
    Quotes,
    Recording,
    Trades,
    instrument_of,
    recorded_file,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.model.market import FloatArray, IntArray

_NEEDED = ("ts", "midpoint", "spread", "buy_notional", "sell_notional")
_LEVEL = re.compile(r"bids_distance_(\d+)")


def read_depth(path: Path) -> Recording:
    """Read a table of depth as a recording.

    Columns: ts, midpoint, spread, buy_notional and sell_notional (since the row before), and for
    each level k ``bids_distance_k`` (a fraction of the mid, negative), ``bids_notional_k``, and the
    same of asks. Each row is a whole book. Volume has no prices of its own: it stands as one
    purchase and one sale at the mid, so bars of such a recording have the range of its mids, which
    is less than that of trades, and must be many rows long. Orders of the market can't be told.

    Raises
    ------
    DataError
        If it can't be read, lacks a column, or holds impossible values.
    """
    table = _table(path)
    mid = table["midpoint"].to_numpy().astype(np.float64)
    half = table["spread"].to_numpy().astype(np.float64) / 2.0
    ts = table["ts"].dt.cast_time_unit("ns").to_physical().to_numpy().astype(np.int64)
    if not ((mid > half) & (half >= 0.0)).all():
        row = int(np.flatnonzero(~((mid > half) & (half >= 0.0)))[0])
        raise DataError(f"{path}:{row + 1}: midpoint and spread must be positive; remove the row")
    return Recording(
        instrument=instrument_of(path),
        name=path.stem,
        clock="exchange",
        trades=_flow(table, ts, mid),
        quotes=Quotes(ts=ts, event_ts=None, bid=mid - half, ask=mid + half),
        book=_levels(table, ts, mid),
        received_ts=np.zeros(0, np.int64),
        delay_ns=np.zeros(0, np.int64),
        files=(recorded_file("depth", path, len(table)),),
    )


def _table(path: Path) -> pl.DataFrame:
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{path}: can't be read ({type(error).__name__}); name a Parquet file"
        ) from error
    missing = [name for name in (*_NEEDED, "bids_distance_0", "asks_distance_0")
               if name not in table.columns]  # fmt: skip
    if missing:
        raise DataError(f"{path}: no column {', '.join(missing)}; see the how-to for its form")
    return table.drop_nulls().sort("ts", maintain_order=True)


def _flow(table: pl.DataFrame, ts: IntArray, mid: FloatArray) -> Trades:
    bought, sold = (
        table[name].to_numpy().astype(np.float64) / mid
        for name in ("buy_notional", "sell_notional")
    )
    quantity = np.stack([bought, sold], axis=1).ravel()
    traded = quantity > 0.0
    stamps = np.repeat(ts, 2)[traded]
    return Trades(
        ts=stamps,
        event_ts=stamps,
        price=np.repeat(mid, 2)[traded],
        quantity=quantity[traded],
        side=np.tile(np.array([BUY, SELL], np.int64), len(ts))[traded],
    )


def _levels(table: pl.DataFrame, ts: IntArray, mid: FloatArray) -> BookEvents:
    count = sum(bool(_LEVEL.fullmatch(name)) for name in table.columns)
    prices, quantities, sides = [], [], []
    for name, side in (("bids", BUY), ("asks", SELL)):
        for level in range(count):
            distance = table[f"{name}_distance_{level}"].to_numpy().astype(np.float64)
            price = mid * (1.0 + distance)
            notional = table[f"{name}_notional_{level}"].to_numpy().astype(np.float64)
            prices.append(price)
            quantities.append(notional / price)
            sides.append(np.full(len(ts), side, np.int64))
    # row by row, so that the levels of one instant stand together
    return BookEvents(
        ts=np.repeat(ts, 2 * count),
        is_snapshot=np.ones(2 * count * len(ts), bool),
        side=np.stack(sides, axis=1).ravel(),
        price=np.stack(prices, axis=1).ravel(),
        quantity=np.stack(quantities, axis=1).ravel(),
        last_id=np.zeros(2 * count * len(ts), np.int64),
    )
