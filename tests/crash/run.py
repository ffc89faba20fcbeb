"""Kill a live account at every step of the order path, and prove that no order was lost or doubled.

A process trades on a fake exchange, through the whole path: engine, ledger, adapter, ccxt, sockets.
It is killed (SIGKILL) at a chosen function call, taken up again by the next, killed again. From time
to time one may live until the fate of every order is known; then ledger and exchange are compared.

    python -m tests.crash.run --kills 1000
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import json
import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from tests.crash.proof import Findings, compare
from tests.crash.trading import Place, look_at, trade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

PLACES = {
    "binance": ("BINANCE_USDM", ("BTC-USDT-PERP", "ETH-USDT-PERP")),
    "coinbase": ("COINBASE", ("BTC-USD", "ETH-USD")),
    "hyperliquid": ("HYPERLIQUID", ("BTC-USDC-PERP", "ETH-USDC-PERP")),
    "kraken": ("KRAKEN", ("BTC-USD", "ETH-USD")),
}
"""By dialect: the venue that speaks it, and what is traded there."""
# Coins that were there before belong to nobody that we know, and would be quarantined.
_MONEY = dict.fromkeys(("coinbase", "kraken"), ("--balance", "USD=100000"))
# The order path: what records, sends, hears and books; the rest of a process is killed, too, but
# less often, for most of its calls only read what an exchange lists.
_PATH = (
    "/tutti/engine/", "/tutti/execution/", "/tutti/ledger/", "/tutti/portfolio/",
    "/stores/sqlite_ledger/", "/by_ccxt/", "/app/session.py", "/app/restore.py", "/app/paper.py",
    "/aiohttp/client", "/asyncio/selector_events.py",
)  # fmt: skip
_ON_PATH = 0.8
_TICKS = 8
_SETTLE_EVERY = 20
_LEDGER_LIFE = 100
_PATIENCE_S = 90.0


class _Steps:
    """Counts function calls, and ends the process at one of them.

    On the order path from where trading begins, or anywhere from the very start.
    """

    def __init__(self, kill_at: int, *, on_path: bool) -> None:
        self.count = 0
        self.is_on = not on_path
        self._kill_at = kill_at
        self._on_path = on_path
        self._known: dict[CodeType, bool] = {}

    def begin(self) -> None:
        """Count from here."""
        self.is_on = True

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        del argument
        if not self.is_on or event not in {"call", "c_call"}:
            return
        if self._on_path:
            code = frame.f_code
            counts = self._known.get(code)
            if counts is None:
                counts = self._known[code] = any(part in code.co_filename for part in _PATH)
            if not counts:
                return
        self.count += 1
        if self.count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def _child(
    place: Place, folder: Path, steps: _Steps | None, *, limit: bool, settle: bool
) -> tuple[int, int]:
    """Trade in a process of its own; return how it ended, and the calls it made."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        code = 1
        try:
            os.close(reading)
            faulthandler.enable()
            if steps is not None:
                sys.setprofile(steps)
            begin = None if steps is None else steps.begin
            asyncio.run(trade(place, folder, _TICKS, limit=limit, settle=settle, opened=begin))
            sys.setprofile(None)
            os.write(writing, str(steps.count if steps else 0).encode())
            code = 0
        except BaseException:
            sys.setprofile(None)
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    end = time.monotonic() + _PATIENCE_S
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() > end:
            os.kill(pid, signal.SIGABRT)  # it says where it is
            os.waitpid(pid, 0)
            raise SystemExit(f"a process did not end within {_PATIENCE_S:g} s")
        time.sleep(0.002)
    told = os.read(reading, 32)
    os.close(reading)
    return os.waitstatus_to_exitcode(status), int(told or b"0")


@contextmanager
def exchange(dialect: str, seed: int) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Serve a fake exchange in a process of its own; yield what is there, and its addresses."""
    command = [
        sys.executable, "-m", "tutti.testing.exchanges", "--dialect", dialect,
        "--seed", str(seed), "--limits", "0", *_MONEY.get(dialect, ()),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            addresses = json.loads(process.stdout.readline())
            place = asyncio.run(look_at(addresses, *PLACES[dialect]))
            yield place, addresses
        finally:
            process.terminate()


def state(addresses: dict[str, Any]) -> Any:
    """Return all that an exchange knows: orders, fills, balances, positions."""
    with urllib.request.urlopen(f"{addresses['control']}/state") as answer:
        return json.load(answer)


def _warm(dialect: str, folder: Path) -> None:
    # what is compiled and imported once needs not be in each of a thousand processes
    with exchange(dialect, 0) as (place, _):
        # nothing that starts threads may run here: a child has none of them
        asyncio.run(trade(place, folder, 2, stop=False))


def crash(dialect: str, kills: int, seed: int, folder: Path) -> tuple[int, Findings]:
    """Kill ``kills`` times; return how often it was, and what was wrong."""
    random = np.random.default_rng(seed)
    total, n_kills, life = Findings(), 0, 0
    (folder / "warm").mkdir()
    _warm(dialect, folder / "warm")
    while n_kills < kills:
        life += 1
        home = folder / f"life-{life}"
        home.mkdir()
        with exchange(dialect, seed + life) as (place, addresses):
            found = Findings()
            spans = {on_path: _span(place, home, on_path=on_path) for on_path in (True, False)}
            for _ in range(_LEDGER_LIFE // _SETTLE_EVERY):
                for _ in range(min(_SETTLE_EVERY, kills - n_kills)):
                    on_path = bool(random.random() < _ON_PATH)
                    kill_at = int(random.integers(1, spans[on_path]))
                    steps = _Steps(kill_at, on_path=on_path)
                    limit = bool(random.random() < 0.5)
                    code, _calls = _child(place, home, steps, limit=limit, settle=False)
                    if code == -signal.SIGKILL:
                        n_kills += 1
                    elif code:
                        total.lost.append(f"a process broke, with exit code {code}; see above")
                code, _calls = _child(place, home, None, limit=False, settle=True)
                if code:
                    total.lost.append(f"an account could not be taken up, exit code {code}")
                found = _compared(place, home, state(addresses))
                sys.stderr.write(f"{n_kills} kills, {found.orders} orders in this ledger\n")
                if found.lost or found.doubled or found.wrong_positions or n_kills >= kills:
                    break
            for name in ("lost", "doubled", "wrong_positions"):
                getattr(total, name).extend(getattr(found, name))
            total.orders += found.orders
            total.fills += found.fills
        if not (found.lost or found.doubled or found.wrong_positions):
            shutil.rmtree(home)
    return n_kills, total


def _compared(place: Place, home: Path, state: Any) -> Findings:
    # in a process of its own: it reads Parquet, with threads that no later child would have
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        with os.fdopen(writing, "wb") as told:
            pickle.dump(compare(place, home, state), told)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        found = pickle.load(answer)
    os.waitpid(pid, 0)
    assert isinstance(found, Findings)
    return found


def _span(place: Place, home: Path, *, on_path: bool) -> int:
    code, calls = _child(place, home, _Steps(0, on_path=on_path), limit=False, settle=False)
    if code or not calls:
        raise SystemExit(f"an account that nobody killed ended with {code}")
    return calls


def _alone(options: argparse.Namespace) -> dict[str, Any]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    folder = Path(tempfile.mkdtemp(prefix="tutti-crash-"))
    n_kills, found = crash(options.dialect, options.kills, options.seed, folder)
    wrong = [*found.lost, *found.doubled, *found.wrong_positions]
    for each in wrong:
        sys.stderr.write(f"{each}\n")
    if wrong:
        sys.stderr.write(f"ledgers of the failures: {folder}\n")
    else:
        shutil.rmtree(folder)
    return {
        "kills": n_kills,
        "lost": len(found.lost),
        "doubled": len(found.doubled),
        "wrong_positions": len(found.wrong_positions),
        "orders": found.orders,
        "fills": found.fills,
    }


def _together(options: argparse.Namespace) -> dict[str, Any]:
    # accounts of their own on exchanges of their own
    shares = np.diff(np.linspace(0, options.kills, options.workers + 1).round()).astype(int)
    command = [sys.executable, "-m", "tests.crash.run", "--dialect", options.dialect]
    workers = [
        subprocess.Popen(
            [*command, "--kills", str(share), "--seed", str(options.seed + 1000 * number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, share in enumerate(shares)
        if share
    ]
    total: dict[str, Any] = {}
    for worker in workers:
        said, _ = worker.communicate()
        if not said:
            raise SystemExit("a worker broke; see above")
        for key, value in json.loads(said.splitlines()[-1]).items():
            total[key] = total.get(key, 0) + value
    return total


def main() -> int:
    """Run what the command line says; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description="Kill a live account, again and again.")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dialect", choices=sorted(PLACES), default="binance")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    told = _alone(options) if options.workers == 1 else _together(options)
    told["seconds"] = round(time.monotonic() - began, 1)
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if told["lost"] or told["doubled"] or told["wrong_positions"] else 0


if __name__ == "__main__":
    sys.exit(main())
