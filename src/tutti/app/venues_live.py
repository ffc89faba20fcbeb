"""Real money: keys, limits and a typed confirmation first, then the venues themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import structlog
from pydantic import SecretStr

from tutti.adapters.secrets.catalogue import key_source
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.fence import Fence
from tutti.adapters.venues.by_ccxt.pace import Pace
from tutti.adapters.venues.by_ccxt.venue import CcxtVenue
from tutti.app.live_market import reach_of
from tutti.model.errors import ConfigError
from tutti.model.instrument import InstrumentId
from tutti.model.order import OrderStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.adapters.venues.by_ccxt.meter import Meter
    from tutti.app.live_market import LiveMarket
    from tutti.app.settings import Config
    from tutti.kernel.clock import Clock
    from tutti.ledger.fold import LedgerState
    from tutti.model.instrument import Instrument
    from tutti.universe.symbols import SymbolList

_log = structlog.stdlib.get_logger(__name__)

Keys = Mapping[str, Mapping[str, SecretStr]]
"""Of each venue, by the names that ccxt gives their fields."""

_CCXT_FIELDS = {
    "api_key": "apiKey",
    "secret": "secret",
    "passphrase": "password",
    "private_key": "privateKey",
    "wallet_address": "walletAddress",
    "uid": "uid",
}
_NEEDED = {
    "live.max_order_notional": "the largest order that may leave, in quote currency, such as 200",
    "live.max_orders_per_minute": "the most orders that may leave in a minute, such as 20",
    "risk.max_daily_loss": "the loss in a day at which trading stops, such as 100",
    "risk.max_instrument_fraction": "the most of equity in one instrument, such as 0.1",
    "risk.max_gross_fraction": "the most of equity in all of them, such as 1",
}


def venues_in(config: Config) -> tuple[str, ...]:
    """Return the venues of the live feed, in order of first appearance."""
    symbols = (InstrumentId.parse(each) for each in config.feed.live.symbols)
    return tuple(dict.fromkeys(each.venue for each in symbols))


def phrase_for(config: Config) -> str:
    """Return what a person has to type before real money is traded, in whatever order it is listed."""
    return f"trade real money on {' and '.join(sorted(venues_in(config)))}"


def refuse_unlimited(config: Config) -> None:
    """Check that every limit which real money needs was set.

    Raises
    ------
    ConfigError
        If one is missing, or the feed is none that real money can be traded on.
    """
    if config.feed.kind != "live":
        raise ConfigError("feed.kind: --live trades on the live market only; add --feed live")
    for key, meaning in _NEEDED.items():
        section, name = key.split(".")
        if getattr(getattr(config, section), name) is None:
            raise ConfigError(f"{key}: is not set, and --live needs it: {meaning}")


def refuse_unconfirmed(config: Config, typed: str) -> None:
    """Check what a person typed.

    Raises
    ------
    ConfigError
        If it isn't the very phrase.
    """
    wanted = phrase_for(config)
    if " ".join(typed.split()) != wanted:
        raise ConfigError(
            f"nothing was started: real money needs the words {wanted!r}, typed when asked or "
            "given with --i-understand"
        )


def keys_for(
    config: Config, environment: Mapping[str, str] | None = None
) -> dict[str, dict[str, SecretStr]]:
    """Return the keys of every venue, by the names that ccxt gives their fields.

    Parameters
    ----------
    environment : mapping of str to str, optional
        Variables; those of the process by default.

    Raises
    ------
    ConfigError
        If a venue has none, or they can't be read.
    """
    found = {}
    for venue in venues_in(config):
        words = config.venue(venue).keys
        told = key_source(words, environment).read(venue)
        if not told:
            raise ConfigError(
                f"venues.{venue}.keys: {words} has none for {venue}; see docs/how-to/trade-live.md"
            )
        found[venue] = {_CCXT_FIELDS[name]: value for name, value in told.items()}
    return found


class LiveVenues:
    """The venues that real money is traded on.

    Parameters
    ----------
    config : Config
    keys : mapping of str to (mapping of str to SecretStr)
        See :func:`keys_for`.
    clock : Clock
    meter : Meter
    market : LiveMarket
        Whose rate limiters and books are used.
    """

    def __init__(
        self,
        config: Config,
        keys: Keys,
        *,
        clock: Clock,
        meter: Meter,
        market: LiveMarket,
    ) -> None:
        self._config = config
        self._keys = keys
        self._clock = clock
        self._random = np.random.default_rng(config.seed)
        self._meter = meter
        self._market = market
        self._woken = asyncio.Event()
        live = config.live
        self._fence = Fence(
            max_order_notional=live.max_order_notional,
            max_orders_per_minute=live.max_orders_per_minute,
        )
        self.venues: dict[str, CcxtVenue] = {}

    async def something_new(self, patience_s: float) -> None:
        """Return once a venue has something to tell, or after a while."""
        try:
            async with asyncio.timeout(patience_s):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def open(
        self, instruments: Sequence[Instrument], left: LedgerState | None = None
    ) -> None:
        """Start every venue, and ask it what became of the orders that were left there.

        Parameters
        ----------
        instruments : sequence of Instrument
            What is traded.
        left : LedgerState, optional
            By an earlier session.

        Raises
        ------
        VenueError
            If one can't be reached, or refuses its keys.
        ConfigError
            If a key may withdraw, or the configuration doesn't fit the venue.
        """
        live = self._config.live
        orders = () if left is None else tuple(left.open_orders.values())
        for name in dict.fromkeys(each.id.venue for each in instruments):
            venue = CcxtVenue(
                dialect_of(name),
                replace(reach_of(self._config, name), keys=self._keys[name]),
                [each for each in instruments if each.id.venue == name],
                clock=self._clock,
                random=self._random,
                fence=self._fence,
                meter=self._meter,
                lanes=self._market.lanes[name],
                ladder=self._market.venues[name].ladder,
                pace=Pace(
                    orders_s=live.poll_orders_s,
                    holdings_s=live.poll_holdings_s,
                    order_timeout_s=live.order_timeout_s,
                    switch=live.dead_mans_switch,
                ),
                wake=self._woken.set,
                funded_to=0 if left is None else left.began,
                funded=() if left is None else [x for x in left.funded if x[0].venue == name],
            )
            self.venues[name] = venue
            await venue.start()
            mine = [each for each in orders if each.instrument.venue == name]
            venue.restore({}, Decimal(0), mine)
            if mine:
                await venue.refresh(
                    [each.id for each in mine if each.status is not OrderStatus.CREATED]
                )
            _log.info("venue is open", venue=name, currencies=sorted(venue.balances()))

    async def follow(self, instruments: Sequence[Instrument]) -> None:
        """Trade more instruments, at venues that are open.

        Raises
        ------
        VenueError
            If one can't be reached.
        ConfigError
            If an instrument isn't there.
        """
        for name in dict.fromkeys(each.id.venue for each in instruments):
            await self.venues[name].follow([each for each in instruments if each.id.venue == name])

    def leave(self, instruments: Sequence[InstrumentId]) -> None:
        """Trade some instruments no more."""
        for name in dict.fromkeys(each.venue for each in instruments):
            self.venues[name].leave(each for each in instruments if each.venue == name)

    def refuse_other_venues(self, symbols: SymbolList) -> None:
        """Check that a list of symbols is of the venues that are open, and of all of them.

        Raises
        ------
        ConfigError
            If it isn't: keys and the word of whoever started it are of these.
        """
        wanted = {each.venue for each in symbols.ids}
        for name in sorted(wanted - set(self.venues)):
            raise ConfigError(
                f"{name}: real money is traded, and its keys were not given at the start; "
                "tutti down, then tutti up --live"
            )
        for name in sorted(set(self.venues) - wanted):
            raise ConfigError(
                f"{name}: real money is traded, and its cash counts in equity; keep one symbol "
                "there, or tutti down and tutti up --live without it"
            )

    def balances(self) -> dict[str, Decimal]:
        """Return the cash at each venue, all quote currencies counted alike."""
        return {
            name: sum(venue.balances().values(), Decimal(0)) for name, venue in self.venues.items()
        }

    async def close(self) -> None:
        """End all connections; orders at the venues stay as they are."""
        for venue in self.venues.values():
            await venue.close()
