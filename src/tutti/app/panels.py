"""Panels with and without some agents, by name, kind, model or what they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.app.config import override
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.settings import AgentSettings, Config

SENTIMENT = "sentiment"
"""All agents that read what people write."""

LLM = "llm"
"""All agents that ask a language model."""

READERS = ("semantic_synth", "news", "social")
_DEAF = "ema_cross"


def meant(config: Config, name: str) -> tuple[str, ...]:
    """Return the names of the agents of a configuration that ``name`` means, on or off.

    Parameters
    ----------
    name : str
        Of an agent, a kind of agents or a language model (``provider:name``); `SENTIMENT` or `LLM`.
    """
    if name in {each.name for each in config.agents}:
        return (name,)
    return tuple(each.name for each in config.agents if _is(each, name))


def without(config: Config, name: str) -> Config:
    """Return the configuration with the agents that ``name`` means switched off.

    Raises
    ------
    ConfigError
        If it means none that is on, or nobody would be left whom a policy could hear.
    """
    _is_heard(config)
    on = {each.name for each in config.agents if each.enabled}
    gone = set(meant(config, name)) & on
    if not gone:
        raise ConfigError(
            f"--without {name}: no agent of that name, kind or model speaks; there are "
            f"{', '.join(each.name for each in config.agents if each.enabled) or 'none'}"
        )
    return _switched(config, gone, enabled=False)


def with_added(config: Config, name: str) -> Config:
    """Return the configuration with the agents that ``name`` means switched on, or one added.

    Raises
    ------
    ConfigError
        If all that it means speak already.
    """
    _is_heard(config)
    known = meant(config, name)
    off = {each.name for each in config.agents if each.name in known and not each.enabled}
    if off:
        return _switched(config, off, enabled=True)
    if known:
        raise ConfigError(
            f"--with {name}: it speaks already; compare with --without {name}, or set enabled: "
            "false in the configuration"
        )
    if name in {SENTIMENT, LLM}:
        raise ConfigError(
            f"--with {name}: no agent of the configuration is meant; write one under agents, "
            "with enabled: false"
        )
    rows = [each.model_dump(exclude_unset=True) for each in config.agents]
    return override(config, {"agents": [*rows, {"name": name}]})


def _is(each: AgentSettings, name: str) -> bool:
    if name == SENTIMENT:
        return each.plugin in READERS
    if name == LLM:
        return bool(each.model)
    return name in {each.plugin, each.model}


def _switched(config: Config, names: set[str], *, enabled: bool) -> Config:
    rows = [
        {**each.model_dump(exclude_unset=True), "enabled": enabled}
        if each.name in names
        else each.model_dump(exclude_unset=True)
        for each in config.agents
    ]
    return override(config, {"agents": rows})


def _is_heard(config: Config) -> None:
    if config.policy.name == _DEAF:
        raise ConfigError(
            f"policy.name: {_DEAF} hears no agents, so one more or less changes nothing; use hybrid"
        )
