"""The seven quant agents: six that are their recipe, and one that follows the best of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from tutti.agents.port import ArrayAgent, MetaAgent
from tutti.agents.quant import (
    breakout_sniper,
    mean_reversion,
    momentum_hunter,
    strategy_optimizer,
    trend_surfer,
    volatility_harvester,
    vpin,
)
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from tutti.agents.quant.recipe import Recipe

Factory: TypeAlias = Callable[..., ArrayAgent | MetaAgent]
"""``factory(params=None)``; the parameters are numbers by name."""

RECIPES: dict[str, Recipe] = {
    module.RECIPE.name: module.RECIPE
    for module in (
        momentum_hunter,
        breakout_sniper,
        trend_surfer,
        volatility_harvester,
        mean_reversion,
        vpin,
    )
}
"""The declared agents by name, in the panel's order."""

QUANT_AGENTS: dict[str, Factory] = {
    "momentum_hunter": momentum_hunter.momentum_hunter,
    "breakout_sniper": breakout_sniper.breakout_sniper,
    "trend_surfer": trend_surfer.trend_surfer,
    "volatility_harvester": volatility_harvester.volatility_harvester,
    "mean_reversion": mean_reversion.mean_reversion,
    "vpin": vpin.vpin,
    "strategy_optimizer": strategy_optimizer.strategy_optimizer,
}
"""Factories by name. The Strategy Optimizer made here hears the other six; one that is not on the
panel it joins counts as abstaining."""

DISPLAY_NAMES: dict[str, str] = {name: recipe.display_name for name, recipe in RECIPES.items()} | {
    strategy_optimizer.NAME: strategy_optimizer.DISPLAY_NAME
}
"""What people read, by name."""


def quant_agents(
    names: Sequence[str] = tuple(QUANT_AGENTS),
    params: Mapping[str, Mapping[str, object]] | None = None,
) -> tuple[ArrayAgent | MetaAgent, ...]:
    """Return the agents of these names, in this order.

    Parameters
    ----------
    names : sequence of str
        Of :data:`QUANT_AGENTS`.
    params : mapping of str to mapping, optional
        Parameters by agent.

    Raises
    ------
    ConfigError
        If a name is unknown or a parameter is wrong.
    """
    unknown = sorted(set(names) - set(QUANT_AGENTS))
    if unknown:
        raise ConfigError(
            f"no quant agent is called {unknown}; there are {', '.join(QUANT_AGENTS)}"
        )
    return tuple(QUANT_AGENTS[name]((params or {}).get(name)) for name in names)
