"""Funding payments of perpetuals from files, and onto the bars that they fall in.

Layout: ``<anything>/funding/<venue>/<SYMBOL>.parquet`` (or CSV), one row per payment: time and
rate. Payments are taken as they come; their spacing is never assumed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tutti.adapters.feeds.files import SUFFIXES, describe, find_files, stem, venue_of
from tutti.adapters.feeds.series import NO_TIME
from tutti.adapters.feeds.table import read_columns
from tutti.kernel.clock import MINUTE, SECOND
from tutti.model.errors import DataError
from tutti.model.instrument import InstrumentId
from tutti.model.market import FloatArray, IntArray, MarketBlock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_RATE = {"rate": ("rate", "funding_rate", "fundingrate", "open", "close")}
_JITTER = 5 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """Payments of one instrument, oldest first.

    Parameters
    ----------
    ts : ndarray of int64, shape (p,)
        ns UTC, strictly rising.
    rate : ndarray of float64, shape (p,)
        Fraction of notional; positive when longs pay.
    dropped : int
        Impossible rows dropped by ``repair``.
    """

    instrument: InstrumentId
    file: str
    sha256: str
    ts: IntArray
    rate: FloatArray
    dropped: int


def read_funding(patterns: Sequence[str | Path], *, repair: bool = False) -> tuple[Funding, ...]:
    """Return the payments in the files, one value per file.

    Stamps are rounded to the second, and to the minute where they miss it by at most 5 s: venues
    book a payment a moment after the hour it is due.

    Parameters
    ----------
    patterns : sequence of str or Path
        See ``find_files``.
    repair : bool
        Drop impossible rows and count them, instead of refusing the file.

    Raises
    ------
    ConfigError
        If nothing matches.
    DataError
        If a file can't be read or, without ``repair``, a rate is not finite or not below 1, or a
        timestamp is missing, repeated or earlier than the one before.
    """
    return tuple(_read(path, repair=repair) for path in find_files(patterns))


def funding_beside(bars: Iterable[str | Path]) -> list[Path]:
    """Return the funding files that belong to bar files of the layout, where they exist."""
    found: dict[Path, None] = {}
    for path in map(Path, bars):
        venue = path.parent
        if venue.parent.name == "ohlcv":
            folder = venue.parent.parent / "funding" / venue.name
            symbol = describe(path).instrument.symbol
            names = (folder / f"{symbol}{suffix}" for suffix in SUFFIXES)
            found.update(dict.fromkeys(name for name in names if name.is_file()))
    return list(found)


def with_funding(block: MarketBlock, funding: Iterable[Funding]) -> MarketBlock:
    """Return the block with ``funding[t]`` the sum of the rates paid in ``(ts, ts + step]``.

    Payments of instruments that are not in the block, or at times it has no row for, are left out.
    """
    columns = {instrument: column for column, instrument in enumerate(block.instruments)}
    paid = block.funding.copy()
    for each in funding:
        column = columns.get(each.instrument)
        if column is None:
            continue
        row = np.searchsorted(block.ts, each.ts, side="left") - 1
        within = row >= 0
        within[within] = each.ts[within] <= block.ts[row[within]] + block.step
        np.add.at(paid[:, column], row[within], each.rate[within])
    return replace(block, funding=paid)


def _read(path: Path, *, repair: bool) -> Funding:
    name = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{name}: can't be read ({error.strerror}); check the file") from error
    ts, columns = read_columns(data, name, _RATE)
    rate = columns["rate"]
    ts = np.where(ts == NO_TIME, NO_TIME, _without_jitter(ts))
    newest = np.maximum.accumulate(ts)
    good = (ts != NO_TIME) & (np.abs(rate) < 1.0)
    good[1:] &= ts[1:] > newest[:-1]
    dropped = int((~good).sum())
    if dropped and not repair:
        at = int(np.argmin(good))
        raise DataError(
            f"{name}, row {at + 1}: rate {rate[at]} is not a fraction below 1, or the timestamp is"
            f" missing, repeated or earlier than before ({dropped} such rows); correct the file, or"
            " use --repair to drop them"
        )
    return Funding(
        instrument=InstrumentId(stem(path), venue_of(path, "funding")),
        file=name,
        sha256=hashlib.sha256(data).hexdigest(),
        ts=ts[good],
        rate=rate[good],
        dropped=dropped,
    )


def _without_jitter(ts: IntArray) -> IntArray:
    second = (ts + SECOND // 2) // SECOND * SECOND
    minute = (ts + MINUTE // 2) // MINUTE * MINUTE
    return np.where(np.abs(second - minute) <= _JITTER, minute, second)
