"""The venues of a plan as a scenario leaves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.app.build import costs_are_shared
from tutti.sandbox.scenarios.schedule import scheduled
from tutti.sandbox.scenarios.venue import StressedVenue

if TYPE_CHECKING:
    from tutti.app.build import Plan
    from tutti.app.config import Config
    from tutti.sandbox.scenarios.conditions import Conditions


def fast_tier_knows(plan: Plan, under: Conditions) -> bool:
    """Tell whether the fast tier can run the plan under the scenario as the event tier does."""
    return not under.blackouts and not plan.setup.routes and costs_are_shared(plan)


def stressed_venues(config: Config, plan: Plan, under: Conditions) -> dict[str, StressedVenue]:
    """Return a simulated venue for each venue of the plan, under the scenario's conditions."""
    instruments = plan.instruments
    return {
        name: StressedVenue(
            name,
            [each for each in instruments if each.id.venue == name],
            [i for i, each in enumerate(instruments) if each.id.venue == name],
            scheduled(plan.venue_costs[name], under.spreads),
            plan.balances[name],
            currency=config.quote_currency,
            blackouts=under.blackouts,
        )
        for name in plan.venues
    }
