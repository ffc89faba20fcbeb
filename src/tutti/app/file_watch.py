"""Watches a file that a person edits while an account runs, and keeps what of it is in force."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeAlias, TypeVar

import structlog

from tutti.model.errors import ConfigError, TuttiError, VenueError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = structlog.stdlib.get_logger(__name__)

_Mark: TypeAlias = tuple[int, int, int]


class Watchable(Protocol):
    """What a file says."""

    @property
    def sha256(self) -> str:
        """Of its text."""
        ...

    def says_the_same_as(self, other: Self) -> bool:
        """Tell whether the two mean the same, however they are written."""
        ...

    def about(self, error: TuttiError) -> TuttiError:
        """Return an error with file and line in front, where it is about something in the file."""
        ...


_File = TypeVar("_File", bound=Watchable)


class FileWatch(Generic[_File]):
    """What is in force, and whether the file says something else.

    Parameters
    ----------
    path : Path
        The file; it is read at once.
    load : callable
        Reads it.
    what : str
        What it lists, in messages.

    Attributes
    ----------
    file : Watchable
        In force.
    wanted : Watchable or None
        What the file says now, where it says something else and can be read.
    refused : str
        What is wrong with what the file says now; empty where nothing is.
    read : str
        SHA-256 of the file as it was last read; empty where it could not be read.

    Raises
    ------
    ConfigError
        If the file can't be used.
    """

    def __init__(self, path: Path, load: Callable[[Path], _File], what: str) -> None:
        self.path = path
        self._load = load
        self._what = what
        self._mark = _mark(path)
        self.file = load(path)
        self.wanted: _File | None = None
        self.refused = ""
        self.read = self.file.sha256

    def look(self) -> None:
        """Read the file again if it is another one."""
        mark = _mark(self.path)
        if mark == self._mark:
            return
        self._mark = mark
        self.wanted = None
        self.refused = ""
        self.read = _sha256(self.path)
        try:
            file = self._load(self.path)
        except ConfigError as error:
            self.refuse(error)
            return
        if file.says_the_same_as(self.file):
            self.accept(file)
        else:
            self.wanted = file

    def accept(self, file: _File) -> None:
        """Take note that what a file says is in force."""
        self.file, self.wanted, self.refused = file, None, ""

    def refuse(self, error: TuttiError) -> None:
        """Take note that what the file says is not in force, and why; say it once, with the place.

        A venue that can't be reached is no fault of the file: it stays wanted.
        """
        found = str((self.wanted or self.file).about(error))
        if not isinstance(error, VenueError):
            self.wanted = None
        if self.refused != found:
            self.refused = found
            _log.error(
                f"{self._what} refused, the last good list stays in force", why=found,
                action=self._what,
            )  # fmt: skip


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _mark(path: Path) -> _Mark:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
