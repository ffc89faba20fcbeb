"""Public data of exchanges by ccxt: what its connectors for bars and trades have in common.

What is kept is the exchange's own answer. To read it again without asking, ccxt is given the answer
in place of the network, and told of the market as it was described when it was asked.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tutti.adapters.harvest.port import Answer, Series, json_in
from tutti.adapters.venues.by_ccxt.client import Reach, open_client, rate_of
from tutti.adapters.venues.by_ccxt.contracts import contract_of
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.lanes import Lanes
from tutti.adapters.venues.by_ccxt.translate import failed_question
from tutti.model.errors import ConfigError, Transient
from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tutti.adapters.venues.by_ccxt.client import Addresses
    from tutti.kernel.clock import Clock


class Exchange:
    """One exchange, for those who ask it and read what it answered.

    Parameters
    ----------
    venue : str
        As in instruments, ``BINANCE_USDM``.
    addresses : Addresses
        Where it is reached, if not where ccxt says.
    """

    def __init__(self, venue: str, addresses: Addresses, clock: Clock) -> None:
        self.venue = venue
        self._dialect = dialect_of(venue)
        self._addresses = addresses
        self._clock = clock
        self._client: Any = None
        self._lanes: Lanes | None = None
        self._reader: Any = None
        self._markets: dict[str, dict[str, Any]] = {}

    def instruments(self, symbols: Sequence[str]) -> list[InstrumentId]:
        """Return instruments by the words of the user: ``BTC-USDT`` or ``BTC-USDT.BINANCE``.

        Raises
        ------
        ConfigError
            If one is of another venue, or none is named.
        """
        if not symbols:
            raise ConfigError(f"{self.venue}: name symbols, such as --symbols BTC-USDT")
        found = []
        for each in symbols:
            symbol, dot, venue = each.rpartition(".")
            if dot and venue != self.venue:
                raise ConfigError(f"{each}: is of {venue}, and {self.venue} is asked")
            found.append(InstrumentId(symbol if dot else each, self.venue))
        return found

    async def describe(self, series: Series) -> bytes:
        """Return the market of a series, as ccxt describes it.

        Raises
        ------
        VenueError
            If the exchange does not answer.
        ConfigError
            If it has no such market.
        """
        client = await self._opened()
        contract = contract_of(
            InstrumentId(series.symbol, self.venue),
            client.markets,
            self._dialect,
            client.precisionMode,
        )
        market = client.markets[contract.symbol]
        self._markets[series.symbol] = market
        return json.dumps(market, default=str, sort_keys=True).encode()

    def recall(self, series: Series, description: bytes) -> None:
        """Take a market back."""
        self._markets[series.symbol] = json_in(description, self.venue)

    async def ask(self, series: Series, name: str, *arguments: Any) -> Answer:
        """Call a method of ccxt for a series, and return what the exchange answered.

        Raises
        ------
        Transient
            If it may be asked again.
        VenueError
            If that would be of no use.
        """
        client = await self._opened()
        symbol = self._markets[series.symbol]["symbol"]
        try:
            await getattr(client, name)(symbol, *arguments)
        except Exception as error:  # noqa: BLE001 - translated here, and only here
            raise failed_question(error, self._dialect) from None
        body = client.last_http_response
        if not isinstance(body, str) or not body:
            raise Transient("answered nothing", venue=self.venue)
        return Answer(body=body.encode(), url=str(client.last_request_url or ""))

    async def read(self, series: Series, body: bytes, name: str, *arguments: Any) -> Any:
        """Return what a method of ccxt makes of an answer, without asking anybody.

        Raises
        ------
        Transient
            If the answer is none.
        VenueError
            If it is an error of the exchange's.
        """
        told = json_in(body, self.venue)
        market = self._markets[series.symbol]
        if self._reader is None:
            self._reader = self._made()
            self._reader.throttle = _at_once
            self._reader.load_markets = _no_markets
        reader = self._reader
        if market["symbol"] not in (reader.markets or {}):
            reader.set_markets([*(reader.markets or {}).values(), market])
        reader.fetch = _telling(told)
        try:
            return await getattr(reader, name)(market["symbol"], *arguments)
        except Exception as error:  # noqa: BLE001 - translated here, and only here
            raise failed_question(error, self._dialect) from None

    def size_of(self, series: Series) -> float:
        """Return base units a contract, 1 for spot."""
        return float(self._markets[series.symbol].get("contractSize") or 1.0)

    def has(self, name: str) -> bool:
        """Return whether ccxt can ask this exchange for something."""
        return bool((self._client or self._made()).has.get(name))

    def timeframes(self) -> tuple[str, ...]:
        """Return the lengths of bars that the exchange has."""
        return tuple((self._client or self._made()).timeframes or ())

    async def close(self) -> None:
        """End the connections."""
        for client in (self._client, self._reader):
            if client is not None:
                await client.close()
        if self._lanes is not None:
            self._lanes.close()
        self._client = self._reader = self._lanes = None

    async def _opened(self) -> Any:
        if self._client is None:
            client = self._made()
            try:
                await client.load_markets()
            except Exception as error:  # noqa: BLE001 - translated here, and only here
                await client.close()
                raise failed_question(error, self._dialect) from None
            self._client = client
        return self._client

    def _made(self) -> Any:
        if self._lanes is None:
            self._lanes = Lanes(rate_of(self._dialect), self._dialect.ordinary_burst, self._clock)
        return open_client(self._dialect, Reach(keys={}, addresses=self._addresses), self._lanes)


class ByExchange:
    """What connectors that ask an exchange have in common: it, and markets to describe and recall.

    Parameters
    ----------
    exchange : Exchange
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def describe(self, series: Series) -> bytes:
        """Return the market, as ccxt describes it."""
        return await self._exchange.describe(series)

    def recall(self, series: Series, description: bytes) -> None:
        """Take a market back."""
        self._exchange.recall(series, description)

    async def close(self) -> None:
        """End the connections."""
        await self._exchange.close()


def _telling(told: Any) -> Callable[..., Awaitable[Any]]:
    async def fetch(*_: Any, **__: Any) -> Any:
        return told

    return fetch


async def _at_once(*_: Any, **__: Any) -> None:
    return None


async def _no_markets(*_: Any, **__: Any) -> None:
    return None
