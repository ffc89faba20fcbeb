"""How far each series of a source has been stored: written as a whole, so that a crash loses nothing."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from tutti.adapters.harvest.port import Window
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Span = tuple[int, int]


@dataclass(slots=True, kw_only=True)
class Progress:
    """What is stored of one series.

    Attributes
    ----------
    series : str
    kind : str
        ``bars``, ``trades``, ``texts`` or ``readings``.
    spans : list of (int, int)
        Times that were told wholly, ns UTC, sorted and apart.
    pass_since, pass_until : int
        What is being asked for page by page; both 0 between passes.
    cursor : str
        Its next page.
    rows, corrections : int
        Stored so far.
    last_sync : int
        ns UTC; 0 for never.
    """

    series: str
    kind: str = ""
    spans: list[Span] = field(default_factory=list)
    pass_since: int = 0
    pass_until: int = 0
    cursor: str = ""
    rows: int = 0
    corrections: int = 0
    last_sync: int = 0

    def cover(self, since: int, until: int) -> None:
        """Take a span as told wholly."""
        if since >= until:
            return
        merged: list[Span] = []
        for start, end in sorted([*self.spans, (since, until)]):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        self.spans = merged

    def gaps(self, window: Window) -> list[Window]:
        """Return what is missing of a window, oldest first."""
        missing: list[Window] = []
        at = window.since
        for start, end in self.spans:
            if start >= window.until:
                break
            if start > at:
                missing.append(Window(since=at, until=start))
            at = max(at, end)
        if at < window.until:
            missing.append(Window(since=at, until=window.until))
        return missing


class Cursors:
    """Progress of the series of one source.

    Parameters
    ----------
    folder : Path
        Of the source; made when something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, series: str) -> Progress:
        """Return the progress of a series; none for one that was never asked for.

        Raises
        ------
        DataError
            If it can't be read.
        """
        path = self._path(series)
        if not path.exists():
            return Progress(series=series)
        return _read(path)

    def write(self, progress: Progress) -> None:
        """Keep the progress of a series."""
        path = self._path(progress.series)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(asdict(progress), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def all(self) -> list[Progress]:
        """Return the progress of every series, by name."""
        found = [_read(path) for path in self._folder.glob("*.json")]
        return sorted(found, key=lambda each: each.series)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from storing the same source at the same time.

        Raises
        ------
        ConfigError
            If somebody does.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"{self._folder}: another sync of this source is running; let it end"
                ) from None
            yield

    def _path(self, series: str) -> Path:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", series)[:60]
        digest = hashlib.blake2b(series.encode(), digest_size=4).hexdigest()
        return self._folder / f"{plain}-{digest}.json"


def _read(path: Path) -> Progress:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        told["spans"] = [(int(start), int(end)) for start, end in told["spans"]]
        return Progress(**told)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: can't be read ({error}); remove it, and the series is asked for again"
        ) from error
