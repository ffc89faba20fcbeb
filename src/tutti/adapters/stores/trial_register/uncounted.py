"""What stands in for the register where nothing is to be counted: seals hold all the same."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from tutti.adapters.stores.trial_register.register import SqliteTrialRegister

if TYPE_CHECKING:
    from tutti.kernel.clock import Clock
    from tutti.ledger.trials import Opening, Seal

OFF = "off"
"""Instead of a register's place: nothing is recorded."""
USUAL = Path("runs") / "trials.sqlite"
"""The register of a folder, where neither the environment nor an option names another."""
_VARIABLE = "TUTTI_TRIALS"


def usual_place() -> Path:
    """Return the register that counts where no option says otherwise."""
    named = os.environ.get(_VARIABLE, OFF)
    return USUAL if named in {"", OFF} else Path(named)


class UncountedTrials(SqliteTrialRegister):
    """Forgets its trials when it goes; keeps the seals of another register, and opens none.

    Parameters
    ----------
    sealed : SqliteTrialRegister
        Whose seals hold. An opening is used up by a trial that is on record, so that one without a
        record can't have it.
    clock : Clock
    """

    def __init__(self, sealed: SqliteTrialRegister, clock: Clock) -> None:
        folder = Path(tempfile.mkdtemp(prefix="tutti-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        super().__init__(folder / USUAL.name, clock)
        self._sealed = sealed

    @property
    def where(self) -> str:
        """Nowhere that lasts: empty."""
        return ""

    def seals(self) -> list[Seal]:
        """Return all seals of the other register, oldest first."""
        return self._sealed.seals()

    def openings(self) -> list[Opening]:
        """Return none."""
        return []
