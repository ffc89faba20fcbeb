"""Texts and readings of files that grow while they are read, as under ``tutti data sync --watch``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.adapters.feeds.files import find_files
from tutti.adapters.stores.point_in_time.readings import open_readings
from tutti.adapters.stores.point_in_time.texts import open_texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.model.instrument import InstrumentId
    from tutti.model.market import Reading, TextEvent

_State = tuple[tuple[str, int, int], ...]


class FollowedTexts:
    """Texts as of the last `refresh`; a `TextSource`.

    Parameters are those of ``open_texts``, which says what is raised too.
    """

    def __init__(self, paths: Sequence[str | Path], *, lag: str | None = None) -> None:
        self._paths, self._lag = tuple(paths), lag
        self._state = _state(self._paths)
        self.stored = open_texts(self._paths, lag=lag)

    def refresh(self) -> bool:
        """Read the files again where one has changed or come, and return whether one has.

        May be called from another thread than the look-ups.

        Raises
        ------
        ConfigError, DataError
            As when they were opened; what was read before stays.
        """
        state = _state(self._paths)
        if state == self._state:
            return False
        self.stored = open_texts(self._paths, lag=self._lag)
        self._state = state
        return True

    def texts(
        self, instrument: InstrumentId, since: int, until: int, kinds: Sequence[str] = ()
    ) -> tuple[TextEvent, ...]:
        """Return what became known in ``(since, until]``; see `TextSource`."""
        return self.stored.texts(instrument, since, until, kinds)


class FollowedReadings:
    """Readings as of the last `refresh`; a `ReadingSource`.

    Parameters are those of ``open_readings``, which says what is raised too.
    """

    def __init__(self, paths: Sequence[str | Path], *, lag: str | None = None) -> None:
        self._paths, self._lag = tuple(paths), lag
        self._state = _state(self._paths)
        self.stored = open_readings(self._paths, lag=lag)

    def refresh(self) -> bool:
        """Read the files again where one has changed or come; as `FollowedTexts.refresh`."""
        state = _state(self._paths)
        if state == self._state:
            return False
        self.stored = open_readings(self._paths, lag=self._lag)
        self._state = state
        return True

    def readings(
        self, instrument: InstrumentId, until: int, kinds: Sequence[str] = ()
    ) -> tuple[Reading, ...]:
        """Return the newest reading of each known at ``until``; see `ReadingSource`."""
        return self.stored.readings(instrument, until, kinds)


def _state(paths: Sequence[str | Path]) -> _State:
    if not paths:
        return ()
    found = [(str(path), path.stat()) for path in find_files(paths)]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)
