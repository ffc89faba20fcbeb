"""Whatever is traded, the parts of its profit add up to it, and each breakdown to the whole."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tutti.model.instrument import InstrumentId
from tutti.model.order import Fill, FundingPaid, Side
from tutti.portfolio.positions import Portfolio
from tutti.sandbox.attribution.events import Execution, Payment, Prices
from tutti.sandbox.attribution.table import DIMENSIONS
from tutti.sandbox.attribution.walk import attribute

_IDS = (InstrumentId("A-USD", "X"), InstrumentId("B-USD", "X"), InstrumentId("A-USD-PERP", "Y"))
_BARS = 30
_AMOUNTS = st.decimals(min_value=-20, max_value=20, places=3)
_PRICES = st.decimals(min_value="0.01", max_value=70_000, places=2)


@st.composite
def _events(draw: st.DrawFn) -> list[Execution | Payment]:
    events: list[Execution | Payment] = []
    for ts in sorted(draw(st.lists(st.integers(0, 10 * _BARS - 1), max_size=40))):
        i = draw(st.integers(0, len(_IDS) - 1))
        amount = draw(_AMOUNTS)
        if not amount or draw(st.integers(0, 4)) == 0:
            events.append(Payment(ts=ts, instrument=i, amount=amount))
            continue
        events.append(
            Execution(
                ts=ts, instrument=i, quantity=amount, price=draw(_PRICES),
                fee=draw(st.decimals(min_value=-1, max_value=5, places=6)),
                reference=draw(st.none() | _PRICES), lead=draw(st.sampled_from("abc")),
            )
        )  # fmt: skip
    return events


def _prices(seed: int, *, opens: bool) -> Prices:
    rng = np.random.default_rng(seed)
    close = np.round(
        100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.05, (_BARS, len(_IDS))), axis=0)), 2
    )
    close[rng.random(close.shape) < 0.1] = np.nan
    close[0] = 100.0
    return Prices(
        ts=np.arange(_BARS, dtype=np.int64) * 10,
        close=close,
        open=np.round(close * 1.001, 2) if opens else None,
        regime=rng.integers(-1, 5, close.shape),
    )


def _booked(events: list[Execution | Payment]) -> Portfolio:
    portfolio = Portfolio({"X": Decimal(1000), "Y": Decimal(500)})
    for k, event in enumerate(events):
        instrument = _IDS[event.instrument]
        if isinstance(event, Payment):
            portfolio.fund(
                FundingPaid(instrument=instrument, ts=event.ts, rate=0.0, amount=event.amount)
            )
            continue
        fill = Fill(
            id=str(k), order_id="", instrument=instrument, ts=event.ts,
            side=Side.BUY if event.quantity > 0 else Side.SELL, quantity=abs(event.quantity),
            price=event.price, fee=event.fee, is_maker=False, slippage_bps=0.0,
        )  # fmt: skip
        portfolio.apply(fill, event.lead)
    return portfolio


@given(events=_events(), seed=st.integers(0, 2**32), opens=st.booleans())
def test_attribution_of_anything_adds_up_to_the_profit_of_the_account(
    events: list[Execution | Payment], seed: int, opens: bool
) -> None:
    prices = _prices(seed, opens=opens)
    last = {
        each: Decimal(repr(float(column[np.isfinite(column)][-1])))
        for each, column in zip(_IDS, prices.close.T, strict=True)
    }
    portfolio = _booked(events)
    found = attribute(_IDS, prices, events)
    assert abs(found.total - (portfolio.equity(last) - 1500)) < Decimal("1e-15")
    assert found.parts.funding == portfolio.funding
    assert abs(found.parts.cost + portfolio.fees) < Decimal("1e-15")
    for size in (1, 2):
        for names in combinations(DIMENSIONS, size):
            lines = found.by(*names)
            assert abs(sum(line.parts.total for line in lines) - found.total) < Decimal("1e-15")


@given(events=_events(), seed=st.integers(0, 2**32))
def test_attribution_to_an_agent_is_the_profit_of_the_positions_that_it_leads(
    events: list[Execution | Payment], seed: int
) -> None:
    prices = _prices(seed, opens=True)
    portfolio = _booked(events)
    leads = {each.lead for each in portfolio.positions()}
    leads |= {trade.lead for trade in portfolio.trades}
    found = {line.names[0] for line in attribute(_IDS, prices, events).by("agent")}
    # funding may be paid on nothing held, here alone
    assert found - {""} <= leads | {event.lead for event in events if isinstance(event, Execution)}
    assert leads <= found
