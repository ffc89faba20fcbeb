"""Asks the awaited agents of a running account, tick by tick and from session to session."""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from typing import TYPE_CHECKING

from tutti.agents.schedule import AwaitedAgents
from tutti.agents.state import AgentState
from tutti.kernel.clock import DAY
from tutti.model.arrays import DAY_NUMBER
from tutti.risk.breakers import may_lead

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tutti.agents.panel import AgentMetrics
    from tutti.app.build import Plan
    from tutti.app.session import Session
    from tutti.app.settings import PanelSettings
    from tutti.app.snapshots import Snapshots
    from tutti.app.voices import Voices
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import MarketBlock
    from tutti.model.opinion import Abstention, Opinion


_LOOK_S = 10.0
"""Between two looks at files that may have grown."""

_log = logging.getLogger(__name__)


class Asking:
    """Whoever has to be awaited, asked about the newest tick.

    At each tick: `look`, with the account at rest; `ask`, while it may be worked with; and `take`,
    right before the tick is processed.

    Parameters
    ----------
    voices : Voices
        Of the first session.
    plan : Plan
    settings : PanelSettings
    told : iterable of Opinion
        What was said before this process began; who said it is not due yet.
    metrics : AgentMetrics
    """

    def __init__(
        self,
        voices: Voices,
        plan: Plan,
        settings: PanelSettings,
        *,
        told: Iterable[Opinion],
        metrics: AgentMetrics,
    ) -> None:
        self._snapshots: Snapshots = voices.snapshots
        self.growing = voices.growing
        self._looked_at = 0.0
        self.is_silent = not voices.seats
        self._agents = AwaitedAgents(
            voices.seats,
            asked_about(plan),
            wait_s=settings.wait_s,
            max_in_flight=settings.max_in_flight,
            metrics=metrics,
            quote=voices.quote,
        )
        self._agents.resume(told)
        self._states: dict[str, AgentState] = {}

    def over_to(self, voices: Voices, plan: Plan) -> None:
        """Go on with the agents and instruments of another session.

        What is out and still belongs to somebody stays out; who is new speaks at the next tick.
        """
        self.is_silent = not voices.seats
        self._snapshots = voices.snapshots
        self.growing = voices.growing
        self._agents.over_to(voices.seats, asked_about(plan))

    def look(self, session: Session, tick: MarketBlock) -> None:
        """Show agents the tick that the session is about to process, and no other.

        Whose loss of the day is too large is not asked about it.
        """
        self._states = standing_at(session, tick)
        self._snapshots.enter(tick, session.analysis.look(tick))

    async def ask(self, ts: int) -> None:
        """Ask who is due at the tick (ns UTC), and wait for them as long as a tick may."""
        now = asyncio.get_running_loop().time()
        if self.growing and now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            for each in self.growing:
                await each.refresh()
        await self._agents.ask(ts, self._states)

    def take(self) -> list[Opinion | Abstention]:
        """Return what has come in since the last time."""
        return self._agents.take()

    async def close(self) -> None:
        """Take back every question that is out."""
        await self._agents.close()


def standing_at(session: Session, tick: MarketBlock) -> dict[str, AgentState]:
    """Return the agents whose loss of the day keeps them from speaking at a tick yet to come."""
    account, limits = session.account, session.plan.setup.rules.limits
    # a bar belongs to the day in which it begins, and with a day all losses end
    if int(tick.ts[-1]) // DAY != account.book.account[DAY_NUMBER]:
        return {}
    return {
        name: AgentState(name=name, daily_loss_breached=True)
        for a, name in enumerate(account.agents)
        if not may_lead(a, account.book, limits)
    }


@cache
def silent_here(names: tuple[str, ...]) -> None:
    """Say, once for each panel, that awaited agents are silent where nobody asks them."""
    _log.warning("agents: %s have to be awaited; in this study they are silent", ", ".join(names))


def asked_about(plan: Plan) -> tuple[InstrumentId, ...]:
    """Return what agents are asked about: of a route only the instrument that is decided on."""
    routes = plan.setup.routes
    legs = {leg for route in routes for leg in route.legs} - {route.column for route in routes}
    return tuple(each.id for i, each in enumerate(plan.instruments) if i not in legs)
