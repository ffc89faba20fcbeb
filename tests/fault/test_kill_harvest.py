"""A collecting process is killed at any instant, again and again: nothing is lost, nothing twice."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from tutti.adapters.harvest.cursors import Cursors
from tutti.kernel.clock import DAY, parse_instant
from tutti.testing.sources import serve
from tutti.testing.sources.answers import posts_between

if TYPE_CHECKING:
    from pathlib import Path

_NOW = parse_instant("2024-03-05T12:30")
_SINCE = _NOW - 60 * DAY
_KILLS, _LEAST_KILLED = 5, 3
_PATIENCE_S = 60.0

_PROGRAM = """
import asyncio, sys
from pathlib import Path
import numpy as np
from tutti.adapters.harvest.crawl import Desk, crawl
from tutti.adapters.harvest.cursors import Cursors
from tutti.adapters.harvest.http import Http
from tutti.adapters.harvest.port import Window
from tutti.adapters.harvest.reddit import Reddit
from tutti.adapters.stores.point_in_time.writing import PointInTimeStore
from tutti.adapters.stores.raw import RawStore
from tutti.kernel.clock import LiveClock

async def collect(url, folder, since, until):
    clock = LiveClock()
    reddit = Reddit(Http("reddit", 1000.0, clock), url)
    desk = Desk(
        store=PointInTimeStore(folder), raw=RawStore(folder / "raw"),
        cursors=Cursors(folder / ".sync"), clock=clock, random=np.random.default_rng(),
    )
    (series,) = reddit.series(["BTC=Bitcoin"])
    print("begun", flush=True)
    with desk.cursors.held():
        await crawl(reddit, series, Window(since=since, until=until), desk)
    await reddit.close()

asyncio.run(collect(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
"""


@pytest.mark.slow
async def test_process_killed_while_it_collects_ends_with_every_row_once(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    async with serve(_NOW) as sources:
        arguments = [sys.executable, "-c", _PROGRAM, sources.address, str(tmp_path)]
        killed = [await _run(arguments, generator.uniform(0.05, 0.5)) for _ in range(_KILLS)]
        assert await _run(arguments, _PATIENCE_S) == 0
    assert killed.count(-signal.SIGKILL) >= _LEAST_KILLED
    rows = _stored(tmp_path)
    assert rows.get_column("ts").to_physical().sort().to_list() == posts_between(_SINCE, _NOW)
    assert rows.get_column("id").is_unique().all()
    (progress,) = Cursors(tmp_path / ".sync").all()
    assert progress.cursor == ""


async def _run(arguments: list[str], patience_s: float) -> int:
    process = await asyncio.create_subprocess_exec(
        *arguments, str(_SINCE), str(_NOW), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"begun\n"
    try:
        # somewhere within the first pages, or between two writes of one
        async with asyncio.timeout(patience_s):
            return await process.wait()
    except TimeoutError:
        process.kill()
        return await process.wait()


def _stored(folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(each) for each in sorted(folder.rglob("*.parquet"))])
