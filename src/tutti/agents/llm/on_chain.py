"""The agent that reads blockchains."""

from __future__ import annotations

from typing import ClassVar

from tutti.agents.llm.speaker import Speaker


class OnChainAgent(Speaker):
    """Reads the activity on a coin's blockchain."""

    prompt_name: ClassVar[str] = "on_chain@1"
    readings: ClassVar[frozenset[str]] = frozenset({"onchain"})
