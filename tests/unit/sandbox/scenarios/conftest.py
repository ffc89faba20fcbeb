"""A small market at two venues, and scenarios laid over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from tutti.kernel.clock import HOUR
from tutti.model.instrument import Instrument, InstrumentId
from tutti.model.market import MarketBlock
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.scenarios.conditions import Conditions, conditions
from tutti.sandbox.scenarios.scenario import Scenario
from tutti.sandbox.scenarios.tape import StressedTape
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from tutti.sandbox.scenarios.effects import Effect

START = 1_704_067_200_000_000_000  # 2024-01-01
STRUCK = 100
"""Bar at which scenarios begin."""


class Laid(NamedTuple):
    """A scenario over the market: before, after, and what it means there."""

    before: MarketBlock
    after: MarketBlock
    under: Conditions
    instruments: tuple[Instrument, ...]


class Lay(Protocol):
    def __call__(self, *effects: Effect, block: MarketBlock | None = None) -> Laid: ...


@pytest.fixture(scope="session")
def market() -> MarketBlock:
    """Return 240 hours of a perpetual and a spot pair at X, and a perpetual at Y."""
    names = (("BTC-USDT-PERP", "X"), ("ETH-USDT", "X"), ("BTC-USD-PERP", "Y"))
    return SimulatedMarket(
        [MarketSpec(instrument=InstrumentId(*name), funding_rate=0.0001) for name in names],
        seed=5, step=HOUR, start=START,
    ).next_block(240)  # fmt: skip


@pytest.fixture
def lay(market: MarketBlock) -> Lay:
    """Return a function that lays effects over the market, from bar `STRUCK` on."""

    def laid(*effects: Effect, block: MarketBlock | None = None) -> Laid:
        before = market if block is None else block
        instruments = Universe.of_block(before).instruments
        scenario = Scenario(name="trial", about="", effects=effects)
        begins = START + STRUCK * HOUR
        under = conditions(scenario, instruments, begins, before.step)
        after = StressedTape(under, instruments).advance(before)
        return Laid(before, after, under, instruments)

    return laid
