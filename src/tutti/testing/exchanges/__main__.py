"""``python -m tutti.testing.exchanges``: serves one fake exchange until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import signal
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from tutti.model.errors import ConfigError
from tutti.testing.exchanges.dialects import DIALECTS
from tutti.testing.exchanges.exchange import FakeExchange, made_up_listings
from tutti.testing.exchanges.faults import read_faults
from tutti.testing.exchanges.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WRONG_USAGE = 2
_LAST_PORT = 65_535


def _whole(least: int, most: float = math.inf) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            end = f" to {most}" if math.isfinite(most) else " on"
            raise argparse.ArgumentTypeError(f"{value} is not from {least}{end}")
        return value

    read.__name__ = "whole number"
    return read


def _from_zero(text: str) -> float:
    value = float(text)
    if not 0.0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 on")
    return value


_from_zero.__name__ = "number"


def _names(text: str) -> list[str]:
    names = text.split(",")
    if not all(names) or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of different names")
    return names


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tutti.testing.exchanges",
        description="Serve a fake exchange, print its addresses as one line of JSON, and run "
        "until SIGTERM or Ctrl-C. Faults, the market and the state are at its /_control.",
    )
    parser.add_argument("--dialect", required=True, choices=sorted(DIALECTS))
    parser.add_argument("--port", type=_whole(0, _LAST_PORT), default=0, help="0 for any free one")
    parser.add_argument("--faults", type=Path, help="JSON file with a list of faults")
    parser.add_argument("--seed", type=_whole(0), default=0, help="of keys, books and chances")
    parser.add_argument(
        "--rate",
        type=_from_zero,
        default=0.0,
        help="random steps of the market per second and listing; 0: it moves when told to",
    )
    parser.add_argument(
        "--limits",
        type=_from_zero,
        default=1.0,
        help="rate limits as a multiple of the venue's own; 0 for none",
    )
    parser.add_argument(
        "--accounts", type=_names, default=["main"], help="names, separated by commas"
    )
    parser.add_argument(
        "--balance",
        action="append",
        default=[],
        metavar="CURRENCY=AMOUNT",
        help="spot balance of each account; given once, it replaces the usual ones",
    )
    parser.add_argument("--depth", type=_whole(1), default=50, help="levels on each side of a book")
    parser.add_argument(
        "--listings", type=_whole(0), default=0, help="so many listings, made-up ones among them"
    )
    return parser.parse_args(arguments)


def _balances(given: Sequence[str]) -> dict[str, Decimal] | None:
    balances = {}
    for each in given:
        currency, _, amount = each.partition("=")
        try:
            value = Decimal(amount)
        except InvalidOperation:
            value = Decimal(-1)
        if not currency or not value.is_finite() or value < 0:
            raise ConfigError(f"--balance takes CURRENCY=AMOUNT, was {each!r}")
        balances[currency] = value
    return balances or None


async def _run(options: argparse.Namespace) -> None:
    exchange = FakeExchange(
        options.dialect,
        seed=options.seed,
        faults=read_faults(options.faults) if options.faults else (),
        accounts=options.accounts,
        spot=_balances(options.balance),
        limits=options.limits,
        depth=options.depth,
        listings=made_up_listings(options.dialect, options.listings) if options.listings else None,
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, ended.set)
    async with serve(exchange, port=options.port, rate=options.rate) as addresses:
        sys.stdout.write(json.dumps(addresses.to_dict()) + "\n")
        sys.stdout.flush()
        await ended.wait()


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop and return the exit code."""
    options = _arguments(arguments)
    try:
        asyncio.run(_run(options))
    except ConfigError as e:
        sys.stderr.write(f"error: {e}\n")
        return _WRONG_USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
