"""Measure one thing about Tutti in a process of its own and print one line of JSON.

::

    ours.py ema BARS.npz --tier fast|event --fast 60 --slow 240   the strategy that peers.py runs
    ours.py panel                            50 instruments x a month of minutes, whole pipeline
    ours.py tick                             one live tick of 248 instruments, 50 open positions
    ours.py year FILE.parquet                writes a year of minutes of one made-up instrument
    ours.py parity [--data FOLDER]           both tiers on recorded bars, or on made-up ones

Costs are CPU seconds of the process, without imports and without making the bars. Where kernels
have to be warm, the first run is there to load them and is told apart as ``cold_cpu_s``.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
from prometheus_client import CollectorRegistry

from tutti import __version__
from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.backtest import Source, read_source, terms_overrides
from tutti.app.build import analysis_of, plan_of
from tutti.app.config import Config, override
from tutti.app.desk import Desk
from tutti.app.feed import MadeUpMarket
from tutti.app.metrics import Metrics
from tutti.app.paper import Opening, PaperAccount
from tutti.app.session import Session
from tutti.app.tiers import fast_tier, parity, run_event, run_fast
from tutti.app.wires import Wires
from tutti.kernel.clock import DAY, HOUR, MINUTE, parse_instant
from tutti.kernel.collector import unhurried_collector
from tutti.model.arrays import EQUITY
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import MarketBlock
from tutti.sandbox.market import SimulatedMarket, familiar
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.app.build import Plan

_CASH = 10_000
_ANALYSED = 65_536
_START = 19_723 * DAY  # 2024-01-01
_YEAR_OF_MINUTES = 525_600
_MONTH_OF_MINUTES = 43_200
_COINS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LINK", "AVAX", "LTC", "BNB")
_RECORDED = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC", "LINK", "BNB", "DOT")
_WARM_RUNS = {"fast": 5, "event": 1}

Found = dict[str, object]


class Run(NamedTuple):
    """What came of one run of the EMA cross."""

    n_orders: int
    n_fills: int
    equity: float


# ---- the strategy of peers.py ----


def ema(path: Path, tier: str, fast: int, slow: int, fee_bps: float) -> Found:
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
        "peak_rss_mb": _peak_mb(),
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
    with _folder() as folder, unhurried_collector():
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


# ---- the whole pipeline ----


def panel() -> Found:
    """Run 50 instruments over a month of minutes as ``tutti backtest`` does, ledger included."""
    source = _made_up(50, MINUTE, _MONTH_OF_MINUTES)
    config = Config()
    plan = _plan(config, source)
    costs = []
    for _ in range(2):
        with _folder() as folder:
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            outcome = run_event(config, plan, source.block, (), "bench", Path(folder), _unheard)
            costs.append((time.process_time() - cpu, time.perf_counter() - wall))
    symbol_bars = source.block.close.size
    return {
        "symbol_bars": symbol_bars,
        "cpu_s": round(costs[-1][0], 6),
        "cold_cpu_s": round(costs[0][0], 6),
        "wall_s": round(costs[-1][1], 6),
        "symbol_bars_per_cpu_s": round(symbol_bars / costs[-1][0]),
        "peak_rss_mb": _peak_mb(),
        "n_orders": outcome.n_orders,
        "n_fills": len(outcome.fills),
    }


def tick(n_ticks: int = 2000) -> Found:
    """Time live ticks of 248 instruments, 7 agents, 50 positions open: bars in, intents out.

    A paper account as the service runs it: ledger on disk with a durable commit where a tick leads
    to orders, listeners, and its settings for the collector. Only ticks that begin with all 50
    positions open are counted; settings that favour entries keep it so.
    """
    config = override(
        Config(),
        {
            "policy.entry_threshold": 0.5,
            "policy.exit_on_neutral": False,
            "policy.sizing.base_notional": 100,
            "risk.care.cooldown_s": 0,
        },
    )
    market = MadeUpMarket(start=_START, step=MINUTE, market=_market(248, MINUTE))
    wires = Wires()
    Desk(Metrics(CollectorRegistry()), config.agents).listen(wires)
    with _folder() as folder:
        store = SqliteLedger(Path(folder), Durability.EACH_COMMIT)
        account = PaperAccount(config, market, store, Opening(run_id="bench"), wires)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 100)
        lots, counts = account.session.account.book.lots, account.session.engine.counts
        quiet: list[float] = []
        busy: list[float] = []
        for number in range(20 * n_ticks):
            one = next(account.ticks)
            n_open, n_orders = int(np.count_nonzero(lots)), counts.orders
            began = time.perf_counter()
            account.process(one)
            took = (time.perf_counter() - began) * 1e3
            if n_open >= config.policy.max_positions:
                (busy if counts.orders > n_orders else quiet).append(took)
            if len(quiet) + len(busy) == n_ticks:
                break
            if number % 500 == 499:
                store.checkpoint()  # the service does so between ticks, in a thread
        account.stop("end")
    times = quiet + busy
    assert len(times) == n_ticks, f"only {len(times)} ticks began with all positions open"
    return {
        "ticks": n_ticks,
        "ticks_with_orders": len(busy),
        "open_positions": config.policy.max_positions,
        "p50_ms": round(statistics.median(times), 4),
        "p99_ms": round(float(np.quantile(times, 0.99)), 4),
        "p99_with_orders_ms": round(float(np.quantile(busy, 0.99)), 4),
        "max_ms": round(max(times), 4),
    }


def year(path: Path) -> Found:
    """Write a year of minutes of one made-up perpetual, as recorded bars are laid out."""
    block = _made_up(1, MINUTE, _YEAR_OF_MINUTES).block
    columns = {name: getattr(block, name)[:, 0] for name in ("open", "high", "low", "close")}
    frame = pl.DataFrame(
        {"ts": pl.Series(block.ts).cast(pl.Datetime("ns", "UTC"))}
        | columns
        | {"volume": block.volume[:, 0]}
    )
    frame.write_parquet(path)
    return {"file": str(path), "bars": len(block)}


# ---- the tiers against each other ----


def parity_of_tiers(data: Path | None) -> Found:
    """Compare the tiers with the default configuration: fees, slippage, stops, limits and all.

    Recorded bars are ten perpetuals over a year of hours, and eleven at two venues over a month of
    five minutes each, at one of them with funding; made-up ones are ten instruments over as long.
    """
    if data is None:
        sources = {
            "made-up hours": _made_up(10, HOUR, 8784),
            "made-up 5 minutes": _made_up(10, 5 * MINUTE, 8640),
        }
    else:
        bars = data / "crypto" / "ohlcv"
        hours = [str(bars / "binance_usdm" / f"{coin}-USDT-PERP_1h.parquet") for coin in _RECORDED]
        minutes = [str(bars / "binance_usdm" / "*-PERP_5m.parquet")]
        funded = [str(bars / "hyperliquid" / "*-PERP_5m.parquet")]
        sources = {
            "binance_usdm 1h, 2024": _recorded(hours, "2024-01-01", "2025-01-01"),
            "binance_usdm 5m, 2024-11": _recorded(minutes, "2024-11-01", "2024-12-01"),
            "hyperliquid 5m, 2025-04": _recorded(funded, "2025-04-01", "2025-05-01"),
        }
    found = {name: _both_tiers(source) for name, source in sources.items()}
    return {
        "recorded": data is not None,
        "max_rel_equity_diff": max(each["max_rel_equity_diff"] for each in found.values()),
        "fills_equal": all(each["fills_equal"] for each in found.values()),
        "by_bars": found,
    }


def _both_tiers(source: Source) -> dict[str, float]:
    config = Config()
    plan = _plan(config, source)
    with _folder() as folder:
        event = run_event(config, plan, source.block, (), "bench", Path(folder), _unheard)
    found = parity(event, run_fast(config, plan, source.block, _unheard))
    return {
        "instruments": len(source.block.instruments),
        "ticks": len(source.block),
        "max_rel_equity_diff": found.max_rel_equity_diff,
        "fills_equal": found.fills_equal,
        "n_fills_event": found.n_fills_event,
        "n_fills_fast": found.n_fills_fast,
        "fees": round(event.fees, 2),
        "funding": round(event.funding, 2),
    }


def _recorded(files: list[str], start: str, end: str) -> Source:
    return read_source(
        files,
        parse_instant(start),
        parse_instant(end),
        repair=False,
        timeframe=None,
        funding=None,
    )


def _market(n: int, step: int) -> SimulatedMarket:
    ids = [InstrumentId(f"{_COINS[i % 10]}{i // 10 or ''}-USDT-PERP", "SIM") for i in range(n)]
    return SimulatedMarket([familiar(each) for each in ids], seed=7, step=step, start=_START)


def _made_up(n: int, step: int, n_bars: int) -> Source:
    return Source(block=_market(n, step).next_block(n_bars), files=(), findings=())


def _plan(config: Config, source: Source) -> Plan:
    block = source.block
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    return plan_of(config, universe.instruments, block.step)


def _folder() -> tempfile.TemporaryDirectory[str]:
    # where it is run: the system's folder for such things may be memory, not a disk
    return tempfile.TemporaryDirectory(dir=Path(), prefix="bench-")


def _unheard(_done: int, _total: int, _note: str) -> None:
    """Take no notice of progress."""


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    cross = commands.add_parser("ema")
    cross.add_argument("bars", type=Path, help="*.npz, as bars.py writes it")
    cross.add_argument("--tier", choices=("fast", "event"), default="fast")
    cross.add_argument("--fast", type=int, default=60)
    cross.add_argument("--slow", type=int, default=240)
    cross.add_argument("--fee-bps", type=float, default=1.0)
    commands.add_parser("panel")
    commands.add_parser("tick")
    commands.add_parser("year").add_argument("file", type=Path)
    commands.add_parser("parity").add_argument("--data", type=Path)
    options = parser.parse_args()
    match options.what:
        case "ema":
            found = ema(options.bars, options.tier, options.fast, options.slow, options.fee_bps)
        case "panel":
            found = panel()
        case "tick":
            found = tick()
        case "year":
            found = year(options.file)
        case _:
            found = parity_of_tiers(options.data)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
