"""Collects one series: asks page by page, keeps each answer as it came, then what it says.

The order is what makes a crash harmless: the answer is on disk before it is read, its rows before
the cursor moves. Killed in between, the page is asked for once more, and rows that are stored
already add nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from tutti.adapters.harvest.cursors import Cursors, Progress
from tutti.adapters.harvest.port import COLUMNS, Connector, RowKind, Series, Window
from tutti.adapters.stores.point_in_time.writing import Added, Market, PointInTimeStore
from tutti.adapters.stores.raw import RawStore
from tutti.kernel.clock import SECOND, Clock
from tutti.kernel.retry import Backoff, retry
from tutti.model.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.adapters.harvest.port import Parsed, Row

_T = TypeVar("_T")
_ATTEMPTS = 6
_BACKOFF = Backoff(first_s=1.0, longest_s=60.0, jitter=0.5)
_DESCRIPTION = "#terms"
_SETTLES = 5 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where what is collected goes.

    Parameters
    ----------
    secrets : tuple of str
        Values that must not be stored.
    hear : callable, optional
        Is told of each failure after which the source is asked again.
    """

    store: PointInTimeStore
    raw: RawStore
    cursors: Cursors
    clock: Clock
    random: np.random.Generator
    secrets: tuple[str, ...] = ()
    hear: Callable[[str], None] | None = None


async def crawl(
    connector: Connector,
    series: Series,
    window: Window,
    desk: Desk,
    *,
    is_live: bool = False,
    tell: Callable[[int, int], None] | None = None,
) -> Added:
    """Collect what is missing of a window, and return what it added.

    Parameters
    ----------
    is_live : bool
        Whether the source is asked again and again: what is new became known when it arrives. The
        past became known when it was published.
    tell : callable, optional
        Is told ``(done, total)`` of the window in seconds after each page.

    Raises
    ------
    VenueError
        If the source does not answer, or not in a way that is understood, however often asked.
    ConfigError
        If it refuses the key.
    """
    progress = desk.cursors.read(series.name)
    progress.kind = str(connector.terms.kind)
    description = await _retried(lambda: connector.describe(series), desk)
    if description:
        _keep(desk, f"{series.name}{_DESCRIPTION}", "", description, connector.terms.name)
    work = _Crawl(connector, series, desk, progress, is_live, tell)
    added = Added()
    for part in _parts(connector, series, progress, window, desk.clock.now()):
        added = added + await work.through(part)
    progress.last_sync = desk.clock.now()
    desk.cursors.write(progress)
    return added


async def reparse(connector: Connector, series: Series, desk: Desk) -> Added:
    """Store again what the kept answers of a series say, without asking anybody.

    Raises
    ------
    DataError
        If an answer is not there any more.
    """
    for page in desk.raw.pages(f"{series.name}{_DESCRIPTION}"):
        connector.recall(series, desk.raw.body(page))
    added = Added()
    for page in desk.raw.pages(series.name):
        window = Window(since=0, until=page.received_at)
        try:
            parsed = await _understood(connector, desk.raw.body(page), series, window, page.cursor)
        except Transient:
            continue  # it was no answer then either, and was asked for again
        rows = dated(connector, series, parsed.rows, page.received_at)
        added = added + _stored(connector, series, rows, desk)
    return added


def dated(
    connector: Connector,
    series: Series,
    rows: Sequence[Row],
    received_at: int,
    *,
    is_live: bool = False,
) -> pl.DataFrame:
    """Return rows with when they were published, received and known.

    The past is known when it was published: its stamp (of a bar, its end) plus the source's lag, or
    when the source itself says. What a live source tells is known when it arrives, unless it says
    itself when it told each value.
    """
    terms = connector.terms
    frame = pl.DataFrame(rows, schema=COLUMNS[terms.kind], orient="row")
    ts = frame.get_column("ts").to_numpy()
    own = ts + series.step if terms.kind is RowKind.BARS else ts
    published = terms.lag.known_at(own)
    if terms.kind is RowKind.READINGS:
        vintage = frame.get_column("vintage").to_numpy()
        published = np.where(vintage > 0, terms.lag.known_at(vintage), published)
        frame = frame.drop("vintage")
    # who has it can't learn of it later, whatever the rule says; but not before its own time
    known = np.maximum(np.minimum(published, received_at), own)
    if is_live and not terms.has_vintages:
        known = np.maximum(known, received_at)
    return frame.with_columns(
        pl.Series("known_at", known, dtype=pl.Int64),
        pl.Series("published_at", published, dtype=pl.Int64),
        pl.lit(received_at, dtype=pl.Int64).alias("received_at"),
    )


def _parts(
    connector: Connector, series: Series, progress: Progress, window: Window, now: int
) -> list[Window]:
    grid = series.step or connector.terms.grid
    if grid:
        # a bar that has just ended may not be whole yet, and clocks differ
        until = min(window.until, now - _SETTLES) // grid * grid
        # a bar or a day that a window cuts would be told by neither side of the cut
        since = -(-window.since // grid) * grid
        window = Window(since=since, until=until)
    if connector.terms.remembers:
        return progress.gaps(window)
    if not progress.cursor:
        return [window]
    # first to the end of what was broken off, then what is new since it was begun
    begun = Window(since=progress.pass_since, until=progress.pass_until)
    if window.since < begun.since:
        return [begun, window]
    if window.until > begun.until:
        return [begun, Window(since=begun.until, until=window.until)]
    return [begun]


@dataclass(slots=True)
class _Crawl:
    connector: Connector
    series: Series
    desk: Desk
    progress: Progress
    is_live: bool
    tell: Callable[[int, int], None] | None

    async def through(self, window: Window) -> Added:
        """Collect a window page by page, from where it was broken off."""
        connector, series, progress = self.connector, self.series, self.progress
        resumes = progress.cursor and progress.pass_since == window.since
        cursor: str | None = progress.cursor if resumes else connector.start(series, window)
        progress.pass_since, progress.pass_until = window.since, window.until
        added, asked = Added(), set[str]()
        while cursor is not None:
            asked.add(cursor)
            parsed, received_at = await _page(connector, series, window, cursor, self.desk, asked)
            rows = dated(connector, series, parsed.rows, received_at, is_live=self.is_live)
            fresh = _stored(connector, series, rows, self.desk)
            added = added + fresh
            cursor = parsed.next
            self._advance(window, parsed, fresh)
        return added

    def _advance(self, window: Window, parsed: Parsed, fresh: Added) -> None:
        progress = self.progress
        progress.rows += fresh.rows
        progress.corrections += fresh.corrections
        progress.cursor = parsed.next or ""
        terms = self.connector.terms
        if terms.remembers and parsed.upto:
            settled = self.desk.clock.now() - terms.overlap
            upto, grid = min(parsed.upto, window.until, settled), self.series.step or terms.grid
            progress.cover(window.since, upto // grid * grid if grid else upto)
        if parsed.next is None:
            progress.pass_since = progress.pass_until = 0
        self.desk.cursors.write(progress)
        if self.tell is not None:
            done = window.until if parsed.next is None else parsed.upto
            self.tell(max(done - window.since, 0), window.until - window.since)


async def _page(
    connector: Connector,
    series: Series,
    window: Window,
    cursor: str,
    desk: Desk,
    asked: Collection[str],
) -> tuple[Parsed, int]:
    async def attempt() -> tuple[Parsed, int]:
        answer = await connector.fetch(series, window, cursor)
        received_at = _keep(desk, series.name, cursor, answer.body, answer.url)
        parsed = await _understood(connector, answer.body, series, window, cursor)
        if parsed.next in asked:
            # the page before once more, as caches give it
            raise Transient(
                f"{series.name}: tells to go on at {parsed.next!r} again",
                venue=connector.terms.name,
            )
        return parsed, received_at

    return await _retried(attempt, desk)


async def _retried(attempt: Callable[[], Awaitable[_T]], desk: Desk) -> _T:
    failures = 0

    async def told() -> _T:
        nonlocal failures
        try:
            return await attempt()
        except Transient as error:
            failures += 1
            if desk.hear is not None and failures < _ATTEMPTS:
                desk.hear(str(error))
            raise

    return await retry(
        told, clock=desk.clock, random=desk.random, attempts=_ATTEMPTS, backoff=_BACKOFF
    )


async def _understood(
    connector: Connector, body: bytes, series: Series, window: Window, cursor: str
) -> Parsed:
    try:
        return await connector.parse(body, series, window, cursor)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise Transient(
            f"{series.name}: its answer is not understood ({type(error).__name__}: {error})",
            venue=connector.terms.name,
        ) from error


def _keep(desk: Desk, series: str, cursor: str, body: bytes, url: str) -> int:
    received_at = desk.clock.now()
    desk.raw.put(
        body, series=series, cursor=cursor, url=url, received_at=received_at, secrets=desk.secrets
    )
    return received_at


def _stored(connector: Connector, series: Series, rows: pl.DataFrame, desk: Desk) -> Added:
    terms, store = connector.terms, desk.store
    match terms.kind:
        case RowKind.TEXTS:
            return store.add_texts(terms.name, rows)
        case RowKind.READINGS:
            return store.add_readings(terms.name, rows, has_vintages=terms.has_vintages)
        case RowKind.BARS:
            return store.add_bars(_market(series), rows)
        case RowKind.TRADES:
            return store.add_trades(_market(series), rows)


def _market(series: Series) -> Market:
    return Market(venue=series.venue, symbol=series.symbol, step=series.step)
