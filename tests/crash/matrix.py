"""Each fault at each dialect, with a live account trading through it: does all end right?

python -m tests.crash.matrix [--dialect binance] [--case answer_lost]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from tests.crash.proof import compare
from tests.crash.run import PLACES, exchange, state
from tests.crash.trading import trade

from tutti.model.errors import TuttiError

_TICKS = 6
_WRONG_USAGE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that goes wrong while an account trades.

    Parameters
    ----------
    faults : tuple of dict
        As the exchange's ``/_control/faults`` takes them.
    rests : bool
        The account's orders are limits off the market, and are cancelled again.
    """

    name: str
    faults: tuple[dict[str, Any], ...]
    rests: bool = False


def _case(name: str, *faults: dict[str, Any], rests: bool = False) -> Case:
    return Case(name=name, faults=faults, rests=rests)


CASES = (
    _case("nothing"),
    _case("nothing, orders that rest", rests=True),
    _case("order: slow", {"kind": "latency", "where": "order.create", "seconds": 0.5}),
    _case("order: hangs", {"kind": "hang", "where": "order.create", "count": 2, "seconds": 3}),
    _case("order: dropped before", {"kind": "drop", "where": "order.create", "count": 2}),
    _case("order: 503 burst", {"kind": "status", "where": "order.create", "count": 3}),
    _case("order: 500", {"kind": "status", "where": "order.create", "count": 2, "status": 500}),
    _case("order: 429", {"kind": "rate_limit", "where": "order.create", "count": 2}),
    _case("order: HTML with 200", {"kind": "html", "where": "order.create", "count": 2}),
    _case(
        "order: refused, no funds",
        {"kind": "refuse", "where": "order.create", "count": 2, "reason": "insufficient_funds"},
    ),
    _case(
        "order: accepted, answer dropped",
        {"kind": "answer_lost", "where": "order.create", "count": 2, "how": "drop"},
    ),
    _case(
        "order: accepted, answer hangs",
        {"kind": "answer_lost", "where": "order.create", "count": 2, "how": "hang"},
    ),
    _case(
        "order: accepted, answer is HTML",
        {"kind": "answer_lost", "where": "order.create", "count": 2, "how": "html"},
    ),
    _case(
        "order: accepted, answer is 503",
        {"kind": "answer_lost", "where": "order.create", "count": 2, "how": "status"},
    ),
    _case(
        "order: accepted, refused later",
        {"kind": "refuse_later", "where": "order.create", "count": 2, "seconds": 0.2},
    ),
    _case("cancel: hangs", {"kind": "hang", "where": "order.cancel", "count": 2, "seconds": 3},
          rests=True),
    _case("cancel: 503", {"kind": "status", "where": "order.cancel", "count": 3}, rests=True),
    _case(
        "cancel: done, answer dropped",
        {"kind": "answer_lost", "where": "order.cancel", "count": 2, "how": "drop"},
        rests=True,
    ),
    _case("look-up: 503", {"kind": "status", "where": "order.fetch", "count": 4}),
    _case("look-up: HTML with 200", {"kind": "html", "where": "order.fetch", "count": 4}),
    _case("stream of orders: silent", {"kind": "silent", "where": "stream.orders"}),
    _case("stream of orders: twice", {"kind": "duplicate", "where": "stream.orders"}),
    _case("stream of orders: out of order", {"kind": "reorder", "where": "stream.orders"}),
    _case("stream of orders: gaps", {"kind": "gap", "where": "stream.orders", "chance": 0.5}),
    _case("stream of orders: late", {"kind": "late", "where": "stream.orders", "seconds": 0.3}),
    _case("stream of orders: dropped", {"kind": "drop", "where": "stream.orders", "count": 3}),
    _case("all streams: silent", {"kind": "silent", "where": "stream.*"}),
    _case("clock: 3 s off", {"kind": "clock_skew", "seconds": 3}),
    _case("everything: 503 for a while", {"kind": "status", "where": "*", "count": 25}),
    _case(
        "orders and look-ups: answers lost, streams silent",
        {"kind": "answer_lost", "where": "order.create", "count": 3},
        {"kind": "status", "where": "order.fetch", "count": 3},
        {"kind": "silent", "where": "stream.*"},
    ),
)  # fmt: skip


def _faults(addresses: dict[str, Any], faults: tuple[dict[str, Any], ...]) -> None:
    request = urllib.request.Request(
        f"{addresses['control']}/faults", json.dumps(faults).encode(), method="PUT"
    )
    with urllib.request.urlopen(request):
        pass


def run_case(dialect: str, case: Case, folder: Path) -> dict[str, Any]:
    """Trade through a fault; return what came of it, ``wrong`` empty where all ended right."""
    folder.mkdir()
    began = time.monotonic()
    with exchange(dialect, 7) as (place, addresses):
        wrong: list[str] = []
        try:
            asyncio.run(
                trade(
                    place,
                    folder,
                    _TICKS,
                    rests=case.rests,
                    opened=lambda: _faults(addresses, case.faults),
                    traded=lambda: _faults(addresses, ()),
                )
            )
        except TuttiError as error:
            wrong.append(f"the account ended: {error}")
        found = compare(place, folder, state(addresses))
        wrong += [*found.lost, *found.doubled, *found.wrong_positions]
        if not found.orders:
            wrong.append("nothing was ordered, so nothing was tried")
    return {
        "dialect": dialect,
        "case": case.name,
        "orders": found.orders,
        "fills": found.fills,
        "seconds": round(time.monotonic() - began, 1),
        "wrong": wrong,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    dialects = list(dict.fromkeys(row["dialect"] for row in rows))
    lines = ["| fault | " + " | ".join(dialects) + " |", "|---" * (len(dialects) + 1) + "|"]
    for case in dict.fromkeys(row["case"] for row in rows):
        cells = {row["dialect"]: row for row in rows if row["case"] == case}
        told = [
            "" if (row := cells.get(each)) is None
            else f"**wrong**, {row['orders']} orders" if row["wrong"]
            else f"{row['orders']} orders, {row['fills']} fills"
            for each in dialects
        ]  # fmt: skip
        lines.append(f"| {case} | " + " | ".join(told) + " |")
    return "\n".join(lines)


def _of_dialect(dialect: str, only: str) -> list[dict[str, Any]]:
    folder = Path(tempfile.mkdtemp(prefix="tutti-matrix-"))
    rows = []
    for number, case in enumerate(each for each in CASES if only in each.name):
        row = run_case(dialect, case, folder / str(number))
        rows.append(row)
        mark = "WRONG" if row["wrong"] else "right"
        sys.stderr.write(f"{dialect:12} {mark} {case.name} ({row['seconds']} s)\n")
        for each in row["wrong"]:
            sys.stderr.write(f"             {each[:300]}\n")
    shutil.rmtree(folder)
    return rows


def main() -> int:
    """Run what the command line says; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description="Each fault at each dialect.")
    parser.add_argument("--dialect", choices=sorted(PLACES))
    parser.add_argument("--case", default="", help="those with this in their name")
    parser.add_argument("--table", type=Path, help="Markdown file to write the table to")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    if options.dialect:
        rows = _of_dialect(options.dialect, options.case)
    else:
        command = [sys.executable, "-m", "tests.crash.matrix", "--case", options.case, "--dialect"]
        workers = [
            subprocess.Popen([*command, each], stdout=subprocess.PIPE, text=True)
            for each in sorted(PLACES)
        ]
        rows = []
        for worker in workers:
            said, _ = worker.communicate()
            if not said:
                return _WRONG_USAGE
            rows += json.loads(said.splitlines()[-1])["rows"]
    if options.table:
        options.table.write_text(_table(rows) + "\n", encoding="utf-8")
    wrong = [f"{row['dialect']}, {row['case']}: {row['wrong'][0]}" for row in rows if row["wrong"]]
    told: dict[str, Any] = {"cases": len(rows), "right": len(rows) - len(wrong), "wrong": wrong}
    if options.dialect:
        told["rows"] = rows
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
