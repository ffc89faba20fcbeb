"""The agent that reads what people write."""

from __future__ import annotations

from typing import ClassVar

from tutti.agents.llm.speaker import Speaker


class SocialAgent(Speaker):
    """Reads what people write about an asset where anybody can."""

    prompt_name: ClassVar[str] = "social@1"
    texts: ClassVar[frozenset[str]] = frozenset({"social"})
