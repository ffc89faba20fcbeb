"""The simulated venue passes the suite for venues, with spot and with a perpetual."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.execution.cost import costs_of
from tutti.model.arrays import Tradable
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import ApprovedOrder
from tutti.sandbox.venue import SimulatedVenue
from tutti.testing.conformance.rig import Ability, VenueRig
from tutti.testing.conformance.venues import VenueConformance

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.execution.port import Venue
    from tutti.model.order import OrderIntent

_STEP = 60_000_000_000
_PATIENCE = 5
_INSTRUMENTS = {
    "spot": Instrument(
        id=InstrumentId("BTC-USD", "SIM"),
        kind=InstrumentKind.SPOT,
        price_step=Decimal("0.5"),
        quantity_step=Decimal("0.01"),
        min_quantity=Decimal("0.02"),
        min_notional=Decimal(5),
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.002"),
    ),
    "perpetual": Instrument(
        id=InstrumentId("BTC-USD-PERP", "SIM"),
        kind=InstrumentKind.PERPETUAL,
        price_step=Decimal("0.5"),
        quantity_step=Decimal("0.01"),
        min_quantity=Decimal("0.02"),
        taker_fee=Decimal("0.001"),
        max_leverage=Decimal(10),
        maintenance_margin=Decimal("0.05"),
    ),
}


class _Rig:
    """A simulated venue that lives through one flat bar after the other."""

    def __init__(self, instrument: Instrument, abilities: frozenset[Ability]) -> None:
        self.instrument = instrument
        self.abilities = abilities
        self._simulated = SimulatedVenue(
            "SIM", [instrument], [0], costs_of(np.zeros(1)), Decimal(100_000)
        )
        self.venue: Venue = self._simulated
        self._n_bars = 0
        self._price = Decimal(100)
        self._bar(self._price)

    def _bar(self, price: Decimal) -> None:
        before, self._price = self._price, price
        low, high = sorted((float(before), float(price)))
        shape = (1, 1)
        bars = Tradable(
            ts=np.array([self._n_bars * _STEP]),
            open=np.full(shape, float(before)),
            high=np.full(shape, high),
            low=np.full(shape, low),
            close=np.full(shape, float(price)),
            volume=np.full(shape, 1e9),
            funding=np.zeros(shape),
        )
        self._simulated.observe(bars, 0)
        self._n_bars += 1

    def now(self) -> int:
        return self._n_bars * _STEP

    def price(self) -> Decimal:
        return self._price

    def approve(self, intent: OrderIntent) -> ApprovedOrder:
        return ApprovedOrder(intent=intent, approved_at=intent.as_of, rules=())

    async def settle(self, until: Callable[[], bool]) -> bool:
        for _ in range(_PATIENCE):
            if until():
                return True
            self._bar(self._price)
        return until()

    async def move(self, price: Decimal) -> None:
        self._bar(price)

    async def fill(self, order_id: str, quantity: Decimal) -> None:
        raise NotImplementedError

    async def end_there(self, order_id: str) -> None:
        raise NotImplementedError

    async def look(self, *order_ids: str) -> None:
        """It is always up to date."""

    async def orders_there(self, order_id: str) -> int:
        return int(self.venue.find(order_id) is not None)

    def fault(self, kind: str, where: str, **terms: Any) -> None:
        raise NotImplementedError

    def heal(self) -> None:
        raise NotImplementedError

    async def reopen(self) -> None:
        raise NotImplementedError


class TestSimulatedSpot(VenueConformance):
    @pytest.fixture
    def rig(self) -> VenueRig:
        return _Rig(_INSTRUMENTS["spot"], frozenset())


class TestSimulatedPerpetual(VenueConformance):
    @pytest.fixture
    def rig(self) -> VenueRig:
        return _Rig(_INSTRUMENTS["perpetual"], frozenset({Ability.SHORTS}))
