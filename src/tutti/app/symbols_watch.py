"""Watches the file of symbols while an account runs, and keeps what of it is in force."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.file_watch import FileWatch
from tutti.app.state import SymbolRow, SymbolsState
from tutti.app.symbols import SymbolsFile, load_symbols, symbols_path, with_symbols
from tutti.ledger.fold import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from tutti.app.settings import Config
    from tutti.ledger.fold import LedgerState
    from tutti.model.instrument import InstrumentId


class SymbolsWatch(FileWatch[SymbolsFile]):
    """The list of symbols in force, and whether the file says another one.

    Parameters
    ----------
    base : Config
        What everything but the symbols is taken from.
    path : Path
        The file; it is read at once.

    Raises
    ------
    ConfigError
        If the file can't be used.
    """

    def __init__(self, base: Config, path: Path) -> None:
        self.base = base
        super().__init__(path, lambda file: load_symbols(file, self.base.agents), "symbols")

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
        return with_symbols(self.base, file.listed, file.listed.leaving(busy))

    def state(self, traded: Sequence[InstrumentId]) -> SymbolsState:
        """Return what is in force, for whoever asks; ``traded`` is what the session trades."""
        listed = self.file.listed
        return SymbolsState(
            symbols=tuple(SymbolRow(**asdict(each)) for each in listed.symbols),
            traded=tuple(map(str, traded)),
            leaving=tuple(map(str, listed.leaving(traded))),
            on_removal="close" if listed.closes_removed else "keep",
            file=str(self.path.resolve()),
            read=self.read,
            in_force=self.file.sha256,
            refused=self.refused,
        )


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
