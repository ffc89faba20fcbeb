"""Made-up sources on the loopback, and a desk to collect at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.harvest.catalogue import Wanted, open_source
from tutti.adapters.harvest.crawl import Desk
from tutti.adapters.harvest.cursors import Cursors
from tutti.adapters.harvest.port import Connector
from tutti.adapters.secrets.local import EnvironmentKeys
from tutti.adapters.stores.point_in_time.writing import PointInTimeStore
from tutti.adapters.stores.raw import RawStore
from tutti.kernel.clock import SimulatedClock, parse_instant
from tutti.testing.sources import FakeSources, serve

if TYPE_CHECKING:
    from pathlib import Path

NOW = parse_instant("2024-03-05T12:30")
KEYS = {
    "TUTTI_FRED_API_KEY": "fred key/1",
    "TUTTI_POLYGON_API_KEY": "polygon-key",
    "TUTTI_ALPHA_VANTAGE_API_KEY": "alpha-key",
}
OpenAt = Callable[..., Connector]


@pytest.fixture
async def sources() -> AsyncIterator[FakeSources]:
    """Serve made-up sources."""
    async with serve(NOW) as fake:
        yield fake


@pytest.fixture
def clock() -> SimulatedClock:
    """Return a clock whose sleeps take no time."""
    return SimulatedClock(NOW)


@pytest.fixture
def desk(tmp_path: Path, clock: SimulatedClock) -> Desk:
    """Return where one source is collected."""
    return desk_in(tmp_path, clock)


def desk_in(folder: Path, clock: SimulatedClock) -> Desk:
    """Return where one source is collected, as a new process would find it."""
    return Desk(
        store=PointInTimeStore(folder),
        raw=RawStore(folder / "raw" / "source"),
        cursors=Cursors(folder / ".sync" / "source"),
        clock=clock,
        random=np.random.default_rng(1),
        secrets=tuple(KEYS.values()),
    )


@pytest.fixture
async def open_at(sources: FakeSources, clock: SimulatedClock) -> AsyncIterator[OpenAt]:
    """Open connectors to the made-up sources."""
    opened: list[Connector] = []

    def open_named(
        name: str, *, step: int = 0, environment: dict[str, str] | None = None
    ) -> Connector:
        keys = EnvironmentKeys(KEYS if environment is None else environment)
        wanted = Wanted(source=name, url=sources.address, step=step)
        opened.append(open_source(wanted, keys, clock).connector)
        return opened[-1]

    yield open_named
    for each in opened:
        await each.close()
