"""What stands in for a language model where none is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.model.errors import ModelRefused
from tutti.model.market import Snapshot
from tutti.model.opinion import Abstention

if TYPE_CHECKING:
    from tutti.agents.llm.port import Answer, Call
    from tutti.model.instrument import InstrumentId


class SilentModel:
    """Language model that never answers and says why.

    Parameters
    ----------
    reason : str
        What is missing, and how to get it.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason

    async def answer(self, call: Call) -> Answer:
        """Raise ModelRefused with the reason."""
        del call
        raise ModelRefused(self.reason)


class SilentAgent:
    """Agent that never has a view and says why; asks and reads nothing.

    Parameters
    ----------
    name : str
    reason : str
        What is missing, and how to get it.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        """Return an empty snapshot."""
        return Snapshot(instrument=instrument, as_of=ts, close=float("nan"), features={})

    async def infer(self, context: Snapshot) -> Abstention:
        """Return an abstention with the reason."""
        return Abstention(
            agent=self.name,
            instrument=context.instrument,
            as_of=context.as_of,
            reason=self.reason,
        )


def no_model(agent: str) -> str:
    """Return what an agent without a model says."""
    return f"no language model: set model of agent {agent}, for example openai:gpt-5-mini"
