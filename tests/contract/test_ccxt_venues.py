"""Every dialect of the ccxt adapter passes the suite for venues, over a fake exchange."""

from __future__ import annotations

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
from tutti.model.instrument import InstrumentId
from tutti.model.order import ApprovedOrder, Order, OrderStatus, OrderType, Side
from tutti.testing.conformance.rig import Ability, FakeExchangeRig
from tutti.testing.conformance.venues import VenueConformance
from tutti.testing.exchanges import FakeExchange, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tutti.execution.port import Venue
    from tutti.model.order import OrderIntent


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A venue of ours, what trades there, and the fake that stands for it."""

    dialect: str
    instrument: str
    listing: str
    can_short: bool = False


PLACES = {
    "BINANCE": Place(dialect="binance", instrument="BTC-USDT", listing="BTC/USDT"),
    "BINANCE_USDM": Place(
        dialect="binance", instrument="BTC-USDT-PERP", listing="BTC/USDT:USDT", can_short=True
    ),
    "KRAKEN": Place(dialect="kraken", instrument="BTC-USD", listing="BTC/USD"),
    "COINBASE": Place(dialect="coinbase", instrument="BTC-USD", listing="BTC/USD"),
    "HYPERLIQUID": Place(
        dialect="hyperliquid", instrument="BTC-USDC-PERP", listing="BTC/USDC:USDC", can_short=True
    ),
}
_MONEY = Decimal(100_000)


def _approved(intent: OrderIntent) -> ApprovedOrder:
    return ApprovedOrder(intent=intent, approved_at=intent.as_of, rules=())


@asynccontextmanager
async def _rig_at(name: str) -> AsyncIterator[FakeExchangeRig]:
    place, dialect, clock = PLACES[name], dialect_of(name), LiveClock()
    quote = place.listing.partition("/")[2].partition(":")[0]
    money = {quote: _MONEY}
    exchange = FakeExchange(
        place.dialect, seed=5, limits=0.0, spot={**money, "BTC": Decimal(0)}, margin=money
    )
    async with serve(exchange) as addresses:
        there = Addresses(urls=addresses.urls)
        keys = {key: SecretStr(value) for key, value in addresses.credentials["main"].items()}
        lanes = Lanes(500.0, 100.0, clock)
        client = open_client(dialect, Reach(keys={}, addresses=there), lanes)
        client.timeout_on_exit = 0
        await client.load_markets()
        instrument_id = InstrumentId(place.instrument, name)
        contract = contract_of(instrument_id, client.markets, dialect, client.precisionMode)
        await client.close()

        async def open_venue() -> CcxtVenue:
            venue = CcxtVenue(
                dialect,
                Reach(keys=keys, addresses=there, timeout_s=2.0),
                [contract.instrument()],
                clock=clock,
                random=np.random.default_rng(1),
                fence=Fence(),
                meter=NoMeter(),
                lanes=Lanes(500.0, 100.0, clock),
                pace=Pace(orders_s=0.3, holdings_s=1.0, order_timeout_s=1.0, late_s=0.2),
            )
            await venue.start()
            return venue

        async def reopen_venue() -> Venue:
            venue = await open_venue()
            # what a ledger would remember: the orders that were sent
            sent = [
                Order(
                    id=dialect.client_ids.decode(each.client_id) or "",
                    instrument=instrument_id,
                    side=Side(each.side),
                    quantity=each.quantity,
                    type=OrderType.LIMIT,
                    price=each.price,
                    status=OrderStatus.SENT,
                    created_at=each.created_at,
                    updated_at=each.created_at,
                )
                for each in exchange.marketplace.orders.values()
            ]
            venue.restore({}, Decimal(0), sent)
            return venue

        abilities = {Ability.PARTIAL_FILLS, Ability.OUTSIDE, Ability.FAULTS, Ability.REOPENS}
        if place.can_short:
            abilities.add(Ability.SHORTS)
        rig = FakeExchangeRig(
            venue=await open_venue(),
            exchange=exchange,
            instrument=contract.instrument(),
            listing=place.listing,
            approves=_approved,
            client_id_of=dialect.client_ids.encode,
            opens=reopen_venue,
            abilities=frozenset(abilities),
        )
        try:
            yield rig
        finally:
            await rig.close()


@pytest.mark.parametrize("rig", list(PLACES), indirect=True)
class TestCcxtVenue(VenueConformance):
    @pytest.fixture
    async def rig(self, request: pytest.FixtureRequest) -> AsyncIterator[FakeExchangeRig]:
        async with _rig_at(request.param) as rig:
            yield rig
