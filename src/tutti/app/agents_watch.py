"""Follows the file of agents while an account runs: what it says speaks from the next tick on."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import structlog

from tutti.app.agents_file import AgentsFile, agents_path, given, load_agents
from tutti.app.config import override
from tutti.app.file_watch import FileWatch
from tutti.app.hand_over import is_sending
from tutti.app.seats import seats_of
from tutti.app.state import AgentsState
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tutti.app.hand_over import Holder
    from tutti.app.settings import AgentSettings, Config
    from tutti.app.state import AgentRow

_log = structlog.stdlib.get_logger(__name__)

_LOOK_S = 0.1


class AgentsWatch(FileWatch[AgentsFile]):
    """The list of agents in force, and whether the file says another one.

    Parameters
    ----------
    base : Config
        What everything but the agents is taken from.
    path : Path
        The file; it is read at once.

    Raises
    ------
    ConfigError
        If the file can't be used.
    """

    def __init__(self, base: Config, path: Path) -> None:
        self._base = base
        self._expected: dict[str, str] = {}
        super().__init__(path, load_agents, "agents")

    def configured(self, file: AgentsFile) -> Config:
        """Return the configuration with what ``file`` lists.

        Raises
        ------
        ConfigError
            If an agent can't be made, or another setting doesn't go together with the list.
        """
        config = override(self._base, {"agents": given(file.agents)})
        seats_of(config)
        return config

    def expect(self, text: str, word: str) -> None:
        """Take note that the file is about to say ``text``, and of the word for why."""
        self._expected = {hashlib.sha256(text.encode()).hexdigest(): word}

    def why(self, file: AgentsFile) -> str:
        """Return why what ``file`` lists comes into force, and what changes."""
        word = self._expected.get(file.sha256, "agents")
        return f"{word}: {difference(self.file.agents, file.agents)}"

    def state(self, agents: Sequence[AgentRow]) -> AgentsState:
        """Return what is in force, for whoever asks; ``agents`` are those of the session."""
        return AgentsState(
            agents=tuple(agents),
            file=str(self.path.resolve()),
            read=self.read,
            in_force=self.file.sha256,
            refused=self.refused,
        )


class AgentsFollower:
    """Hands a running account over whenever its file of agents says something else.

    Parameters
    ----------
    holder : Holder
        Service whose account it is.
    watch : AgentsWatch
    hand_over : callable
        Begins a session with another configuration on the market as it is, given why; it runs
        between two ticks, with the account at rest.
    is_live : bool
        Orders go to real venues: none may be on its way at that moment.
    """

    def __init__(
        self,
        holder: Holder,
        watch: AgentsWatch,
        hand_over: Callable[[Config, str], None],
        *,
        is_live: bool,
    ) -> None:
        self._holder = holder
        self._watch = watch
        self._hand_over = hand_over
        self._is_live = is_live

    async def follow(self) -> None:
        """Look at the file for ever; a broken edit changes nothing."""
        while True:
            await asyncio.sleep(_LOOK_S)
            self._watch.look()
            self._holder.agents_refused = self._watch.refused
            if self._watch.wanted is None:
                continue
            async with self._holder.at_rest:
                # looked at again: the wait for the account may have been long
                self._watch.look()
                if self._holder.is_ending or (file := self._watch.wanted) is None:
                    continue
                if self._is_live and is_sending(self._holder.account):
                    continue
                try:
                    why = self._watch.why(file)
                    self._hand_over(self._watch.configured(file), why)
                except ConfigError as error:
                    if not self._holder.is_open:  # too late to go on as before
                        raise
                    self._watch.refuse(error)
                    self._holder.agents_refused = self._watch.refused
                else:
                    self._watch.accept(file)
                    _log.info("agents changed", what=why, action="agents")


def watched_agents(config: Config) -> AgentsWatch | None:
    """Return the watch over the file of agents that a configuration names, None for none.

    Raises
    ------
    ConfigError
        If the file can't be used.
    """
    path = agents_path(config)
    return None if path is None else AgentsWatch(config, path)


def difference(before: Sequence[AgentSettings], after: Sequence[AgentSettings]) -> str:
    """Return in words what changed between two lists of agents."""
    old = {each.name: each for each in before}
    new = {each.name: each for each in after}
    words = [f"+{name}" for name in new if name not in old]
    words += [f"-{name}" for name in old if name not in new]
    for name in new:
        if name in old and new[name] != old[name]:
            words += _changes(old[name], new[name])
    return ", ".join(words) or "another order"


def _changes(old: AgentSettings, new: AgentSettings) -> list[str]:
    keys = [key for key in type(new).model_fields if getattr(old, key) != getattr(new, key)]
    plain = [f"{new.name}.{key} {getattr(new, key)}" for key in keys if key in _SHORT]
    others = [f"{new.name}.{key}" for key in keys if key not in _SHORT]
    return plain + others


_SHORT = ("weight", "enabled", "model", "cadence_s", "timeout_s")
