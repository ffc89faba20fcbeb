"""Keeps an eye on the agents of a running account: who earns less than the baseline, and how long."""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import structlog

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.agents.earnings import AgentEarnings
from tutti.agents.monitor import AgentMonitor
from tutti.app.past_views import past_views
from tutti.kernel.clock import DAY, HOUR, MINUTE, SECOND
from tutti.model.errors import LedgerError
from tutti.model.opinion import Views
from tutti.stats.account import periods_per_year

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tutti.agents.monitor import Window
    from tutti.app.build import Plan
    from tutti.app.settings import WorthSettings
    from tutti.ledger.store import LedgerReader
    from tutti.model.market import FloatArray, IntArray, MarketBlock

_BPS = 1e-4
_SPANS = (DAY, HOUR, MINUTE)
_ENOUGH = 20
_HOLD = "hold"
_log = structlog.stdlib.get_logger(__name__)


class AgentWatch:
    """Information ratio of each agent, window by window, while an account trades.

    Windows are those of `tutti.agents.monitor`. After a restart they go on from what the ledger has
    of them: see `hold`. One of which less than half was seen is not judged.

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
        self._later: list[Callable[[], object]] | None = None
        self._seat(names, plan)

    def over_to(self, names: Sequence[str], plan: Plan) -> None:
        """Go on with other agents or instruments; who stays keeps the windows under way."""
        if self._later is not None:
            self._later.append(partial(self._seat, names, plan))
        else:
            self._seat(names, plan)

    def _seat(self, names: Sequence[str], plan: Plan) -> None:
        self._names = tuple(names)
        self._plan = plan
        cost = plan.setup.terms.taker_fee + plan.setup.costs.half_spread_bps * _BPS
        self._earnings = AgentEarnings(len(self._names), cost)
        if self._monitor is not None:
            self._monitor.seat(self._names)

    def noted(self, tick: MarketBlock, views: Views) -> list[Window]:
        """Take note of what was said at ticks; return the windows that ended."""
        if self._later is not None:
            self._later.append(partial(self._note, tick, views))
            return []
        return self._note(tick, views)

    def _note(self, tick: MarketBlock, views: Views) -> list[Window]:
        ended = self._advance(tick.step, tick.known_at, tick.open, views)
        for window in ended:
            # said once, and again after as many windows more
            if window.is_alert and window.bad % self._settings.bad_windows == 0:
                _log.warning(
                    "agent keeps falling behind",
                    agent=window.agent,
                    information_ratio=round(window.ratio, 2),
                    bad_windows=window.bad,
                    baseline=self._settings.baseline,
                )
        return ended

    def hold(self) -> AgentWatch:
        """Put by all that comes until `take_up`; return a watch that is to `recall` the past."""
        self._later = []
        return AgentWatch(self._names, self._plan, self._settings)

    def recall(
        self,
        ledger: LedgerReader,
        *,
        step: int,
        until: int,
        last_seq: int,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Look at what a ledger has of the windows that matter, without a word to anybody.

        These are the one under way at ``until`` (ns UTC), and as many before it as raise an alert.

        Parameters
        ----------
        step : int
            Length of a bar, ns.
        last_seq : int
            Rows behind this one are not read.
        is_wanted : callable
            Asked again and again; reading ends where it says no.

        Raises
        ------
        LedgerError
            If the ledger can't be read.
        """
        window = self._made(step).window
        ids = [str(each.id) for each in self._plan.instruments]
        first = ((until - 1) // window - self._settings.bad_windows) * window
        for part in past_views(ledger, self._names, ids, after=first, last_seq=last_seq):
            if not is_wanted():
                return
            self._advance(step, part.ts, part.opens, part.views)

    async def recall_beside(self, folder: Path, **what: int) -> None:
        """Recall in a thread, so that trading goes on meanwhile; see `recall`."""
        is_wanted = True

        def read() -> None:
            with SqliteLedgerReader(folder) as ledger:
                self.recall(ledger, is_wanted=lambda: is_wanted, **what)

        try:
            await asyncio.to_thread(read)
        except LedgerError as error:
            _log.warning("agents are judged by a part of their past only", why=str(error))
        finally:
            is_wanted = False

    def take_up(self, past: AgentWatch) -> list[Window]:
        """Go on from what another watch has seen, and catch up; return each agent's newest window."""
        self._names, self._monitor, self._earnings = past._names, past._monitor, past._earnings
        self._newest = past._newest
        later, self._later = self._later or [], None
        for each in later:
            each()
        return list(self._newest.values())

    def _advance(self, step: int, ts: IntArray, opens: FloatArray, views: Views) -> list[Window]:
        if self._monitor is None:
            self._monitor = self._made(step)
        excess, held = np.zeros((2, len(ts), len(self._names)))
        for t in range(len(ts)):
            held[t] = self._earnings.is_held
            said = Views(views.bias[:, t], views.confidence[:, t])
            gained, market = self._earnings.step(opens[t], said)
            excess[t] = gained - (market if self._settings.baseline == _HOLD else 0.0)
        ended = self._monitor.advance(ts, excess, held != 0.0)
        self._newest |= {each.agent: each for each in ended if not math.isnan(each.ratio)}
        return ended

    def newest(self, name: str) -> Window | None:
        """Return an agent's newest window that says something of it."""
        return self._newest.get(name)

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
