"""When agents that have to be awaited are asked: each at its own pace, only so many at a time."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tutti.agents.panel import PANEL, PANEL_LATENCY, NoMetrics, Panel
from tutti.agents.port import Agent
from tutti.agents.state import AgentState, objection
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tutti.agents.panel import AgentMetrics, Quote

QUEUED = "agent_queue_seconds"
"""Time that a question waited for a slot."""
QUEUE_LATE = "agent_queue_late_total"
"""Answers that missed their tick for no other reason than having waited for a slot."""

_NEVER = -(1 << 62)
_EVERYONE: Mapping[str, AgentState] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One agent that has to be awaited, and how.

    Parameters
    ----------
    cadence : int
        Market time between two questions about one instrument, ns; 0 for every tick.
    aligned : bool
        Whether it is due with each whole cadence since the epoch, as bars close, instead of so long
        after it was asked last.
    timeout_s : float
        How long it may take, from being asked, seconds.
    time_to_live : int
        For an opinion that names none, ns; 0 for until it is asked again.
    instruments : frozenset of InstrumentId or None
        What it is asked about; None for everything.
    """

    agent: Agent
    cadence: int = 0
    aligned: bool = False
    timeout_s: float = 2.0
    time_to_live: int = 0
    instruments: frozenset[InstrumentId] | None = None

    @property
    def name(self) -> str:
        """The agent's."""
        return self.agent.name

    def lasting(self, answer: Opinion | Abstention) -> Opinion | Abstention:
        """Return an answer with the time to live that it has here."""
        if isinstance(answer, Opinion) and not answer.time_to_live:
            return msgspec.structs.replace(answer, time_to_live=self.time_to_live or self.cadence)
        return answer


class Question(NamedTuple):
    """Whom to ask about what."""

    agent: str
    instrument: InstrumentId


class Rota:
    """Who is due when, in market time alone: backtests and live runs ask at the same instants.

    Parameters
    ----------
    seats : sequence of Seat
    instruments : sequence of InstrumentId
        All that trade.
    """

    def __init__(self, seats: Sequence[Seat], instruments: Sequence[InstrumentId]) -> None:
        self._cadence = {
            Question(seat.name, instrument): seat.cadence
            for seat in seats
            for instrument in instruments
            if seat.instruments is None or instrument in seat.instruments
        }
        self._aligned = {seat.name for seat in seats if seat.aligned}
        self._asked: dict[Question, int] = {}

    def __contains__(self, question: Question) -> bool:
        return question in self._cadence

    def __iter__(self) -> Iterator[Question]:
        return iter(self._cadence)

    def due(self, ts: int) -> Iterator[Question]:
        """Yield what is to be asked at ``ts`` (ns UTC), what has waited longest first."""
        asked = self._asked
        due = [
            (asked.get(question, _NEVER), k, question)
            for k, (question, cadence) in enumerate(self._cadence.items())
            if self._next(question, cadence) <= ts
        ]
        due.sort()
        yield from (question for _, _, question in due)

    @property
    def next_due(self) -> int | None:
        """When something is due next, ns UTC; None where there is nobody to ask."""
        if not self._cadence:
            return None
        return min(self._next(each, every) for each, every in self._cadence.items())

    def asked(self, question: Question, ts: int) -> None:
        """Take note that it was asked at ``ts`` (ns UTC)."""
        self._asked[question] = ts

    def _next(self, question: Question, cadence: int) -> int:
        last = self._asked.get(question, _NEVER)
        if cadence and question.agent in self._aligned:
            last -= last % cadence
        return last + max(cadence, 1)

    def over_from(self, before: Rota) -> None:
        """Go on where another rota was, with what both know."""
        self._asked |= {each: ts for each, ts in before._asked.items() if each in self}


@dataclass(slots=True)
class _Waiting:
    question: Question
    since: float


class AwaitedAgents:
    """Asks agents when they are due, and collects what they say.

    A tick waits for those that are due at it, no longer than ``wait_s``; what comes later counts
    from the next tick on. No more than ``max_in_flight`` questions are out at once: the others wait
    for a slot, each agent's in the order in which they fell due, and the agent with the fewest
    questions out goes first. An agent's timeout begins when its question takes a slot, so that our
    own queue makes nobody late. What is asked a few ticks after it was due is due again a whole
    cadence later: a crowd of instruments spreads by itself over the cadence.

    Parameters
    ----------
    seats : sequence of Seat
        Of agents with names of their own.
    instruments : sequence of InstrumentId
    wait_s : float
        Seconds.
    max_in_flight : int
    metrics : AgentMetrics, optional
        Counts `QUEUED` and `QUEUE_LATE` beside what a `Panel` counts.
    quote : callable, optional
        See `Panel`.
    """

    def __init__(
        self,
        seats: Sequence[Seat],
        instruments: Sequence[InstrumentId],
        *,
        wait_s: float,
        max_in_flight: int,
        metrics: AgentMetrics | None = None,
        quote: Quote | None = None,
    ) -> None:
        self._quote = quote
        self._metrics: AgentMetrics = NoMetrics() if metrics is None else metrics
        self._wait_s = wait_s
        self._most = max_in_flight
        self._now = 0
        self._out: dict[Question, asyncio.Task[None]] = {}
        self._queues: dict[str, deque[_Waiting]] = {}
        self._load: Counter[str] = Counter()
        self._due: set[Question] = set()
        self._hushed: set[Question] = set()
        self._all_heard = asyncio.Event()
        self._arrived: list[Opinion | Abstention] = []
        self._failure: BaseException | None = None
        self._holds = False
        self._take_seats(seats, instruments)

    @property
    def in_flight(self) -> int:
        """Questions that are out."""
        return len(self._out)

    def resume(self, told: Iterable[Opinion]) -> None:
        """Take note of what was asked before this process began, so that it isn't asked again."""
        for each in told:
            self._rota.asked(Question(each.agent, each.instrument), each.as_of)

    async def ask(self, ts: int, states: Mapping[str, AgentState] = _EVERYONE) -> None:
        """Ask who is due at the tick ``ts`` (ns UTC), and wait for them; see `take`.

        Whom ``states`` forbid to speak is not asked. It abstains once, with the reason, and stays
        due: it is asked at the first tick at which it may speak again.
        """
        if self._failure is not None:
            raise self._failure
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._now = ts
        self._holds = False
        self._hush(ts, states)
        waiting = {each.question for queue in self._queues.values() for each in queue}
        self._due = waiting
        self._all_heard.clear()
        for question in self._rota.due(ts):
            if not (question in waiting or question in self._out or question in self._hushed):
                self._queues[question.agent].append(_Waiting(question, began))
                self._due.add(question)
        self._fill_slots()
        if self._due:
            try:
                async with asyncio.timeout(self._wait_s):
                    await self._all_heard.wait()
            except TimeoutError:
                pass  # the tick decides on what has come
            self._due = set()
        self._metrics.observe(PANEL_LATENCY, PANEL, loop.time() - began)
        if self._failure is not None:
            raise self._failure

    def take(self) -> list[Opinion | Abstention]:
        """Return what has come in since the last time, in the order in which it came."""
        arrived, self._arrived = self._arrived, []
        return arrived

    def over_to(self, seats: Sequence[Seat], instruments: Sequence[InstrumentId]) -> None:
        """Go on with other agents or instruments.

        Questions that are out and still belong to somebody stay out, and who was asked lately is
        not asked anew; who is new is due at the next tick.
        """
        before = self._rota
        self._hushed.clear()  # who is on the panel now says it anew
        # what waits is asked at the next tick: there is nothing to show yet
        self._holds = True
        queues = self._queues
        self._take_seats(seats, instruments)
        self._rota.over_from(before)
        for name, queue in queues.items():
            if name in self._queues:
                self._queues[name].extend(each for each in queue if each.question in self._rota)
        for question, task in self._out.items():
            if question not in self._rota:
                task.cancel()
        self._arrived = [
            each for each in self._arrived if Question(each.agent, each.instrument) in self._rota
        ]

    async def close(self) -> None:
        """Take back every question that is out."""
        tasks = list(self._out.values())
        for queue in self._queues.values():
            queue.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _take_seats(self, seats: Sequence[Seat], instruments: Sequence[InstrumentId]) -> None:
        self._seats = {seat.name: seat for seat in seats}
        self._rota = Rota(seats, instruments)
        self._queues = {name: deque() for name in self._seats}
        self._load = Counter(question.agent for question in self._out)
        self._panel = Panel(
            [seat.agent for seat in seats],
            timeouts_s={seat.name: seat.timeout_s for seat in seats},
            metrics=self._metrics,
            quote=self._quote,
        )

    def _hush(self, ts: int, states: Mapping[str, AgentState]) -> None:
        before, self._hushed = self._hushed, set()
        if not states:
            return
        for question in self._rota:
            state = states.get(question.agent)
            reason = None if state is None else objection(state, question.instrument)
            if reason is None:
                continue
            self._hushed.add(question)
            if question not in before:
                name, instrument = question
                self._arrived.append(
                    Abstention(agent=name, instrument=instrument, as_of=ts, reason=reason)
                )
        if self._hushed:
            for name, queue in self._queues.items():
                kept = (each for each in queue if each.question not in self._hushed)
                self._queues[name] = deque(kept)

    def _fill_slots(self) -> None:
        while len(self._out) < self._most and not self._holds:
            crowded = [name for name, queue in self._queues.items() if queue]
            if not crowded:
                return
            name = min(crowded, key=lambda each: self._load[each])
            waiting = self._queues[name].popleft()
            self._load[name] += 1
            self._rota.asked(waiting.question, self._now)
            call = self._call(self._seats[name], waiting, self._panel, self._now)
            task = asyncio.get_running_loop().create_task(call)
            self._out[waiting.question] = task
            task.add_done_callback(self._note_failure)

    async def _call(self, seat: Seat, waiting: _Waiting, panel: Panel, ts: int) -> None:
        loop = asyncio.get_running_loop()
        question, began = waiting.question, loop.time()
        self._metrics.observe(QUEUED, seat.name, began - waiting.since)
        try:
            answer = seat.lasting(await panel.answer(seat.name, question.instrument, ts))
            if question in self._rota:
                self._arrived.append(answer)
            done = loop.time()
            if done - waiting.since > self._wait_s >= done - began:
                self._metrics.count(QUEUE_LATE, seat.name)
        finally:
            del self._out[question]
            self._load[seat.name] -= 1
            self._due.discard(question)
            self._fill_slots()
            if not self._due:
                self._all_heard.set()

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        # a mistake of ours, for agents' own are answers: it must not go by unheard
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failure = self._failure or failure
            self._all_heard.set()
