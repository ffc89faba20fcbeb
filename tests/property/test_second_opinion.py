"""The simulated venue against NautilusTrader, on any market and any orders.

The engine sends no stops and seldom two orders for one instrument; here it does.
"""

from __future__ import annotations

import tempfile
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutti.adapters.second_opinion.comparison import compare
from tutti.adapters.second_opinion.process import read_reply, write_request
from tutti.adapters.second_opinion.request import (
    ReplayFill,
    ReplayOrder,
    ReplayRequest,
    VenueRules,
)
from tutti.execution.cost import costs_of
from tutti.kernel.clock import HOUR
from tutti.model.arrays import Tradable
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import MarketBlock
from tutti.model.order import (
    ApprovedOrder,
    FundingPaid,
    OrderFilled,
    OrderIntent,
    OrderRefused,
    OrderType,
    Reason,
    Side,
)
from tutti.sandbox.venue import SimulatedVenue

pytest.importorskip("nautilus_trader", reason="NautilusTrader is not installed")

_START = 1_704_067_200_000_000_000
_TICK, _LOT = Decimal("0.1"), Decimal("0.01")
_CASH = Decimal(10_000_000)  # so that nothing is refused or liquidated
_N = 2
_KIND = {OrderType.MARKET: "market", OrderType.LIMIT: "limit", OrderType.STOP: "stop"}

_Bars = np.ndarray[Any, np.dtype[np.float64]]


@st.composite
def _markets(draw: st.DrawFn) -> _Bars:
    """Return bars of shape (t, n, 5) around 100, some missing, some without volume."""
    bars = np.full((draw(st.integers(4, 9)), _N, 5), np.nan)
    for t in range(len(bars)):
        for i in range(_N):
            if t and draw(st.integers(0, 7)) == 7:
                continue
            low = draw(st.integers(960, 1030))
            high = draw(st.integers(low, 1060))
            inside = st.integers(low, high)
            volume = draw(st.sampled_from([100.0, 40.0, 7.0, 0.35, 0.0]))
            bars[t, i] = draw(inside) / 10, high / 10, low / 10, draw(inside) / 10, volume
    return bars


_ORDERS = st.lists(
    st.fixed_dictionaries(
        {
            "row": st.integers(0, 6),
            "column": st.integers(0, _N - 1),
            "type": st.sampled_from(OrderType),
            "side": st.sampled_from(Side),
            "lots": st.integers(1, 1500),
            "limit": st.integers(960, 1060),
        }
    ),
    min_size=1,
    max_size=10,
)
_RULES = st.fixed_dictionaries(
    {
        "half_spread_bps": st.sampled_from([0.0, 1.0, 33.3]),
        "impact_coefficient": st.sampled_from([0.0, 0.5, 2.0]),
        "participation": st.sampled_from([0.0, 0.1, 0.013]),
        "latency_ns": st.sampled_from([0, 0, 1, 1_500_000_000, HOUR, HOUR + 1]),
        "through": st.booleans(),
    }
)


@settings(max_examples=40)
@given(
    bars=_markets(),
    orders=_ORDERS,
    rules=_RULES,
    rates=st.lists(st.sampled_from([0.0, 0.0001, -0.0007]), min_size=9, max_size=9),
)
def test_any_order_fills_alike_in_both(
    bars: _Bars, orders: list[dict[str, Any]], rules: dict[str, Any], rates: list[float]
) -> None:
    instruments = [_instrument(i) for i in range(_N)]
    funding = np.repeat(np.array(rates[: len(bars)])[:, None], _N, axis=1)
    orders = sorted(orders, key=lambda order: order["row"])
    orders = [order for order in orders if order["row"] < len(bars)]
    if rules["participation"]:
        orders = _without_rivals(orders)
    market = _block(bars, funding, instruments)
    sent, fills, equity, paid = _ours(market, instruments, orders, rules)
    request = ReplayRequest(
        market=market,
        instruments=instruments,
        half_spread_bps=[rules["half_spread_bps"]] * _N,
        venues=[
            VenueRules(
                name="SIM",
                starting_balance=_CASH,
                impact_coefficient=rules["impact_coefficient"],
                participation=rules["participation"],
                limit_through=rules["through"],
                liquidation_fee=0.0,
            )
        ],
        orders=sent,
        quote_currency="USDT",
    )
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports warns of this and that
        from tutti.adapters.second_opinion.nautilus.replay import main

        write_request(request, Path(folder))
        main(Path(folder))
        replay = read_reply(request, Path(folder))
    opinion = compare(request, fills, equity, paid, replay)
    told = [(str(each.cause), each.examples) for each in opinion.differences if each.bps > 1e-6]
    assert opinion.fills_matched == opinion.fills_total, told
    assert opinion.equity_diff_bps < 1e-6, told


def _without_rivals(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # who gets a bar's last lots, the older order or the one that meets the market first, is a
    # matter of opinion: so a share of volume is for market orders, or for a single limit
    kept = []
    for column in range(_N):
        ours = [order for order in orders if order["column"] == column]
        kinds = [order["type"] for order in ours]
        if OrderType.MARKET in kinds:
            kept += [order for order in ours if order["type"] is OrderType.MARKET]
        elif OrderType.LIMIT in kinds:
            kept.append(ours[kinds.index(OrderType.LIMIT)])
    return sorted(kept, key=lambda order: order["row"])


def _ours(
    market: MarketBlock,
    instruments: list[Instrument],
    orders: list[dict[str, Any]],
    rules: dict[str, Any],
) -> tuple[list[ReplayOrder], list[ReplayFill], np.ndarray[Any, np.dtype[np.float64]], float]:
    costs = costs_of(
        np.full(_N, rules["half_spread_bps"]),
        **{key: value for key, value in rules.items() if key != "half_spread_bps"},
    )
    venue = SimulatedVenue("SIM", instruments, range(_N), costs, _CASH)
    bars = Tradable(
        market.ts, market.open, market.high, market.low, market.close, market.volume,
        market.funding,
    )  # fmt: skip
    taken: dict[str, ReplayOrder] = {}
    fills: list[ReplayFill] = []
    equity, paid, marks = [], Decimal(0), np.zeros(_N)
    for t in range(len(market)):
        venue.observe(bars, t)
        for k, order in enumerate(orders):
            if order["row"] == t:
                approved = _approved(k, order, instruments[order["column"]])
                venue.submit(approved, int(market.known_at[t]))
                taken[f"order-{k}"] = _replayed(k, order, int(market.known_at[t]), costs.latency_ns)
        for event in venue.events():
            if isinstance(event, OrderFilled):
                fills.append(_fill(event, taken[event.order_id], market))
            elif isinstance(event, FundingPaid):
                paid += event.amount
            elif isinstance(event, OrderRefused):
                del taken[event.order_id]
        marks = np.where(np.isnan(market.close[t]), marks, market.close[t])
        held = venue.positions()
        value = sum(float(held.get(each.id, 0)) * marks[i] for i, each in enumerate(instruments))
        equity.append(float(venue.balances()["USD"]) + value)
    return list(taken.values()), fills, np.array(equity), float(paid)


def _instrument(i: int) -> Instrument:
    return Instrument(
        id=InstrumentId(f"X{i}", "SIM"),
        kind=InstrumentKind.PERPETUAL,
        price_step=_TICK,
        quantity_step=_LOT,
        maker_fee=Decimal("-0.0001"),
        taker_fee=Decimal("0.0007"),
        max_leverage=Decimal(20),
        maintenance_margin=Decimal("0.005"),
    )


def _block(bars: _Bars, funding: _Bars, instruments: list[Instrument]) -> MarketBlock:
    sides = {
        name: np.ascontiguousarray(bars[:, :, k])
        for k, name in enumerate(("open", "high", "low", "close", "volume"))
    }
    return MarketBlock(
        instruments=tuple(each.id for each in instruments),
        ts=_START + HOUR * np.arange(len(bars), dtype=np.int64),
        step=HOUR,
        funding=funding,
        **sides,
    )


def _approved(k: int, order: dict[str, Any], instrument: Instrument) -> ApprovedOrder:
    intent = OrderIntent(
        id=f"order-{k}",
        instrument=instrument.id,
        as_of=0,
        side=order["side"],
        quantity=order["lots"] * _LOT,
        type=order["type"],
        price=None if order["type"] is OrderType.MARKET else order["limit"] * _TICK,
        reference_price=Decimal(100),
        reason=Reason.ENTRY,
        lead="trend",
        reduces=False,
    )
    return ApprovedOrder(intent=intent, approved_at=0, rules=())


def _replayed(k: int, order: dict[str, Any], ts: int, latency_ns: int) -> ReplayOrder:
    return ReplayOrder(
        order_id=f"order-{k}",
        instrument=order["column"],
        side=order["side"].sign,
        quantity=order["lots"] * _LOT,
        type=_KIND[order["type"]],
        price=None if order["type"] is OrderType.MARKET else order["limit"] * _TICK,
        arrival=ts + latency_ns,
    )


def _fill(event: OrderFilled, order: ReplayOrder, market: MarketBlock) -> ReplayFill:
    return ReplayFill(
        order_id=event.order_id,
        instrument=order.instrument,
        row=int(np.searchsorted(market.ts, event.ts)),
        side=order.side,
        quantity=event.quantity,
        price=event.price,
        fee=event.fee,
        is_maker=event.is_maker,
    )
