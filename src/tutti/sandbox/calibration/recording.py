"""Reads recorded trades, best quotes and order books of one instrument into arrays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from tutti.model.errors import DataError
from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_FAR_APART = 0.1
BUY: Final = 1
SELL: Final = -1

_TRADES = ("price", "qty", "side")
_QUOTES = ("bid", "ask")
_BOOK = ("event", "side", "price", "qty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """Prints of the market, oldest first.

    Parameters
    ----------
    ts : ndarray of int64, shape (k,)
        ns UTC by the recording's clock; several may share one.
    event_ts : ndarray of int64, shape (k,)
        ns UTC by the exchange's clock: prints of one order share it.
    price, quantity : ndarray of float64, shape (k,)
        Quote currency; base units or contracts.
    side : ndarray of int64, shape (k,)
        The aggressor's: +1 bought, -1 sold.
    """

    ts: IntArray
    event_ts: IntArray
    price: FloatArray
    quantity: FloatArray
    side: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Best bid and ask on every change, oldest first; times as in `Trades`.

    ``event_ts`` is None where the exchange stamps no quotes.
    """

    ts: IntArray
    event_ts: IntArray | None
    bid: FloatArray
    ask: FloatArray

    @property
    def mid(self) -> FloatArray:
        """Middle of bid and ask, quote currency."""
        return (self.bid + self.ask) / 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BookEvents:
    """Levels of an order book as they were set, oldest first.

    Parameters
    ----------
    ts : ndarray of int64, shape (k,)
        ns UTC by the recording's clock.
    is_snapshot : ndarray of bool, shape (k,)
        True for a level of a whole book, which replaces all before it.
    side : ndarray of int64, shape (k,)
        +1 for a bid, -1 for an ask.
    price, quantity : ndarray of float64, shape (k,)
        New size of the level, 0 where it is gone.
    last_id : ndarray of int64, shape (k,)
        Number of the last update that the row includes; 0 where the venue gives none.
    """

    ts: IntArray
    is_snapshot: np.ndarray[tuple[int], np.dtype[np.bool_]]
    side: IntArray
    price: FloatArray
    quantity: FloatArray
    last_id: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """One file that went in."""

    kind: str
    path: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What was recorded of one instrument at one time.

    Parameters
    ----------
    clock : str
        ``received`` where all streams carry the recorder's stamp, else ``exchange``.
    received_ts, delay_ns : ndarray of int64, shape (k,)
        Of each message with both stamps: when it was received, and how much later by its stamps
        than the exchange sent it; includes the offset between the two clocks.
    """

    instrument: InstrumentId
    name: str
    clock: str
    trades: Trades
    quotes: Quotes
    book: BookEvents | None
    received_ts: IntArray
    delay_ns: IntArray
    files: tuple[RecordedFile, ...]


def read_recording(trades: Path, quotes: Path, book: Path | None = None) -> Recording:
    """Read the files of one instrument; its id is read off folder and name, ``venue/SYMBOL_...``.

    Raises
    ------
    DataError
        If a file can't be read, lacks a column, or holds impossible values.
    """
    tables = {"trades": _table(trades, _TRADES), "quotes": _table(quotes, _QUOTES)}
    paths = {"trades": trades, "quotes": quotes}
    if book is not None:
        tables["book"], paths["book"] = _table(book, _BOOK), book
    received = all(_is_whole(table, "ts_recv") for table in tables.values())
    if not received:
        for kind, table in tables.items():
            if not _is_whole(table, "ts"):
                raise DataError(
                    f"{paths[kind]}: no exchange time in some rows, and the other streams have no "
                    "time of receipt; record both"
                )
    clock = "ts_recv" if received else "ts"
    ordered = {kind: table.sort(clock, maintain_order=True) for kind, table in tables.items()}
    received_ts, delay_ns = _delays(tables.values())
    prints = _trades(ordered["trades"], clock, trades)
    tops = _quotes(ordered["quotes"], clock, quotes)
    _refuse_strangers(trades, prints, quotes, tops)
    return Recording(
        instrument=instrument_of(trades),
        name=trades.stem,
        clock="received" if received else "exchange",
        trades=prints,
        quotes=tops,
        book=_book(tables["book"], clock, paths["book"]) if book is not None else None,
        received_ts=received_ts,
        delay_ns=delay_ns,
        files=tuple(recorded_file(kind, paths[kind], len(tables[kind])) for kind in tables),
    )


def _refuse_strangers(trades: Path, prints: Trades, quotes: Path, tops: Quotes) -> None:
    paid, quoted = float(np.median(prints.price)), float(np.median(tops.mid))
    if abs(paid / quoted - 1.0) > _FAR_APART:
        raise DataError(
            f"{trades}: trades at about {paid:g}, and {quotes} has quotes at about {quoted:g}: not "
            "one market; name the streams of one recording"
        )


def matching(paths: Sequence[Path], wanted: Path) -> Path | None:
    """Return the file of ``paths`` that is of the same venue, instrument and time as ``wanted``.

    Of several, the one that lies nearest.
    """
    alike = [
        path for path in paths if (path.parent.name, path.stem) == (wanted.parent.name, wanted.stem)
    ]
    return max(alike, key=lambda path: _shared(path, wanted), default=None)


def _shared(first: Path, second: Path) -> int:
    # folders that two files have in common, from the top
    pairs = zip(first.resolve().parts, second.resolve().parts, strict=False)
    return next((n for n, (mine, yours) in enumerate(pairs) if mine != yours), 0)


def instrument_of(path: Path) -> InstrumentId:
    """Return ``SYMBOL.VENUE`` of a file ``venue/SYMBOL_whatever.parquet``."""
    venue = path.resolve().parent.name.upper().replace(".", "_") or "LOCAL"
    return InstrumentId(path.stem.partition("_")[0].upper(), venue)


def _table(path: Path, needed: Sequence[str]) -> pl.DataFrame:
    try:
        table = (
            pl.read_parquet(path)
            if path.suffix == ".parquet"
            else pl.read_csv(path, try_parse_dates=True)
        )
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; name a recording in Parquet or CSV") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{path}: can't be read ({type(error).__name__}); name a Parquet or CSV file"
        ) from error
    missing = [name for name in ("ts", *needed) if name not in table.columns]
    if missing:
        raise DataError(
            f"{path}: no column {', '.join(missing)}; there are {', '.join(table.columns)}"
        )
    if not len(table):
        raise DataError(f"{path}: holds no rows; record for longer")
    return table


def _is_whole(table: pl.DataFrame, name: str) -> bool:
    return name in table.columns and table[name].null_count() == 0


def _ns(table: pl.DataFrame, name: str) -> IntArray:
    return table[name].dt.cast_time_unit("ns").to_physical().to_numpy().astype(np.int64)


def _floats(table: pl.DataFrame, name: str, path: Path, *, zero: bool = False) -> FloatArray:
    values: FloatArray = table[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    bad = ~np.isfinite(values) | ((values < 0) if zero else (values <= 0))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{path}:{row + 1}: {name} must be {'at least' if zero else 'above'} 0, "
            f"was {values[row]}; remove the row"
        )
    return values


def _trades(table: pl.DataFrame, clock: str, path: Path) -> Trades:
    event = "ts" if _is_whole(table, "ts") else clock
    return Trades(
        ts=_ns(table, clock),
        event_ts=_ns(table, event),
        price=_floats(table, "price", path),
        quantity=_floats(table, "qty", path),
        side=_sides(table, path, "buy", "sell"),
    )


def _quotes(table: pl.DataFrame, clock: str, path: Path) -> Quotes:
    bid, ask = _floats(table, "bid", path), _floats(table, "ask", path)
    if (bid > ask).any():
        row = int(np.flatnonzero(bid > ask)[0])
        raise DataError(f"{path}:{row + 1}: bid {bid[row]} is above ask {ask[row]}; remove the row")
    stamped = _ns(table, "ts") if _is_whole(table, "ts") else None
    return Quotes(ts=_ns(table, clock), event_ts=stamped, bid=bid, ask=ask)


def _book(table: pl.DataFrame, clock: str, path: Path) -> BookEvents:
    if not (table["event"] == "snapshot").any():
        raise DataError(
            f"{path}: no snapshot, and a book of changes alone is never known to be whole; record "
            "one at the start, or leave this file out"
        )
    # file order counts among rows of one time, so nothing is sorted here
    ids = table["last_id"].fill_null(0).to_numpy() if "last_id" in table.columns else None
    return BookEvents(
        ts=_ns(table, clock),
        is_snapshot=(table["event"] == "snapshot").to_numpy(),
        side=_sides(table, path, "bid", "ask"),
        price=_floats(table, "price", path),
        quantity=_floats(table, "qty", path, zero=True),
        last_id=np.zeros(len(table), np.int64) if ids is None else ids.astype(np.int64),
    )


def _sides(table: pl.DataFrame, path: Path, up: str, down: str) -> IntArray:
    words = table["side"].str.to_lowercase()
    strange = table.filter(~words.is_in([up, down]))
    if len(strange):
        raise DataError(f"{path}: side must be {up} or {down}, was {strange['side'][0]!r}")
    return np.where((words == up).to_numpy(), BUY, SELL).astype(np.int64)


def _delays(tables: Iterable[pl.DataFrame]) -> tuple[IntArray, IntArray]:
    parts = [
        table.select("ts", "ts_recv").drop_nulls() for table in tables if "ts_recv" in table.columns
    ]
    both = [(_ns(part, "ts_recv"), _ns(part, "ts")) for part in parts if len(part)]
    if not both:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    received = np.concatenate([got for got, _ in both])
    sent = np.concatenate([gone for _, gone in both])
    order = np.argsort(received, kind="stable")
    return received[order], (received - sent)[order]


def recorded_file(kind: str, path: Path, rows: int) -> RecordedFile:
    """Return what is noted of a file that was read."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return RecordedFile(kind=kind, path=str(path), sha256=digest, rows=rows)
