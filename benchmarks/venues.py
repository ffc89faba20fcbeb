"""Measure routing, the order path of the ccxt adapter, and following many books, on the loopback.

    python benchmarks/venues.py [--seconds 30] [--rate 10]

Fake exchanges run in processes of their own; what is measured is this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import routing
from pydantic import SecretStr

from tutti.adapters.venues.by_ccxt.books import Books
from tutti.adapters.venues.by_ccxt.client import Addresses, Reach, open_client
from tutti.adapters.venues.by_ccxt.contracts import contract_of
from tutti.adapters.venues.by_ccxt.dialects import dialect_of
from tutti.adapters.venues.by_ccxt.fence import Fence
from tutti.adapters.venues.by_ccxt.lanes import Lanes
from tutti.adapters.venues.by_ccxt.meter import NoMeter
from tutti.adapters.venues.by_ccxt.pace import Pace
from tutti.adapters.venues.by_ccxt.tasks import Tasks
from tutti.adapters.venues.by_ccxt.venue import CcxtVenue
from tutti.execution.router.split import Strategy
from tutti.kernel.clock import SECOND, LiveClock
from tutti.kernel.collector import unhurried_collector
from tutti.kernel.ids import IdSource
from tutti.model.instrument import InstrumentId
from tutti.model.order import ApprovedOrder, OrderIntent, OrderType, Reason, Side
from tutti.testing.exchanges import FakeExchange, Listing, serve

N_SYMBOLS = 62
PLACES = (
    ("BINANCE", "binance", "USDT", ""),
    ("BINANCE_USDM", "binance", "USDT", "-PERP"),
    ("KRAKEN", "kraken", "USD", ""),
    ("HYPERLIQUID", "hyperliquid", "USDC", "-PERP"),
)
COINBASE = ("COINBASE", "coinbase", "USD", "")
"""Timed for its orders; its books are not among the 248."""


async def exchange(dialect: str, quote: str, kind: str, rate: float) -> None:
    suffix = f":{quote}" if kind else ""
    listings = [
        Listing(
            name=f"C{k:03d}/{quote}{suffix}",
            price_step=Decimal("0.01"),
            quantity_step=Decimal("0.001"),
            min_quantity=Decimal("0.001"),
            min_notional=Decimal(5),
            price=Decimal(100 + k),
        )
        for k in range(N_SYMBOLS)
    ]
    fake = FakeExchange(dialect, seed=5, limits=0.0, listings=listings)
    async with serve(fake, rate=rate) as addresses:
        print(json.dumps(addresses.to_dict()), flush=True)
        await asyncio.sleep(3600)


def start(place: tuple[str, str, str, str], rate: float) -> tuple[Any, dict[str, Any]]:
    _, dialect, quote, kind = place
    command = [sys.executable, __file__, "--serve", dialect, quote, kind or "-", str(rate)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    return process, json.loads(process.stdout.readline())


def instruments(place: tuple[str, str, str, str]) -> list[InstrumentId]:
    venue, _, quote, kind = place
    return [InstrumentId(f"C{k:03d}-{quote}{kind}", venue) for k in range(N_SYMBOLS)]


async def opened(place: tuple[str, str, str, str], told: dict[str, Any], lanes: Lanes) -> Any:
    reach = Reach(keys={}, addresses=Addresses(urls=told["urls"]))
    client = open_client(dialect_of(place[0]), reach, lanes)
    await client.load_markets()
    return client


async def books(places: list[tuple[Any, ...]], told: list[dict[str, Any]], seconds: float) -> None:
    clock, followed, n_updates = LiveClock(), [], 0
    for place, each in zip(places, told, strict=True):
        client = await opened(place, each, Lanes(500.0, 100.0, clock))
        dialect = dialect_of(place[0])
        contracts = {
            name: contract_of(name, client.markets, dialect, client.precisionMode)
            for name in instruments(place)
        }
        tasks = Tasks(place[0])
        following = Books(
            client, contracts, clock=clock, random=np.random.default_rng(0), tasks=tasks
        )
        following.start()
        followed.append((client, tasks, following, contracts))
    sockets = sys.modules["ccxt.async_support.base.ws.client"].Client
    plain = sockets.handle_message

    def counted(self: Any, message: Any) -> None:
        nonlocal n_updates
        n_updates += 1
        plain(self, message)

    sockets.handle_message = counted
    await asyncio.sleep(8)
    me, oldest, empty = psutil.Process(), 0.0, 0
    memory = me.memory_info().rss
    before, cpu, wall = n_updates, time.process_time(), time.perf_counter()
    while time.perf_counter() - wall < seconds:
        await asyncio.sleep(2)
        for _, _, following, contracts in followed:
            oldest = max(oldest, following.oldest_ns() / SECOND)
            empty += sum(not len(following.ladder(name, Side.BUY).prices) for name in contracts)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    done = n_updates - before
    result = {
        "instruments": N_SYMBOLS * len(places),
        "updates_per_s": round(done / wall),
        "cpu_percent_of_a_core": round(100 * cpu / wall, 1),
        "cpu_us_per_update": round(cpu / done * 1e6, 1),
        "oldest_book_s": round(oldest, 2),
        "empty_books_seen": empty,
        "memory_mb": [round(memory / 1e6, 1), round(me.memory_info().rss / 1e6, 1)],
    }
    print(json.dumps({"books": result}))
    sockets.handle_message = plain
    for client, tasks, _, _ in followed:
        await tasks.close()
        client.timeout_on_exit = 0
        await client.close()


class Wire:
    """Times at which requests were written to sockets."""

    def __init__(self) -> None:
        self.times: list[float] = []
        transport = sys.modules["asyncio.selector_events"]._SelectorSocketTransport
        write, writelines = transport.write, transport.writelines

        def noted(itself: Any, data: Any) -> None:
            write(itself, data)
            if bytes(data[:4]) == b"POST":
                self.times.append(time.perf_counter())

        def lines_noted(itself: Any, lines: Any) -> None:
            lines = list(lines)
            writelines(itself, lines)
            if any(bytes(each[:4]) == b"POST" for each in lines):
                self.times.append(time.perf_counter())

        transport.write, transport.writelines = noted, lines_noted


async def order_path(
    place: tuple[str, str, str, str], told: dict[str, Any], wire: Wire, n: int
) -> None:
    clock, lanes, dialect = LiveClock(), Lanes(500.0, 200.0, LiveClock()), dialect_of(place[0])
    client = await opened(place, told, lanes)
    name = instruments(place)[0]
    contract = contract_of(name, client.markets, dialect, client.precisionMode)
    client.timeout_on_exit = 0
    await client.close()
    keys = {key: SecretStr(value) for key, value in told["credentials"]["main"].items()}
    venue = CcxtVenue(
        dialect,
        Reach(keys=keys, addresses=Addresses(urls=told["urls"])),
        [contract.instrument()],
        clock=clock,
        random=np.random.default_rng(0),
        fence=Fence(),
        meter=NoMeter(),
        lanes=lanes,
        pace=Pace(orders_s=600.0, holdings_s=600.0, switch=False),
    )
    await venue.start()
    await asyncio.sleep(1)
    ids, walls, cpus = IdSource("bench"), [], []
    for _ in range(n):
        now = clock.now()
        intent = OrderIntent(
            id=ids.new(now), instrument=name, as_of=now, side=Side.BUY, quantity=Decimal("0.2"),
            type=OrderType.LIMIT, price=Decimal(50), reference_price=Decimal(100),
            reason=Reason.ENTRY, lead="bench", reduces=False,
        )  # fmt: skip
        wire.times.clear()
        wall, cpu = time.perf_counter(), time.thread_time()
        venue.submit(ApprovedOrder(intent=intent, approved_at=now, rules=()), now)
        while not wire.times:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
        walls.append((wire.times[0] - wall) * 1e3)
        cpus.append((time.thread_time() - cpu) * 1e3)
        while not venue.events():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)  # what comes back of it is another matter
    await venue.close()
    wall_ms = [round(float(each), 2) for each in np.percentile(walls[20:], (50, 99))]
    cpu_ms = [round(float(each), 2) for each in np.percentile(cpus[20:], (50, 99))]
    print(
        json.dumps({"order_path": place[0], "wall_ms_p50_p99": wall_ms, "cpu_ms_p50_p99": cpu_ms})
    )


async def main(seconds: float, rate: float, orders: int) -> None:
    started = [start(place, rate) for place in PLACES] if seconds else []
    timed = (*PLACES, COINBASE)
    quiet = [start(place, 0.0) for place in timed]
    try:
        wire = Wire()
        for place, (_, told) in zip(timed, quiet, strict=True):
            await order_path(place, told, wire, orders)
        if seconds:
            await books(list(PLACES), [told for _, told in started], seconds)
    finally:
        for process, _ in (*started, *quiet):
            process.kill()


if __name__ == "__main__":
    if "--serve" in sys.argv:
        dialect, quote, kind, rate = sys.argv[sys.argv.index("--serve") + 1 :][:4]
        asyncio.run(exchange(dialect, quote, kind.strip("-") and kind, float(rate)))
    parser = argparse.ArgumentParser(description=(Path(__file__).name))
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="of following books; 0 for orders only"
    )
    parser.add_argument("--rate", type=float, default=10.0, help="updates a second and instrument")
    parser.add_argument(
        "--orders", type=int, default=200, help="a venue, above 20: the first warm up"
    )
    chosen = parser.parse_args()
    with unhurried_collector():  # as a service runs
        for strategy in Strategy:
            print(json.dumps(routing.measure(strategy, 4_000)), flush=True)
        asyncio.run(main(chosen.seconds, chosen.rate, chosen.orders))
