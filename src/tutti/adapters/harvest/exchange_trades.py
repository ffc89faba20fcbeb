"""Trades of any exchange that ccxt knows, oldest first where it can be asked so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.adapters.harvest.exchange import ByExchange
from tutti.adapters.harvest.port import Answer, Parsed, Row, RowKind, Series, Terms, Window
from tutti.adapters.stores.point_in_time.rows import content_id
from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.adapters.harvest.exchange import Exchange

_MILLISECOND = 1_000_000
_PAGE = 1000
_SKIP_MS = 3_600_000
_LATE = 10 * SECOND  # trades are told in no strict order


class ExchangeTrades(ByExchange):
    """Asks for trades; a cursor is the millisecond to go on at.

    Many exchanges tell the newest trades only, whatever they are asked: then the past stays empty,
    and ``--watch`` collects what comes.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.terms = Terms(
            name=f"{exchange.venue.lower()}_trades",
            kind=RowKind.TRADES,
            remembers=True,
            overlap=_LATE,
        )
        super().__init__(exchange)

    def series(self, symbols: Sequence[str]) -> list[Series]:
        """Return instruments.

        Raises
        ------
        ConfigError
            If the exchange tells no trades, or a symbol is of another venue.
        """
        venue = self._exchange.venue
        if not self._exchange.has("fetchTrades"):
            raise ConfigError(f"{venue}: ccxt can't ask it for trades")
        return [
            Series(name=str(each), symbol=each.symbol, venue=venue)
            for each in self._exchange.instruments(symbols)
        ]

    def start(self, series: Series, window: Window) -> str:
        """Return the first millisecond."""
        del series
        return str(window.since // _MILLISECOND)

    async def fetch(self, series: Series, window: Window, cursor: str) -> Answer:
        """Ask for a thousand trades at most."""
        del window
        return await self._exchange.ask(series, "fetch_trades", int(cursor), _PAGE)

    async def parse(self, body: bytes, series: Series, window: Window, cursor: str) -> Parsed:
        """Return the trades of a page; quantities are in base units."""
        told = await self._exchange.read(series, body, "fetch_trades", int(cursor), _PAGE)
        size = self._exchange.size_of(series)
        rows: list[Row] = []
        newest = -1
        for each in told:
            ms = int(each["timestamp"])
            newest = max(newest, ms)
            ts = ms * _MILLISECOND
            if window.since <= ts < window.until and each.get("amount") is not None:
                price, amount = float(each["price"]), float(each["amount"]) * size
                name = str(each.get("id") or content_id(str(ms), str(price), str(amount)))
                rows.append((ts, price, amount, str(each.get("side") or ""), name))
        rows.sort(key=lambda row: (row[0], row[4]))
        start = int(cursor)
        if newest > start:
            following = newest  # several trades share a millisecond: go on at the last one
        elif newest == start:
            following = start + 1
        else:
            following = start + _SKIP_MS  # nothing new here; some look an hour ahead only
        upto = min(following * _MILLISECOND, window.until)
        return Parsed(rows=rows, next=str(following) if upto < window.until else None, upto=upto)
