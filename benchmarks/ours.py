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
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cross
import numpy as np
import polars as pl
from footprint import peak_mb, scratch
from prometheus_client import CollectorRegistry

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.backtest import Source, read_source, terms_overrides
from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.desk import Desk
from tutti.app.feed import MadeUpMarket
from tutti.app.metrics import Metrics
from tutti.app.paper import Opening, PaperAccount
from tutti.app.tiers import parity, run_event, run_fast
from tutti.app.wires import Wires
from tutti.kernel.clock import DAY, HOUR, MINUTE, parse_instant
from tutti.model.instrument import InstrumentId
from tutti.sandbox.market import SimulatedMarket, familiar
from tutti.universe.instruments import Universe

if TYPE_CHECKING:
    from tutti.app.build import Plan

_START = 19_723 * DAY  # 2024-01-01
_YEAR_OF_MINUTES = 525_600
_MONTH_OF_MINUTES = 43_200
_COINS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LINK", "AVAX", "LTC", "BNB")
_RECORDED = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC", "LINK", "BNB", "DOT")

Found = dict[str, object]


# ---- the whole pipeline ----


def panel() -> Found:
    """Run 50 instruments over a month of minutes as ``tutti backtest`` does, ledger included."""
    source = _made_up(50, MINUTE, _MONTH_OF_MINUTES)
    config = Config()
    plan = _plan(config, source)
    costs = []
    for _ in range(2):
        with scratch() as folder:
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
        "peak_rss_mb": peak_mb(),
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
    with scratch() as folder:
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
    with scratch() as folder:
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


def _unheard(_done: int, _total: int, _note: str) -> None:
    """Take no notice of progress."""


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    ema = commands.add_parser("ema")
    ema.add_argument("bars", type=Path, help="*.npz, as bars.py writes it")
    ema.add_argument("--tier", choices=("fast", "event"), default="fast")
    ema.add_argument("--fast", type=int, default=60)
    ema.add_argument("--slow", type=int, default=240)
    ema.add_argument("--fee-bps", type=float, default=1.0)
    commands.add_parser("panel")
    commands.add_parser("tick")
    commands.add_parser("year").add_argument("file", type=Path)
    commands.add_parser("parity").add_argument("--data", type=Path)
    options = parser.parse_args()
    match options.what:
        case "ema":
            found = cross.ema(
                options.bars, options.tier, options.fast, options.slow, options.fee_bps
            )
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
