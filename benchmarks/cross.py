"""The EMA cross that ``peers.py`` runs in other engines, in both tiers of ours."""

from __future__ import annotations

import statistics
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from footprint import peak_mb, scratch

from tutti import __version__
from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.build import analysis_of, plan_of
from tutti.app.config import Config, override
from tutti.app.session import Session
from tutti.app.tiers import fast_tier
from tutti.kernel.clock import MINUTE
from tutti.kernel.collector import unhurried_collector
from tutti.model.arrays import EQUITY
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import MarketBlock

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.app.build import Plan

_CASH = 10_000
_ANALYSED = 65_536
_WARM_RUNS = {"fast": 5, "event": 1}


class Run(NamedTuple):
    """What came of one run of the EMA cross."""

    n_orders: int
    n_fills: int
    equity: float


def ema(path: Path, tier: str, fast: int, slow: int, fee_bps: float) -> dict[str, object]:
    """Run the EMA cross of ``peers.py``: fast tier, or event tier with its ledger."""
    block, instrument = _one_instrument(path, Decimal(repr(fee_bps)) / 10_000)
    config = _plain(fast, slow)
    run = _fast_ema if tier == "fast" else _event_ema
    cold, *warm = [_timed(run, config, instrument, block) for _ in range(1 + _WARM_RUNS[tier])]
    outcome = warm[-1][0]
    assert all(each[0] == outcome for each in (cold, *warm)), "the same run ended differently"
    cpu_s = statistics.median(each[1] for each in warm)
    return {
        "engine": f"tutti-{tier}",
        "version": __version__,
        "bars": len(block),
        "fast": fast,
        "slow": slow,
        "cpu_s": round(cpu_s, 6),
        "cold_cpu_s": round(cold[1], 6),
        "wall_s": round(statistics.median(each[2] for each in warm), 6),
        "bars_per_cpu_s": round(len(block) / cpu_s),
        "peak_rss_mb": peak_mb(),
        "n_orders": outcome.n_orders,
        "n_fills": outcome.n_fills,
        "final_equity": outcome.equity,
    }


def _one_instrument(path: Path, fee: Decimal) -> tuple[MarketBlock, Instrument]:
    with np.load(path) as archive:
        data = {name: archive[name] for name in archive.files}
    n = len(data["close"])
    columns = {
        name: np.ascontiguousarray(data[name].reshape(n, 1))
        for name in ("open", "high", "low", "close", "volume")
    }
    instrument = Instrument(
        id=InstrumentId("MADE-USD", "SIM"),
        kind=InstrumentKind.SPOT,
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.001"),
        maker_fee=fee,
        taker_fee=fee,
    )
    block = MarketBlock(
        instruments=(instrument.id,),
        ts=data["ts"].astype(np.int64),
        step=MINUTE,
        funding=np.zeros((n, 1)),
        **columns,
    )
    return block, instrument


def _plain(fast: int, slow: int) -> Config:
    """Return the cross alone: no agents, no limit, no care, no cost but the fee."""
    limits = (
        "max_instrument_fraction",
        "max_venue_fraction",
        "max_gross_fraction",
        "max_notional_multiple",
        "max_daily_loss",
        "max_agent_daily_loss",
    )
    care = ("take_profit", "stop_loss", "stale_after_s", "cooldown_s")
    free = {"half_spread_bps": 0, "impact_coefficient": 0, "participation": 0}
    return override(
        Config(),
        {f"risk.{name}": None for name in limits}
        | {f"risk.care.{name}": 0 for name in care}
        | {
            "agents": [],
            "policy.name": "ema_cross",
            "policy.fast": fast,
            "policy.slow": slow,
            "policy.sizing.method": "fixed_quantity",
            "policy.sizing.quantity": 1,
            "risk.max_drawdown": 1,
            "starting_balance": _CASH,
            "venues": {"default": free},
        },
    )


def _timed(
    run: Callable[[Config, Plan, MarketBlock, Path], Run],
    config: Config,
    instrument: Instrument,
    block: MarketBlock,
) -> tuple[Run, float, float]:
    plan = plan_of(config, [instrument], block.step)
    # as a backtest runs
    with scratch() as folder, unhurried_collector():
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = run(config, plan, block, Path(folder))
        return outcome, time.process_time() - cpu, time.perf_counter() - wall


def _fast_ema(config: Config, plan: Plan, block: MarketBlock, _folder: Path) -> Run:
    analysis = analysis_of(config, plan.instruments)
    tier = fast_tier(plan, 0, block)
    for start in range(0, len(block), _ANALYSED):
        part = block.rows(start, min(start + _ANALYSED, len(block)))
        tier.advance(part, analysis.advance(part).signals)
    found = tier.result()
    return Run(found.n_orders, len(found.fills.whole), float(found.trace.equity[-1]))


def _event_ema(config: Config, plan: Plan, block: MarketBlock, folder: Path) -> Run:
    store = SqliteLedger(folder, Durability.BATCHED)
    session = Session(config, plan, store, run_id="bench", start=int(block.ts[0]))
    session.engine.process(block)
    session.stop(int(block.known_at[-1]), "end")
    counts = session.engine.counts
    return Run(counts.orders, counts.fills, float(session.account.book.account[EQUITY]))
