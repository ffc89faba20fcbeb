"""Has another engine replay a backtest's orders: from our result to its request, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.adapters.second_opinion.comparison import SecondOpinion, compare
from tutti.adapters.second_opinion.process import replay_on_nautilus
from tutti.adapters.second_opinion.request import (
    ReplayFill,
    ReplayOrder,
    ReplayRequest,
    VenueRules,
)
from tutti.model.order import OrderStatus, OrderType

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.app.build import Plan
    from tutti.model.market import IntArray, MarketBlock
    from tutti.sandbox.result import BacktestResult, FillRow, OrderRow

_LIQUIDATION = "liquidation"
_UNSENT = frozenset({OrderStatus.REJECTED, OrderStatus.FAILED})


def second_opinion(
    plan: Plan, block: MarketBlock, result: BacktestResult, python: Path, currency: str
) -> SecondOpinion:
    """Return what NautilusTrader makes of the orders of a backtest, beside what we made of them.

    Parameters
    ----------
    block : MarketBlock
        The bars of the run.
    python : Path
        A Python that has NautilusTrader: see ``adapters.second_opinion.process.interpreter``.
    currency : str
        Quote currency of the account.

    Raises
    ------
    TuttiError
        If the replay breaks off.
    """
    request = request_of(plan, block, result, currency)
    fills = [_fill(fill, block) for fill in result.fills]
    replay = replay_on_nautilus(request, python)
    return compare(request, fills, result.equity, result.funding, replay)


def request_of(
    plan: Plan, block: MarketBlock, result: BacktestResult, currency: str
) -> ReplayRequest:
    """Return a run's orders, bars and terms; of its fills only those that no order asked for."""
    forced = [fill for fill in result.fills if fill.reason == _LIQUIDATION]
    ends = _ends(forced, plan)
    orders = [
        _order(order, plan, block, ends[plan.instruments[order.instrument].id.venue])
        for order in result.orders
        if OrderStatus(order.status) not in _UNSENT
    ]
    return ReplayRequest(
        market=block,
        instruments=plan.instruments,
        half_spread_bps=[
            float(plan.venue_costs[each.id.venue].half_spread_bps[column])
            for column, each in enumerate(plan.instruments)
        ],
        venues=[_rules(plan, name) for name in plan.venues],
        orders=[*orders, *(_forced(fill) for fill in forced)],
        quote_currency=currency,
    )


def _rules(plan: Plan, name: str) -> VenueRules:
    costs = plan.venue_costs[name]
    return VenueRules(
        name=name,
        starting_balance=plan.balances[name],
        impact_coefficient=costs.impact_coefficient,
        participation=costs.participation,
        limit_through=bool(costs.through),
        liquidation_fee=costs.liquidation_fee,
    )


def _ends(forced: Sequence[FillRow], plan: Plan) -> dict[str, list[int]]:
    # when each venue was liquidated: it cancels what works on perpetuals then
    ends: dict[str, list[int]] = {name: [] for name in plan.venues}
    for fill in forced:
        ends[plan.instruments[fill.instrument].id.venue].append(fill.ts)
    return ends


def _order(order: OrderRow, plan: Plan, block: MarketBlock, ends: Sequence[int]) -> ReplayOrder:
    instrument = plan.instruments[order.instrument]
    latency = plan.venue_costs[instrument.id.venue].latency_ns
    cancelled = []
    if order.type == OrderType.LIMIT:
        asked = _tick_from(block.known_at, order.ts + plan.setup.style.lifetime_ns)
        cancelled = [] if asked is None else [asked + latency]
    if instrument.is_perpetual:
        # after the bar that liquidated, on which it could still fill
        cancelled += [ts + 1 for ts in ends if ts >= order.ts]
    return ReplayOrder(
        order_id=order.order_id,
        instrument=order.instrument,
        side=order.side,
        quantity=order.quantity,
        type=order.type,
        price=order.price,
        arrival=order.ts + latency,
        cancel_at=min(cancelled, default=None),
    )


def _tick_from(known_at: IntArray, ts: int) -> int | None:
    at = int(np.searchsorted(known_at, ts))
    return int(known_at[at]) if at < len(known_at) else None


def _forced(fill: FillRow) -> ReplayOrder:
    return ReplayOrder(
        order_id=_forced_id(fill),
        instrument=fill.instrument,
        side=fill.side,
        quantity=fill.quantity,
        type=OrderType.MARKET,
        price=None,
        arrival=fill.ts,
        forced_price=fill.price,
    )


def _forced_id(fill: FillRow) -> str:
    return f"forced-{fill.instrument}-{fill.ts}"


def _fill(fill: FillRow, block: MarketBlock) -> ReplayFill:
    is_forced = fill.reason == _LIQUIDATION
    return ReplayFill(
        order_id=_forced_id(fill) if is_forced else fill.order_id,
        instrument=fill.instrument,
        row=int(np.searchsorted(block.ts, fill.ts)),
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        is_maker=fill.is_maker,
        is_forced=is_forced,
    )
