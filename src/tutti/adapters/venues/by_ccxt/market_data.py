"""Public data of one venue: bars and trades by websocket, polled where a stream falls silent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from tutti.adapters.venues.by_ccxt.books import Books
from tutti.adapters.venues.by_ccxt.client import open_client
from tutti.adapters.venues.by_ccxt.contracts import Contract, contract_of
from tutti.adapters.venues.by_ccxt.lanes import LANE, Lane
from tutti.adapters.venues.by_ccxt.subscriptions import Subscriptions
from tutti.adapters.venues.by_ccxt.tasks import Tasks
from tutti.adapters.venues.by_ccxt.tickers import Quote, Tickers, ask_tickers, quote_of
from tutti.adapters.venues.by_ccxt.translate import failed_question, lineage
from tutti.kernel.clock import SECOND
from tutti.kernel.retry import Backoff, retry
from tutti.model.errors import ConfigError, VenueError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    import numpy as np

    from tutti.adapters.venues.by_ccxt.client import Reach
    from tutti.adapters.venues.by_ccxt.dialect import Dialect
    from tutti.adapters.venues.by_ccxt.lanes import Lanes
    from tutti.adapters.venues.by_ccxt.meter import Meter
    from tutti.execution.router.offers import Ladder
    from tutti.kernel.clock import Clock
    from tutti.model.instrument import InstrumentId
    from tutti.model.order import Side

_log = structlog.stdlib.get_logger(__name__)

_MILLISECOND = 1_000_000
_PAGE = 1000
_TOGETHER = 50  # symbols in one subscription
_ATTEMPTS = 4
_STEADY_S = 30
_WATCHDOG_S = 1.0
_LET_GO_S = 5.0
_TIMEFRAMES = {1: "s", 60: "m", 3600: "h", 86_400: "d"}


class BarSink(Protocol):
    """Takes what is heard of the market."""

    def candle(
        self, instrument: InstrumentId, start: int, values: Sequence[float], heard_at: int
    ) -> None:
        """Take in a candle as it is now; see ``LiveBars.candle``."""
        ...

    def trade(self, instrument: InstrumentId, ts: int, price: float, quantity: float) -> None:
        """Take in a trade of the market; see ``LiveBars.trade``."""
        ...

    def funding(self, instrument: InstrumentId, ts: int, rate: float) -> None:
        """Take in a funding rate; see ``LiveBars.funding``."""
        ...


class MarketData:
    """Follows the instruments of one venue.

    Parameters
    ----------
    dialect : Dialect
    reach : Reach
        Without keys.
    instruments : sequence of InstrumentId
        Those of this venue.
    step : int
        Length of a bar, ns. Bars are the venue's own candles where it streams them at this length;
        otherwise they are made of its trades.
    sink : BarSink
        Where the bars go.
    clock : Clock
    random : Generator
        Jitter of pauses.
    lanes : Lanes
        Shared with whatever else asks this venue.
    meter : Meter
    silent_s : float
        A stream that says nothing for so long is begun anew, and a book that old is none.
    book_levels : int
        Levels of each side of the books that are followed; 0 follows none.
    quotes : bool
        Follow tickers for the best prices where no books are followed, or the venue streams none.
    """

    def __init__(  # noqa: PLR0913 - the parts it joins
        self,
        dialect: Dialect,
        reach: Reach,
        instruments: Sequence[InstrumentId],
        *,
        step: int,
        sink: BarSink,
        clock: Clock,
        random: np.random.Generator,
        lanes: Lanes,
        meter: Meter,
        silent_s: float = 20.0,
        book_levels: int = 0,
        quotes: bool = False,
    ) -> None:
        self.name = dialect.venue
        self.contracts: dict[InstrumentId, Contract] = {}
        self._dialect = dialect
        self._reach = reach
        self._instruments = tuple(instruments)
        self._step = step
        self._sink = sink
        self._clock = clock
        self._random = random
        self._lanes = lanes
        self._meter = meter
        self._silent_s = silent_s
        self._book_levels = book_levels
        self._wants_quotes = quotes or book_levels > 0
        self._books: Books | None = None
        self._tickers: Tickers | None = None
        self._backoff = Backoff(first_s=0.5, longest_s=30.0, jitter=0.5)
        self._client: Any = None
        self._tasks = Tasks(dialect.venue)
        self._by_symbol: dict[str, InstrumentId] = {}
        self._heard_at = 0
        self._newest: dict[InstrumentId, int] = {}
        self._subscriptions = Subscriptions(self._tasks, _TOGETHER)
        self._follows_funding = False

    async def open(self) -> None:
        """Learn the venue's markets.

        Raises
        ------
        VenueError
            If it can't be reached.
        ConfigError
            If an instrument does not trade there.
        """
        client = self._client = open_client(self._dialect, self._reach, self._lanes)
        await self._asked(client.load_markets)
        self.contracts = self.known(self._instruments)
        self._by_symbol = {each.symbol: name for name, each in self.contracts.items()}
        self._meter.up(self.name, is_up=True)

    def known(self, instruments: Iterable[InstrumentId]) -> dict[InstrumentId, Contract]:
        """Return instruments as the venue knows them; nothing is followed for it.

        Raises
        ------
        ConfigError
            If one does not trade there, or not any more.
        """
        client = self._client
        return {
            each: contract_of(each, client.markets, self._dialect, client.precisionMode)
            for each in instruments
        }

    def follow(self, contracts: Mapping[InstrumentId, Contract]) -> None:
        """Follow more instruments, beside those that are followed."""
        new = {name: each for name, each in contracts.items() if name not in self.contracts}
        self.contracts |= new
        self._by_symbol |= {each.symbol: name for name, each in new.items()}
        self._subscribe([each.symbol for each in new.values()])
        for each in (self._books, self._tickers):
            if each is not None:
                each.follow(new)
        self._follow_funding_of(new)

    def leave(self, instruments: Iterable[InstrumentId]) -> None:
        """Follow some instruments no more; the streams of the others go on."""
        gone = {each: self.contracts.pop(each) for each in instruments if each in self.contracts}
        symbols = {each.symbol for each in gone.values()}
        for name, each in gone.items():
            self._by_symbol.pop(each.symbol, None)
            self._newest.pop(name, None)
        for followed in (self._books, self._tickers):
            if followed is not None:
                followed.leave(gone)
        if self._subscriptions.hold(symbols):
            kept = [each for group in self._subscriptions.leave(symbols) for each in group]
            self._tasks.start(self._let_go(sorted(symbols), kept))

    @property
    def timeframe(self) -> str:
        """The venue's name for bars of this length; empty where it has none."""
        name = timeframe_name(self._step)
        return name if name in (self._client.timeframes or {}) else ""

    @property
    def makes_bars_of_trades(self) -> bool:
        """True where the venue streams no candles of this length."""
        has = self._client.has
        streams = has.get("watchOHLCVForSymbols") or has.get("watchOHLCV")
        return not (streams and self.timeframe)

    async def history(
        self, instrument: InstrumentId, since: int, until: int
    ) -> list[tuple[int, Sequence[float]]]:
        """Return the candles that start at or after ``since`` and end by ``until`` (ns UTC).

        Raises
        ------
        VenueError
            If the venue does not answer.
        """
        if not self.timeframe or not self._client.has.get("fetchOHLCV"):
            return []
        contract, found = self.contracts.get(instrument), dict[int, Sequence[float]]()
        if contract is None:  # it has left meanwhile
            return []
        cursor = since
        while cursor + self._step <= until:
            count = min(_PAGE, (until - cursor) // self._step)
            page = await self._asked(
                self._client.fetch_ohlcv,
                contract.symbol,
                self.timeframe,
                cursor // _MILLISECOND,
                count,
            )
            starts = [int(each[0]) * _MILLISECOND for each in page]
            found |= {
                start: [float(x) for x in each[1:6]]
                for start, each in zip(starts, page, strict=True)
                if since <= start and start + self._step <= until and None not in each[1:6]
            }
            if not starts or max(starts) < cursor:
                break
            cursor = max(starts) + self._step
        return sorted(found.items())

    async def poll(self, instrument: InstrumentId, start: int) -> None:
        """Ask for the bar that started then, and take it in if there is one.

        Raises
        ------
        VenueError
            If the venue does not answer.
        """
        for begin, values in await self.history(instrument, start, start + self._step):
            self._sink.candle(instrument, begin, values, self._clock.now())

    def start(self) -> None:
        """Begin to follow the market."""
        self._heard_at = self._clock.now()
        self._subscribe(list(self._by_symbol))
        self._tasks.start(self._watch_silence())
        has = self._client.has
        if self._book_levels and (has.get("watchOrderBookForSymbols") or has.get("watchOrderBook")):
            self._books = Books(
                self._client,
                self.contracts,
                clock=self._clock,
                random=self._random,
                tasks=self._tasks,
                levels=self._book_levels,
                max_age_s=self._silent_s,
            )
            self._books.start()
        elif self._wants_quotes:
            self._tickers = Tickers(
                self._client,
                self.contracts,
                clock=self._clock,
                random=self._random,
                tasks=self._tasks,
                max_age_s=self._silent_s / 2,
            )
            self._tickers.start()
        self._follow_funding_of(self.contracts)

    def ladder(self, instrument: InstrumentId, side: Side) -> Ladder | None:
        """Return the side of the book that an order takes, the best level at least.

        None where neither books nor tickers are followed, or the venue tells no sizes.
        """
        followed = self._tickers if self._books is None else self._books
        return None if followed is None else followed.ladder(instrument, side)

    def quote(self, instrument: InstrumentId) -> Quote | None:
        """Return the newest quote; None where tickers aren't followed, or it is too old."""
        return None if self._tickers is None else self._tickers.quote(instrument)

    async def quotes(self) -> dict[InstrumentId, Quote]:
        """Ask the venue for the quotes of its instruments, once.

        Raises
        ------
        VenueError
            If the venue does not answer.
        """
        told = await self._asked(ask_tickers, self._client, list(self._by_symbol))
        now = self._clock.now()
        return {
            name: quote_of(told[symbol], self.contracts[name], now)
            for symbol, name in self._by_symbol.items()
            if symbol in told
        }

    async def close(self) -> None:
        """End the tasks and connections."""
        await self._tasks.close()
        if self._client is not None:
            client, self._client = self._client, None
            client.timeout_on_exit = 0
            await client.close()

    # ---- streams ----

    def _subscribe(self, symbols: Sequence[str]) -> None:
        client, has = self._client, self._client.has
        groups = self._subscriptions.groups(symbols)
        if not self.makes_bars_of_trades:
            if has.get("watchOHLCVForSymbols"):
                for group in groups:
                    pairs = [[symbol, self.timeframe] for symbol in group]
                    watch = partial(client.watch_ohlcv_for_symbols, pairs)
                    self._run(group, watch, self._heard_many)
            else:
                for symbol in symbols:
                    self._run(
                        [symbol],
                        partial(client.watch_ohlcv, symbol, self.timeframe),
                        partial(self._heard_candles, symbol),
                    )
        elif has.get("watchTradesForSymbols"):
            for group in groups:
                watch = partial(client.watch_trades_for_symbols, group)
                self._run(group, watch, self._heard_trades)
        elif has.get("watchTrades"):
            for symbol in symbols:
                self._run([symbol], partial(client.watch_trades, symbol), self._heard_trades)
        else:
            raise ConfigError(
                f"{self.name}: ccxt streams neither candles nor trades of it; it can't be followed"
            )

    def _run(
        self,
        symbols: Sequence[str],
        watch: Callable[[], Awaitable[Any]],
        take: Callable[[Any], None],
    ) -> None:
        self._subscriptions.run(symbols, self._follow(watch, take))

    async def _let_go(self, symbols: Sequence[str], kept: Sequence[str]) -> None:
        client, has = self._client, self._client.has
        LANE.set(Lane.DATA)
        # what shared a subscription with those that left goes on without them
        self._subscribe(kept)
        asked: Callable[[], Awaitable[Any]] | None = None
        if self.makes_bars_of_trades and has.get("unWatchTradesForSymbols"):
            asked = partial(client.un_watch_trades_for_symbols, list(symbols))
        elif has.get("watchOHLCVForSymbols") and has.get("unWatchOHLCVForSymbols"):
            pairs = [[each, self.timeframe] for each in symbols]
            asked = partial(client.un_watch_ohlcv_for_symbols, pairs)
        # else it goes on and nobody listens, until the connection begins anew
        books: Callable[[], Awaitable[Any]] | None = None
        if self._books is not None and has.get("unWatchOrderBookForSymbols"):
            books = partial(client.un_watch_order_book_for_symbols, list(symbols))
        for ask in (asked, books):
            try:
                async with asyncio.timeout(_LET_GO_S):
                    await (ask() if ask is not None else asyncio.sleep(0))
            except Exception as error:  # noqa: BLE001 - nobody listens to it anyway
                _log.info("market stream goes on", venue=self.name, error=lineage(error)[0])

    async def _follow(
        self, watch: Callable[[], Awaitable[Any]], take: Callable[[Any], None]
    ) -> None:
        LANE.set(Lane.DATA)
        failures = 0
        while True:
            began = self._clock.now()
            try:
                take(await watch())
                failures = 0
            except Exception as error:  # noqa: BLE001 - a stream is begun anew, whatever broke it
                steady = self._clock.now() - began > _STEADY_S * SECOND
                failures = 1 if steady else failures + 1
                _log.info("market stream broke", venue=self.name, error=lineage(error)[0])
                await asyncio.sleep(self._backoff.pause_s(failures, self._random))

    def _heard_many(self, update: Mapping[str, Mapping[str, Any]]) -> None:
        for symbol, by_timeframe in update.items():
            for candles in by_timeframe.values():
                self._heard_candles(symbol, candles)

    def _heard_candles(self, symbol: str, candles: Iterable[Sequence[Any]]) -> None:
        instrument = self._by_symbol.get(symbol)
        if instrument is None:  # it has left
            return
        now = self._heard(symbol)
        for each in candles:
            if None not in each[1:6]:
                values = [float(x) for x in each[1:6]]
                self._sink.candle(instrument, int(each[0]) * _MILLISECOND, values, now)

    def _heard_trades(self, trades: Iterable[Mapping[str, Any]]) -> None:
        for each in trades:
            instrument = self._by_symbol.get(each["symbol"])
            if instrument is None or each.get("amount") is None:
                continue
            ts = int(each["timestamp"]) * _MILLISECOND
            self._heard(each["symbol"], ts)
            size = float(self.contracts[instrument].size)
            self._sink.trade(instrument, ts, float(each["price"]), float(each["amount"]) * size)

    def _heard(self, symbol: str, ts: int = 0) -> int:
        self._heard_at = now = self._clock.now()
        self._newest[self._by_symbol[symbol]] = ts or now
        return now

    async def _watch_silence(self) -> None:
        while True:
            await asyncio.sleep(_WATCHDOG_S)
            now = self._clock.now()
            newest = min(self._newest.values(), default=self._heard_at)
            self._meter.data_age(self.name, max(0.0, (now - newest) / SECOND))
            if now - self._heard_at > self._silent_s * SECOND:
                _log.warning("market streams are silent; begun anew", venue=self.name)
                self._meter.up(self.name, is_up=False)
                self._heard_at = now
                # whoever waits for them hears that they broke, and subscribes again
                for socket in list(self._client.clients.values()):
                    socket.on_error(ConnectionError("silent"))
            else:
                self._meter.up(self.name, is_up=True)

    def _follow_funding_of(self, instruments: Iterable[InstrumentId]) -> None:
        if not self._follows_funding and any(each.symbol.endswith("-PERP") for each in instruments):
            self._follows_funding = True
            self._tasks.start(self._follow_funding())

    async def _follow_funding(self) -> None:
        LANE.set(Lane.DATA)
        has = self._client.has
        if not has.get("fetchFundingRates") and not has.get("fetchFundingRate"):
            return
        while True:
            try:
                await self._ask_funding()
            except VenueError as error:
                _log.info("no funding rates", venue=self.name, why=str(error))
            await asyncio.sleep(60.0)

    async def _ask_funding(self) -> None:
        symbols = list(self._by_symbol)
        if self._client.has.get("fetchFundingRates"):
            told = await self._asked(self._client.fetch_funding_rates, symbols)
        else:
            told = {
                each: await self._asked(self._client.fetch_funding_rate, each) for each in symbols
            }
        for symbol, rate in told.items():
            instrument, due = self._by_symbol.get(symbol), rate.get("fundingTimestamp")
            if instrument is not None and due and rate.get("fundingRate") is not None:
                self._sink.funding(instrument, int(due) * _MILLISECOND, float(rate["fundingRate"]))

    # ---- asking ----

    async def _asked(self, ask: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        async def attempt() -> Any:
            try:
                return await ask(*arguments)
            except Exception as error:  # noqa: BLE001 - translated here, and only here
                self._meter.failed(self.name)
                raise failed_question(error, self._dialect) from None

        return await retry(
            attempt, clock=self._clock, random=self._random, attempts=_ATTEMPTS,
            backoff=self._backoff,
        )  # fmt: skip


def timeframe_name(step: int) -> str:
    """Return what ccxt calls bars of ``step`` ns, such as ``5m``; empty for an odd length."""
    seconds, rest = divmod(step, SECOND)
    if rest or not seconds:
        return ""
    unit = max(each for each in _TIMEFRAMES if seconds % each == 0)
    return f"{seconds // unit}{_TIMEFRAMES[unit]}"
