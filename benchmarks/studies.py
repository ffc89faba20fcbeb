"""Measure the studies against their bars and print the rows ``{name, value, unit, bar, ok}``.

Everything is run as a user would, through the command line, in processes of their own; seconds are
what the user waits for, start included, and depend on what else the machine does. CPU seconds,
which do so less, stand beside them. backtesting.py's ``optimize`` runs on the same bars.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SYMBOLS, HOURS = 10, 8760
SETS = ("policy.fast=5..50:5", "policy.slow=60..555:5")  # 10 x 100
PEER_SETS = (range(5, 50, 15), range(60, 300, 60))
STRATEGIES = (
    "hybrid", "ema_cross", "momentum_hunter", "breakout_sniper", "trend_surfer",
    "volatility_harvester", "mean_reversion", "vpin", "strategy_optimizer",
)  # fmt: skip

CROSS = "policy: {name: ema_cross, fast: 60, slow: 240}\n"


def main() -> int:
    """Measure what the command line asks for."""
    options = _options()
    if options.peer:
        print(json.dumps(optimize(options.peer)))
        return 0
    groups = {"montecarlo": montecarlo, "sweep": sweep, "null": null, "power": power}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="studies-") as name:
        folder = Path(name)
        make_bars(folder)
        for group in options.only or groups:
            rows += groups[group](folder, options)
            for row in rows[-4:] if group != "null" else rows[-len(options.strategies) :]:
                print(json.dumps(row), flush=True)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=("montecarlo", "sweep", "null", "power"))
    parser.add_argument("--paths", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--strategies", nargs="+", default=list(STRATEGIES))
    parser.add_argument("--out", type=Path, help="also write the rows here")
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def make_bars(folder: Path) -> None:
    """Write a year of hours of ten correlated instruments."""
    import numpy as np
    import polars as pl

    from tutti.sandbox.worlds.moves import Walk, block_of, walk_moves

    walk = Walk(n_instruments=SYMBOLS, n_ticks=HOURS)
    moves = walk_moves(walk, np.random.default_rng(1))
    start = np.geomspace(0.5, 50_000.0, SYMBOLS)
    block = block_of(moves, walk.instruments, walk.ts, walk.step, start)
    for i in range(SYMBOLS):
        step = 10.0 ** np.floor(np.log10(start[i]) - 4)
        prices = {
            side: np.round(getattr(block, side)[:, i] / step) * step
            for side in ("open", "high", "low", "close")
        }
        frame = pl.DataFrame(
            {"ts": block.ts, **prices, "volume": np.round(block.volume[:, i], 3)}
        ).with_columns(pl.from_epoch("ts", time_unit="ns"))
        frame.write_parquet(folder / f"W{i}-USDT-PERP_1h.parquet")
    (folder / "cross.yaml").write_text(CROSS)


def tutti(folder: Path, *arguments: object) -> tuple[dict[str, Any], float, float]:
    """Run a command and return its answer, the seconds it took, and the CPU seconds."""
    from processes import run

    command = [Path(sys.executable).parent / "tutti", *map(str, arguments), "--json"]
    began = time.perf_counter()
    ended = run(command, cwd=folder)
    return json.loads(ended.out.splitlines()[-1]), time.perf_counter() - began, ended.cpu_s


def montecarlo(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Time Monte Carlo: a cross analysed anew on each path, and the seven-agent panel both ways."""
    bars = sorted(folder.glob("*_1h.parquet"))
    arguments = ["sandbox", "montecarlo", "--bars", *bars, "--out", folder / "mc"]
    cross = [*arguments, "--config", folder / "cross.yaml"]
    for each in (cross, arguments):
        tutti(folder, *each, "--paths", 2)  # compiles
    found, wall, cpu = tutti(folder, *cross, "--paths", options.paths)
    name = f"{options.paths:,} Monte Carlo paths, {SYMBOLS} x {HOURS:,} bars, cross analysed anew"
    rows = [
        _row(name, wall, "s", "< 30", wall < 30.0, cpu_s=cpu, cores=os.cpu_count(),
             symbol_bars_per_cpu_s=found["symbol_bars"] / cpu, fills=_mean(found, "n_fills"))
    ]  # fmt: skip
    few = max(20, options.paths // 100)
    for label, count, extra in (
        ("seven agents, analysed anew", few, []),
        ("seven agents, signals resampled", 10 * few, ["--signals", "resampled"]),
    ):
        found, wall, cpu = tutti(folder, *arguments, "--paths", count, *extra)
        rate = found["symbol_bars"] / cpu
        scaled = options.paths * SYMBOLS * HOURS / rate
        rows.append(
            _row(f"Monte Carlo, {label}", rate, "symbol-bars/CPU s", "", None, cpu_s=cpu,
                 paths=count, cpu_s_for_all_paths=scaled)
        )  # fmt: skip
    return rows


def sweep(folder: Path, _: argparse.Namespace) -> list[dict[str, Any]]:
    """Time a sweep, and backtesting.py's optimize on the same bars."""
    from processes import peers_python, run

    bars = sorted(folder.glob("*_1h.parquet"))
    arguments = ["sweep", "--bars", *bars, "--config", folder / "cross.yaml", "--register", "off"]
    tutti(folder, *arguments, "--grid", "policy.fast=5,6", "--out", folder / "sweep")
    grid = [part for axis in SETS for part in ("--grid", axis)]
    found, wall, cpu = tutti(folder, *arguments, *grid, "--out", folder / "sweep")
    assert found["n_tried"] == 1000
    ours = found["symbol_bars"] / cpu
    name = f"sweep of 1,000 settings, {SYMBOLS} x {HOURS:,} bars"
    rows = [_row(name, wall, "s", "< 20", wall < 20.0, cpu_s=cpu, symbol_bars_per_cpu_s=ours)]
    peers = peers_python()
    if peers is None:
        return [*rows, _row("sweep / backtesting.py's optimize", None, "x", ">= 20", None)]
    csv = folder / "one.csv"
    _as_csv(bars[0], csv)
    before = run([peers, HERE / "studies.py", "--peer", csv], cwd=folder)
    theirs = json.loads(before.out.splitlines()[-1])
    rate = theirs["symbol_bars"] / theirs["cpu_s"]
    rows.append(
        _row("sweep / backtesting.py's optimize", ours / rate, "x symbol-bars per CPU second",
             ">= 20", ours / rate >= 20.0, ours=ours, backtesting=rate,
             version=theirs["version"], n_settings=theirs["n_settings"])
    )  # fmt: skip
    return rows


def _as_csv(bars: Path, csv: Path) -> None:
    import polars as pl

    pl.read_parquet(bars).with_columns(pl.col("ts").dt.epoch("ns")).write_csv(csv)


def optimize(csv: Path) -> dict[str, Any]:
    """Run backtesting.py's optimize; in an interpreter that has it.

    One symbol, as it knows no more; imports and reading are not counted, its worker processes are.
    """
    import resource

    os.environ["TQDM_DISABLE"] = "1"
    import backtesting
    import pandas as pd

    frame = pd.read_csv(csv)
    frame.index = pd.to_datetime(frame.pop("ts"), unit="ns")
    frame.columns = [name.title() for name in frame.columns]

    def average(close: Any, span: int) -> Any:
        return pd.Series(close).ewm(span=span, adjust=False).mean().to_numpy(copy=True)

    class Cross(backtesting.Strategy):
        fast, slow = 20, 100

        def init(self) -> None:
            self.quick = self.I(average, self.data.Close, self.fast)
            self.calm = self.I(average, self.data.Close, self.slow)

        def next(self) -> None:
            if self.quick[-1] > self.calm[-1]:
                if not self.position:
                    self.buy(size=0.1)
            elif self.position:
                self.position.close()

    # its worker processes, which are forked, find the strategy by name
    Cross.__qualname__ = "Cross"
    globals()["Cross"] = Cross

    def spent() -> float:
        return sum(
            sum(resource.getrusage(who)[:2])
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )

    test = backtesting.Backtest(frame, Cross, cash=10_000_000.0, commission=0.001)
    count = len(PEER_SETS[0]) * len(PEER_SETS[1])
    began = spent()
    test.optimize(fast=list(PEER_SETS[0]), slow=list(PEER_SETS[1]), maximize="Sharpe Ratio")
    return {
        "version": backtesting.__version__,
        "n_settings": count,
        "symbol_bars": count * len(frame),
        "cpu_s": spent() - began,
    }


def null(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Count false positives of each strategy in all null worlds."""
    rows = []
    for strategy in options.strategies:
        found, wall, cpu = tutti(
            folder, "sandbox", "null", "--strategy", strategy, "--seeds", options.seeds,
            "--world", "random_walk",
        )  # fmt: skip
        rate = found["false_positive_rate"]
        rows.append(
            _row(f"false positives, {strategy}, {options.seeds:,} seeds", rate, "at level 0.05",
                 "0.03 to 0.07", 0.03 <= rate <= 0.07, interval=found["interval"],
                 z_mean=found["z_mean"], z_deviation=found["z_deviation"], wall_s=wall, cpu_s=cpu)
        )  # fmt: skip
    return rows


def power(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Count how often a planted edge is found."""
    found, wall, cpu = tutti(
        folder, "sandbox", "null", "--strategy", "ema_cross", "--seeds", options.seeds, "--world",
        "random_walk", "--ticks", 500, "--instruments", 3, "--power",
    )  # fmt: skip
    told = found["power"]
    return [
        _row("edge of true Sharpe 1.5 over three years, found", told["found"], "share of seeds",
             ">= 0.8", told["found"] >= 0.8, interval=told["interval"],
             sharpe_gross=told["sharpe_gross"], sharpe_net=told["sharpe_net"], wall_s=wall,
             cpu_s=cpu)
    ]  # fmt: skip


def _mean(found: dict[str, Any], figure: str) -> float:
    return found["figures"][figure]["mean"]


def _row(
    name: str, value: float | None, unit: str, bar: str, ok: bool | None,  # noqa: FBT001
    **detail: object,
) -> dict[str, Any]:  # fmt: skip
    return {"name": name, "value": value, "unit": unit, "bar": bar, "ok": ok, "detail": detail}


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(main())
