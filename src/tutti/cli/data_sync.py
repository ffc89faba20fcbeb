"""``tutti data sync`` and ``list``: what is collected from outside, and what is there."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tutti.cli.boundary import FAILED, OK
from tutti.cli.options import AsJson, instant
from tutti.cli.output import Output
from tutti.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from tutti.app.harvest import Ask, Collected

_DAY = len("2024-01-31")
_MINUTE = len("2024-01-31T12:00")

Folder = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder that everything is collected in.")
]


def sync(  # noqa: PLR0913 - the options of a command
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Name of a source, or an exchange such as binance; see `sources`.",
        ),
    ],
    *,
    symbols: Annotated[
        list[str] | None,
        typer.Option(
            "--symbols", metavar="S...", help="What of it: BTC-USDT, AAPL, DFF, BTC=Bitcoin ..."
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="D", help="First day, e.g. 2024-01-31 (UTC).")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="D", help="End, itself left out; else now.")
    ] = None,
    timeframe: Annotated[
        str | None, typer.Option(metavar="T", help="Length of bars, e.g. 1h.")
    ] = None,
    trades: Annotated[
        bool, typer.Option("--trades", help="Of an exchange: trades instead of bars.")
    ] = False,
    out: Folder = Path("data"),
    keys: Annotated[
        str,
        typer.Option(metavar="PLACE", help="Where keys are: environment, file:PATH, keyring ..."),
    ] = "environment",
    url: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Another address: a proxy, a fake; of an exchange also a JSON file."
        ),
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on collecting until interrupted.")
    ] = False,
    every: Annotated[
        float, typer.Option(metavar="S", min=1.0, help="Seconds between rounds of --watch.")
    ] = 60.0,
    from_raw: Annotated[
        bool, typer.Option("--from-raw", help="Read the kept answers again; ask nobody.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Collect bars, trades, news, posts or figures from a source into files.

    What is there already is not asked for again; interrupted, it goes on where it stopped. Every
    answer is kept as it came. Exit code 1 when a series got no answer.
    """
    from tutti.adapters.feeds.timeframe import parse_timeframe  # polars, not for --help
    from tutti.app.harvest import Ask, wanted_at

    step = 0 if timeframe is None else parse_timeframe(timeframe)
    ask = Ask(
        wanted=wanted_at(url, source=source, step=step, trades=trades),
        symbols=tuple(word for each in symbols or () for word in each.split(",") if word),
        since=instant(since, "--since"),
        until=instant(until, "--until"),
        out=out,
        keys=keys,
    )
    output = Output(as_json=as_json)
    try:
        return asyncio.run(_collect(ask, output, every_s=every if watch else None, raw=from_raw))
    except KeyboardInterrupt:
        if not watch:
            raise
    return OK


async def _collect(ask: Ask, output: Output, *, every_s: float | None, raw: bool) -> int:
    import numpy as np

    from tutti.app.harvest import Harvest
    from tutti.kernel.clock import LiveClock

    clock = LiveClock()
    # the pauses of many machines must not fall together
    harvest = Harvest(ask, clock, np.random.default_rng(), None if output.as_json else _heard)
    failed = False
    try:
        with progress(compiles=False) as tell:
            if raw:
                rounds = _single(harvest.from_raw())
            elif every_s is None:
                rounds = _single(harvest.once(tell))
            else:
                rounds = harvest.watch(every_s, tell)
            is_first = True
            async for each in rounds:
                # of a watch, rounds without news are not worth a line
                if is_first or each.total.rows or each.failures:
                    with tell.pause():
                        failed = _told(each, output)
                is_first = False
    finally:
        await harvest.close()
    return FAILED if failed else OK


def _heard(failure: str) -> None:
    print(f"{failure}; asks again", file=sys.stderr, flush=True)


async def _single(collecting: Awaitable[Collected]) -> AsyncIterator[Collected]:
    yield await collecting


def _told(collected: Collected, output: Output) -> bool:
    """Say what a round brought, and return whether a series failed."""
    from tutti.kernel.clock import iso

    for name, added in collected.added.items():
        more = f", {added.corrections:,} of them corrections" if added.corrections else ""
        rows = "1 row" if added.rows == 1 else f"{added.rows:,} rows"
        output.say(f"{name}: {rows} added{more}")
    for message in collected.failures.values():
        if not output.as_json:
            print(message, file=sys.stderr)
    span = f"{iso(collected.since)[:_MINUTE]} to {iso(collected.until)[:_MINUTE]}"
    total = collected.total.rows
    n_failed = len(collected.failures)
    failed = f"; {n_failed} without an answer, ask again to go on" if n_failed else ""
    output.say(f"{collected.source}, {span}: {total:,} added{failed}")
    output.finish(collected.to_dict())
    sys.stdout.flush()
    return bool(collected.failures)


def sources(*, as_json: AsJson = False) -> int:
    """Show the sources that can be collected from."""
    from tutti.adapters.harvest.catalogue import SOURCES

    output = Output(as_json=as_json)
    rows = [
        (
            name,
            str(each.terms.kind),
            each.says,
            "needed" if each.terms.needs_key else "may be given" if each.terms.key else "",
        )
        for name, each in SOURCES.items()
    ]
    rows.append(("any exchange", "bars, trades", "binance, kraken ... as ccxt names them", ""))
    output.table(["source", "tells", "what", "key"], rows)
    names = ("source", "tells", "what", "key")
    output.finish({"sources": [dict(zip(names, row, strict=True)) for row in rows]})
    return OK


def stored(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Folder that was collected in.")
    ] = Path("data"),
    *,
    as_json: AsJson = False,
) -> int:
    """Show what has been collected: rows, from when to when, and when it was last asked for."""
    from tutti.app.collected import what_is_stored  # polars, not for --help

    found = what_is_stored(folder)
    output = Output(as_json=as_json)
    if not found:
        output.say(f"nothing is stored in {folder} yet; tutti data sync SOURCE --out {folder}")
    else:
        output.table(
            ["source", "kind", "symbol", "from", "to", "last sync", "rows", "MB"],
            [
                (
                    each.source,
                    each.kind,
                    each.symbol or "market",
                    each.first[:_DAY],
                    each.last[:_DAY],
                    each.last_sync[:_MINUTE],
                    f"{each.rows:,}",
                    f"{each.bytes / 2**20:.2f}",
                )
                for each in found
            ],
            numbers_from=6,
        )
    output.finish({"folder": str(folder), "stored": [each.to_dict() for each in found]})
    return OK
