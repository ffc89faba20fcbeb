"""The simulated venue against the same rules written down plainly, and against any portfolio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutti.execution.cost import costs_of
from tutti.model.arrays import Tradable
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.order import (
    ApprovedOrder,
    Fill,
    FundingPaid,
    Liquidated,
    OrderFilled,
    OrderIntent,
    OrderType,
    Reason,
    Side,
)
from tutti.portfolio.positions import Portfolio
from tutti.sandbox.venue import SimulatedVenue

pytestmark = pytest.mark.kernels

_STEP = 100
_N = 2
_EXAMPLES = 200  # one world has few orders, and what goes wrong needs several at once


@dataclass(frozen=True, kw_only=True)
class _Bar:
    """Prices in ticks."""

    open: int
    high: int
    low: int
    lots: int


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """Order for lots at a price in ticks, sent at the close of a bar."""

    row: int
    column: int
    type: OrderType
    side: Side
    lots: int
    limit: int


@dataclass(frozen=True, kw_only=True)
class _Rules:
    """Spread in basis points; participation as one in so many lots, 0 for no limit."""

    spread: int
    one_in: int
    latency: int
    through: bool


@st.composite
def _bars(draw: st.DrawFn) -> _Bar | None:
    if draw(st.integers(0, 7)) == 7:
        return None
    low = draw(st.integers(94, 103))
    high = draw(st.integers(low, 106))
    return _Bar(
        open=draw(st.integers(low, high)),
        high=high,
        low=low,
        lots=draw(st.sampled_from([100, 40, 7, 400, 0])),
    )


_RULES = st.builds(
    _Rules,
    spread=st.sampled_from([0, 130]),
    one_in=st.sampled_from([0, 10]),
    latency=st.sampled_from([0, 0, 1, _STEP, _STEP + 1]),
    through=st.booleans(),
)


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[list[list[_Bar | None]], list[_Sent], _Rules]:
    n_rows = draw(st.integers(5, 9))
    rows = [[draw(_bars()) for _ in range(_N)] for _ in range(n_rows)]
    rows[0] = [_Bar(open=100, high=100, low=100, lots=40)] * _N
    orders = draw(
        st.lists(
            st.builds(
                _Sent,
                row=st.integers(0, n_rows - 3),
                column=st.integers(0, _N - 1),
                type=st.sampled_from(OrderType),
                side=st.sampled_from(Side),
                lots=st.integers(1, 30),
                limit=st.integers(94, 106),
            ),
            min_size=4,
            max_size=10,
        )
    )
    return rows, sorted(orders, key=lambda order: order.row), draw(_RULES)


# ---- the rules, written down plainly ----


@dataclass(kw_only=True)
class _Open:
    name: str
    sent: _Sent
    left: int
    arrival: int
    rests: bool = False
    triggered: bool = False


def _taken(order: _Open, price: int, rules: _Rules) -> int:
    sign = order.sent.side.sign
    exact = price * (1 + sign * Fraction(rules.spread, 10_000))
    return math.ceil(exact) if sign > 0 else math.floor(exact)


def _price(order: _Open, bar: _Bar, rules: _Rules) -> tuple[int, bool] | None:
    # what the bar pays for the order, and whether as a maker; None for nothing
    sent = order.sent
    buys = sent.side is Side.BUY
    if sent.type is OrderType.MARKET or order.triggered:
        return _taken(order, bar.open, rules), False
    if sent.type is OrderType.STOP:
        if (bar.high < sent.limit) if buys else (bar.low > sent.limit):
            return None
        worse = max(bar.open, sent.limit) if buys else min(bar.open, sent.limit)
        return _taken(order, worse, rules), False
    if not order.rests and ((bar.open <= sent.limit) if buys else (bar.open >= sent.limit)):
        taken = _taken(order, bar.open, rules)
        return (min(taken, sent.limit) if buys else max(taken, sent.limit)), False
    beyond = sent.limit - bar.low if buys else bar.high - sent.limit
    return (sent.limit, True) if beyond >= (1 if rules.through else 0) else None


def _expected(
    rows: list[list[_Bar | None]], orders: list[_Sent], rules: _Rules
) -> list[tuple[str, int, int, int, bool]]:
    fills = []
    working: list[_Open] = []
    for t, bars in enumerate(rows):
        room = [
            None if not rules.one_in or bar is None else max(bar.lots // rules.one_in, bar.lots > 0)
            for bar in bars
        ]
        for order in working:
            bar = bars[order.sent.column]
            if bar is None or t * _STEP < order.arrival:
                continue
            left = room[order.sent.column]
            lots = order.left if left is None else min(order.left, left)
            priced = _price(order, bar, rules)
            order.rests = True
            if priced is None:
                continue
            # what older orders left no room for is triggered, where anything traded at all
            order.triggered |= order.sent.type is OrderType.STOP and (left is None or bar.lots > 0)
            if not lots:
                continue
            order.left -= lots
            if left is not None:
                room[order.sent.column] = left - lots
            fills.append((order.name, t * _STEP, lots, *priced))
        working = [order for order in working if order.left]
        for k, sent in enumerate(orders):
            if sent.row == t:
                arrival = (t + 1) * _STEP + rules.latency
                working.append(_Open(name=f"{k}", sent=sent, left=sent.lots, arrival=arrival))
    return fills


# ---- the venue itself ----

_TICK, _LOT = Decimal("0.05"), Decimal("0.001")


def _instrument(column: int, kind: InstrumentKind = InstrumentKind.PERPETUAL) -> Instrument:
    return Instrument(
        id=InstrumentId(f"X{column}", "V"),
        kind=kind,
        price_step=_TICK,
        quantity_step=_LOT,
        maker_fee=Decimal("-0.0001"),
        taker_fee=Decimal("0.0007"),
        max_leverage=Decimal(20),
        maintenance_margin=Decimal("0.01"),
    )


def _tradable(rows: list[list[_Bar | None]]) -> Tradable:
    def prices(name: str, step: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.array(
            [
                [math.nan if bar is None else getattr(bar, name) * step for bar in row]
                for row in rows
            ]
        )

    opens = prices("open", float(_TICK))
    return Tradable(
        ts=_STEP * np.arange(len(rows)),
        open=opens,
        high=prices("high", float(_TICK)),
        low=prices("low", float(_TICK)),
        close=opens,
        volume=prices("lots", float(_LOT)),
        funding=np.zeros_like(opens),
    )


def _approved(name: str, sent: _Sent, instrument: Instrument) -> ApprovedOrder:
    intent = OrderIntent(
        id=name,
        instrument=instrument.id,
        as_of=0,
        side=sent.side,
        quantity=sent.lots * _LOT,
        type=sent.type,
        price=None if sent.type is OrderType.MARKET else sent.limit * _TICK,
        reference_price=Decimal(1),
        reason=Reason.ENTRY,
        lead="trend",
        reduces=False,
    )
    return ApprovedOrder(intent=intent, approved_at=0, rules=())


def _venue(rules: _Rules, instruments: list[Instrument], cash: Decimal) -> SimulatedVenue:
    costs = costs_of(
        np.full(_N, float(rules.spread)),
        participation=1.0 / rules.one_in if rules.one_in else 0.0,
        latency_ns=rules.latency,
        through=rules.through,
    )
    return SimulatedVenue("V", instruments, range(_N), costs, cash)


@settings(max_examples=_EXAMPLES)
@given(world=_worlds())
def test_fills_of_the_venue_are_those_of_the_plain_rules(
    world: tuple[list[list[_Bar | None]], list[_Sent], _Rules],
) -> None:
    rows, orders, rules = world
    instruments = [_instrument(0), _instrument(1)]
    venue = _venue(rules, instruments, Decimal(1_000_000))
    bars = _tradable(rows)
    fills = []
    for t, row in enumerate(rows):
        venue.observe(bars, t)
        for event in venue.events():
            if isinstance(event, OrderFilled):
                bar = row[orders[int(event.order_id)].column]
                assert bar is not None
                if orders[int(event.order_id)].side is Side.BUY:
                    assert event.price >= bar.low * _TICK
                else:
                    assert event.price <= bar.high * _TICK
                lots = int(event.quantity / _LOT)
                ticks = int(event.price / _TICK)
                fills.append((event.order_id, event.ts, lots, ticks, event.is_maker))
                rate = Decimal("-0.0001") if event.is_maker else Decimal("0.0007")
                assert event.fee == event.quantity * event.price * rate
        for k, sent in enumerate(orders):
            if sent.row == t:
                approved = _approved(f"{k}", sent, instruments[sent.column])
                venue.submit(approved, (t + 1) * _STEP)
    assert fills == _expected(rows, orders, rules)
    for k, sent in enumerate(orders):
        assert sum(fill[2] for fill in fills if fill[0] == f"{k}") <= sent.lots


@settings(max_examples=_EXAMPLES)
@given(
    world=_worlds(),
    cash=st.decimals("0.002", "0.03", places=3),
    rates=st.lists(st.sampled_from([0.0, 0.01, -0.0123]), min_size=10, max_size=10),
)
def test_account_of_the_venue_is_what_its_events_add_up_to(
    world: tuple[list[list[_Bar | None]], list[_Sent], _Rules], cash: Decimal, rates: list[float]
) -> None:
    # little money: orders are refused, positions liquidated, spot and perpetual share the account
    rows, orders, rules = world
    instruments = [_instrument(0, InstrumentKind.SPOT), _instrument(1)]
    venue = _venue(rules, instruments, cash)
    portfolio = Portfolio({"V": cash})
    bars = _tradable(rows)
    bars.funding[:, 1] = rates[: len(rows)]
    for t in range(len(rows)):
        venue.observe(bars, t)
        for event in venue.events():
            if isinstance(event, OrderFilled):
                sent = orders[int(event.order_id)]
                portfolio.apply(
                    Fill(
                        id=event.fill_id,
                        order_id=event.order_id,
                        instrument=InstrumentId(f"X{sent.column}", "V"),
                        ts=event.ts,
                        side=sent.side,
                        quantity=event.quantity,
                        price=event.price,
                        fee=event.fee,
                        is_maker=event.is_maker,
                        slippage_bps=0.0,
                    ),
                    "trend",
                )
            elif isinstance(event, FundingPaid):
                portfolio.fund(event)
            elif isinstance(event, Liquidated):
                portfolio.liquidated(event)
        for k, sent in enumerate(orders):
            if sent.row == t:
                approved = _approved(f"{k}", sent, instruments[sent.column])
                venue.submit(approved, (t + 1) * _STEP)
        held = {each.instrument: each.quantity for each in portfolio.positions()}
        assert venue.positions() == held
        assert venue.balances() == {"USD": portfolio.cash["V"]}
        assert held.get(InstrumentId("X0", "V"), Decimal(0)) >= 0
