"""Collects what sources outside tell into the store of this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutti.adapters.harvest.catalogue import Wanted, open_source
from tutti.adapters.harvest.crawl import Desk, crawl, reparse
from tutti.adapters.harvest.cursors import Cursors
from tutti.adapters.harvest.port import Window
from tutti.adapters.secrets.catalogue import key_source
from tutti.adapters.stores.point_in_time.writing import Added, PointInTimeStore
from tutti.adapters.stores.raw import RawStore
from tutti.app.live_market import addresses_in
from tutti.kernel.clock import DAY, MINUTE, SECOND, iso
from tutti.model.errors import VenueError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import numpy as np

    from tutti.adapters.harvest.catalogue import Opened
    from tutti.adapters.harvest.port import Series
    from tutti.kernel.clock import Clock


_LONG = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is to be collected.

    Parameters
    ----------
    symbols : tuple of str
        Words of the user; empty for the source's usual ones.
    since, until : int, optional
        ns UTC; by default as far back as is usual for the source, and now.
    out : Path
        Folder of the store.
    keys : str
        Where keys are, as in ``key_source``.
    """

    wanted: Wanted
    symbols: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    out: Path = Path("data")
    keys: str = "environment"


@dataclass(slots=True, kw_only=True)
class Collected:
    """What one round brought.

    Attributes
    ----------
    added : dict of str to Added
        By series.
    failures : dict of str to str
        Series that did not answer, and what was said.
    """

    source: str
    since: int
    until: int
    added: dict[str, Added] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> Added:
        """What all series brought."""
        return sum(self.added.values(), Added())

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "source": self.source,
            "since": iso(self.since),
            "until": iso(self.until),
            "rows": self.total.rows,
            "corrections": self.total.corrections,
            "series": {
                name: {"rows": each.rows, "corrections": each.corrections}
                for name, each in self.added.items()
            },
            "failures": self.failures,
        }


class Harvest:
    """One source, collected from into one folder.

    Parameters
    ----------
    ask : Ask
    clock : Clock
    random : Generator
        Jitter of pauses.
    hear : callable, optional
        Is told of each failure after which a source is asked again.

    Raises
    ------
    ConfigError
        If there is no such source, a key is missing, or a symbol is not understood.
    """

    def __init__(
        self,
        ask: Ask,
        clock: Clock,
        random: np.random.Generator,
        hear: Callable[[str], None] | None = None,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._opened: Opened = open_source(ask.wanted, key_source(ask.keys), clock)
        connector = self._opened.connector
        self.source = connector.terms.name
        self.series: list[Series] = connector.series(ask.symbols)
        self._desk = Desk(
            store=PointInTimeStore(ask.out),
            raw=RawStore(ask.out / "raw" / self.source),
            cursors=Cursors(sync_folder(ask.out, self.source)),
            clock=clock,
            random=random,
            secrets=self._opened.secrets,
            hear=hear,
        )

    async def once(
        self, tell: Callable[[int, int, str], None] | None = None, *, is_live: bool = False
    ) -> Collected:
        """Collect what is missing, and return what it brought; series that fail are told.

        Parameters
        ----------
        tell : callable, optional
            Is told ``(done, total, series)``.
        is_live : bool
            See ``crawl``.

        Raises
        ------
        ConfigError
            If the source refuses the key, or another sync of it is running.
        """
        now = self._clock.now()
        until = now if self._ask.until is None else min(self._ask.until, now)
        since = self._ask.since if self._ask.since is not None else until - self._opened.reach
        window = Window(since=max(since, 0), until=until)
        collected = Collected(source=self.source, since=window.since, until=until)
        with self._desk.cursors.held():
            for each in self.series:
                try:
                    collected.added[each.name] = await crawl(
                        self._opened.connector, each, window, self._desk,
                        is_live=is_live, tell=_about(each.name, tell),
                    )  # fmt: skip
                except VenueError as error:
                    collected.failures[each.name] = str(error)
        return collected

    async def watch(
        self, every_s: float, tell: Callable[[int, int, str], None] | None = None
    ) -> AsyncIterator[Collected]:
        """Collect again and again; from the second round on, news is known when it arrives."""
        is_live = False
        while True:
            began = self._clock.now()
            yield await self.once(tell, is_live=is_live)
            is_live = True
            await self._clock.sleep_until(began + round(every_s * SECOND))

    async def from_raw(self) -> Collected:
        """Store again what the kept answers say, without asking anybody.

        Raises
        ------
        DataError
            If an answer is not there any more.
        """
        collected = Collected(source=self.source, since=0, until=self._clock.now())
        with self._desk.cursors.held():
            for each in self.series:
                collected.added[each.name] = await reparse(self._opened.connector, each, self._desk)
        return collected

    async def close(self) -> None:
        """End the connections."""
        await self._opened.connector.close()


def wanted_at(url: str, *, source: str, step: int, trades: bool) -> Wanted:
    """Return what is wanted of a source at another address; empty for its own.

    A name that ends with ``.json`` is a file of an exchange's addresses, as in the configuration's
    ``venues.<name>.addresses``.

    Raises
    ------
    ConfigError
        If the file can't be read, or names none.
    """
    if url.endswith(".json"):
        addresses = addresses_in(url, "--url")
        return Wanted(source=source, step=step, trades=trades, addresses=addresses)
    return Wanted(source=source, url=url, step=step, trades=trades)


def sync_folder(out: Path, source: str) -> Path:
    """Return where it is kept how far a source has been collected."""
    return out / ".sync" / re.sub(r"[^a-z0-9_]+", "_", source.lower())


def _about(
    series: str, tell: Callable[[int, int, str], None] | None
) -> Callable[[int, int], None] | None:
    if tell is None:
        return None
    report = tell

    def about(done: int, total: int) -> None:
        unit, name = (DAY, "days") if total >= _LONG * DAY else (MINUTE, "minutes")
        report(done // unit, max(total // unit, 1), f"{series}, {name}")

    return about
