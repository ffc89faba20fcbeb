"""Serves made-up sources until interrupted: ``python -m tutti.testing.sources --port 9700``."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from tutti.kernel.clock import LiveClock, parse_instant
from tutti.testing.sources.server import Fault, serve


async def run(port: int, now: int, faults: list[str]) -> None:
    """Serve, with faults in the first answers, until told to stop."""
    async with serve(now, port) as sources:
        sources.fail(Fault(each) for each in faults)
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, ended.set)
        sys.stdout.write(f"{sources.address}\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tutti.testing.sources", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--now", default="", help="the sources' time, else the wall's")
    parser.add_argument(
        "--faults", nargs="*", default=[], choices=list(Fault), help="of the first answers, in turn"
    )
    given = parser.parse_args()
    now = parse_instant(given.now) if given.now else LiveClock().now()
    asyncio.run(run(given.port, now, given.faults))


if __name__ == "__main__":
    main()
