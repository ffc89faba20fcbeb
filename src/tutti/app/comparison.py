"""A strategy's figures, and beside them what simpler things would have given on the same bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tutti.app.tiers import run_signals
from tutti.sandbox.baselines import RandomTrader, buy_and_hold, habits_of
from tutti.sandbox.result import Baseline
from tutti.stats.performance import performance

if TYPE_CHECKING:
    from tutti.app.build import Plan
    from tutti.app.tiers import Outcome
    from tutti.model.market import FloatArray, MarketBlock

_RANDOM_TRADERS = 11
"""Odd, so that the median is one of them."""


def metrics_of(block: MarketBlock, outcome: Outcome) -> dict[str, float]:
    """Return the figures of a strategy; see ``stats.performance``."""
    slippage = [fill.slippage_bps for fill in outcome.fills]
    return performance(
        outcome.trace.equity,
        step_ns=block.step,
        span_ns=int(block.ts[-1] - block.ts[0]),
        trade_pnls=[float(trade.pnl) for trade in outcome.trades],
        fees=outcome.fees,
        slippage_bps=float(np.mean(slippage)) if slippage else 0.0,
        traded_notional=outcome.turnover,
        ts=block.known_at,
        gross_exposure=shares(outcome.trace.gross, outcome.trace.equity),
    )


def shares(values: FloatArray, equity: FloatArray) -> FloatArray:
    """Return amounts as fractions of equity; 0 after ruin."""
    found: FloatArray = np.divide(values, equity, out=np.zeros_like(values), where=equity > 0.0)
    return found


def baselines_of(
    plan: Plan, block: MarketBlock, outcome: Outcome, seed: int
) -> dict[str, Baseline]:
    """Return buy-and-hold, a random trader and doing nothing, on the same bars and costs.

    The random trader opens and closes as often as the strategy, in sizes like its own, under the
    same rules of risk and the same costs; of eleven, the one with the median result is shown.
    """
    balance = float(sum(plan.balances.values()))
    setup = plan.setup
    held = buy_and_hold(block, balance, setup.terms, setup.costs.half_spread_bps)
    return {
        "buy_and_hold": _baseline("buy_and_hold", block, held),
        "random": _baseline("random", block, _random(plan, block, outcome, seed)),
        "flat": _baseline("flat", block, np.full(len(block), balance)),
    }


def _baseline(name: str, block: MarketBlock, equity: FloatArray) -> Baseline:
    metrics = performance(
        equity,
        step_ns=block.step,
        span_ns=int(block.ts[-1] - block.ts[0]),
        trade_pnls=[],
        fees=0.0,
        slippage_bps=0.0,
        traded_notional=0.0,
        ts=block.known_at,
    )
    shown = ("cagr", "sharpe", "sortino", "calmar", "max_drawdown", "volatility")
    return Baseline(name=name, metrics={key: metrics[key] for key in shown}, equity=equity)


def _random(plan: Plan, block: MarketBlock, outcome: Outcome, seed: int) -> FloatArray:
    n_bars = int(np.isfinite(block.close).sum())
    held = sum(trade.closed_at - trade.opened_at for trade in outcome.trades) / block.step
    habits = habits_of(len(outcome.trades), held, n_bars)
    notionals = [float(trade.quantity * trade.entry_price) for trade in outcome.trades]
    usual = float(np.mean(notionals)) if notionals else 0.0
    rules = plan.setup.rules
    rules = rules._replace(targets=rules.targets._replace(sizes_are_fractions=False))

    def curve(sequence: np.random.SeedSequence) -> FloatArray:
        # a sequence gives the same numbers each time that a generator is made of it
        trader = RandomTrader(habits, plan.setup.terms, usual, np.random.default_rng(sequence))
        return run_signals(plan, block, rules, trader.signals).trace.equity

    # eleven curves of a year of minutes would be 46 MB, so the median's is drawn again
    sequences = np.random.SeedSequence(seed).spawn(_RANDOM_TRADERS)
    ranked = sorted(sequences, key=lambda sequence: float(curve(sequence)[-1]))
    return curve(ranked[_RANDOM_TRADERS // 2])
