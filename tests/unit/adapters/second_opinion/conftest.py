"""A small market by hand, and orders on it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

from tutti.adapters.second_opinion.request import ReplayOrder, ReplayRequest, VenueRules
from tutti.kernel.clock import HOUR
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

START = 1_704_067_200_000_000_000  # 2024-01-01
NAN = float("nan")

# open, high, low, close, volume of one instrument, an hour each
Bars = list[tuple[float, float, float, float, float]]

QUIET: Bars = [
    (100.0, 102.0, 99.0, 101.0, 1000.0),
    (101.0, 103.0, 100.0, 102.0, 1000.0),
    (102.0, 104.0, 98.0, 103.0, 1000.0),
    (103.0, 105.0, 102.0, 104.0, 1000.0),
    (104.0, 106.0, 103.0, 105.0, 1000.0),
]


class RequestMaker(Protocol):
    """Makes a request of orders on one instrument of ``bars``; changes are venue rules."""

    def __call__(
        self,
        orders: Sequence[ReplayOrder],
        bars: Bars = QUIET,
        *,
        kind: InstrumentKind = InstrumentKind.PERPETUAL,
        half_spread_bps: float = 0.0,
        funding: Sequence[float] | None = None,
        **changes: Any,
    ) -> ReplayRequest: ...


def order(number: int, row: int, side: int, quantity: str, **changes: Any) -> ReplayOrder:
    """Return a market order that arrives as bar ``row`` opens; changes replace fields."""
    values: dict[str, Any] = {
        "order_id": f"order-{number}",
        "instrument": 0,
        "side": side,
        "quantity": Decimal(quantity),
        "type": "market",
        "price": None,
        "arrival": START + row * HOUR,
    }
    return ReplayOrder(**(values | changes))


@pytest.fixture
def make_request() -> RequestMaker:
    return _made


def _made(
    orders: Sequence[ReplayOrder],
    bars: Bars = QUIET,
    *,
    kind: InstrumentKind = InstrumentKind.PERPETUAL,
    half_spread_bps: float = 0.0,
    funding: Sequence[float] | None = None,
    **changes: Any,
) -> ReplayRequest:
    table = np.array(bars, dtype=np.float64)
    rates = np.zeros(len(bars)) if funding is None else np.array(funding, dtype=np.float64)
    instrument = InstrumentId("BTC-USDT", "SIM")
    rules: dict[str, Any] = {
        "name": "SIM",
        "starting_balance": Decimal(10_000),
        "impact_coefficient": 0.0,
        "participation": 0.0,
        "limit_through": True,
        "liquidation_fee": 0.0,
    }
    return ReplayRequest(
        market=MarketBlock(
            instruments=(instrument,),
            ts=START + HOUR * np.arange(len(bars), dtype=np.int64),
            step=HOUR,
            open=table[:, :1],
            high=table[:, 1:2],
            low=table[:, 2:3],
            close=table[:, 3:4],
            volume=table[:, 4:5],
            funding=rates[:, None],
        ),
        instruments=[
            Instrument(
                id=instrument,
                kind=kind,
                price_step=Decimal("0.1"),
                quantity_step=Decimal("0.01"),
                maker_fee=Decimal("0.0002"),
                taker_fee=Decimal("0.001"),
                max_leverage=Decimal(20) if kind is InstrumentKind.PERPETUAL else Decimal(1),
                maintenance_margin=Decimal("0.005"),
            )
        ],
        half_spread_bps=[half_spread_bps],
        venues=[VenueRules(**(rules | changes))],
        orders=orders,
        quote_currency="USDT",
    )
