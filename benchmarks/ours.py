"""Measure one thing about Tutti in a process of its own and print one line of JSON.

::

    ours.py ema --tier fast|event BARS.npz --fast 60 --slow 240   the strategy that peers.py runs
    ours.py panel                            50 instruments x a month of minutes, whole pipeline
    ours.py tick                             one live tick of 248 instruments, 50 open positions
    ours.py memory                           a year of minutes of one instrument, from a file
    ours.py parity                           the two tiers on made-up bars with everything switched on
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

import numpy as np

from tutti import __version__
from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.app.backtest import Source, run_source, terms_overrides
from tutti.app.build import analysis_of, plan_of
from tutti.app.config import Config, override
from tutti.app.session import Session
from tutti.app.tiers import fast_tier, parity, run_event, run_fast
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND
from tutti.model.arrays import EQUITY
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind
from tutti.model.market import MarketBlock
from tutti.sandbox.market import SimulatedMarket, familiar
from tutti.universe.instruments import Universe

_CASH = 10_000.0
_ANALYSED = 65_536
_START = 19_723 * DAY
_REPEATS = 5


def ema(path: str, tier: str, fast: int, slow: int, fee_bps: float) -> dict[str, object]:
    """Run the EMA cross of ``peers.py``; the first run is a warm-up."""
    data = dict(np.load(path))
    n = len(data["close"])
    columns = {
        name: np.ascontiguousarray(data[name].reshape(n, 1)) for name in
        ("open", "high", "low", "close", "volume")
    }  # fmt: skip
    block = MarketBlock(
        instruments=(InstrumentId("MADE-USD", "SIM"),),
        ts=data["ts"].astype(np.int64), step=MINUTE, funding=np.zeros((n, 1)), **columns,
    )  # fmt: skip
    fee = Decimal(repr(fee_bps)) / 10_000
    instrument = Instrument(
        id=block.instruments[0], kind=InstrumentKind.SPOT, price_step=Decimal("0.01"),
        quantity_step=Decimal("0.001"), maker_fee=fee, taker_fee=fee,
    )  # fmt: skip
    config = _plain(fast, slow)
    runs = [_one_ema(config, instrument, block, tier) for _ in range(2)]
    cpu, wall, n_orders, equity = runs[-1]
    return {
        "engine": f"tutti-{tier}", "version": __version__, "bars": n, "fast": fast, "slow": slow,
        "cpu_s": cpu, "wall_s": wall, "bars_per_cpu_s": round(n / cpu), "peak_rss_mb": _peak(),
        "n_orders": n_orders, "final_equity": round(equity, 6),
    }  # fmt: skip


def _plain(fast: int, slow: int) -> Config:
    free = ("max_instrument_fraction", "max_venue_fraction", "max_gross_fraction",
            "max_notional_multiple", "max_daily_loss", "max_agent_daily_loss")  # fmt: skip
    return override(
        Config(),
        {f"risk.{name}": None for name in free}
        | {f"risk.care.{name}": 0 for name in ("take_profit", "stop_loss", "stale_after_s", "cooldown_s")}
        | {
            "agents": [], "policy.name": "ema_cross", "policy.fast": fast, "policy.slow": slow,
            "policy.sizing.method": "fixed_quantity", "policy.sizing.quantity": 1,
            "risk.max_drawdown": 1, "starting_balance": int(_CASH),
            "venues": {"default": {"half_spread_bps": 0, "impact_coefficient": 0,
                                   "participation": 0}},
        },
    )  # fmt: skip


def _one_ema(
    config: Config, instrument: Instrument, block: MarketBlock, tier: str
) -> tuple[float, float, int, float]:
    plan = plan_of(config, [instrument], block.step)
    with tempfile.TemporaryDirectory() as folder:
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        if tier == "fast":
            analysis = analysis_of(config, plan.instruments)
            runner = fast_tier(plan, 0, block)
            for start in range(0, len(block), _ANALYSED):
                part = block.rows(start, min(start + _ANALYSED, len(block)))
                runner.advance(part, analysis.advance(part).signals)
            found = runner.result()
            n_orders, equity = found.n_orders, float(found.trace.equity[-1])
        else:
            session = Session(
                config, plan, SqliteLedger(Path(folder), Durability.BATCHED), run_id="bench",
                start=int(block.ts[0]),
            )  # fmt: skip
            session.engine.process(block)
            session.stop(int(block.known_at[-1]), "end")
            n_orders = session.engine.counts.orders
            equity = float(session.account.book.account[EQUITY])
        return time.process_time() - cpu, time.perf_counter() - wall, n_orders, equity


def _market(n: int, step: int, seed: int = 7) -> SimulatedMarket:
    names = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LINK", "AVAX", "LTC", "BNB")
    ids = [
        InstrumentId(f"{names[i % 10]}{i // 10 or ''}-USDT-PERP", "SIM") for i in range(n)
    ]
    return SimulatedMarket([familiar(each) for each in ids], seed=seed, step=step, start=_START)


def panel() -> dict[str, object]:
    """Run 50 instruments over a month of minutes through everything, ledger included."""
    block = _market(50, MINUTE).next_block(43_200)
    config = Config()
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    costs = []
    for _ in range(2):
        plan = plan_of(config, universe.instruments, block.step)
        with tempfile.TemporaryDirectory() as folder:
            gc.collect()
            cpu = time.process_time()
            outcome = run_event(
                config, plan, block, (), "bench", Path(folder), lambda *_: None
            )
            costs.append(time.process_time() - cpu)
    return {
        "symbol_bars": block.close.size, "cpu_s": costs[-1],
        "symbol_bars_per_cpu_s": block.close.size / costs[-1], "n_orders": outcome.n_orders,
        "peak_rss_mb": _peak(),
    }  # fmt: skip


def tick() -> dict[str, object]:
    """Time live ticks of 248 instruments with 50 positions open: bars in, intents out.

    Each tick is a block of one; the ledger is the durable one of a paper run, its commit included
    where a tick leads to orders.
    """
    market = _market(248, 5 * SECOND)
    config = override(
        Config(), {"policy.entry_threshold": 0.55, "policy.sizing.base_notional": 40}
    )
    history = market.next_block(600)
    universe = Universe.of_block(history, terms_overrides(config, history.instruments))
    plan = plan_of(config, universe.instruments, history.step)
    with tempfile.TemporaryDirectory() as folder:
        session = Session(
            config, plan, SqliteLedger(Path(folder), Durability.EACH_COMMIT), run_id="bench",
            start=_START,
        )  # fmt: skip
        session.remember(history)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 100)
        book = session.account.book
        warm = market.next_block(400)
        for t in range(len(warm)):
            session.engine.process(warm.rows(t, t + 1))
        times, held = [], []
        block = market.next_block(3000)
        for t in range(len(block)):
            one = block.rows(t, t + 1)
            began = time.perf_counter()
            session.engine.process(one)
            times.append(time.perf_counter() - began)
            held.append(int(np.count_nonzero(book.lots)))
        session.stop(int(block.known_at[-1]), "end")
        orders = session.engine.counts.orders
    return {
        "ticks": len(times), "p50_ms": statistics.median(times) * 1e3,
        "p99_ms": float(np.quantile(times, 0.99)) * 1e3, "max_ms": max(times) * 1e3,
        "open_positions": statistics.median(held), "n_orders": orders,
    }  # fmt: skip


def memory() -> dict[str, object]:
    """Backtest a year of minutes of one instrument with everything on; tell the peak of memory."""
    import polars as pl

    block = _market(1, MINUTE).next_block(525_600)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "BTC-USDT-PERP_1m.parquet"
        pl.DataFrame(
            {"ts": pl.Series(block.ts).cast(pl.Datetime("ns", "UTC"))}
            | {key: getattr(block, key)[:, 0] for key in
               ("open", "high", "low", "close", "volume")}
        ).write_parquet(path)  # fmt: skip
        print(json.dumps({"file": str(path)}), flush=True)  # noqa: T201
        input()
    return {}


def parity_of_tiers() -> dict[str, object]:
    """Compare the tiers over 10 instruments x a year of hours with the default configuration."""
    block = _market(10, HOUR).next_block(8760)
    config = Config()
    universe = Universe.of_block(block, terms_overrides(config, block.instruments))
    plan = plan_of(config, universe.instruments, block.step)
    with tempfile.TemporaryDirectory() as folder:
        event = run_event(config, plan, block, (), "bench", Path(folder), lambda *_: None)
    found = parity(event, run_fast(config, plan, block, lambda *_: None))
    return {
        "max_rel_equity_diff": found.max_rel_equity_diff, "fills_equal": found.fills_equal,
        "n_fills": found.n_fills_event,
    }  # fmt: skip


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("ema", "panel", "tick", "memory", "parity"))
    parser.add_argument("bars", nargs="?")
    parser.add_argument("--tier", choices=("fast", "event"), default="fast")
    parser.add_argument("--fast", type=int, default=60)
    parser.add_argument("--slow", type=int, default=240)
    parser.add_argument("--fee-bps", type=float, default=1.0)
    options = parser.parse_args()
    match options.what:
        case "ema":
            found = ema(options.bars, options.tier, options.fast, options.slow, options.fee_bps)
        case "panel":
            found = panel()
        case "tick":
            found = tick()
        case "memory":
            found = memory()
        case _:
            found = parity_of_tiers()
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
