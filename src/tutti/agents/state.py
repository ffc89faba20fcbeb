"""Who may speak: each agent's switch, its daily-loss breaker and its instruments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.model.instrument import InstrumentId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.market import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """Standing of one agent.

    Parameters
    ----------
    display_name : str
        What people read; the name where empty.
    active : bool
        The operator's switch.
    daily_loss_breached : bool
        True from the moment its positions have lost their daily limit until the UTC day ends.
    instruments : frozenset of InstrumentId or None
        What it may speak about; None for everything.
    """

    name: str
    display_name: str = ""
    active: bool = True
    daily_loss_breached: bool = False
    instruments: frozenset[InstrumentId] | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("an agent needs a name")

    @property
    def title(self) -> str:
        """Display name, or the name where there is none."""
        return self.display_name or self.name


def objection(state: AgentState, instrument: InstrumentId) -> str | None:
    """Return why the agent is not asked about an instrument; None when it may speak."""
    if not state.active:
        return "switched off"
    if state.daily_loss_breached:
        return "its daily loss limit is breached; it may speak again tomorrow (UTC)"
    if state.instruments is not None and instrument not in state.instruments:
        return f"restricted to other instruments than {instrument}"
    return None


def may_speak(states: Sequence[AgentState], instruments: Sequence[InstrumentId]) -> IntArray:
    """Return 1 where an agent may speak of an instrument, else 0; int64 (A, N)."""
    table = [[objection(state, i) is None for i in instruments] for state in states]
    return np.array(table, np.int64).reshape(len(states), len(instruments))
