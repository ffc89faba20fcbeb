"""A market as exchanges stream it: opened with its past, followed tick by tick."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import structlog

from tutti.adapters.feeds.live import LiveFeed
from tutti.adapters.feeds.live_bars import LiveBars
from tutti.adapters.venues.by_ccxt.client import Addresses, Reach, rate_of
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.lanes import Lanes
from tutti.adapters.venues.by_ccxt.market_data import MarketData
from tutti.kernel.clock import SECOND, iso
from tutti.ledger.kinds import DataSource
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tutti.adapters.venues.by_ccxt.meter import Meter
    from tutti.app.settings import Config
    from tutti.kernel.clock import Clock

_log = structlog.stdlib.get_logger(__name__)


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
    """

    step: int
    start: int
    past: MarketBlock
    terms: Mapping[str, Mapping[str, object]]
    venues: Mapping[str, MarketData]
    lanes: Mapping[str, Lanes]
    feed: LiveFeed
    files: tuple[DataSource, ...] = ()

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

    def stream(self) -> AsyncIterator[MarketBlock]:
        """Yield what follows, a tick at a time, as it becomes complete."""
        return self.feed.ticks(int(self.past.known_at[-1]))


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
        for name in dict.fromkeys(each.venue for each in instruments):
            dialect = dialect_of(name)
            lanes[name] = Lanes(rate_of(dialect), dialect.ordinary_burst, clock)
            venues[name] = MarketData(
                dialect,
                reach_of(config, name),
                [each for each in instruments if each.venue == name],
                step=step,
                sink=bars,
                clock=clock,
                random=random,
                lanes=lanes[name],
                meter=meter,
                silent_s=settings.silent_s,
                book_levels=settings.book_levels,
            )
            closing.push_async_callback(venues[name].close)
            await venues[name].open()
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
