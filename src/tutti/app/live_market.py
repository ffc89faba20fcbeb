"""A market as exchanges stream it: opened with its past, followed tick by tick."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

from tutti.adapters.feeds.live import LiveFeed
from tutti.adapters.feeds.live_bars import LiveBars
from tutti.adapters.venues.by_ccxt.client import Addresses, Reach, rate_of
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.lanes import Lanes
from tutti.adapters.venues.by_ccxt.market_data import MarketData
from tutti.adapters.venues.by_ccxt.meter import NoMeter
from tutti.adapters.venues.by_ccxt.tickers import Quote
from tutti.app.feed import in_columns
from tutti.kernel.clock import SECOND, LiveClock, iso
from tutti.ledger.kinds import DataSource
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import IntArray, MarketBlock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator

    from tutti.adapters.venues.by_ccxt.meter import Meter
    from tutti.app.settings import Config
    from tutti.kernel.clock import Clock

_SIDES = ("open", "high", "low", "close", "volume", "funding")

_log = structlog.stdlib.get_logger(__name__)


OpenVenue = Callable[["Config", str, Sequence[InstrumentId]], Awaitable[MarketData]]


@dataclass(slots=True)
class LiveMarket:
    """Market that can't be asked again: what is over is history, and nothing is decided on it.

    Parameters
    ----------
    past : MarketBlock
        Bars that were over when it was opened.
    terms : mapping of str to mapping
        Contract terms of each instrument, as its venue tells them.
    venues : mapping of str to MarketData
        Public data of each venue.
    lanes : mapping of str to Lanes
        Rate limiter of each venue, for whoever trades there.
    open_venue : callable
        Opens the public data of one more venue, for some instruments.
    kept : int
        Bars that are remembered, for whoever takes up the account again.
    """

    step: int
    start: int
    past: MarketBlock
    terms: Mapping[str, Mapping[str, object]]
    venues: dict[str, MarketData]
    lanes: Mapping[str, Lanes]
    feed: LiveFeed
    open_venue: OpenVenue
    kept: int
    files: tuple[DataSource, ...] = ()
    _since: deque[MarketBlock] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._since = deque(maxlen=max(self.kept, 1))

    def sample(self) -> MarketBlock:
        """Return the bars before; they show prices, the terms are the venue's own."""
        return self.past

    def history(self, until: int) -> MarketBlock | None:
        """Return every bar that was over when it was opened."""
        del until
        return self.past

    def ticks(self) -> Iterator[MarketBlock]:
        """Yield nothing: what follows is awaited, see :meth:`stream`."""
        return iter(())

    async def stream(self) -> AsyncIterator[MarketBlock]:
        """Yield what follows, a tick at a time, as it becomes complete."""
        async for tick in self.feed.ticks(int(self.past.known_at[-1])):
            self._since.append(tick)
            yield tick

    async def joined_by(self, config: Config, instruments: Sequence[InstrumentId]) -> LiveMarket:
        """Return this market over other instruments: those that are new are followed already.

        The ticks go on as they were until :meth:`turn_to`. Where that never comes, what is new has
        to be left again.

        Parameters
        ----------
        config : Config
            How a venue that is new is reached.
        instruments : sequence of InstrumentId

        Raises
        ------
        VenueError
            If a venue can't be reached.
        ConfigError
            If an instrument does not trade there, or there are no bars of it.
        """
        new = [each for each in instruments if each not in self.past.instruments]
        venues, opened = dict(self.venues), dict[str, MarketData]()
        try:
            # first of all what may be refused; nothing is followed before
            found = {
                name: self.venues[name].known(each for each in new if each.venue == name)
                for name in dict.fromkeys(each.venue for each in new)
                if name in self.venues
            }
            for name in dict.fromkeys(each.venue for each in new):
                if name in found:
                    venues[name].follow(found[name])
                    continue
                there = [each for each in new if each.venue == name]
                venues[name] = opened[name] = await self.open_venue(config, name, there)
                opened[name].start()
            past = await self._past_of(new, venues) if new else self._known()
        except BaseException:
            for venue in self.venues.values():
                venue.leave(new)
            for venue in opened.values():
                await venue.close()
            raise
        return replace(
            self,
            past=in_columns(past, instruments),
            terms={
                str(each): contract.terms
                for venue in venues.values()
                for each, contract in venue.contracts.items()
            },
            venues=venues,
        )

    def up_to_now(self, other: LiveMarket) -> LiveMarket:
        """Return another market with the ticks that have come here since it was made."""
        end, instruments = int(other.past.known_at[-1]), other.past.instruments
        late = [each for each in self._since if int(each.known_at[-1]) > end]
        blocks = [other.past, *(in_columns(each, instruments) for each in late)]
        return replace(other, past=_stacked(blocks))

    def turn_to(self, other: LiveMarket) -> None:
        """Let the ticks be those of another market over the same venues, from the next one on."""
        self.feed.turn_to(other.past.instruments, other.venues)
        self._since.clear()
        other._since = self._since

    async def leave_all_but(self, instruments: Collection[InstrumentId]) -> None:
        """Follow only some instruments, and close venues at which there are none of them."""
        for name, venue in list(self.venues.items()):
            venue.leave([each for each in venue.contracts if each not in instruments])
            if not venue.contracts:
                del self.venues[name]
                await venue.close()

    def _known(self) -> MarketBlock:
        blocks = [in_columns(each, self.past.instruments) for each in self._since]
        return _last(_stacked([self.past, *blocks]), self.kept)

    async def _past_of(
        self, new: Sequence[InstrumentId], venues: Mapping[str, MarketData]
    ) -> MarketBlock:
        known = self._known()
        until = int(known.known_at[-1])
        since = until - max(self.kept, 1) * self.step
        told = await self.feed.history(since, until, new, venues)
        # ticks may have come while it was asked for
        known = self._known()
        both = (*known.instruments, *new)
        if told is None:
            return in_columns(known, both)
        ts = np.union1d(known.ts, told.ts)
        whole = in_columns(_at(known, ts), both)
        columns = slice(len(known.instruments), None)
        for name in ("open", "high", "low", "close", "volume"):
            getattr(whole, name)[:, columns] = getattr(_at(told, ts), name)
        return _last(whole, self.kept)


@asynccontextmanager
async def live_market(config: Config, clock: Clock, meter: Meter) -> AsyncIterator[LiveMarket]:
    """Open the market that the configuration names; close its connections at the end.

    Raises
    ------
    VenueError
        If a venue can't be reached.
    ConfigError
        If an instrument does not trade where it says, or there are no bars of it.
    """
    settings = config.feed.live
    instruments = tuple(InstrumentId.parse(each) for each in settings.symbols)
    step = round(config.feed.tick_s * SECOND)
    bars = LiveBars(instruments, step)
    random = np.random.default_rng(config.seed)
    venues: dict[str, MarketData] = {}
    lanes: dict[str, Lanes] = {}
    async with AsyncExitStack() as closing:

        async def open_venue(
            config: Config, name: str, there: Sequence[InstrumentId]
        ) -> MarketData:
            dialect = dialect_of(name)
            lanes[name] = Lanes(rate_of(dialect), dialect.ordinary_burst, clock)
            closing.callback(lanes[name].close)
            venue = MarketData(
                dialect,
                reach_of(config, name),
                there,
                step=step,
                sink=bars,
                clock=clock,
                random=random,
                lanes=lanes[name],
                meter=meter,
                silent_s=settings.silent_s,
                book_levels=settings.book_levels,
                quotes=bool(config.routes),
            )
            closing.push_async_callback(venue.close)
            await venue.open()
            return venue

        for name in dict.fromkeys(each.venue for each in instruments):
            there = [each for each in instruments if each.venue == name]
            venues[name] = await open_venue(config, name, there)
        feed = LiveFeed(
            bars, venues, clock, grace_s=settings.grace_s, patience_s=settings.patience_s
        )
        for venue in venues.values():
            # before the past is asked for, so that nothing falls between the two
            venue.start()
        past = await _past(config, feed, clock, step)
        yield LiveMarket(
            step=step,
            start=int(past.known_at[-1]) - config.feed.warm_up_bars * step,
            past=past,
            terms={
                str(each): contract.terms
                for venue in venues.values()
                for each, contract in venue.contracts.items()
            },
            venues=venues,
            lanes=lanes,
            feed=feed,
            open_venue=open_venue,
            kept=config.feed.warm_up_bars,
        )


async def quotes_of(
    config: Config, instruments: Sequence[InstrumentId]
) -> dict[InstrumentId, Quote]:
    """Ask the exchanges what they show of some instruments; of which they trade none is refused.

    Raises
    ------
    VenueError
        If one can't be reached.
    ConfigError
        If an instrument does not trade where it says, or nobody trades it.
    """
    clock, found = LiveClock(), dict[InstrumentId, Quote]()
    for name in dict.fromkeys(each.venue for each in instruments):
        dialect = dialect_of(name)
        lanes = Lanes(rate_of(dialect), dialect.ordinary_burst, clock)
        venue = MarketData(
            dialect,
            reach_of(config, name),
            [each for each in instruments if each.venue == name],
            step=round(config.feed.tick_s * SECOND),
            sink=LiveBars(instruments, SECOND),
            clock=clock,
            random=np.random.default_rng(config.seed),
            lanes=lanes,
            meter=NoMeter(),
        )
        try:
            await venue.open()
            found |= await venue.quotes()
        finally:
            await venue.close()
            lanes.close()
    for instrument, quote in found.items():
        refuse_untraded(instrument, quote)
    return found


def refuse_untraded(instrument: InstrumentId, quote: Quote) -> None:
    """Check that somebody trades an instrument, as far as its venue tells.

    Raises
    ------
    ConfigError
        If it has no bid, no offer, and no trade in 24 hours.
    """
    is_quoted = quote.bid > 0.0 or quote.ask > 0.0
    # NaN, where a venue tells no volume, is no objection
    if not is_quoted and quote.day_volume <= 0.0:
        raise ConfigError(
            f"{instrument}: nobody trades it: no bid, no offer, and no trade in 24 hours"
        )


def reach_of(config: Config, venue: str) -> Reach:
    """Return how a venue is reached for public data.

    Raises
    ------
    ConfigError
        If the file of its addresses can't be read.
    """
    settings = config.venue(venue)
    return Reach(
        keys={},
        addresses=addresses_in(settings.addresses, f"venues.{venue}.addresses"),
        is_test=settings.test_mode,
    )


def addresses_in(name: str, key: str) -> Addresses:
    """Return the addresses in a JSON file: ``urls`` as ccxt has them, or ``rest`` and ``ws``.

    Raises
    ------
    ConfigError
        If it can't be read, or names none.
    """
    if not name:
        return Addresses()
    try:
        told = json.loads(Path(name).read_text(encoding="utf-8"))
        if told.get("urls"):
            return Addresses(urls=told["urls"])
        if told.get("rest"):
            return Addresses(rest=str(told["rest"]), ws=str(told.get("ws", "")))
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{key}: {name}: no JSON with addresses can be read here ({error}); "
            'write {"rest": "https://...", "ws": "wss://..."}'
        ) from error
    raise ConfigError(
        f'{key}: {name} names no addresses; write {{"rest": "https://...", "ws": "wss://..."}}'
    )


async def _past(config: Config, feed: LiveFeed, clock: Clock, step: int) -> MarketBlock:
    now = clock.now()
    until = now // step * step
    since = until - max(config.feed.warm_up_bars, 1) * step
    past = await feed.history(since, until)
    if past is None:
        # no candles of this length anywhere: begin with the first tick that comes
        _log.info("no bars of the past", timeframe_s=step / SECOND, waits_from=iso(until))
        past = await anext(feed.ticks(until))
    return past


def _stacked(blocks: Sequence[MarketBlock]) -> MarketBlock:
    sides: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in blocks]) for name in ("ts", *_SIDES)
    }
    return replace(blocks[0], **sides)


def _last(block: MarketBlock, count: int) -> MarketBlock:
    return block.rows(max(0, len(block) - max(count, 1)), len(block))


def _at(block: MarketBlock, ts: IntArray) -> MarketBlock:
    """Return a block with a row for each of ``ts``, which holds its own; NaN where it has none."""
    places = np.searchsorted(ts, block.ts)
    sides: dict[str, Any] = {}
    for name in _SIDES:
        sides[name] = np.full(
            (len(ts), len(block.instruments)), 0.0 if name == "funding" else np.nan
        )
        sides[name][places] = getattr(block, name)
    return replace(block, ts=ts, **sides)
