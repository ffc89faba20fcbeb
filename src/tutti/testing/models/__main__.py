"""``python -m tutti.testing.models``: serves fake language models until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tutti.model.errors import ConfigError
from tutti.testing.models.conversation import by_rules, fitting, read_rules
from tutti.testing.models.faults import read_faults
from tutti.testing.models.server import ModelServer, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

_WRONG_USAGE = 2


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tutti.testing.models",
        description="Serve fake language models in the dialects of OpenAI, Gemini, Anthropic and "
        "Ollama, print their addresses as one line of JSON, and run until SIGTERM or Ctrl-C. "
        "Faults, script and state are at /_control.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--latency", type=float, default=0.0, help="of every answer, seconds")
    parser.add_argument("--script", type=Path, help="JSON file with a list of rules")
    parser.add_argument("--faults", type=Path, help="JSON file with a list of faults")
    parser.add_argument("--models", default="", help="names, separated by commas; else any")
    parser.add_argument("--keys", default="", help="who may ask, separated by commas; else anybody")
    parser.add_argument("--rate", type=int, default=0, help="requests a minute; 0 for no limit")
    parser.add_argument("--seed", type=int, default=0, help="of the faults' chances")
    return parser.parse_args(arguments)


async def _run(options: argparse.Namespace) -> None:
    server = ModelServer(
        by_rules(read_rules(options.script)) if options.script else fitting,
        latency_s=options.latency,
        models=[name for name in options.models.split(",") if name],
        keys=[key for key in options.keys.split(",") if key],
        requests_per_minute=options.rate,
        faults=read_faults(options.faults) if options.faults else (),
        seed=options.seed,
        port=options.port,
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, ended.set)
    async with serve(server) as addresses:
        sys.stdout.write(json.dumps(addresses.to_dict()) + "\n")
        sys.stdout.flush()
        await ended.wait()


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop and return the exit code."""
    options = _arguments(arguments)
    try:
        asyncio.run(_run(options))
    except ConfigError as error:
        sys.stderr.write(f"error: {error}\n")
        return _WRONG_USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
