"""Weights that follow worth in a running account: one step each ``worth.every_s``, on the ledger.

A step is worked out beside trading, from what the ledger has of the last ``worth.window_s``, by the
same rules as in a backtest (`tutti.agents.following`), and written into the file of agents. From
there it comes into force like any edit of that file: as a session whose configuration is on the
ledger, which a restart goes on with and a replay repeats.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import structlog

from tutti.adapters.stores.sqlite_ledger import SqliteLedgerReader
from tutti.app.account_folder import kept_weights
from tutti.app.agents_edit import with_setting
from tutti.app.past_views import past_views
from tutti.app.settings import MOST_WEIGHT
from tutti.app.worth import follower_of
from tutti.kernel.clock import SECOND
from tutti.ledger.kinds import Started, Stopped
from tutti.ledger.records import decode
from tutti.model.errors import ConfigError, DataError, LedgerError
from tutti.sandbox.result import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tutti.app.agents_watch import AgentsWatch
    from tutti.app.hand_over import Holder
    from tutti.app.session import Session
    from tutti.app.settings import Config
    from tutti.ledger.store import LedgerReader

STEP = "worth"
"""What the reason of a session begins with that ended for a step of the weights."""

_LOOK_S = 0.5
_DIGITS = 6
_ALL = 1 << 62
_log = structlog.stdlib.get_logger(__name__)


class Given(NamedTuple):
    """Weights as somebody gave them, and when the last step away from them was.

    Parameters
    ----------
    weights : dict of str to float
        By agent: what was set by hand, or first; steps lie within bounds around it.
    since : int
        When the newest step came into force, ns UTC; when the account began where there was none.
    """

    weights: dict[str, float]
    since: int


def given_weights(ledger: LedgerReader, folder: Path) -> Given:
    """Return the weights that steps count from.

    Parameters
    ----------
    folder : Path
        Of the account, with its configurations.

    Raises
    ------
    DataError
        If a configuration isn't as it was kept.
    LedgerError
        If the ledger can't be read.
    """
    weights: dict[str, float] = {}
    before: dict[str, float] = {}
    known: dict[str, dict[str, float]] = {}
    since, reason = 0, ""
    for row in ledger.rows(kinds=["started", "stopped"]):
        if row.kind == "stopped":
            reason = decode(row, Stopped).reason
            continue
        name = decode(row, Started).configuration
        if name not in known:
            known[name] = kept_weights(folder, name)
        is_step = reason.startswith(f"{STEP}:")
        if is_step or not since:
            since = row.ts
        weights |= {
            agent: weight
            for agent, weight in known[name].items()
            if agent not in before or (weight != before[agent] and not is_step)
        }
        before |= known[name]
        reason = ""
    return Given(weights, since)


def stepped(
    config: Config,
    session: Session,
    ledger: LedgerReader,
    given: Mapping[str, float],
    now: int,
    is_wanted: Callable[[], bool] = lambda: True,
) -> dict[str, float]:
    """Return the weights of the agents that speak, one step on from those in force.

    Parameters
    ----------
    session : Session
        That is running, on ``config``.
    given : mapping of str to float
        What bounds and the size of a step are fractions of.
    now : int
        ns UTC.
    is_wanted : callable
        Asked again and again; where it says no, there are no weights.

    Raises
    ------
    LedgerError
        If the ledger can't be read.
    """
    analysis, instruments = session.analysis, session.plan.instruments
    names, weighting = analysis.agent_names, analysis.weighting
    bounds = np.array(
        [given.get(name, weight) for name, weight in zip(names, weighting.weights, strict=True)]
    )
    follower = follower_of(config, instruments, weighting._replace(weights=bounds))
    if follower is None:
        return {}
    follower.weights = weighting.weights.copy()
    parts = past_views(
        ledger,
        names,
        [str(each.id) for each in instruments],
        after=now - round(config.worth.window_s * SECOND),
        last_seq=_ALL,
    )
    for ts, opens, views, regime in parts:
        if not is_wanted():
            return {}
        heard = views if analysis.correction is None else analysis.correction(views, ts)
        follower.learn(heard, regime, ts, opens)
    follower.step(now)
    return dict(zip(names, np.round(follower.weights, _DIGITS).tolist(), strict=True))


class WeightSteps:
    """Takes a step whenever one is due, while an account runs.

    Parameters
    ----------
    holder : Holder
        Service whose account it is.
    watch : AgentsWatch
        Of the file of agents that is written to.
    folder : Path
        Of the account.
    """

    def __init__(self, holder: Holder, watch: AgentsWatch, folder: Path) -> None:
        self._holder = holder
        self._watch = watch
        self._folder = folder
        self._due = 0
        self._is_following = False

    async def follow(self) -> None:
        """Look whether a step is due for ever; what can't be done is said and tried at the next."""
        self._is_following = True
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                if self._holder.account.as_of >= self._due and self._is_free():
                    await self._look()
        finally:
            self._is_following = False

    async def _look(self) -> None:
        holder = self._holder
        account, config = holder.account, holder.config
        now = account.as_of
        try:
            due, weights = await asyncio.to_thread(self._next, config, account.session, now)
            self._due = due
            # what was handed over meanwhile has other weights, or agents
            if weights and holder.account is account and self._is_free():
                self._write(config, weights)
        except (ConfigError, DataError, LedgerError, OSError) as error:
            self._due = now + round(config.worth.every_s * SECOND)
            _log.error("weights stay as they are", why=str(error), action=STEP)

    def _is_free(self) -> bool:
        # an edit that waits, or is refused, is somebody's work
        holder, watch = self._holder, self._watch
        return (
            holder.is_open and not holder.is_ending and watch.wanted is None and not watch.refused
        )

    def _next(self, config: Config, session: Session, now: int) -> tuple[int, dict[str, float]]:
        every = round(config.worth.every_s * SECOND)
        with SqliteLedgerReader(self._folder) as ledger:
            given = given_weights(ledger, self._folder)
            if now < given.since + every:
                return given.since + every, {}
            weights = stepped(
                config, session, ledger, given.weights, now, lambda: self._is_following
            )
            return now + every, weights

    def _write(self, config: Config, weights: Mapping[str, float]) -> None:
        path = self._watch.path
        before = text = path.read_text(encoding="utf-8")
        for each in config.agents:
            weight = min(weights.get(each.name, each.weight), MOST_WEIGHT)
            if weight != each.weight:
                text = with_setting(text, str(path), each.name, "weight", weight)
        if text == before:
            return
        self._watch.expect(text, STEP)
        write_atomically(path, lambda file: file.write(text.encode()))
