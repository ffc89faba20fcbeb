"""Keeps a replay's place in the market."""

# NautilusTrader's classes are compiled, so that types see nothing of them
# mypy: disallow-subclassing-any=False

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.modules import SimulationModule

from .tape import PHASES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tape import Tape


class ModuleConfig(SimulationModuleConfig, frozen=True):
    """Nothing to configure."""


class Clockwork(SimulationModule):
    """Before each state of a market: says where the tape stands, and ends the ticks that are over."""

    def __init__(
        self, tape: Tape, columns: dict[Any, int], end_ticks: Callable[[int], None]
    ) -> None:
        super().__init__(ModuleConfig())
        self.tape = tape
        self.columns = columns
        self.end_ticks = end_ticks

    def pre_process(self, data: Any) -> None:
        """Move the tape to a state of a market."""
        self.end_ticks(data.ts_init)
        row, phase = divmod(data.sequence, PHASES)
        column = self.columns[data.instrument_id]
        self.tape.row[column] = row
        self.tape.phase[column] = phase

    def process(self, ts_now: int) -> None:
        """Do nothing: all is done before the state."""

    def reset(self) -> None:
        """Do nothing: there is no second run."""

    def log_diagnostics(self, logger: Any) -> None:
        """Log nothing."""
