"""Texts and figures from files that grow while an account trades."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tutti.adapters.feeds.files import find_files
from tutti.adapters.stores.point_in_time import open_readings, open_texts
from tutti.agents.text.port import ReadingSource, TextSource
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tutti.model.instrument import InstrumentId
    from tutti.model.market import Reading, TextEvent

_Source = TypeVar("_Source")
_log = logging.getLogger(__name__)


class Growing(Generic[_Source]):
    """Source that is opened again when its files are others than they were.

    A file that can't be read leaves the last good state in force, and is told once.
    """

    def __init__(
        self, patterns: Sequence[str], opened: Callable[[Sequence[str | Path]], _Source]
    ) -> None:
        self.patterns = list(patterns)
        self._opened = opened
        self._mark = self._marked()
        self.source = opened(self.patterns)

    async def refresh(self) -> None:
        """Open the files again where they changed; others may run meanwhile."""
        try:
            mark = self._marked()
            if mark == self._mark:
                return
            self._mark = mark
            self.source = await asyncio.to_thread(self._opened, self.patterns)
        except (ConfigError, DataError, OSError) as error:
            _log.warning("texts are as they were last: %s", error)

    def _marked(self) -> tuple[tuple[str, int, int], ...]:
        marks = []
        for path in find_files(self.patterns):
            found = path.stat()
            marks.append((str(path), found.st_mtime_ns, found.st_size))
        return tuple(marks)


class GrowingTexts(Growing[TextSource]):
    """Texts of files that grow; a `TextSource`.

    Raises
    ------
    ConfigError, DataError
        If they can't be used.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        super().__init__(patterns, open_texts)

    def texts(
        self, instrument: InstrumentId, since: int, until: int, kinds: Sequence[str] = ()
    ) -> tuple[TextEvent, ...]:
        """Return what became known in ``(since, until]`` about an instrument or about all."""
        return self.source.texts(instrument, since, until, kinds)


class GrowingReadings(Growing[ReadingSource]):
    """Figures of files that grow; a `ReadingSource`.

    Raises
    ------
    ConfigError, DataError
        If they can't be used.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        super().__init__(patterns, open_readings)

    def readings(
        self, instrument: InstrumentId, until: int, kinds: Sequence[str] = ()
    ) -> tuple[Reading, ...]:
        """Return the newest reading of each source, name and instrument known at ``until``."""
        return self.source.readings(instrument, until, kinds)


_Kind = TypeVar("_Kind", GrowingTexts, GrowingReadings)


def still_open(
    kind: type[_Kind], patterns: Sequence[str], opened: Sequence[Growing[Any]]
) -> _Kind | None:
    """Return the source of these files, one that is open already where there is one.

    None where there are no files.

    Raises
    ------
    ConfigError, DataError
        If they can't be used.
    """
    for each in opened:
        if isinstance(each, kind) and each.patterns == list(patterns):
            return each
    return kind(patterns) if patterns else None
