"""Measure how awaited agents are waited for, and what a replay of what they said costs.

    python benchmarks/opinions.py [--only crowd late replay backtest] [--ticks 1440] [--latency 0.2]

The fake models run in a process of their own. Prints rows of ``{name, value, unit, bar, ok}``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from models import served

from tutti.agents.schedule import AwaitedAgents, Seat
from tutti.app.backtest import read_source, run_source
from tutti.app.config import Config, override
from tutti.app.model_use import ModelUse
from tutti.app.replay import replay_run
from tutti.app.serve import run_service
from tutti.kernel.clock import MINUTE
from tutti.model.instrument import InstrumentId
from tutti.model.market import Snapshot
from tutti.model.opinion import Abstention, Opinion
from tutti.sandbox.market import SimulatedMarket, familiar
from tutti.sandbox.market_regimes import RegimeChain, regimes_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.agents.llm.recorded import Mode
    from tutti.app.backtest import Source

SYMBOLS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "AVAX", "LINK", "LTC", "DOT")
START = 1_735_689_600_000_000_000
CROWD, SLOTS, WAIT_S = 248, 64, 2.0
TIMEOUT_S, LATE_S = 0.5, 10.0


class Scripted:
    """Takes its time, and says the same."""

    def __init__(self, name: str, takes_s: float) -> None:
        self.name = name
        self.asked: Counter[InstrumentId] = Counter()
        self._takes_s = takes_s

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return an empty snapshot."""
        return Snapshot(instrument=instrument, as_of=ts, close=1.0, features={})

    async def infer(self, context: Snapshot) -> Opinion:
        """Answer after a while."""
        self.asked[context.instrument] += 1
        await asyncio.sleep(self._takes_s)
        return Opinion(
            agent=self.name,
            instrument=context.instrument,
            bias=0.5,
            confidence=0.5,
            as_of=context.as_of,
            rationale="as always",
        )


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=["crowd", "late", "replay", "backtest"])
    parser.add_argument("--ticks", type=int, default=1440, help="minutes of the recorded day")
    parser.add_argument("--latency", type=float, default=0.2, help="of the fake model, seconds")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if "crowd" in options.only:
        rows += asyncio.run(crowd())
    if "late" in options.only:
        rows += asyncio.run(one_late())
    if "replay" in options.only:
        rows += recorded_day(options.ticks, options.latency)
    if "backtest" in options.only:
        rows += backtested_day(options.ticks, options.latency)
    for row in rows:
        print(json.dumps(row))
    return 0


async def crowd() -> list[dict[str, Any]]:
    """Have 248 symbols fall due in one tick, at a model that takes longer than a tick waits."""
    instruments = [InstrumentId(f"C{k}-USDT", "SIM") for k in range(CROWD)]
    agent = Scripted("news", 1.5)
    awaited = AwaitedAgents(
        [Seat(agent=agent, cadence=10, timeout_s=5.0)],
        instruments,
        wait_s=WAIT_S,
        max_in_flight=SLOTS,
    )
    loop = asyncio.get_running_loop()
    took, heard = [], []
    for ts in range(10):
        began = loop.time()
        await awaited.ask(ts)
        took.append(loop.time() - began)
        heard.append(len(awaited.take()))
        await asyncio.sleep(0.25)
    await awaited.close()
    starved = CROWD - len(agent.asked)
    return [
        row("248 due at once, slowest tick", max(took), "s", WAIT_S + 0.05, heard=heard),
        row("248 due at once, never asked in a cadence", starved, "symbols", 0),
    ]


async def one_late() -> list[dict[str, Any]]:
    """Wait for a panel of which one is ten seconds late."""
    btc = InstrumentId("BTC-USDT", "SIM")
    awaited = AwaitedAgents(
        [
            Seat(agent=Scripted("quick", 0.0), timeout_s=TIMEOUT_S),
            Seat(agent=Scripted("late", LATE_S), timeout_s=TIMEOUT_S),
        ],
        [btc],
        wait_s=LATE_S,
        max_in_flight=SLOTS,
    )
    loop = asyncio.get_running_loop()
    over, said = [], []
    for ts in range(10):
        began = loop.time()
        await awaited.ask(ts)
        over.append(1000.0 * (loop.time() - began - TIMEOUT_S))
        said.append(sum(isinstance(each, Abstention) for each in awaited.take()))
    return [
        row("one agent 10 s late, beyond its timeout", max(over), "ms", 50.0, of=over),
        row("one agent 10 s late, abstentions", float(np.mean(said)), "a tick", 1, equal=True),
    ]


def recorded_day(ticks: int, latency_s: float) -> list[dict[str, Any]]:
    """Trade a day with four agents that ask a model, then replay it from its ledger."""
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as made, served(latency_s) as url:
        folder = Path(made)
        config = _config(folder, url, ticks)
        began = time.perf_counter()
        summary = asyncio.run(
            run_service(
                config,
                feed="replay",
                bars=list(config.feed.bars),
                speed=float("inf"),
                seconds=None,
                out=folder / "paper",
                view=None,
                use=ModelUse(mode="live", records=folder / "llm.sqlite", approve=lambda _: None),
            )
        )
        live = time.perf_counter() - began
        (folder / "llm.sqlite").unlink()
        with sockets() as opened:
            began = time.perf_counter()
            outcome = replay_run(folder / "paper", lambda *_: None)
            again = time.perf_counter() - began
        asked = _opinions(folder / "paper")
    day = ticks * MINUTE / 1e9
    detail: dict[str, Any] = {
        "opinions": asked, "ticks": summary.ticks, "fills": summary.n_fills, "rows": outcome.rows,
        "replay_s": again, "live_as_fast_as_it_goes_s": live, "model_latency_s": latency_s,
    }  # fmt: skip
    return [
        row("replay of a recorded day, same ledger hash", int(outcome.equal), "", 1, equal=True),
        row("replay of a recorded day, sockets opened", len(opened), "", 0),
        row("replay / live, by the clock", day / again, "x", 50.0, least=True, **detail),
        row("replay / live without a pause between ticks", live / again, "x", None),
    ]


def backtested_day(ticks: int, latency_s: float) -> list[dict[str, Any]]:
    """Run a backtest of the same day with calls recorded, then from the record."""
    with tempfile.TemporaryDirectory(prefix="tutti-bench-") as made:
        folder = Path(made)
        with served(latency_s) as url:
            config = _config(folder, url, ticks)
            source = read_source(
                list(config.feed.bars), None, None, repair=False, timeframe="1m", funding=()
            )
            first, recorded = _timed(config, source, folder, "record")
        with sockets() as opened:
            again, replayed = _timed(config, source, folder, "replay")
    return [
        row("backtest from the record, same ledger hash", int(first == again), "", 1, equal=True),
        row("backtest from the record, sockets opened", len(opened), "", 0),
        row("backtest, calls recorded", recorded, "s", None),
        row("backtest, from the record", replayed, "s", None),
    ]


def _timed(config: Config, source: Source, folder: Path, mode: Mode) -> tuple[str, float]:
    use = ModelUse(mode=mode, records=folder / "llm.sqlite", approve=lambda _: None)
    began = time.perf_counter()
    result = run_source(config, source, "event", folder / mode, lambda *_: None, use=use)
    return result.ledger_hash, time.perf_counter() - began


def _config(folder: Path, url: str, ticks: int) -> Config:
    instruments = [InstrumentId(f"{symbol}-USDT-PERP", "SIM") for symbol in SYMBOLS]
    warm = 300
    block = SimulatedMarket(
        [familiar(each) for each in instruments],
        seed=3,
        step=MINUTE,
        start=START - warm * MINUTE,
        regime_schedule=RegimeChain(regimes_named("trend", "range"), mean_bars=240.0),
        correlation=0.6,
    ).next_block(warm + ticks)
    for i, each in enumerate(instruments):
        frame = {"ts": block.ts} | {
            name: getattr(block, name)[:, i] for name in ("open", "high", "low", "close", "volume")
        }
        pl.DataFrame(frame).write_parquet(folder / f"{each.symbol}_1m.parquet")
    rows = [
        {
            "id": f"{kind}{symbol}{t}", "symbol": symbol, "kind": kind, "source": f"s{t % 5}",
            "title": f"{symbol} moves", "text": f"Somebody said something about {symbol}.",
            "ts": int(block.ts[t]), "known_at": int(block.ts[t]),
        }
        for t in range(0, len(block), 20)
        for symbol in SYMBOLS
        for kind in ("news", "social")
    ]  # fmt: skip
    pl.DataFrame(rows).write_parquet(folder / "texts.parquet")
    agent = {"model": "mine:small", "cadence_s": 900, "timeout_s": 10.0}
    return override(
        Config(),
        {
            "feed.kind": "replay",
            "feed.bars": [str(folder / "*_1m.parquet")],
            "feed.timeframe": "1m",
            "feed.warm_up_bars": warm,
            "agents": [
                {"name": "news", **agent},
                {"name": "social", **agent},
                {"name": "second_news", "kind": "news", **agent, "model": "mine:large"},
                {"name": "second_social", "kind": "social", **agent, "model": "mine:large"},
            ],
            "conductor.weights": {},
            "policy.weights": {
                "context": 1.0,
                "momentum": 0.0,
                "mean_reversion": 0.0,
                "pairs": 0.0,
            },
            "policy.entry_threshold": 0.02,
            "policy.exit_threshold": 0.01,
            "panel.wait_s": 5.0,
            "text.files": [str(folder / "texts.parquet")],
            "llm.providers": {"mine": {"url": url}},
            "api.enabled": False,
        },
    )


def _opinions(folder: Path) -> int:
    from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader

    with SqliteLedgerReader(folder) as reader:
        return sum(1 for _ in reader.rows(kinds=["opinion"]))


@contextmanager
def sockets() -> Iterator[list[str]]:
    """Collect every socket of a network that is opened meanwhile."""
    opened: list[str] = []
    watching = [True]

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if watching[0] and event == "socket.__new__" and arguments[1] != socket.AF_UNIX:
            opened.append(str(arguments[1:]))

    sys.addaudithook(heard)
    try:
        yield opened
    finally:
        watching[0] = False


def row(
    name: str,
    value: float,
    unit: str,
    bar: float | None,
    *,
    least: bool = False,
    equal: bool = False,
    **detail: Any,
) -> dict[str, Any]:
    """Return a row of results; ``bar`` is the most, the ``least``, or what it has to ``equal``."""
    ok = None
    if bar is not None:
        ok = value == bar if equal else value >= bar if least else value <= bar
    return {"name": name, "value": value, "unit": unit, "bar": bar, "ok": ok, "detail": detail}


if __name__ == "__main__":
    sys.exit(main())
