"""Edits one setting of one agent in the text of a file of agents; every other line stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tutti.app.agents_file import given, parse_agents
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.app.settings import AgentSettings


def written(agents: Sequence[AgentSettings]) -> str:
    """Return a file of agents that lists ``agents`` as they were given."""
    text: str = yaml.safe_dump({"agents": given(tuple(agents))}, sort_keys=False)
    return text


def with_setting(text: str, name: str, agent: str, key: str, value: bool | float) -> str:  # noqa: FBT001 - a YAML value
    """Return the text of a file of agents with one setting of an agent changed.

    Parameters
    ----------
    name : str
        What messages call the file.
    agent : str
        Name of the agent.
    key : str
        Setting whose value is a number or a switch: ``weight``, ``enabled``.

    Raises
    ------
    ConfigError
        If the file can't be used, before or after, or doesn't list the agent.
    """
    before = parse_agents(text, name).agents
    names = [each.name for each in before]
    if agent not in names:
        raise ConfigError(f"{name}: {agent} is not listed; there are {', '.join(names)}")
    k = names.index(agent)
    said = str(value).lower() if isinstance(value, bool) else f"{value:.12g}"
    edited = _set(text, _entry(text, k), key, said)
    after = parse_agents(edited, name).agents
    wanted = [each.model_dump() for each in before]
    wanted[k][key] = value
    if [each.model_dump() for each in after] != wanted:
        raise ConfigError(f"{name}: can't be edited without harm to it; edit it by hand")
    return edited


def _entry(text: str, k: int) -> yaml.MappingNode:
    root = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    (listed,) = [value for key, value in root.value if key.value == "agents"]
    found = listed.value[k]
    assert isinstance(found, yaml.MappingNode)
    return found


def _set(text: str, entry: yaml.MappingNode, key: str, said: str) -> str:
    for name, value in entry.value:
        if name.value == key:
            return text[: value.start_mark.index] + said + text[value.end_mark.index :]
    last_key, last = entry.value[0]
    if entry.flow_style:
        at = last.end_mark.index
        return f"{text[:at]}, {key}: {said}{text[at:]}"
    at = text.find("\n", last.end_mark.index)
    at = len(text) if at < 0 else at
    indent = " " * last_key.start_mark.column
    return f"{text[:at]}\n{indent}{key}: {said}{text[at:]}"
