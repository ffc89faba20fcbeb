"""The agent that reads the economy."""

from __future__ import annotations

from typing import ClassVar

from tutti.agents.llm.speaker import Speaker


class MacroAgent(Speaker):
    """Reads the state of the economy and of the market as a whole."""

    prompt_name: ClassVar[str] = "macro@1"
    readings: ClassVar[frozenset[str]] = frozenset({"macro", "sentiment"})
