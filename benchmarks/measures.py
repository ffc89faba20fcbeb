"""How each group of rows is measured: a function that returns a finding for each of its rows."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from processes import ROOT, Broken, answer, peers_python, python, run, until
from rows import Finding, Json

_SAME_EQUITY = 1e-9
_HELPS = 11
_NO_PEERS = "the other engines are not installed: make .venv-peers/.ready"
_DECISION = re.compile(r"^\d{4}-\d\d-\d\dT[\d:]+Z +(buy|sell|refused) ")
_COMPILED = re.compile(r"kernels compiled in ([\d.]+) s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """How to measure.

    Parameters
    ----------
    folder : Path
        Where children run and write: on the disk of the checkout.
    bars : Path
        A year of minutes without gaps, for the EMA cross.
    say : callable
        Told what is being measured.
    """

    repeats: int
    folder: Path
    bars: Path
    say: Callable[[str], None]

    def ours(self, *arguments: str | Path) -> Json:
        """Measure one thing about Tutti."""
        return answer(python(), "ours.py", *arguments, cwd=self.folder)

    def turns(self, takers: dict[str, Callable[[], Json]]) -> dict[str, list[Json]]:
        """Measure each in turn, again and again, so that what slows the machine slows all."""
        samples: dict[str, list[Json]] = {name: [] for name in takers}
        for number in range(self.repeats):
            for name, take in takers.items():
                self.say(f"{name} {number + 1}/{self.repeats}")
                samples[name].append(take())
        return samples

    def medians(self, name: str, take: Callable[[], Json]) -> Json:
        """Measure again and again and return the medians."""
        return _medians(self.turns({name: take})[name])


# ---- engines side by side ----


def fast_tier(bench: Bench) -> list[Finding]:
    """Compare the fast tier with vectorbt and backtesting.py."""
    engines = _Engines(bench, "fast", "60", "240")
    engines.measure("vectorbt", "vectorbt-rust", "backtesting")
    return [engines.against("vectorbt", "vectorbt-rust"), engines.against("backtesting")]


def event_tier(bench: Bench) -> list[Finding]:
    """Compare the event tier with NautilusTrader at about 2,700 orders."""
    engines = _Engines(bench, "event", "60", "240")
    engines.measure("nautilus")
    return [engines.against("nautilus")]


def event_tier_busy(bench: Bench) -> list[Finding]:
    """Compare the event tier with NautilusTrader at about 23,600 orders."""
    engines = _Engines(bench, "event", "10", "20")
    engines.measure("nautilus")
    return [engines.against("nautilus")]


class _Engines:
    """Engines that run the same cross over the same bars, by turns."""

    def __init__(self, bench: Bench, tier: str, fast: str, slow: str) -> None:
        self._bench = bench
        self._us = f"tutti-{tier}"
        self._tier = tier
        self._cross = f"{fast}/{slow}"
        self._spans = ("--fast", fast, "--slow", slow)
        self._samples: dict[str, list[Json]] = {}
        self._broken: dict[str, str] = {}

    def measure(self, *peers: str) -> None:
        """Measure ours, and each of theirs where they are installed."""
        takers = {self._us: self._ours}
        interpreter = peers_python()
        if interpreter is not None:
            takers |= {peer: lambda peer=peer: self._theirs(interpreter, peer) for peer in peers}
        self._samples = self._bench.turns(takers)

    def _ours(self) -> Json:
        return self._bench.ours("ema", self._bench.bars, "--tier", self._tier, *self._spans)

    def _theirs(self, interpreter: Path, peer: str) -> Json:
        # a peer that fails once is told and left alone; what we measure goes on
        if peer not in self._broken:
            bench = self._bench
            try:
                return answer(interpreter, "peers.py", peer, bench.bars, *self._spans,
                              cwd=bench.folder)  # fmt: skip
            except Broken as error:
                self._broken[peer] = str(error)
        return {}

    def against(self, peer: str, *beside: str) -> Finding:
        """Return how many times as fast ours is, unless the two came to different results."""
        shown = [name for name in (self._us, peer, *beside) if name in self._samples]
        engines = {name: _engine(self._samples[name]) for name in shown if name not in self._broken}
        detail: Json = {"cross": self._cross, "engines": list(engines.values())}
        if peer not in self._samples:
            return Finding(None, detail, _NO_PEERS)
        if peer in self._broken:
            return Finding(None, detail, self._broken[peer])
        mine, theirs = engines[self._us], engines[peer]
        detail["ratios"] = [
            round(ours["bars_per_cpu_s"] / other["bars_per_cpu_s"], 2)
            for ours, other in zip(self._samples[self._us], self._samples[peer], strict=True)
        ]
        problem = _mismatch(mine, theirs)
        ratio = mine["bars_per_cpu_s"] / theirs["bars_per_cpu_s"]
        return Finding(None if problem else round(ratio, 2), detail, problem)


def _engine(samples: list[Json]) -> Json:
    first = samples[0]
    for key in ("n_orders", "final_equity"):
        if any(sample[key] != first[key] for sample in samples):
            raise Broken(f"{first['engine']}: {key} differs from run to run")
    names = ("engine", "version", "bars", "cpu_s", "wall_s", "cold_cpu_s", "bars_per_cpu_s",
             "peak_rss_mb", "n_orders", "final_equity")  # fmt: skip
    medians = _medians(samples)
    return {name: medians[name] for name in names}


def _mismatch(mine: Json, theirs: Json) -> str:
    if mine["n_orders"] != theirs["n_orders"]:
        return f"{mine['n_orders']} orders of ours against {theirs['n_orders']} of theirs"
    if not abs(mine["final_equity"] / theirs["final_equity"] - 1.0) <= _SAME_EQUITY:
        return f"final equity {mine['final_equity']} against {theirs['final_equity']}"
    return ""


# ---- Tutti alone ----


def panel(bench: Bench) -> list[Finding]:
    """Measure the whole pipeline over many instruments."""
    found = bench.medians("panel", lambda: bench.ours("panel"))
    return [Finding(found["symbol_bars_per_cpu_s"], found)]


def tick(bench: Bench) -> list[Finding]:
    """Measure one live tick."""
    found = bench.medians("tick", lambda: bench.ours("tick"))
    return [Finding(found["p99_ms"], found)]


def ledger(bench: Bench) -> list[Finding]:
    """Measure the ledger, and its commit beside a bare write and fsync."""

    def take() -> Json:
        return answer(python(), "ledger.py", "--folder", bench.folder, cwd=bench.folder)

    found = {key: round(value, 3) for key, value in bench.medians("ledger", take).items()}
    commit = {key: value for key, value in found.items() if "commit" in key or "bare" in key}
    batched = {key: value for key, value in found.items() if key not in commit}
    return [
        Finding(round(batched["records_per_second"]), batched),
        Finding(commit["commit_ratio"], commit),
    ]


def memory(bench: Bench) -> list[Finding]:
    """Measure the peak of a whole ``tutti backtest`` over a year of minutes, from a file."""
    file = bench.folder / "BTC-USDT-PERP_1m.parquet"
    bench.ours("year", file)

    def take(tier: str) -> Json:
        out = bench.folder / f"memory-{tier}"
        command = [_tutti(), "backtest", "--bars", file, "--tier", tier, "--out", out, "--json"]
        ended = run(command, cwd=bench.folder)
        return {"peak_rss_mb": ended.peak_rss_mb, "wall_s": round(ended.wall_s, 2),
                "cpu_s": round(ended.cpu_s, 2)}  # fmt: skip

    samples = bench.turns({tier: lambda tier=tier: take(tier) for tier in ("event", "both")})
    found = {f"--tier {tier}": _medians(taken) for tier, taken in samples.items()}
    return [Finding(found["--tier event"]["peak_rss_mb"], found)]


def parity(bench: Bench) -> list[Finding]:
    """Compare the tiers, once: what comes of it is the same each time."""
    data = Path(os.environ.get("TUTTI_TEST_DATA") or ROOT.parent / "shared" / "data")
    bench.say("parity 1/1")
    found = bench.ours("parity", *(("--data", data) if data.is_dir() else ()))
    reason = "" if found["recorded"] else f"no recorded bars in {data}: these are made up"
    return [
        Finding(found["max_rel_equity_diff"], found, reason),
        Finding(found["fills_equal"], {}, reason),
    ]


# ---- whole processes ----


def help_page(bench: Bench) -> list[Finding]:
    """Time ``tutti --help``."""
    bench.say(f"help {_HELPS} times")
    times = [run([_tutti(), "--help"], cwd=bench.folder).wall_s for _ in range(1 + _HELPS)][1:]
    detail = {"fastest_s": round(min(times), 3), "slowest_s": round(max(times), 3)}
    return [Finding(round(statistics.median(times), 3), detail)]


def cold_run(bench: Bench) -> list[Finding]:
    """Time ``make run`` in a fresh clone of what is committed, to its first decision.

    Once: it takes a minute. The environment is made and the kernels are compiled; packages come
    from where pip finds them, its cache as a rule.
    """
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        return [Finding(None, {}, "needs git and a clone of the repository", is_skipped=True)]
    bench.say("cold-run 1/1")
    times: Json = {}
    with tempfile.TemporaryDirectory(prefix="tutti-cold-") as folder:
        clone = Path(folder) / "tutti"
        run(["git", "clone", "--quiet", ROOT, clone], cwd=bench.folder)
        began = time.perf_counter()

        def is_first_decision(line: str) -> bool:
            since = round(time.perf_counter() - began, 1)
            if compiled := _COMPILED.search(line):
                times["of_which_kernels_s"] = float(compiled[1])
            if not _DECISION.match(line):
                return False
            times["first_decision_s"] = since
            return True

        arguments = f"--for 60 --speed 600 --out {folder}/run --no-api"
        until(["make", "run", f"ARGS={arguments}"], is_first_decision, cwd=clone)
    return [Finding(times["first_decision_s"], times)]


def _tutti() -> Path:
    return python().parent / "tutti"


def _medians(samples: list[Json]) -> Json:
    """Return the median of every number; what isn't one stands as it was first."""
    return {
        key: statistics.median(sample[key] for sample in samples)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else value
        for key, value in samples[0].items()
    }


MEASURES: dict[str, Callable[[Bench], list[Finding]]] = {
    "fast": fast_tier,
    "event": event_tier,
    "event-busy": event_tier_busy,
    "panel": panel,
    "tick": tick,
    "ledger": ledger,
    "memory": memory,
    "parity": parity,
    "help": help_page,
    "cold-run": cold_run,
}
"""Measurements by the group of rows that they fill."""
