"""A venue with a spread that changes and hours in which it is down."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from tutti.execution.cost import costs_of
from tutti.model.arrays import Tradable
from tutti.model.errors import Transient
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import ApprovedOrder, OrderFilled, OrderIntent, OrderType, Reason, Side
from tutti.sandbox.scenarios.conditions import Blackout, Factor
from tutti.sandbox.scenarios.schedule import scheduled
from tutti.sandbox.scenarios.span import Window
from tutti.sandbox.scenarios.venue import StressedVenue

_STEP = 1_000
_COIN = Instrument(
    id=InstrumentId("BTC-USD-PERP", "V"),
    kind=InstrumentKind.PERPETUAL,
    price_step=Decimal("0.01"),
    quantity_step=Decimal("0.1"),
    taker_fee=Decimal(0),
    max_leverage=Decimal(10),
    maintenance_margin=Decimal("0.05"),
)


def _bars(n: int) -> Tradable:
    flat = np.full((n, 1), 100.0)
    return Tradable(
        ts=_STEP * np.arange(n), open=flat, high=flat, low=flat, close=flat, volume=flat,
        funding=np.zeros((n, 1)),
    )  # fmt: skip


def _venue(*blackouts: Blackout) -> StressedVenue:
    wider = Factor(Window(3 * _STEP, 5 * _STEP), np.array([5.0]))
    return StressedVenue(
        "V", [_COIN], [0], scheduled(costs_of(np.array([10.0])), [wider]), Decimal(10_000),
        currency="USD", blackouts=blackouts,
    )  # fmt: skip


def _order(order_id: str, kind: OrderType = OrderType.MARKET) -> ApprovedOrder:
    intent = OrderIntent(
        id=order_id, instrument=_COIN.id, as_of=0, side=Side.BUY, quantity=Decimal(1), type=kind,
        price=None if kind is OrderType.MARKET else Decimal(50), reference_price=Decimal(100),
        reason=Reason.ENTRY, lead="", reduces=False,
    )  # fmt: skip
    return ApprovedOrder(intent=intent, approved_at=0, rules=())


def test_fill_pays_the_spread_of_its_bar() -> None:
    venue, bars = _venue(), _bars(8)
    prices = []
    for t in range(7):
        venue.observe(bars, t)
        prices += [each.price for each in venue.events() if isinstance(each, OrderFilled)]
        venue.submit(_order(f"order-{t}"), (t + 1) * _STEP)
    expected = ["100.10", "100.10", "100.50", "100.50", "100.10", "100.10"]
    assert prices == [Decimal(price) for price in expected]


def test_costs_with_another_latency_are_refused() -> None:
    with pytest.raises(ValueError, match="latency can't change"):
        _venue().reprice(costs_of(np.array([1.0]), latency_ns=1))


@pytest.mark.parametrize(
    ("ts", "fails"), [(1_999, False), (2_000, True), (3_999, True), (4_000, False)]
)
def test_order_fails_exactly_while_the_venue_is_down(ts: int, fails: bool) -> None:
    venue = _venue(Blackout("V", Window(2_000, 4_000), is_dark=False))
    venue.observe(_bars(1), 0)
    if not fails:
        venue.submit(_order("a"), ts)
        return
    with pytest.raises(Transient, match="V: out of order until 1970-01-01T00:00:00"):
        venue.submit(_order("a"), ts)
    assert venue.find("a") is None


def test_cancellation_fails_while_the_venue_is_down_and_the_order_works_on() -> None:
    venue = _venue(Blackout("V", Window(2_000, 4_000), is_dark=False))
    venue.observe(_bars(1), 0)
    venue.submit(_order("a", OrderType.LIMIT), 1_000)
    with pytest.raises(Transient, match="out of order"):
        venue.cancel("a", 2_500)
    report = venue.find("a")
    assert report is not None
    assert not report.status.is_final
    venue.cancel("a", 4_000)


def test_outage_elsewhere_is_none_of_its_business() -> None:
    venue = _venue(Blackout("W", Window(0, 4_000), is_dark=False))
    venue.observe(_bars(1), 0)
    venue.submit(_order("a"), 1_000)
