"""A live account on a fake exchange, as a process runs it between two kills."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pydantic import SecretStr

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.adapters.venues.by_ccxt.client import Addresses, Reach, open_client
from tutti.adapters.venues.by_ccxt.contracts import contract_of
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.lanes import Lanes
from tutti.adapters.venues.by_ccxt.meter import NoMeter
from tutti.app.account_folder import left_behind
from tutti.app.config import Config, override
from tutti.app.paper import Opening, PaperAccount, plan_for
from tutti.app.venues_live import LiveVenues
from tutti.kernel.clock import SECOND, LiveClock
from tutti.ledger.kinds import DataSource
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tutti.app.live_market import LiveMarket
    from tutti.model.order import Side

_STEP = SECOND
_PAST = 12
_SWING = 0.004
_BREATH_S = 0.03
_BREATHS = 12
_SETTLE_S = 20.0

# Turns round every other tick, so that each brings orders of several instruments.
_RESTLESS: dict[str, object] = {
    "agents": (),
    "policy.name": "ema_cross",
    "policy.fast": 2,
    "policy.slow": 3,
    "policy.sizing.method": "fixed_fraction",
    "policy.sizing.fraction": 0.02,
    "risk.max_data_age_s": 1e6,
    "risk.max_clock_skew_s": 1e6,
    "risk.max_notional_multiple": None,
    "risk.max_daily_loss": None,
    "risk.max_drawdown": 1.0,
    "risk.max_bar_move": None,
    "risk.max_consecutive_errors": 1000,
    "risk.care.cooldown_s": 0.0,
    "risk.care.stale_after_s": 0.0,
    # a bar of a second takes a tenth of one here
    "reconcile.every_s": 2,
    "reconcile.patience_s": 6,
    "live.poll_orders_s": 0.3,
    "live.poll_holdings_s": 0.5,
    "live.order_timeout_s": 2,
    "live.dead_mans_switch": False,
    "live.max_order_notional": 1_000_000,
    "live.max_orders_per_minute": 100_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A fake exchange, and what is traded there.

    Parameters
    ----------
    terms : mapping of str to mapping
        Contract terms by instrument, as the venue tells them.
    prices : tuple of float
        Of the instruments, as the exchange has them.
    """

    venue: str
    instruments: tuple[InstrumentId, ...]
    urls: Mapping[str, Any]
    keys: Mapping[str, SecretStr]
    terms: Mapping[str, Mapping[str, object]]
    prices: tuple[float, ...]


async def look_at(addresses: Mapping[str, Any], venue: str, symbols: tuple[str, ...]) -> Place:
    """Return what a fake exchange says of the instruments."""
    dialect, ids = dialect_of(venue), tuple(InstrumentId(each, venue) for each in symbols)
    lanes = Lanes(1e4, 1e4, LiveClock())
    reach = Reach(keys={}, addresses=Addresses(urls=addresses["urls"]))
    client = open_client(dialect, reach, lanes)
    try:
        await client.load_markets()
        contracts = [
            contract_of(each, client.markets, dialect, client.precisionMode) for each in ids
        ]
        last = [(await client.fetch_ticker(each.symbol))["last"] for each in contracts]
    finally:
        await client.close()
    return Place(
        venue=venue,
        instruments=ids,
        urls=addresses["urls"],
        keys={name: SecretStr(text) for name, text in addresses["credentials"]["main"].items()},
        terms={str(each): contract.terms for each, contract in zip(ids, contracts, strict=True)},
        prices=tuple(map(float, last)),
    )


class NoBooks:
    """Market data without a book: nothing is routed here."""

    def ladder(self, instrument: InstrumentId, side: Side) -> None:
        """Return nothing."""


@dataclass(slots=True)
class Swinging:
    """Market whose bars swing about the exchange's prices, a second each, up to now."""

    place: Place
    now: int
    lanes: Mapping[str, Lanes]
    step: int = _STEP
    files: tuple[DataSource, ...] = ()
    terms: Mapping[str, Mapping[str, object]] = field(init=False)
    venues: Mapping[str, NoBooks] = field(init=False)

    def __post_init__(self) -> None:
        self.terms = self.place.terms
        self.venues = {self.place.venue: NoBooks()}

    @property
    def start(self) -> int:
        """Start of the first bar."""
        return self.now // _STEP * _STEP - _PAST * _STEP

    def bars(self, start: int, count: int) -> MarketBlock:
        """Return ``count`` bars from ``start`` (ns UTC) on."""
        ts = start + _STEP * np.arange(count)
        number = ts // _STEP
        # two up, two down; every other instrument the other way round
        swing = np.where(number % 4 < 2, 1.0, -1.0)
        signs = np.where(np.arange(len(self.place.prices)) % 2, -1.0, 1.0)
        close = np.array(self.place.prices) * (1.0 + _SWING * np.outer(swing, signs))
        return MarketBlock(
            instruments=self.place.instruments,
            ts=ts,
            step=_STEP,
            open=close,
            high=close,
            low=close,
            close=close,
            volume=np.full(close.shape, 1e6),
            funding=np.zeros(close.shape),
        )

    def sample(self) -> MarketBlock:
        """Return the bars before."""
        return self.bars(self.start, _PAST)

    def history(self, until: int) -> MarketBlock | None:
        """Return the bars before."""
        del until
        return self.sample()

    def ticks(self) -> Iterator[MarketBlock]:
        """Yield nothing: they are made as they are needed."""
        return iter(())


def config_at(place: Place, folder: Path, *, limit: bool, rests: bool) -> Config:
    """Return the settings of a restless account at one venue."""
    path = folder / "addresses.json"
    path.write_text(json.dumps({"urls": place.urls}), encoding="utf-8")
    given = _RESTLESS | {
        "feed.kind": "live",
        "feed.tick_s": 1.0,
        "feed.live.symbols": tuple(map(str, place.instruments)),
        "feed.warm_up_bars": _PAST,
        "policy.long_only": not place.instruments[0].symbol.endswith("PERP"),
        "venues": {place.venue: {"addresses": str(path)}},
    }
    if limit:
        given |= {"execution.order_type": "limit", "execution.limit_offset_bps": -60.0}
    if rests:
        given |= {"execution.order_type": "limit", "execution.limit_offset_bps": 300.0}
    return override(Config(), given)


async def trade(
    place: Place,
    folder: Path,
    ticks: int,
    *,
    limit: bool = False,
    rests: bool = False,
    settle: bool = False,
    stop: bool = True,
    opened: Callable[[], None] | None = None,
    traded: Callable[[], None] | None = None,
) -> None:
    """Take the account up, trade for a while, and stop; or be killed meanwhile.

    Parameters
    ----------
    limit : bool
        Send limit orders that cross the book instead of market orders.
    rests : bool
        Send limit orders far off the market, which are cancelled after a bar.
    settle : bool
        Trade nothing more, but wait until every order's fate is known, then end properly.
    stop : bool
        Write down why it ended; else leave off as a kill would.
    opened : callable, optional
        Called when the account is taken up and trading begins.
    traded : callable, optional
        Called after the last tick; the fate of every order is waited for then, in this process.
    """
    clock, config = LiveClock(), config_at(place, folder, limit=limit, rests=rests)
    ledger = folder / "ledger"
    market = Swinging(place, clock.now(), lanes={place.venue: Lanes(1e4, 1e4, clock)})
    venues = LiveVenues(
        config,
        {place.venue: place.keys},
        clock=clock,
        meter=NoMeter(),
        market=cast("LiveMarket", market),  # of it, rate limiters and books are used
    )
    try:
        await venues.open(plan_for(config, market).instruments, left_behind(ledger))
        store = SqliteLedger(ledger, Durability.EACH_COMMIT)
        opening = Opening(run_id="crash", venues=venues.venues, balances=venues.balances())
        account = PaperAccount(config, market, store, opening)
        if opened is not None:
            opened()
        if settle:
            await _settle(account, venues, clock)
        else:
            await _tick(account, venues, market, clock, ticks)
            if traded is not None:
                traded()
                await _settle(account, venues, clock)
        if stop:
            account.session.stop(clock.now(), "done")
        else:
            account.abandon()
    finally:
        await venues.close()


async def _tick(
    account: PaperAccount, venues: LiveVenues, market: Swinging, clock: LiveClock, ticks: int
) -> None:
    # the market runs ahead of the clock: orders are the point, not time
    start = market.start + _PAST * _STEP
    for number in range(ticks):
        account.process(market.bars(start + number * _STEP, 1))
        for _ in range(_BREATHS):
            await venues.something_new(_BREATH_S)
            account.session.attend(clock.now())
            if account.session.account.orders.is_idle:
                break


async def _settle(account: PaperAccount, venues: LiveVenues, clock: LiveClock) -> None:
    desk, orders = account.session.engine.desk, account.session.account.orders
    end = clock.now() + round(_SETTLE_S * SECOND)
    for venue in venues.venues.values():
        await venue.refresh([order.id for order in orders.open()])
    while True:
        account.session.attend(clock.now())
        desk.reconcile(clock.now())
        account.session.attend(clock.now())
        if orders.is_idle or clock.now() > end:
            break
        for order in orders.open():
            desk.cancel(order, clock.now())
        await venues.something_new(_BREATH_S)
        await asyncio.sleep(_BREATH_S)
        for venue in venues.venues.values():
            await venue.refresh([order.id for order in orders.open()])
