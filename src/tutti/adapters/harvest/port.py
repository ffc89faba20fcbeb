"""What a source is asked, and how its answers become rows."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import polars as pl

from tutti.adapters.stores.point_in_time.lags import AT_ONCE, Lag
from tutti.model.errors import Transient

_SHOWN = 60


class RowKind(StrEnum):
    """What a source tells."""

    BARS = "bars"
    TRADES = "trades"
    TEXTS = "texts"
    READINGS = "readings"


COLUMNS: dict[RowKind, dict[str, type[pl.DataType]]] = {
    RowKind.BARS: {
        "ts": pl.Int64, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64,
        "close": pl.Float64, "volume": pl.Float64,
    },
    RowKind.TRADES: {
        "ts": pl.Int64, "price": pl.Float64, "qty": pl.Float64, "side": pl.String,
        "trade_id": pl.String,
    },
    RowKind.TEXTS: {
        "id": pl.String, "symbol": pl.String, "kind": pl.String, "source": pl.String,
        "title": pl.String, "text": pl.String, "url": pl.String, "ts": pl.Int64,
    },
    RowKind.READINGS: {
        "symbol": pl.String, "kind": pl.String, "source": pl.String, "name": pl.String,
        "value": pl.Float64, "ts": pl.Int64, "vintage": pl.Int64,
    },
}  # fmt: skip
"""Columns of parsed rows, in order. ``ts`` is ns UTC: of the bar's start, the trade, the text, the
start of the period that a reading measures. ``vintage`` is when a source says that it first told
this value, 0 where it does not say."""

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is known of a source beforehand.

    Parameters
    ----------
    lag : Lag
        How long after a row's ``ts`` (of a bar: its end) the source publishes it.
    per_second : float
        Requests that it allows, in the long run.
    remembers : bool
        Whether what was once asked for needs not be asked for again: bars that are over, trades.
    grid : int
        Length of what is told wholly or not at all, such as a day, ns; 0 for none, and of bars, whose
        own length it is.
    overlap : int
        How much of the time before now is asked for again, as something may still be added to it, ns.
    has_vintages : bool
        Whether it says itself when each value became known.
    key : str
        Name under which a key is looked up; empty where none is needed.
    needs_key : bool
        Whether it answers nobody without one.
    """

    name: str
    kind: RowKind
    lag: Lag = AT_ONCE
    per_second: float = 1.0
    remembers: bool = False
    grid: int = 0
    overlap: int = 0
    has_vintages: bool = False
    key: str = ""
    needs_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One thing that a source is asked for again and again.

    Parameters
    ----------
    name : str
        The source's own word for it: a ticker, a feed's address, a subreddit.
    symbol : str
        What its rows are about, as ``BTC``; for bars and trades the symbol of the instrument.
    venue : str
        Of bars and trades.
    step : int
        Length of a bar, ns.
    """

    name: str
    symbol: str = ""
    venue: str = ""
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Time that is asked for: ``since <= ts < until``, ns UTC."""

    since: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer as it was received, and the address that it came from, secrets included."""

    body: bytes
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What one answer says.

    Parameters
    ----------
    rows : sequence of tuple
        In the columns of the kind.
    next : str or None
        Cursor of the next page; None when this was the last.
    upto : int
        Everything before this instant (ns UTC) has been told now; 0 where that can't be said.
    """

    rows: Sequence[Row]
    next: str | None = None
    upto: int = 0


class Connector(Protocol):
    """One source."""

    terms: Terms

    @abstractmethod
    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return what is asked for by these words of the user; its usual ones for none.

        Raises
        ------
        ConfigError
            If a word is not understood, or one is needed.
        """
        raise NotImplementedError

    @abstractmethod
    def start(self, series: Series, window: Window) -> str:
        """Return the cursor of the first page."""
        raise NotImplementedError

    @abstractmethod
    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for one page.

        Raises
        ------
        Transient
            If it may be asked again.
        VenueError, ConfigError
            If that would be of no use.
        """
        raise NotImplementedError

    @abstractmethod
    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return what a page says; nothing is asked for it, so that it can be done again.

        Raises
        ------
        Transient
            If it is no answer, or cut off.
        """
        raise NotImplementedError

    @abstractmethod
    async def describe(self, series: Series) -> bytes:
        """Return what parsing needs beside the pages; empty for nothing. It is kept with them."""
        raise NotImplementedError

    @abstractmethod
    def recall(self, series: Series, description: bytes) -> None:
        """Take back what `describe` returned, before pages are parsed again without asking."""
        raise NotImplementedError

    @abstractmethod
    async def close(self) -> None:
        """End its connections."""
        raise NotImplementedError


def json_in(body: bytes, source: str) -> Any:
    """Return the JSON of an answer.

    Raises
    ------
    Transient
        If it is a web page, empty, or cut off.
    """
    try:
        return json.loads(body)
    except ValueError as error:
        start = " ".join(body[:_SHOWN].decode("utf-8", "replace").split())
        what = "a web page" if start.startswith("<") else "nothing" if not body else "no whole JSON"
        raise Transient(
            f"answered with {what} ({start!r}) instead of JSON", venue=source
        ) from error
