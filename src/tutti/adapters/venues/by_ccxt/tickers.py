"""Tickers of one venue: best prices, last price and a day's volume, streamed, and polled where silent."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

from tutti.adapters.venues.by_ccxt.lanes import LANE, Lane
from tutti.adapters.venues.by_ccxt.subscriptions import Subscriptions
from tutti.adapters.venues.by_ccxt.translate import lineage
from tutti.execution.router.offers import Ladder
from tutti.kernel.clock import SECOND
from tutti.kernel.retry import Backoff
from tutti.model.order import Side

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from tutti.adapters.venues.by_ccxt.contracts import Contract
    from tutti.adapters.venues.by_ccxt.tasks import Tasks
    from tutti.kernel.clock import Clock
    from tutti.model.instrument import InstrumentId

_log = structlog.stdlib.get_logger(__name__)

_LOOK_S = 1.0
_ONE_BY_ONE = 20
_BEST = ("bid", "bidVolume", "ask", "askVolume")
_NOTHING = math.nan
_NO_OFFERS = Ladder(np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a venue shows of an instrument at a glance; NaN for what it doesn't.

    Parameters
    ----------
    heard_at, best_at : int
        When anything, and when the best prices were heard of, ns UTC; 0 for never.
    bid, ask, last : float
        Quote currency.
    bid_size, ask_size : float
        Base units at the best prices.
    day_volume : float
        Traded in 24 hours, quote currency.
    """

    heard_at: int
    best_at: int
    bid: float
    ask: float
    last: float
    bid_size: float
    ask_size: float
    day_volume: float

    @property
    def spread_bps(self) -> float:
        """Difference of the best prices over their middle."""
        return 2e4 * (self.ask - self.bid) / (self.ask + self.bid)

    def ladder(self, side: Side) -> Ladder | None:
        """Return the best level of the side that an order takes; None where it is not all told."""
        price, size = (self.ask, self.ask_size) if side is Side.BUY else (self.bid, self.bid_size)
        if not (price > 0.0 and size > 0.0):
            return None
        return Ladder(np.array([price]), np.array([size]))

    def after(self, newer: Quote) -> Quote:
        """Return this quote with what a newer one tells; the best prices are told together."""
        best = newer if newer.best_at else self
        return Quote(
            heard_at=newer.heard_at,
            best_at=best.best_at,
            bid=best.bid,
            ask=best.ask,
            last=_else(newer.last, self.last),
            bid_size=best.bid_size,
            ask_size=best.ask_size,
            day_volume=_else(newer.day_volume, self.day_volume),
        )


def quote_of(ticker: Mapping[str, Any], contract: Contract, heard_at: int) -> Quote:
    """Return what ccxt's ticker says."""
    size = float(contract.size)
    last, base = _number(ticker, "last", "close"), _number(ticker, "baseVolume")
    volume = _number(ticker, "quoteVolume")
    if math.isnan(volume):
        volume = base * last * size
    bid, ask = _number(ticker, "bid"), _number(ticker, "ask")
    return Quote(
        heard_at=heard_at,
        best_at=heard_at if bid > 0.0 or ask > 0.0 else 0,
        bid=bid,
        ask=ask,
        last=last,
        bid_size=_number(ticker, "bidVolume") * size,
        ask_size=_number(ticker, "askVolume") * size,
        day_volume=volume,
    )


class Tickers:
    """Follows the tickers of some instruments of a venue.

    Parameters
    ----------
    client : ccxt client
    contracts : mapping of InstrumentId to Contract
        Those to follow.
    clock : Clock
    random : Generator
        Jitter of pauses.
    tasks : Tasks
        Owner of the streams.
    max_age_s : float
        A ticker that nothing was heard of for so long is asked for, and no quote after twice that.
    together : int
        Symbols in one subscription.
    """

    def __init__(  # noqa: PLR0913 - the parts it joins
        self,
        client: Any,
        contracts: Mapping[InstrumentId, Contract],
        *,
        clock: Clock,
        random: np.random.Generator,
        tasks: Tasks,
        max_age_s: float = 10.0,
        together: int = 50,
    ) -> None:
        self._client = client
        self._contracts = dict(contracts)
        self._clock = clock
        self._random = random
        self._tasks = tasks
        self._subscriptions = Subscriptions(tasks, together)
        self._max_age = round(max_age_s * SECOND)
        self._backoff = Backoff(first_s=0.5, longest_s=30.0, jitter=0.5)
        self._by_symbol = {each.symbol: name for name, each in self._contracts.items()}
        self._quotes: dict[InstrumentId, Quote] = {}

    def start(self) -> None:
        """Begin to follow the tickers, and to ask for those that fall silent."""
        self._begin(list(self._by_symbol))
        self._tasks.start(self._watch_silence())

    def follow(self, contracts: Mapping[InstrumentId, Contract]) -> None:
        """Follow more tickers, beside those that are followed."""
        self._contracts |= contracts
        self._by_symbol |= {each.symbol: name for name, each in contracts.items()}
        self._begin([each.symbol for each in contracts.values()])

    def leave(self, instruments: Iterable[InstrumentId]) -> None:
        """Follow some tickers no more; the others are not disturbed."""
        gone = {self._contracts.pop(each).symbol for each in instruments}
        for symbol in gone:
            self._quotes.pop(self._by_symbol.pop(symbol), None)
        for left in self._subscriptions.leave(gone):
            self._begin(left)

    def quote(self, instrument: InstrumentId) -> Quote | None:
        """Return the newest quote; None for one that isn't followed, or was not heard of lately."""
        quote, since = self._quotes.get(instrument), self._clock.now() - 2 * self._max_age
        if quote is None or quote.heard_at < since:
            return None
        if quote.best_at < since:
            return replace(quote, bid=_NOTHING, ask=_NOTHING, bid_size=_NOTHING, ask_size=_NOTHING)
        return quote

    def ladder(self, instrument: InstrumentId, side: Side) -> Ladder | None:
        """Return the best level of the side that an order takes.

        None for an instrument that isn't followed, or whose venue tells no sizes; empty where its
        ticker is too old.
        """
        if instrument not in self._contracts:
            return None
        quote = self.quote(instrument)
        return _NO_OFFERS if quote is None else quote.ladder(side)

    # ---- streams ----

    def _begin(self, symbols: Sequence[str]) -> None:
        client, has = self._client, self._client.has
        groups = self._subscriptions.groups(symbols)
        if has.get("watchBidsAsks"):
            # some stream the best prices apart from the rest
            for group in groups:
                self._run(partial(client.watch_bids_asks, group), group)
        if has.get("watchTickers"):
            for group in groups:
                self._run(partial(client.watch_tickers, group), group)
        elif has.get("watchTicker"):
            for symbol in symbols:
                self._run(partial(client.watch_ticker, symbol), [symbol])
        # else they are asked for: see `_watch_silence`

    def _run(self, watch: Callable[[], Awaitable[Any]], group: list[str]) -> None:
        self._subscriptions.run(group, self._follow(watch))

    async def _follow(self, watch: Callable[[], Awaitable[Any]]) -> None:
        LANE.set(Lane.DATA)
        failures = 0
        while True:
            try:
                async with asyncio.timeout(2 * self._max_age / SECOND):
                    told = await watch()
                self._take(told if "symbol" not in told else {told["symbol"]: told})
                failures = 0
            except TimeoutError:
                continue  # nothing moved: what is asked for meanwhile shows whether that is so
            except Exception as error:  # noqa: BLE001 - a stream is begun anew, whatever broke it
                failures += 1
                _log.info("ticker stream broke", venue=self._client.id, error=lineage(error)[0])
                await asyncio.sleep(self._backoff.pause_s(failures, self._random))

    def _take(self, tickers: Mapping[str, Mapping[str, Any]]) -> None:
        now = self._clock.now()
        for symbol, ticker in tickers.items():
            instrument = self._by_symbol.get(symbol)
            if instrument is not None:
                newer = quote_of(ticker, self._contracts[instrument], now)
                known = self._quotes.get(instrument)
                self._quotes[instrument] = newer if known is None else known.after(newer)

    async def _watch_silence(self) -> None:
        LANE.set(Lane.DATA)
        failures = 0
        while True:
            now = self._clock.now()
            silent = [
                symbol
                for symbol, name in self._by_symbol.items()
                if (quote := self._quotes.get(name)) is None
                or now - min(quote.heard_at, quote.best_at) > self._max_age
            ]
            try:
                if silent:
                    self._take(await ask_tickers(self._client, silent))
                failures = 0
                await asyncio.sleep(_LOOK_S)
            except Exception as error:  # noqa: BLE001 - it is asked again
                failures += 1
                _log.info("tickers not told", venue=self._client.id, error=lineage(error)[0])
                await asyncio.sleep(self._backoff.pause_s(failures, self._random))


async def ask_tickers(client: Any, symbols: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Ask a venue for some tickers, together where it can.

    Raises
    ------
    Exception
        Of ccxt.
    """
    if not client.has.get("fetchTickers"):
        return {each: await client.fetch_ticker(each) for each in symbols}
    told: Mapping[str, Mapping[str, Any]] = await client.fetch_tickers(list(symbols))
    found = {each: told[each] for each in symbols if each in told}
    lacking = [each for each, ticker in found.items() if not ticker.get("bid")]
    if lacking:
        found |= {each: {**found[each], **best} for each, best in await _best(client, lacking)}
    return found


async def _best(client: Any, symbols: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Ask for the best prices where the tickers of a venue lack them."""
    told: Mapping[str, Mapping[str, Any]] = {}
    if client.has.get("fetchBidsAsks") is True:
        try:
            told = await client.fetch_bids_asks(list(symbols))
        except Exception as error:  # noqa: BLE001 - some ask with a key, and there is none
            _log.info("no best prices together", venue=client.id, error=lineage(error)[0])
    if not told and len(symbols) <= _ONE_BY_ONE and client.has.get("fetchTicker") is True:
        told = {each: await client.fetch_ticker(each) for each in symbols}
    return [
        (each, {name: told[each].get(name) for name in _BEST}) for each in symbols if each in told
    ]


def _else(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


def _number(ticker: Mapping[str, Any], *names: str) -> float:
    for name in names:
        value = ticker.get(name)
        if value is not None:
            return float(value)
    return _NOTHING
