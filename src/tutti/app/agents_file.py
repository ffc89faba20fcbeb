"""The file of agents: read whole or refused whole, and made part of a configuration.

What it says is written into the configuration that a session runs with, so the ledger names it by
its hash and a replay needs no other file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from tutti.app.document import Document, read_document
from tutti.app.settings import AgentSettings, Section, refuse_twice
from tutti.app.validation import text_of, validated
from tutti.model.errors import ConfigError, TuttiError

if TYPE_CHECKING:
    from tutti.app.settings import Config

_ENTRY = re.compile(r"agents\[(\d+)\](?:\.(\w+))?")


class AgentsSettings(Section):
    """The whole file."""

    agents: tuple[AgentSettings, ...] = Field(examples=["[{name: momentum_hunter}]"])

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        refuse_twice([each.name for each in self.agents], key="agents")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsFile:
    """A list of agents, the lines that it was read from, and the SHA-256 of the text."""

    document: Document
    agents: tuple[AgentSettings, ...]
    sha256: str

    def says_the_same_as(self, other: AgentsFile) -> bool:
        """Tell whether both list the same agents with the same settings."""
        return self.agents == other.agents

    def about(self, error: TuttiError) -> TuttiError:
        """Return an error with the line of the agent that it is about in front, if it is of one."""
        message = str(error)
        if message.startswith(self.document.name) or not (found := _ENTRY.match(message)):
            return error
        k, key = int(found[1]), found[2]
        place = self.document.where(("agents", k, key) if key else ("agents", k))
        return ConfigError(f"{place}: {message}")


def agents_path(config: Config) -> Path | None:
    """Return the file of agents that a configuration names, None for none."""
    return Path(config.agents_file).expanduser() if config.agents_file else None


def load_agents(path: Path) -> AgentsFile:
    """Return what a file of agents says.

    Raises
    ------
    ConfigError
        If it can't be read or used; one line with file, line, key, and what to do.
    """
    missing = "make it with tutti agents weight or enable, or leave out agents_file"
    return parse_agents(text_of(path, missing), str(path))


def parse_agents(text: str, name: str) -> AgentsFile:
    """Return what the text of a file of agents says; see `load_agents`.

    Raises
    ------
    ConfigError
        As `load_agents`.
    """
    document = read_document(text, name)
    settings = validated(document, AgentsSettings)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return AgentsFile(document=document, agents=settings.agents, sha256=sha256)


def given(agents: tuple[AgentSettings, ...]) -> list[dict[str, Any]]:
    """Return agents as they are written in a file: what was given, without defaults."""
    return [each.model_dump(mode="json", exclude_unset=True) for each in agents]
