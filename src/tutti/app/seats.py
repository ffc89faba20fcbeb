"""Who sits on the panel: the agents of a configuration, made or named to be made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeGuard, cast

from tutti.agents.llm.catalogue import KINDS
from tutti.agents.port import Agent, ArrayAgent, MarketAgent, MetaAgent
from tutti.agents.quant import QUANT_AGENTS
from tutti.app.models import ANALYSTS, analyst_of
from tutti.app.plugins import factory_of
from tutti.app.settings import AgentSettings
from tutti.engine.analysis import CONDUCTOR
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.app.settings import Config, ModelsSettings

SYNTH = "semantic_synth"
VOICES = frozenset({*KINDS, SYNTH})
"""Kinds of agents that `tutti.app.voices` makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """Agents of a configuration with their settings: those that read arrays, and those to await.

    Of the latter None stands for one that `tutti.app.voices` makes, once there is something to
    make it with. ``conductor`` is who is asked for the regime, None for nobody.
    """

    quick: tuple[tuple[AgentSettings, ArrayAgent | MarketAgent | MetaAgent], ...]
    late: tuple[tuple[AgentSettings, Agent | None], ...]
    conductor: AgentSettings | None = None

    @property
    def settings(self) -> tuple[AgentSettings, ...]:
        """Settings in the order of the panel: quick ones first."""
        return tuple(each for each, _ in (*self.quick, *self.late))

    @property
    def awaited(self) -> tuple[str, ...]:
        """Names of all that have to be awaited: agents in the panel's order, then the conductor."""
        names = tuple(each.name for each, _ in self.late)
        return names if self.conductor is None else (*names, self.conductor.name)

    def only_made_here(self) -> Seats:
        """Return these without the awaited ones that a plug-in made."""
        return replace(self, late=tuple(each for each in self.late if each[1] is None))


def seats_of(config: Config) -> Seats:
    """Return the agents that are switched on.

    Raises
    ------
    ConfigError
        If there is none of a name, or it can't be made.
    """
    made = [
        (each, _agent(f"agents[{k}]", each, config.models))
        for k, each in enumerate(config.agents)
        if each.enabled
    ]
    quick: list[tuple[AgentSettings, ArrayAgent | MarketAgent | MetaAgent]] = []
    late: list[tuple[AgentSettings, Agent | None]] = []
    for each, agent in made:
        if agent is None or _is_late(agent):
            late.append((each, agent))
        else:
            quick.append((each, cast("ArrayAgent", agent)))
    return Seats(quick=tuple(quick), late=tuple(late), conductor=_conductor(config))


def _conductor(config: Config) -> AgentSettings | None:
    settings = config.conductor
    if not settings.model:
        return None
    if any(each.name == CONDUCTOR for each in config.agents):
        raise ConfigError(
            f"conductor.model: who is asked for the regime is called {CONDUCTOR}, as one of the "
            "agents is; give that one another name"
        )
    return AgentSettings(
        name=CONDUCTOR,
        model=settings.model,
        cadence_s=settings.cadence_s,
        timeout_s=settings.timeout_s,
        budget=settings.budget,
        instruments=(settings.reference,)
        if settings.scope == "reference" and settings.reference is not None
        else None,
    )


def _agent(
    key: str, settings: AgentSettings, models: ModelsSettings
) -> ArrayAgent | MarketAgent | MetaAgent | Agent | None:
    if settings.plugin in VOICES:
        return None
    if settings.plugin in ANALYSTS:
        return analyst_of(key, settings, models)
    factory = QUANT_AGENTS.get(settings.plugin) or factory_of(
        f"{key}.{'kind' if settings.kind else 'name'}", "tutti.agents", settings.plugin
    )
    try:
        agent = cast("ArrayAgent", factory(settings.params))
    except ConfigError as error:
        raise ConfigError(f"{key}.params of {error}") from error
    if agent.name != settings.name:
        # several of a kind are told apart by the names that they have here
        agent.name = settings.name
    return agent


def _is_late(agent: ArrayAgent | MarketAgent | MetaAgent | Agent) -> TypeGuard[Agent]:
    return hasattr(agent, "infer")
