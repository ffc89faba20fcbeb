"""How a backtest's result holds at other costs, at other sizes and in other markets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tutti.kernel.clock import DAY, iso
from tutti.stats.account import daily_equity, returns
from tutti.stats.robustness import by_part, by_state, capacity, cost_bearing, market_states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.app.build import Plan
    from tutti.app.tiers import Outcome
    from tutti.model.market import FloatArray, IntArray, MarketBlock
    from tutti.sandbox.result import FillRow
    from tutti.stats.robustness import Stretch

_MULTIPLES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
_LIQUIDATION = "liquidation"
_PARKINSON = 1.0 / (2.0 * math.sqrt(math.log(2.0)))


def robustness_of(
    plan: Plan, block: MarketBlock, outcome: Outcome, market: FloatArray
) -> dict[str, Any]:
    """Return the study ``robustness`` of a run as JSON values; None for what is undefined.

    Parameters
    ----------
    market : ndarray of float64, shape (t,)
        Equity of buying and holding the instruments.
    """
    equity = outcome.trace.equity
    balance = float(sum(plan.balances.values()))
    gain = float(equity[-1]) - balance
    slippage = _slippage(block, outcome.fills)
    daily = returns(daily_equity(block.known_at, equity))
    states = market_states(returns(daily_equity(block.known_at, market)))
    regimes = by_state(daily, states)
    parts = by_part(daily)
    first = int((block.known_at[-1] - 1) // DAY) - len(daily) + 1
    return {
        "costs": _costs(gain, outcome.fees, slippage, balance, outcome.turnover),
        "capacity": _capacity(plan, block, outcome, gain, balance),
        "regimes": [_told(each) for each in regimes],
        "parts": [
            _told(each) | {"name": iso((first + int(each.name)) * DAY)[:10]} for each in parts
        ],
        "share_of_regimes_won": _share_won(regimes),
        "share_of_parts_won": _share_won(parts),
    }


def _slippage(block: MarketBlock, fills: Sequence[FillRow]) -> float:
    # what was paid beyond the price at which the bar opened: what the market moved between the
    # decision and that open is no cost, and no worse where trading is dearer
    taken = [fill for fill in fills if not fill.is_maker and fill.reason != _LIQUIDATION]
    rows = _rows(block, taken)
    paid = (
        fill.side * float(fill.quantity) * (float(fill.price) - block.open[row, fill.instrument])
        for fill, row in zip(taken, rows.tolist(), strict=True)
    )
    return float(sum(paid))


def _rows(block: MarketBlock, fills: Sequence[FillRow]) -> IntArray:
    # of the bars that filled
    stamps = np.array([fill.ts for fill in fills], dtype=np.int64)
    return np.clip(np.searchsorted(block.ts, stamps, side="right") - 1, 0, len(block) - 1)


def _costs(
    gain: float, fees: float, slippage: float, balance: float, traded: float
) -> dict[str, Any]:
    kinds = {"fees": fees, "slippage": slippage, "both": fees + slippage}
    bearing = {
        name: cost_bearing(gain, cost, balance=balance, traded=traded, multiples=_MULTIPLES)
        for name, cost in kinds.items()
    }
    return {
        "fees": fees,
        "slippage": slippage,
        "traded": traded,
        "total_return_at": {
            f"{multiple:g}": {name: each.total_returns[k] for name, each in bearing.items()}
            for k, multiple in enumerate(_MULTIPLES)
        },
        "break_even_multiple": {
            name: _finite(each.break_even_multiple) for name, each in bearing.items()
        },
        "break_even_bps": _finite(bearing["both"].break_even_bps),
    }


def _capacity(
    plan: Plan, block: MarketBlock, outcome: Outcome, gain: float, balance: float
) -> dict[str, Any]:
    taken = [fill for fill in outcome.fills if not fill.is_maker]
    if not taken:
        unknown = ("most_profit", "break_even", "bound_by", "usual_share", "largest_share")
        return dict.fromkeys(unknown) | {"impact_cost": 0.0}
    rows = _rows(block, taken)
    columns = np.array([fill.instrument for fill in taken])
    quantity = np.array([float(fill.quantity) for fill in taken])
    notional = quantity * np.array([float(fill.price) for fill in taken])
    high, low = block.high[rows, columns], block.low[rows, columns]
    volume = block.volume[rows, columns]
    share = np.divide(quantity, volume, out=np.ones_like(quantity), where=volume > 0.0)
    # the rule that the fills were made by, see execution.cost
    sigma = np.log(np.divide(high, low, out=np.ones_like(high), where=low > 0.0)) * _PARKINSON
    coefficients = np.array(
        [plan.venue_costs[each.id.venue].impact_coefficient for each in plan.instruments]
    )
    impact = coefficients[columns] * sigma * np.sqrt(share)
    cost = float(np.nansum(notional * impact))
    found = capacity(gain, cost)
    usual = float(np.percentile(share, 95.0))
    # the square root says nothing of orders larger than what a bar lets us fill
    room = (plan.setup.costs.participation or 1.0) / usual
    return {
        "impact_cost": cost,
        "most_profit": balance * float(np.fmin(found.most_profit, room)),
        "break_even": balance * found.break_even if found.break_even <= room else None,
        "bound_by": "impact" if found.most_profit <= room else "volume",
        "usual_share": usual,
        "largest_share": float(share.max()),
    }


def _told(stretch: Stretch) -> dict[str, Any]:
    year = math.sqrt(365.0)
    return {
        "name": stretch.name,
        "days": stretch.days,
        "share": stretch.share,
        "total_return": stretch.total_return,
        "sharpe": _finite(stretch.sharpe * year),
        "sharpe_se": _finite(stretch.sharpe_se * year),
    }


def _share_won(stretches: Sequence[Stretch]) -> float | None:
    won = [each.total_return > 0.0 for each in stretches]
    return sum(won) / len(won) if won else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
