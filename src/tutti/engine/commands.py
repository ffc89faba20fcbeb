"""What an operator may tell a running account: pause, resume, flatten, kill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tutti.ledger.kinds import FLATTEN, KILL, PAUSE, RESUME, Command
from tutti.model.arrays import FLATTEN as FLATTENED
from tutti.model.arrays import MODE, PAUSED, TRADING
from tutti.model.errors import ConfigError
from tutti.risk.breakers import flatten, pause, reset, unpause

if TYPE_CHECKING:
    from tutti.engine.close_out import CloseOut, Left
    from tutti.engine.engine import Engine
    from tutti.ledger.journal import Journal
    from tutti.model.arrays import Book
    from tutti.model.order import Order, Settlement

COMMANDS: Final = (PAUSE, RESUME, FLATTEN, KILL)
"""Names of what can be told."""


class Commands:
    """Carries out what an operator says, on record before it acts.

    A command falls between two ticks and carries the time of the one before, so that a replay finds
    its place again.

    Parameters
    ----------
    engine : Engine
    book : Book
    close_out : CloseOut
    journal : Journal
    leaving : frozenset of int
        Columns that are closed whatever anybody says, because they are to go.

    Attributes
    ----------
    is_killed : bool
        Nothing is traded any more but to close what is left.
    left : tuple of Left
        What was not cancelled or closed at the last look; empty while nobody wants out.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        book: Book,
        close_out: CloseOut,
        journal: Journal,
        leaving: frozenset[int] = frozenset(),
    ) -> None:
        self.is_killed = False
        self.left: tuple[Left, ...] = ()
        self._wants_out = False
        self._engine = engine
        self._book = book
        self._close_out = close_out
        self._journal = journal
        self._leaving = leaving

    def apply(self, command: Command, ts: int) -> None:
        """Write ``command`` down and carry it out.

        Parameters
        ----------
        ts : int
            Market time, ns UTC.

        Raises
        ------
        ConfigError
            If there is no such command.
        """
        if command.name not in COMMANDS:
            raise ConfigError(f"{command.name!r} is no command; choose from {', '.join(COMMANDS)}")
        self._journal.append("command", ts, command)
        match command.name:
            case "pause":
                pause(self._book)
            case "resume":
                self._resume(ts)
            case _:
                self.is_killed = self.is_killed or command.name == KILL
                self._engine.desk.is_closing = self.is_killed
                self._wants_out = True
                flatten(self._book)
        self._engine.note_mode(ts, f"{command.name}, by {command.by}")
        self._journal.commit()
        self.go_on(ts)

    def settle(self, settlement: Settlement, ts: int) -> Order:
        """Take a person's word for what became of an order; return it as it is then.

        Parameters
        ----------
        ts : int
            Market time, ns UTC.
        """
        order = self._engine.desk.settle(settlement, ts)
        self._journal.commit()
        self.go_on(ts)
        return order

    def dust(self) -> frozenset[int]:
        """Return the columns that hold too little to be sold."""
        return self._close_out.dust()

    def take_up(self) -> None:
        """Go on killing what an earlier process was told to kill."""
        self.is_killed = self._wants_out = self._engine.desk.is_closing = True
        flatten(self._book)

    def go_on(self, ts: int) -> tuple[Left, ...]:
        """Cancel and close what is left, where everything has to go; return what remains.

        Until somebody resumes: a late fill may open what was closed. A breaker that flattens the
        account sees sums: what venues hold against each other is closed here, too.
        """
        if self._wants_out:
            self.left = self._close_out.step(ts)
            self._journal.commit()
            return self.left
        columns = self._leaving
        if self._book.account[MODE] == FLATTENED:
            columns |= self._close_out.opposed()
        if columns:
            self._close_out.step(ts, columns)
            self._journal.commit()
        return self.left

    def _resume(self, ts: int) -> None:
        self.is_killed = self._wants_out = self._engine.desk.is_closing = False
        self.left = ()
        if self._book.account[MODE] == PAUSED:
            unpause(self._book)
        elif self._book.account[MODE] != TRADING:
            reset(self._book)
        self._engine.resume(ts)
