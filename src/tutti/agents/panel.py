"""The panel: all agents asked, every one accounted for, none able to hold up the rest."""

from __future__ import annotations

import asyncio
import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from tutti.agents.array_panel import ArrayPanel
from tutti.agents.board import OpinionBoard
from tutti.agents.state import AgentState, objection
from tutti.model.errors import AgentLate, TuttiError
from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tutti.agents.port import Agent
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import Snapshot

    Quote = Callable[[Opinion, Snapshot], Opinion]

__all__ = ["AgentMetrics", "ArrayPanel", "NoMetrics", "OpinionBoard", "Panel"]

TIMEOUT_S = 2.0
"""How long an agent may take, unless told otherwise."""

CALLS = "agent_calls_total"
SUCCESSES = "agent_success_total"
TIMEOUTS = "agent_timeout_total"
ERRORS = "agent_errors_total"
LATENCY = "agent_latency_seconds"
PANEL_LATENCY = "orchestrator_latency_seconds"
PANEL = "panel"
"""Stands in place of an agent's name where the whole panel is measured."""

_EVERYONE: Mapping[str, AgentState] = MappingProxyType({})
_log = logging.getLogger(__name__)


class AgentMetrics(Protocol):
    """Where the panel counts; both are labelled with an agent's name."""

    def count(self, metric: str, agent_name: str) -> None:
        """Add one to a counter."""
        ...

    def observe(self, metric: str, agent_name: str, seconds: float) -> None:
        """Add a duration to a histogram."""
        ...


def no_answer_in(patience_s: float) -> str:
    """Return the reason of an abstention for want of time."""
    return f"no answer in {patience_s:g} s"


class NoMetrics:
    """Counts nothing."""

    def count(self, metric: str, agent_name: str) -> None:
        """Do nothing."""

    def observe(self, metric: str, agent_name: str, seconds: float) -> None:
        """Do nothing."""


class Panel:
    """Asks agents concurrently, each under its own timeout.

    A late agent is cancelled, and must let itself be: one that swallows the cancellation or blocks
    the event loop holds up everyone.

    Parameters
    ----------
    agents : sequence of Agent
        With names of their own.
    timeout_s : float
        For an agent that has none in ``timeouts_s``, seconds.
    timeouts_s : mapping of str to float, optional
        Seconds by agent.
    metrics : AgentMetrics, optional
    quote : callable, optional
        Adds to an opinion what its sources say, given the snapshot that the agent was shown.

    Raises
    ------
    ValueError
        If two agents have one name, or a timeout is not positive.
    """

    def __init__(
        self,
        agents: Sequence[Agent],
        *,
        timeout_s: float = TIMEOUT_S,
        timeouts_s: Mapping[str, float] | None = None,
        metrics: AgentMetrics | None = None,
        quote: Quote | None = None,
    ) -> None:
        self._quote = quote
        self.names = tuple(agent.name for agent in agents)
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"two agents have one name among {self.names}")
        self._agents = {agent.name: agent for agent in agents}
        self._timeouts = {name: (timeouts_s or {}).get(name, timeout_s) for name in self.names}
        for name, patience in self._timeouts.items():
            if not patience > 0:
                raise ValueError(f"{name}: timeout must be positive seconds, was {patience!r}")
        self._metrics: AgentMetrics = NoMetrics() if metrics is None else metrics

    async def ask(
        self,
        instrument: InstrumentId,
        ts: int,
        states: Mapping[str, AgentState] = _EVERYONE,
    ) -> list[Opinion | Abstention]:
        """Return one opinion or abstention for each agent, in the panel's order.

        It takes no longer than the longest timeout: who is late, broken or not allowed to speak
        abstains with the reason.

        Parameters
        ----------
        ts : int
            ns UTC; an opinion that used anything newer is refused.
        states : mapping of str to AgentState
            Standing of each agent; an agent that is not in it may speak.
        """
        started = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._allowed(name, instrument, ts, states.get(name)))
                for name in self.names
            ]
        self._metrics.observe(PANEL_LATENCY, PANEL, asyncio.get_running_loop().time() - started)
        return [task.result() for task in tasks]

    async def _allowed(
        self, name: str, instrument: InstrumentId, ts: int, state: AgentState | None
    ) -> Opinion | Abstention:
        reason = objection(state, instrument) if state is not None else None
        if reason is None:
            return await self.answer(name, instrument, ts)
        return Abstention(agent=name, instrument=instrument, as_of=ts, reason=reason)

    async def answer(self, name: str, instrument: InstrumentId, ts: int) -> Opinion | Abstention:
        """Ask one agent; its timeout begins now. See `ask`."""
        self._metrics.count(CALLS, name)
        loop = asyncio.get_running_loop()
        started = loop.time()
        answer = await self._heard(self._agents[name], instrument, ts)
        self._metrics.observe(LATENCY, name, loop.time() - started)
        if not isinstance(answer, str):
            self._metrics.count(SUCCESSES, name)
            return answer
        return Abstention(agent=name, instrument=instrument, as_of=ts, reason=answer)

    async def _heard(
        self, agent: Agent, instrument: InstrumentId, ts: int
    ) -> Opinion | Abstention | str:
        # the answer, or why there is none; foreign code must not stop the panel
        patience = self._timeouts[agent.name]
        timeout = asyncio.timeout(patience)
        try:
            async with timeout:
                context = await agent.fetch_context(instrument, ts)
                answer = await agent.infer(context)
            if timeout.expired():  # it swallowed the cancellation, and spoke after all
                return self._late(agent.name, instrument)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # nobody cancelled this task: the agent let slip a cancellation of its own
            return self._broken(agent.name, instrument, "CancelledError")
        except AgentLate:  # so it was when the call was recorded
            return self._late(agent.name, instrument)
        except TuttiError as error:
            self._metrics.count(ERRORS, agent.name)
            return str(error)
        except Exception as error:  # noqa: BLE001 (the named boundary to agents' code)
            if isinstance(error, TimeoutError) and timeout.expired():
                return self._late(agent.name, instrument)
            return self._broken(agent.name, instrument, type(error).__name__)
        fault = _fault(answer, agent.name, instrument, ts)
        if fault is not None:
            self._metrics.count(ERRORS, agent.name)
            return fault
        if self._quote is not None and isinstance(answer, Opinion):
            return self._quote(answer, context)
        return answer

    def _late(self, name: str, instrument: InstrumentId) -> str:
        patience = self._timeouts[name]
        self._metrics.count(TIMEOUTS, name)
        _log.warning("agent %s gave no answer on %s in %g s", name, instrument, patience)
        return no_answer_in(patience)

    def _broken(self, name: str, instrument: InstrumentId, kind: str) -> str:
        self._metrics.count(ERRORS, name)
        _log.exception("agent %s broke on %s", name, instrument)
        return f"broke: {kind}"


def _fault(answer: object, name: str, instrument: InstrumentId, ts: int) -> str | None:
    if not isinstance(answer, Opinion | Abstention):
        return f"answered with {type(answer).__name__}, not with an opinion"
    if answer.agent != name or answer.instrument != instrument:
        return f"answered as {answer.agent} about {answer.instrument}, not what was asked"
    if answer.as_of > ts:
        return f"used data from {answer.as_of}, after the instant asked about ({ts})"
    return None
