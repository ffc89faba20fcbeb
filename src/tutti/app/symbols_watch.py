"""Watches the file of symbols while an account runs, and keeps what of it is in force."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias

import structlog

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.state import SymbolRow, SymbolsState
from tutti.app.symbols import load_symbols, symbols_path, with_symbols
from tutti.ledger.fold import fold
from tutti.model.errors import ConfigError, TuttiError, VenueError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from tutti.app.settings import Config
    from tutti.app.symbols import SymbolsFile
    from tutti.ledger.fold import LedgerState
    from tutti.model.instrument import InstrumentId

_log = structlog.stdlib.get_logger(__name__)

_Mark: TypeAlias = tuple[int, int, int]


class SymbolsWatch:
    """The list in force, and whether the file says another one.

    Parameters
    ----------
    base : Config
        What everything but the symbols is taken from.
    path : Path
        The file; it is read at once.

    Attributes
    ----------
    file : SymbolsFile
        In force.
    wanted : SymbolsFile or None
        What the file says now, where it lists something else and can be read.
    refused : str
        What is wrong with what the file says now; empty where nothing is.
    read : str
        SHA-256 of the file as it was last read; empty where it could not be read.

    Raises
    ------
    ConfigError
        If the file can't be used.
    """

    def __init__(self, base: Config, path: Path) -> None:
        self._base = base
        self._path = path
        self._mark = _mark(path)
        self.file = load_symbols(path, base.agents)
        self.wanted: SymbolsFile | None = None
        self.refused = ""
        self.read = self.file.sha256

    def configured(self, file: SymbolsFile, busy: Collection[InstrumentId]) -> Config:
        """Return the configuration of a session on what ``file`` lists, and on what it left.

        Parameters
        ----------
        busy : collection of InstrumentId
            What is held, or has an order at work.

        Raises
        ------
        ConfigError
            If a setting does not go together with the list.
        """
        return with_symbols(self._base, file.listed, file.listed.leaving(busy))

    def look(self) -> None:
        """Read the file again if it is another one."""
        mark = _mark(self._path)
        if mark == self._mark:
            return
        self._mark = mark
        self.wanted = None
        self.refused = ""
        self.read = _sha256(self._path)
        try:
            file = load_symbols(self._path, self._base.agents)
        except ConfigError as error:
            self.refuse(error)
            return
        if file.listed == self.file.listed:
            self.accept(file)
        else:
            self.wanted = file

    def state(self, traded: Sequence[InstrumentId]) -> SymbolsState:
        """Return what is in force, for whoever asks; ``traded`` is what the session trades."""
        listed = self.file.listed
        return SymbolsState(
            symbols=tuple(SymbolRow(**asdict(each)) for each in listed.symbols),
            traded=tuple(map(str, traded)),
            leaving=tuple(map(str, listed.leaving(traded))),
            on_removal="close" if listed.closes_removed else "keep",
            file=str(self._path.resolve()),
            read=self.read,
            in_force=self.file.sha256,
            refused=self.refused,
        )

    def accept(self, file: SymbolsFile) -> None:
        """Take note that a list is in force."""
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
                "symbols refused, the last good list stays in force", why=self.refused,
                action="symbols",
            )  # fmt: skip


def busy_in(state: LedgerState) -> set[InstrumentId]:
    """Return the instruments that a ledger holds, or has an order of at work."""
    held = {each.instrument for each in state.positions.values() if each.quantity}
    return held | {each.instrument for each in state.open_orders.values()}


def watched(config: Config) -> SymbolsWatch | None:
    """Return the watch over the file of symbols that a configuration names, None for none.

    Raises
    ------
    ConfigError
        If the file can't be used.
    """
    path = symbols_path(config)
    return None if path is None else SymbolsWatch(config, path)


def started_on(config: Config, folder: Path) -> Config:
    """Return what a session on a folder begins with: the file of symbols is part of it.

    Raises
    ------
    ConfigError
        If that file can't be used.
    """
    symbols = watched(config)
    return config if symbols is None else symbols.configured(symbols.file, busy_on(folder))


def busy_on(folder: Path) -> set[InstrumentId]:
    """Return the instruments that an account holds, or has an order of at work."""
    if not (folder / "ledger.sqlite").exists():
        return set()
    with SqliteLedgerReader(folder) as reader:
        return busy_in(fold(reader))


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
