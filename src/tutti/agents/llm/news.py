"""The agent that reads the news."""

from __future__ import annotations

from typing import ClassVar

from tutti.agents.llm.speaker import Speaker


class NewsAgent(Speaker):
    """Reads news and filings about an asset."""

    prompt_name: ClassVar[str] = "news@1"
    texts: ClassVar[frozenset[str]] = frozenset({"news", "filing"})
