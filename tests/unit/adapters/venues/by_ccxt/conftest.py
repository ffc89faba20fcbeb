"""Venues on fake exchanges that unmodified ccxt talks to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydantic import SecretStr

from tutti.adapters.venues.by_ccxt.client import Addresses, Reach, open_client
from tutti.adapters.venues.by_ccxt.contracts import contract_of
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.fence import Fence
from tutti.adapters.venues.by_ccxt.lanes import Lanes
from tutti.adapters.venues.by_ccxt.meter import NoMeter
from tutti.adapters.venues.by_ccxt.pace import Pace
from tutti.adapters.venues.by_ccxt.venue import CcxtVenue
from tutti.kernel.clock import LiveClock
from tutti.kernel.ids import IdSource
from tutti.model.instrument import Instrument, InstrumentId
from tutti.model.order import ApprovedOrder, OrderIntent, OrderType, Reason, Side, VenueEvent
from tutti.testing.exchanges import FakeExchange, Fault, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from tutti.testing.exchanges import Addresses as FakeAddresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A venue of ours, and the fake that stands for it."""

    venue: str
    dialect: str
    instrument: str
    orders: str = "order.create"


PLACES = {
    "BINANCE": Place(venue="BINANCE", dialect="binance", instrument="BTC-USDT"),
    "BINANCE_USDM": Place(venue="BINANCE_USDM", dialect="binance", instrument="BTC-USDT-PERP"),
    "KRAKEN": Place(venue="KRAKEN", dialect="kraken", instrument="BTC-USD"),
    "COINBASE": Place(venue="COINBASE", dialect="coinbase", instrument="BTC-USD"),
    "HYPERLIQUID": Place(venue="HYPERLIQUID", dialect="hyperliquid", instrument="BTC-USDC-PERP"),
}


class Bench:
    """A venue that was started, the exchange behind it, and everything that it said."""

    def __init__(
        self,
        place: Place,
        exchange: FakeExchange,
        addresses: FakeAddresses,
        instrument: Instrument,
        price: Decimal,
        venue: CcxtVenue,
        lanes: Lanes,
    ) -> None:
        self.place = place
        self.exchange = exchange
        self.addresses = addresses
        self.instrument = instrument
        self.price = price
        self.venue = venue
        self.lanes = lanes
        self.said: list[VenueEvent] = []
        self._ids = IdSource("bench")

    def order(
        self,
        side: Side = Side.BUY,
        *,
        lots: int = 0,
        limit: Decimal | None = None,
        reduces: bool = False,
    ) -> ApprovedOrder:
        """Return an approved order, at market unless there is a limit (a share of the price)."""
        step, now = self.instrument.quantity_step, LiveClock().now()
        least = max(Decimal(200) / self.price, self.instrument.min_quantity)
        quantity = lots * step if lots else (least // step + 1) * step
        price = None
        if limit is not None:
            price = self.price * limit // self.instrument.price_step * self.instrument.price_step
        intent = OrderIntent(
            id=self._ids.new(now),
            instrument=self.instrument.id,
            as_of=now,
            side=side,
            quantity=quantity,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            price=price,
            reference_price=self.price,
            reason=Reason.ENTRY,
            lead="bench",
            reduces=reduces,
        )
        return ApprovedOrder(intent=intent, approved_at=now, rules=())

    def submit(self, order: ApprovedOrder) -> str:
        """Submit now; return the id."""
        self.venue.submit(order, LiveClock().now())
        return order.intent.id

    def kinds(self, order_id: str) -> list[str]:
        """Return the names of what was said of an order, in order."""
        self.said += self.venue.events()
        return [
            type(each).__name__ for each in self.said if getattr(each, "order_id", "") == order_id
        ]

    async def until(self, order_id: str, *ends: str, seconds: float = 6.0) -> list[str]:
        """Return what was said of an order once the last of it is one of ``ends``."""
        async with asyncio.timeout(seconds):
            while not (said := self.kinds(order_id)) or said[-1] not in ends:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return said

    def at_exchange(self) -> int:
        """Return how many orders the exchange has, of whatever state."""
        market = self.exchange.marketplace
        return sum(len(market.orders_of(each)) for each in market.accounts.values())


async def open_bench(
    place: Place,
    exchange: FakeExchange,
    addresses: FakeAddresses,
    *,
    fence: Fence | None = None,
    pace: Pace | None = None,
    start: bool = True,
) -> Bench:
    """Return a bench on an exchange that is served."""
    clock, dialect = LiveClock(), dialect_of(place.venue)
    there = Addresses(urls=addresses.urls)
    lanes = Lanes(500.0, 100.0, clock)
    client = open_client(dialect, Reach(keys={}, addresses=there), lanes)
    client.timeout_on_exit = 0
    try:
        await client.load_markets()
        name = InstrumentId(place.instrument, place.venue)
        contract = contract_of(name, client.markets, dialect, client.precisionMode)
        ticker = await client.fetch_ticker(contract.symbol)
    finally:
        await client.close()
    instrument = contract.instrument()
    keys = {name: SecretStr(value) for name, value in addresses.credentials["main"].items()}
    venue = CcxtVenue(
        dialect,
        Reach(keys=keys, addresses=there, timeout_s=2.0),
        [instrument],
        clock=clock,
        random=np.random.default_rng(1),
        fence=fence or Fence(),
        meter=NoMeter(),
        lanes=lanes,
        pace=pace or Pace(orders_s=0.3, holdings_s=1.0, order_timeout_s=1.0, late_s=0.2),
    )
    if start:
        await venue.start()
    price = Decimal(str(ticker["last"]))
    return Bench(place, exchange, addresses, instrument, price, venue, lanes)


@asynccontextmanager
async def _bench(
    place: Place,
    faults: Sequence[Fault] = (),
    *,
    fence: Fence | None = None,
    pace: Pace | None = None,
) -> AsyncIterator[Bench]:
    exchange = FakeExchange(place.dialect, seed=5, limits=0.0)
    async with serve(exchange) as addresses:
        bench = await open_bench(place, exchange, addresses, fence=fence, pace=pace)
        exchange.plan.add(*faults)
        try:
            yield bench
        finally:
            exchange.plan.clear()
            await bench.venue.close()


@pytest.fixture
def bench() -> Callable[..., AbstractAsyncContextManager[Bench]]:
    """Return what opens a bench at a place, with faults from then on."""
    return _bench
