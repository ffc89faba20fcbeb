"""The kill switch of a running account: closes everything, stops, and says what it could not do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger
from tutti.kernel.clock import SECOND, iso
from tutti.ledger.fold import fold
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import KILL, Command
from tutti.model.errors import GateClosed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tutti.engine.close_out import Left
    from tutti.engine.commands import Commands
    from tutti.kernel.clock import Clock
    from tutti.ledger.fold import LedgerState

_log = structlog.stdlib.get_logger(__name__)

OFFLINE: Final = "an operator, while nothing ran"
"""Who said a command that no service heard."""

HALT: Final = "HALT"
"""File in the folder of a run whose presence pulls the switch, and keeps it pulled."""

_LOOK_S = 0.2
_STEP_S = 0.05


class KillSwitch:
    """Cancels every order and closes every position, again and again within a deadline.

    Parameters
    ----------
    commands : Commands
        Of the account.
    folder : Path
        Where a file called HALT pulls it.
    clock : Clock
        What the deadline runs by.
    now : callable
        Market time, ns UTC.
    deadline_s : float
        Seconds after which what is left is named and given up.
    """

    def __init__(
        self,
        *,
        commands: Commands,
        folder: Path,
        clock: Clock,
        now: Callable[[], int],
        deadline_s: float,
    ) -> None:
        self._commands = commands
        self._file = folder / HALT
        self._clock = clock
        self._now = now
        self._deadline_s = deadline_s
        self._pulled = asyncio.Event()
        self.by = ""

    def pull(self, by: str, detail: str = "") -> None:
        """Begin to close everything, at once; a second pull does nothing."""
        if self._pulled.is_set():
            return
        self.by = by
        _log.warning("kill", by=by, reason=detail, action="kill")
        self._commands.apply(Command(name=KILL, by=by, detail=detail), self._now())
        self._pulled.set()

    def take_up(self, killed: Command) -> None:
        """Go on with what an earlier process was told."""
        self.by = killed.by
        self._commands.take_up()
        self._pulled.set()

    def over_to(self, commands: Commands) -> None:
        """Go on with the commands of the session that follows."""
        self._commands = commands

    @property
    def is_pulled(self) -> bool:
        """True once everything is being closed."""
        return self._pulled.is_set()

    async def watch(self) -> None:
        """Pull the switch when the HALT file appears; runs until cancelled."""
        while not self._pulled.is_set():
            if self._file.exists():
                self.pull(f"the file {self._file}", _first_line(self._file))
            await asyncio.sleep(_LOOK_S)
        await asyncio.Event().wait()

    async def run(self) -> tuple[Left, ...]:
        """Wait for a pull, then close until nothing is left or the deadline is over.

        Returns
        -------
        tuple of Left
            What is still there.
        """
        await self._pulled.wait()
        end = self._clock.now() + round(self._deadline_s * SECOND)
        while (left := self._commands.go_on(self._now())) and self._clock.now() < end:  # noqa: ASYNC110
            await asyncio.sleep(_STEP_S)
        for each in left:
            _log.error("not closed", what=each.what, why=each.why, action="kill")
        return left


def refuse_killed(state: LedgerState, folder: Path) -> None:
    """Refuse to trade on an account that was killed and has nothing left to close.

    Raises
    ------
    GateClosed
        With who killed it and how to go on.
    """
    killed, is_halted = state.killed, (folder / HALT).exists()
    is_open = bool(state.open_orders) or any(p.quantity for p in state.positions.values())
    if is_open or not (killed or is_halted):
        return
    why = f"the file {folder / HALT} is there"
    if killed is not None:
        why = f"it was killed by {killed.by}, last row {iso(state.last_ts)}"
    raise GateClosed(f"{folder}: {why}; to trade on it again: tutti resume --out {folder}")


def say_offline(folder: Path, command: Command) -> LedgerState:
    """Write a command into the ledger of an account that nothing runs; return the state before.

    Raises
    ------
    LedgerError
        If there is no ledger that can be written, or a service writes it.
    """
    with SqliteLedger(folder, Durability.EACH_COMMIT) as store:
        state = fold(store)
        journal = Journal(store, state.run_id)
        journal.append("command", state.last_ts, command)
        journal.close()
    return state


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").partition("\n")[0][:200]
    except OSError:
        return ""
