"""Keeps an eye on the agents of a running account: who earns less than the baseline, and how long."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import structlog

from tutti.agents.earnings import AgentEarnings
from tutti.agents.monitor import AgentMonitor
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND
from tutti.model.opinion import Views
from tutti.stats.account import periods_per_year

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.agents.monitor import Window
    from tutti.app.build import Plan
    from tutti.app.settings import WorthSettings
    from tutti.model.market import MarketBlock

_BPS = 1e-4
_SPANS = (DAY, HOUR, MINUTE)
_ENOUGH = 20
_HOLD = "hold"
_log = structlog.stdlib.get_logger(__name__)


class AgentWatch:
    """Information ratio of each agent, window by window, while an account trades.

    Windows are those of `tutti.agents.monitor`; one that began before the service did is judged
    by what was seen of it, if that is half or more.

    Parameters
    ----------
    names : sequence of str
        The panel's agents, in order.
    plan : Plan
    settings : WorthSettings
    """

    def __init__(self, names: Sequence[str], plan: Plan, settings: WorthSettings) -> None:
        self._settings = settings
        self._monitor: AgentMonitor | None = None
        self._newest: dict[str, Window] = {}
        self.over_to(names, plan)

    def over_to(self, names: Sequence[str], plan: Plan) -> None:
        """Go on with other agents or instruments; who stays keeps the windows under way."""
        self._names = tuple(names)
        cost = plan.setup.terms.taker_fee + plan.setup.costs.half_spread_bps * _BPS
        self._earnings = AgentEarnings(len(self._names), cost)
        if self._monitor is not None:
            self._monitor.seat(self._names)

    def noted(self, tick: MarketBlock, views: Views) -> list[Window]:
        """Take note of what was said at a tick; return the windows that ended."""
        if self._monitor is None:
            self._monitor = self._made(tick.step)
        ended: list[Window] = []
        for t, ts in enumerate(tick.known_at.tolist()):
            held = self._earnings.is_held
            said = Views(views.bias[:, t], views.confidence[:, t])
            gained, market = self._earnings.step(tick.open[t], said)
            base = market if self._settings.baseline == _HOLD else 0.0
            at = np.array([ts], np.int64)
            ended += self._monitor.advance(at, (gained - base)[None], held[None])
        for window in ended:
            self._tell(window)
        return ended

    def newest(self, name: str) -> Window | None:
        """Return an agent's newest window that says something of it."""
        return self._newest.get(name)

    def _tell(self, window: Window) -> None:
        if math.isnan(window.ratio):
            return
        self._newest[window.agent] = window
        # said once, and again after as many windows more
        if window.is_alert and window.bad % self._settings.bad_windows == 0:
            _log.warning(
                "agent keeps falling behind",
                agent=window.agent,
                information_ratio=round(window.ratio, 2),
                bad_windows=window.bad,
                baseline=self._settings.baseline,
            )

    def _made(self, step: int) -> AgentMonitor:
        window = round(self._settings.window_s * SECOND)
        span = next((each for each in _SPANS if each >= step and window >= _ENOUGH * each), step)
        return AgentMonitor(
            self._names,
            window=max(1, round(window / span)) * span,
            span=span,
            per_year=periods_per_year(span),
            patience=self._settings.bad_windows,
        )
