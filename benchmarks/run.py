"""Measure Tutti against its bars, side by side with other engines, and write ``results.json``.

Exit codes: 0 when everything was measured, whatever came of it; 1 when a measurement of ours broke;
3 with ``--gate`` when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from measures import MEASURES, Bench
from processes import HERE, ROOT, Broken, peers_python, python, run
from rows import GROUPS, TABLE, Finding, Json, engines_table, merged, raw_table, row_of, table

_SLOW = "cold-run"
_GATE = 3


def main() -> int:
    """Measure what the command line asks for."""
    options = _options()
    wanted = options.only or [name for name in GROUPS if not (options.quick and name == _SLOW)]
    machine = {"cpu": _processor(), "cores": os.cpu_count(), "repeats": options.repeats}
    print(f"{machine['cpu']}, {machine['cores']} cores, Python {platform.python_version()}, "
          f"load {_load()}, medians of {options.repeats}")  # fmt: skip
    if peers_python() is None:
        print("without the other engines: .venv-peers is not there (make .venv-peers/.ready)")
    found, broken = _measure(wanted, options.repeats, machine)
    rows = merged(found, options.out)
    options.out.write_text(json.dumps(rows, indent=2) + "\n")
    _show(rows, found)
    print(f"\nload {_load()} at the end; wrote {options.out}")
    for line in broken:
        print(f"broke: {line}", file=sys.stderr)
    if broken:
        return 1
    missed = [name for name, row in found.items() if row["ok"] is False]
    return _GATE if options.gate and missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out the cold start")
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="NAME",
                        help=f"measure only some of: {', '.join(GROUPS)}")  # fmt: skip
    parser.add_argument("--repeats", type=int, default=5, help="of each process (5)")
    parser.add_argument("--gate", action="store_true", help="exit with 3 when a bar is missed")
    parser.add_argument("--out", type=Path, default=HERE / "results.json", help="where to write;"
                        " rows that are not measured stay as they are there")  # fmt: skip
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error(f"--repeats must be at least 1, was {options.repeats}")
    if not options.out.absolute().parent.is_dir():
        parser.error(f"--out {options.out}: there is no folder {options.out.parent}; make it first")
    return options


def _measure(wanted: list[str], repeats: int, machine: Json) -> tuple[dict[str, Json], list[str]]:
    """Return rows by name, and what broke."""
    found: dict[str, Json] = {}
    broken = []
    # the checkout's disk: the system's folder for such things may be memory
    (ROOT / ".cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache", prefix="bench-") as folder:
        bars = Path(folder) / "year.npz"
        bench = Bench(repeats=repeats, folder=Path(folder), bars=bars, say=_say)
        for group in wanted:
            specs = [spec for spec in TABLE if spec.group == group]
            began = time.perf_counter()
            try:
                if not bars.exists():
                    _make_bars(bench)
                findings = MEASURES[group](bench)
            except Broken as error:
                broken.append(f"{group}: {error}")
                findings = [Finding(None, {}, f"broke: {error}") for _ in specs]
            _say(f"{group} took {time.perf_counter() - began:.0f} s")
            measured = machine | {"at": f"{datetime.now(UTC):%FT%TZ}", "load": _load()}
            found |= {
                spec.name: row_of(spec, finding, measured)
                for spec, finding in zip(specs, findings, strict=True)
            }
    return found, broken


def _make_bars(bench: Bench) -> None:
    # without gaps all engines' fill rules come to the same prices
    run([python(), HERE / "bars.py", bench.bars, "--gap-bps", "0"], cwd=bench.folder)


def _show(rows: list[Json], found: dict[str, Json]) -> None:
    print(f"\n{table(rows, found)}")
    now = [row for row in rows if row["name"] in found]
    for text in (engines_table(now), raw_table(now)):
        if text:
            print(f"\n{text}")


def _say(text: str) -> None:
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)
    else:
        print(text, flush=True)


def _load() -> float:
    return round(os.getloadavg()[0], 1)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
