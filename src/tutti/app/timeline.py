"""Opinions for a backtest: everybody who would have been due is asked ahead, tick by tick.

What agents are told depends on the market, texts, readings and memory as of a tick, never on the
account. So a pass over the bars asks all questions, many at a time, and the tiers then run on what
was said. In it time is the market's: an answer that took as long as ``panel.wait_s`` or less counts
at the tick it was asked at, a later one from the first tick on that is known that much later, and
one that took longer than the agent's timeout is an abstention. How long it took is what is on
record of the language model; an agent that asks none answers at once.

Nor does it know what an agent is going to lose: one whose loss of a day would keep it from being
asked in a running account is asked all the same. It leads no entry in either.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.agents.panel import Panel, no_answer_in
from tutti.agents.schedule import Question, Rota
from tutti.agents.timeline import Heard, OpinionTimeline
from tutti.kernel.clock import SECOND
from tutti.model.opinion import Abstention

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from tutti.agents.llm.port import Answer, Call, LanguageModel
    from tutti.agents.panel import AgentMetrics, Quote
    from tutti.agents.schedule import Seat
    from tutti.app.settings import PanelSettings
    from tutti.app.snapshots import Snapshots
    from tutti.features.block import FeatureBlock
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import IntArray, MarketBlock
    from tutti.model.opinion import Opinion

    Progress = Callable[[int, int, str], None]

_CELLS = 65_536
"""Symbol-bars whose features are worked out in one go."""

_taken: ContextVar[list[int]] = ContextVar("taken")
"""Latencies of the answers to the question that a task is about, ns."""


class Timed:
    """Language model that notes how long each answer took, for the question it belongs to."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    async def answer(self, call: Call) -> Answer:
        """Return the model's answer."""
        answer = await self._model.answer(call)
        if (taken := _taken.get(None)) is not None:
            taken.append(answer.latency)
        return answer


class Asked(NamedTuple):
    """A question, and the tick that it is asked at (ns UTC)."""

    question: Question
    ts: int


def questions(
    seats: Sequence[Seat], instruments: Sequence[InstrumentId], known_at: IntArray
) -> Iterator[Asked]:
    """Yield whatever falls due over the ticks ``known_at`` (ns UTC, rising), in order."""
    rota = Rota(seats, instruments)
    begin = 0
    while (due := rota.next_due) is not None:
        begin += int(np.searchsorted(known_at[begin:], due))
        if begin >= len(known_at):
            return
        ts = int(known_at[begin])
        for question in rota.due(ts):
            rota.asked(question, ts)
            yield Asked(question, ts)
        begin += 1


async def ask_ahead(  # noqa: PLR0913 - what asking takes
    seats: Sequence[Seat],
    about: Sequence[InstrumentId],
    block: MarketBlock,
    features: Callable[[MarketBlock], FeatureBlock],
    snapshots: Snapshots,
    settings: PanelSettings,
    progress: Progress,
    *,
    metrics: AgentMetrics | None = None,
    quote: Quote | None = None,
) -> OpinionTimeline:
    """Ask everybody who falls due over a block of bars, and return what they say.

    Parameters
    ----------
    about : sequence of InstrumentId
        What is asked about.
    features : callable
        Returns the features of the next ticks, asked for once each, in order.
    snapshots : Snapshots
        Entered chunk by chunk.
    settings : PanelSettings
        How long a tick waits, and how many questions are out at once.
    progress : callable
        Told (questions answered, in all, what is being done).
    quote : callable, optional
        See `tutti.agents.panel.Panel`.
    """
    panel = Panel(
        [seat.agent for seat in seats],
        timeouts_s={seat.name: seat.timeout_s for seat in seats},
        metrics=metrics,
        quote=quote,
    )
    places = {seat.name: seat for seat in seats}
    asked = list(questions(seats, about, block.known_at))
    answers: list[Opinion | Abstention | None] = [None] * len(asked)
    latencies = [0] * len(asked)

    async def answer(k: int) -> None:
        (name, instrument), ts = asked[k]
        taken: list[int] = []
        _taken.set(taken)
        seat = places[name]
        found = seat.lasting(await panel.answer(name, instrument, ts))
        timeout = round(seat.timeout_s * SECOND)
        latency, late = sum(taken), no_answer_in(seat.timeout_s)
        is_late = isinstance(found, Abstention) and found.reason == late
        if latency > timeout or is_late:
            latency = timeout
            found = Abstention(agent=name, instrument=instrument, as_of=ts, reason=late)
        answers[k], latencies[k] = found, latency

    done = 0
    for chunk in _chunks(block):
        snapshots.enter(chunk, features(chunk))
        last = int(chunk.known_at[-1])
        stop = done
        while stop < len(asked) and asked[stop].ts <= last:
            stop += 1
        now = range(done, stop)
        await _a_few_at_a_time(answer, now, settings.max_in_flight, progress, len(asked))
        done = stop
    wait = round(settings.wait_s * SECOND)
    heard = []
    for found, latency, (_, ts) in zip(answers, latencies, asked, strict=True):
        t = int(np.searchsorted(block.known_at, ts + latency if latency > wait else ts))
        # after the last tick nobody is left to hear it
        if found is not None and t < len(block):
            heard.append(Heard(int(block.known_at[t]), found))
    return OpinionTimeline([seat.name for seat in seats], block.instruments, heard)


async def _a_few_at_a_time(
    act: Callable[[int], Awaitable[None]], ks: range, most: int, progress: Progress, total: int
) -> None:
    rest = iter(ks)
    done = ks.start

    async def work() -> None:
        nonlocal done
        for k in rest:
            await act(k)
            done += 1
            progress(done, total, "asking")

    async with asyncio.TaskGroup() as group:
        for _ in range(min(most, len(ks))):
            group.create_task(work())


def _chunks(block: MarketBlock) -> Iterator[MarketBlock]:
    length = max(1, _CELLS // max(1, len(block.instruments)))
    for start in range(0, len(block), length):
        yield block.rows(start, min(start + length, len(block)))
