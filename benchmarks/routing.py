"""Measure a routing decision: five venues of a hundred levels each, from ccxt's books to children.

    python benchmarks/routing.py [--decisions 4000]

Prints one JSON line a strategy: percentiles of a decision by the clock and by processor time. On a
machine that others use, the clock counts their work too; the processor's time is the decision's own.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from ccxt.async_support.base.ws.order_book import OrderBook

from tutti.adapters.venues.by_ccxt.books import Books
from tutti.adapters.venues.by_ccxt.contracts import Contract
from tutti.adapters.venues.by_ccxt.tasks import Tasks
from tutti.app.build import plan_of
from tutti.app.config import Config, override
from tutti.app.restore import fresh_account
from tutti.engine.routing import Router
from tutti.execution.router.split import Strategy
from tutti.kernel.clock import HOUR, LiveClock
from tutti.kernel.collector import unhurried_collector
from tutti.model.instrument import Instrument, InstrumentId, InstrumentKind

N_VENUES, N_LEVELS = 5, 100
NAMES = [f"V{k}" for k in range(N_VENUES)]


class Client:
    """What `Books` reads of a ccxt client."""

    id = "bench"

    def __init__(self, name: str, seed: int) -> None:
        random = np.random.default_rng(seed)
        away = 0.01 * np.arange(1, N_LEVELS + 1) + 0.002 * seed
        sizes = np.round(random.lognormal(0.0, 1.0, (2, N_LEVELS)), 3) + 0.001
        self.orderbooks = {
            f"BTC/{name}": OrderBook(
                {
                    "bids": [
                        [float(p), float(q)] for p, q in zip(100 - away, sizes[0], strict=True)
                    ],
                    "asks": [
                        [float(p), float(q)] for p, q in zip(100 + away, sizes[1], strict=True)
                    ],
                    "timestamp": 2**42,
                }
            )
        }


class Venue:
    """A venue whose book is followed."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        contract = Contract(
            id=InstrumentId("BTC-USDT-PERP", name), symbol=f"BTC/{name}", base="BTC", quote="USDT",
            size=Decimal(1), terms={},
        )  # fmt: skip
        self._books = Books(
            Client(name, seed), {contract.id: contract}, clock=LiveClock(),
            random=np.random.default_rng(0), tasks=Tasks(name), levels=N_LEVELS,
        )  # fmt: skip

    def ladder(self, instrument: InstrumentId, side: Any) -> Any:
        return self._books.ladder(instrument, side)


def router(strategy: Strategy) -> Router:
    traded = [
        Instrument(
            id=InstrumentId("BTC-USDT-PERP", name),
            kind=InstrumentKind.PERPETUAL,
            price_step=Decimal("0.01"),
            quantity_step=Decimal("0.001"),
            maker_fee=Decimal("0.0005"),
            taker_fee=Decimal("0.001") + Decimal(k) / 10_000,
            max_leverage=Decimal(20),
            maintenance_margin=Decimal("0.005"),
            min_notional=Decimal(5),
        )
        for k, name in enumerate(NAMES)
    ]
    ids = [str(each.id) for each in traded]
    config = override(
        Config(),
        {"agents": (), "routes": {ids[0]: {"strategy": strategy.value, "instruments": ids}}},
    )
    plan = plan_of(config, tuple(traded), HOUR)
    plan = replace(plan, balances={name: Decimal(1_000_000) for name in NAMES})
    account = fresh_account(plan, (), 0)
    account.book.mark[:] = 100.0
    venues: Any = {name: Venue(name, k) for k, name in enumerate(NAMES)}
    return Router(plan.setup, account, venues, plan.setup.routes)


def measure(strategy: Strategy, n: int) -> dict[str, Any]:
    found, random = router(strategy), np.random.default_rng(1)
    sizes = random.integers(50, 400_000, n + 200).tolist()
    walls, cpus, children = [], [], 0
    for k, lots in enumerate(sizes):
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        made = found.children(0, f"{k:032x}", lots if k % 2 else -lots)
        cpus.append(time.thread_time_ns() - cpu)
        walls.append(time.perf_counter_ns() - wall)
        children += len(made)
    shares = (50, 99, 99.9)
    return {
        "routing": str(strategy),
        "decisions": n,
        "children": round(children / len(sizes), 2),
        "wall_ms_p50_p99_p99.9": [round(x / 1e6, 3) for x in np.percentile(walls[200:], shares)],
        "cpu_ms_p50_p99_p99.9": [round(x / 1e6, 3) for x in np.percentile(cpus[200:], shares)],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=Path(__file__).name)
    parser.add_argument("--decisions", type=int, default=4000)
    chosen = parser.parse_args()
    with unhurried_collector():
        for each in Strategy:
            print(json.dumps(measure(each, chosen.decisions)))
            sys.stdout.flush()
