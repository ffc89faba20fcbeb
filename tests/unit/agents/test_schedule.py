"""Agents that have to be awaited: asked when due, a few at a time, never waited for too long."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tutti.agents.schedule import AwaitedAgents, Question, Rota, Seat
from tutti.agents.state import AgentState
from tutti.kernel.clock import SECOND
from tutti.model.instrument import InstrumentId
from tutti.model.market import Snapshot
from tutti.model.opinion import Abstention, Opinion

BTC, ETH = InstrumentId("BTC-USDT", "SIM"), InstrumentId("ETH-USDT", "SIM")
BOTH = (BTC, ETH)


class Pundit:
    """Says the same of everything, after a while."""

    def __init__(
        self, name: str = "pundit", takes_s: float = 0.0, *, stubborn: bool = False
    ) -> None:
        self.name = name
        self.asked: list[tuple[InstrumentId, int]] = []
        self.most = 0
        self._out = 0
        self._takes_s = takes_s
        self._stubborn = stubborn

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return Snapshot(instrument=instrument, as_of=ts, close=1.0, features={})

    async def infer(self, context: Snapshot) -> Opinion:
        self.asked.append((context.instrument, context.as_of))
        self._out += 1
        self.most = max(self.most, self._out)
        try:
            await asyncio.sleep(self._takes_s)
        except asyncio.CancelledError:
            if not self._stubborn:
                raise
        finally:
            self._out -= 1
        return Opinion(
            agent=self.name, instrument=context.instrument, bias=0.5, confidence=0.8,
            as_of=context.as_of, rationale="as always",
        )  # fmt: skip


class Tally:
    def __init__(self) -> None:
        self.counted: Counter[tuple[str, str]] = Counter()
        self.seconds: dict[tuple[str, str], list[float]] = {}

    def count(self, metric: str, agent_name: str) -> None:
        self.counted[metric, agent_name] += 1

    def observe(self, metric: str, agent_name: str, seconds: float) -> None:
        self.seconds.setdefault((metric, agent_name), []).append(seconds)


def _awaited(
    *seats: Seat,
    instruments: tuple[InstrumentId, ...] = BOTH,
    wait_s: float = 1.0,
    max_in_flight: int = 64,
    metrics: Tally | None = None,
) -> AwaitedAgents:
    return AwaitedAgents(
        seats, instruments, wait_s=wait_s, max_in_flight=max_in_flight, metrics=metrics
    )


async def _said(awaited: AwaitedAgents, ts: int) -> list[Opinion | Abstention]:
    await awaited.ask(ts)
    return awaited.take()


async def test_agent_is_asked_about_every_instrument_at_its_own_pace() -> None:
    pundit = Pundit()
    awaited = _awaited(Seat(agent=pundit, cadence=10 * SECOND))
    for ts in (0, 5 * SECOND, 10 * SECOND):
        await awaited.ask(ts)
    assert pundit.asked == [(BTC, 0), (ETH, 0), (BTC, 10 * SECOND), (ETH, 10 * SECOND)]
    assert len(awaited.take()) == 4
    assert awaited.take() == []


async def test_agent_without_a_cadence_is_asked_at_every_tick_about_its_own_instruments() -> None:
    pundit = Pundit()
    awaited = _awaited(Seat(agent=pundit, instruments=frozenset({ETH})))
    for ts in (1, 2):
        await awaited.ask(ts)
    assert pundit.asked == [(ETH, 1), (ETH, 2)]


async def test_opinion_lives_as_long_as_it_says_or_is_set_or_until_the_next_question() -> None:
    async def lives(seat: Seat) -> int:
        answer, _ = await _said(_awaited(seat), 0)
        assert isinstance(answer, Opinion)
        return answer.time_to_live

    assert await lives(Seat(agent=Pundit(), cadence=7)) == 7
    assert await lives(Seat(agent=Pundit(), cadence=7, time_to_live=9)) == 9
    assert await lives(Seat(agent=Pundit())) == 0


async def test_tick_with_one_agent_ten_seconds_late_is_decided_within_its_timeout() -> None:
    tally = Tally()
    awaited = _awaited(
        Seat(agent=Pundit("quick"), timeout_s=0.1),
        Seat(agent=Pundit("late", takes_s=10.0), timeout_s=0.1),
        instruments=(BTC,),
        metrics=tally,
    )
    took = []
    # the best of three, for the machine may be busy with something else
    for ts in range(3):
        began = asyncio.get_running_loop().time()
        quick, late = await _said(awaited, ts)
        took.append(asyncio.get_running_loop().time() - began)
        assert isinstance(quick, Opinion)
        assert late == Abstention(
            agent="late", instrument=BTC, as_of=ts, reason="no answer in 0.1 s"
        )
    assert 0.1 <= min(took) < 0.15
    assert tally.counted["agent_timeout_total", "late"] == 3
    assert tally.counted["agent_calls_total", "late"] == 3
    assert tally.counted["agent_success_total", "late"] == 0
    assert tally.counted["agent_success_total", "quick"] == 3


async def test_agent_that_swallows_its_cancellation_is_late_all_the_same() -> None:
    awaited = _awaited(
        Seat(agent=Pundit(takes_s=5.0, stubborn=True), timeout_s=0.05), instruments=(BTC,)
    )
    (late,) = await _said(awaited, 0)
    assert isinstance(late, Abstention)


async def test_answer_that_misses_its_tick_counts_from_the_next_on() -> None:
    pundit = Pundit(takes_s=0.1)
    awaited = _awaited(Seat(agent=pundit, cadence=100), instruments=(BTC,), wait_s=0.01)
    assert await _said(awaited, 0) == []
    assert awaited.in_flight == 1
    assert await _said(awaited, 1) == []  # it is out already: nobody asks twice, nobody waits
    await asyncio.sleep(0.15)
    (answer,) = await _said(awaited, 2)
    assert answer.as_of == 0
    assert pundit.asked == [(BTC, 0)]


async def test_no_more_questions_are_out_than_there_are_slots() -> None:
    pundit, tally = Pundit(takes_s=0.01), Tally()
    many = tuple(InstrumentId(f"C{k}-USDT", "SIM") for k in range(20))
    awaited = _awaited(
        Seat(agent=pundit, cadence=100, timeout_s=0.05),
        instruments=many, max_in_flight=4, metrics=tally,
    )  # fmt: skip
    answers = await _said(awaited, 0)
    assert pundit.most == 4
    # the fifth round waited for as long as a timeout, and nobody was late
    assert len(answers) == 20
    assert all(isinstance(each, Opinion) for each in answers)
    assert max(tally.seconds["agent_queue_seconds", "pundit"]) >= 0.03


async def test_crowd_of_instruments_spreads_over_the_cadence_and_none_starves() -> None:
    pundit, tally = Pundit(takes_s=0.02), Tally()
    many = tuple(InstrumentId(f"C{k}-USDT", "SIM") for k in range(30))
    awaited = _awaited(
        Seat(agent=pundit, cadence=6), instruments=many, max_in_flight=5, wait_s=0.025,
        metrics=tally,
    )  # fmt: skip
    answered: list[int] = []
    for ts in range(24):
        began = asyncio.get_running_loop().time()
        answered.append(len(await _said(awaited, ts)))
        assert asyncio.get_running_loop().time() - began < 0.1
        await asyncio.sleep(0.01)
    times = Counter(instrument for instrument, _ in pundit.asked)
    assert set(times) == set(many)
    assert max(times.values()) - min(times.values()) <= 1
    assert max(answered) < 15
    assert tally.counted["agent_queue_late_total", "pundit"] > 0
    await awaited.close()


async def test_agent_with_few_questions_out_is_not_held_up_by_one_with_many() -> None:
    slow, quick = Pundit("slow", takes_s=0.1), Pundit("quick")
    many = tuple(InstrumentId(f"C{k}-USDT", "SIM") for k in range(12))
    awaited = _awaited(
        Seat(agent=slow, cadence=100),
        Seat(agent=quick, cadence=100),
        instruments=many, max_in_flight=4, wait_s=0.02,
    )  # fmt: skip
    said = await _said(awaited, 0)
    assert [each.agent for each in said] == ["quick"] * 12
    await awaited.close()
    assert awaited.in_flight == 0
    assert len(slow.asked) == 4


async def test_other_agents_and_instruments_leave_what_is_out_as_it_is() -> None:
    stays, goes, comes = Pundit("stays", takes_s=0.05), Pundit("goes", takes_s=0.05), Pundit("new")
    awaited = _awaited(Seat(agent=stays, cadence=100), Seat(agent=goes, cadence=100), wait_s=0.0)
    await awaited.ask(0)
    assert awaited.in_flight == 4
    awaited.over_to([Seat(agent=stays, cadence=100), Seat(agent=comes, cadence=100)], [BTC])
    await awaited.ask(1)
    await asyncio.sleep(0.1)
    said = {(each.agent, each.instrument, each.as_of) for each in await _said(awaited, 2)}
    assert said == {("stays", BTC, 0), ("new", BTC, 1)}
    assert stays.asked == [(BTC, 0), (ETH, 0)]


async def test_agent_that_may_not_speak_is_not_asked_and_says_so_once_until_it_may() -> None:
    pundit, other = Pundit(), Pundit("other")
    awaited = _awaited(Seat(agent=pundit, cadence=2), Seat(agent=other, cadence=2))
    breached = {"pundit": AgentState(name="pundit", daily_loss_breached=True)}
    await awaited.ask(0)
    awaited.take()
    said = []
    for ts in (1, 2, 3):
        await awaited.ask(ts, breached)
        said += [each for each in awaited.take() if each.agent == "pundit"]
    why = "its daily loss limit is breached; it may speak again tomorrow (UTC)"
    assert said == [
        Abstention(agent="pundit", instrument=each, as_of=1, reason=why) for each in BOTH
    ]
    # it was due while it might not speak, and is asked as soon as it may
    await awaited.ask(4)
    assert [ts for _, ts in pundit.asked] == [0, 0, 4, 4]
    assert [ts for _, ts in other.asked] == [0, 0, 2, 2, 4, 4]


async def test_question_that_waits_for_a_slot_is_not_asked_of_whom_may_not_speak() -> None:
    slow, pundit = Pundit("slow", takes_s=0.05), Pundit()
    awaited = _awaited(
        Seat(agent=slow, instruments=frozenset({BTC}), timeout_s=90.0), Seat(agent=pundit),
        wait_s=0.0, max_in_flight=1,
    )  # fmt: skip
    await awaited.ask(0)
    assert awaited.in_flight == 1
    await awaited.ask(1, {"pundit": AgentState(name="pundit", daily_loss_breached=True)})
    while awaited.in_flight:  # noqa: ASYNC110 - whoever asks is told at the next tick only
        await asyncio.sleep(0.01)
    assert (slow.asked, pundit.asked) == ([(BTC, 0)], [])
    await awaited.close()


async def test_what_was_asked_before_a_restart_is_due_a_cadence_later() -> None:
    pundit = Pundit()
    awaited = _awaited(Seat(agent=pundit, cadence=10), instruments=(BTC,))
    told = Opinion(
        agent="pundit", instrument=BTC, bias=0.1, confidence=0.1, as_of=95, rationale="before"
    )
    awaited.resume([told])
    for ts in (100, 105):
        await awaited.ask(ts)
    assert pundit.asked == [(BTC, 105)]


def test_rota_asks_first_for_what_has_waited_longest() -> None:
    rota = Rota([Seat(agent=Pundit(), cadence=10)], BOTH)
    assert rota.next_due is not None
    rota.asked(Question("pundit", BTC), 3)
    rota.asked(Question("pundit", ETH), 1)
    assert rota.next_due == 11
    assert list(rota.due(10)) == []
    assert [each.instrument for each in rota.due(13)] == [ETH, BTC]
    assert Rota([], BOTH).next_due is None


async def test_mistake_of_ours_is_not_swallowed() -> None:
    class Counting(Tally):
        def observe(self, metric: str, agent_name: str, seconds: float) -> None:
            if metric == "agent_queue_seconds":
                raise RuntimeError("a mistake of ours")

    awaited = _awaited(Seat(agent=Pundit()), instruments=(BTC,), metrics=Counting())
    for ts in range(2):
        with pytest.raises(RuntimeError, match="a mistake of ours"):
            await awaited.ask(ts)


def test_agent_that_follows_bars_is_due_as_they_close() -> None:
    rota = Rota([Seat(agent=Pundit(), cadence=10 * SECOND, aligned=True)], [BTC])
    question = Question("pundit", BTC)
    rota.asked(question, 7 * SECOND)
    assert rota.next_due == 10 * SECOND
    assert list(rota.due(9 * SECOND)) == []
    assert list(rota.due(12 * SECOND)) == [question]
    rota.asked(question, 12 * SECOND)
    assert rota.next_due == 20 * SECOND
