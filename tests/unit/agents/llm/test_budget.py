"""Budgets: nothing is asked that could cost more than is left."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tutti.agents.llm.budget import Budgeted, Limits, Purse
from tutti.agents.llm.counting import OVERHEAD, about, at_most
from tutti.agents.llm.port import Answer, Call, Declined, Unanswered
from tutti.kernel.clock import DAY, HOUR, SimulatedClock
from tutti.model.errors import BudgetSpent, ModelBusy, ModelDown, ModelRefused
from tutti.testing.models import ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL = Call(agent="news", as_of=0, model="p:m", system="s" * 400, user="u" * 600, schema="{}")
MOST = 1002 + OVERHEAD + 400
PRICE = Decimal("0.000001")


def price(model: str, given: int, made: int) -> Decimal | None:
    del model
    return PRICE * (given + made)


class Book:
    """Charges in memory."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, int, Decimal]] = []
        self.n_others = 0

    @contextmanager
    def alone(self) -> Iterator[int]:
        yield self.n_others

    def charge(self, agent: str, ts: int, tokens: int, usd: Decimal) -> None:
        self.rows.append((agent, ts, tokens, usd))

    def charged(self, agent: str, since: int) -> tuple[int, Decimal]:
        rows = [row for row in self.rows if row[0] == agent and row[1] >= since]
        return sum(row[2] for row in rows), sum((row[3] for row in rows), Decimal(0))


def answer(given: int, made: int) -> Answer:
    return Answer(
        call=CALL.key,
        text="x",
        model="p:m",
        input_tokens=given,
        output_tokens=made,
        cost_usd=PRICE * (given + made),
        latency=0,
    )


def test_call_can_take_no_more_tokens_than_it_has_bytes() -> None:
    umlauts = Call(agent="a", as_of=0, model="m", system="ä", user="日本", schema="")
    assert at_most(umlauts) == 2 + 6 + OVERHEAD
    assert at_most(CALL) == 1002 + OVERHEAD
    assert about(CALL) == 251 + OVERHEAD // 4


async def test_what_a_call_took_stands_in_place_of_what_was_reserved() -> None:
    purse = Purse("news", Limits(tokens_per_hour=MOST), clock=SimulatedClock())
    model = ScriptedModel([answer(300, 50)])
    await Budgeted(model, purse, price).answer(CALL)
    assert purse.spent()["hour"] == (350, PRICE * 350)
    with pytest.raises(
        BudgetSpent, match=r"left of the 1,466 tokens of this hour.* 1970-01-01T01:00"
    ):
        await Budgeted(model, purse, price).answer(CALL)
    assert len(model.calls) == 1


class Gated:
    """A model that answers when it is told to."""

    def __init__(self, used: int) -> None:
        self.gate = asyncio.Event()
        self.used, self.n_asked = used, 0

    async def answer(self, call: Call) -> Answer:
        self.n_asked += 1
        await self.gate.wait()
        return answer(self.used, 0)


async def _turns(n: int = 20) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def test_call_waits_for_those_in_flight_where_it_may_fit_after_them() -> None:
    purse = Purse("news", Limits(tokens_per_day=2 * MOST), clock=SimulatedClock())
    model = Gated(used=2)
    asked = Budgeted(model, purse, price)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asked.answer(CALL)) for _ in range(5)]
        await _turns()
        assert model.n_asked == 2
        model.gate.set()
    assert [task.result().text for task in tasks] == ["x"] * 5
    assert purse.spent()["day"][0] == 10


async def test_who_waited_is_refused_once_nothing_may_be_left() -> None:
    purse = Purse("news", Limits(tokens_per_day=2 * MOST), clock=SimulatedClock())
    model = Gated(used=MOST)
    asked = Budgeted(model, purse, price)
    said: list[str] = []

    async def ask() -> None:
        try:
            said.append((await asked.answer(CALL)).text)
        except BudgetSpent:
            said.append("spent")

    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(ask())
        await _turns()
        model.gate.set()
    assert sorted(said) == ["spent"] * 4 + ["x"] * 2


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    purse = Purse("news", Limits(tokens_per_day=MOST + 2), clock=SimulatedClock())
    model = Gated(used=2)
    asked = Budgeted(model, purse, price)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(asked.answer(CALL))
        await _turns()
        gone = [group.create_task(asked.answer(CALL)) for _ in range(2)]
        last = group.create_task(asked.answer(CALL))
        await _turns()
        gone[0].cancel()
        await _turns()
        model.gate.set()
        await first
        # it was woken, and is cancelled before it could run
        gone[1].cancel()
        assert (await last).text == "x"
    assert [task.cancelled() for task in gone] == [True, True]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (
            Limits(usd_per_hour=Decimal("0.001")),
            "a single call may take more than the 0.001 USD of a whole hour",
        ),
        (Limits(usd_per_day=Decimal("0.0014659")), "the 0.001466 USD of a whole day; raise it"),
    ],
)
async def test_money_is_limited_like_tokens(limits: Limits, words: str) -> None:
    purse = Purse("news", limits, clock=SimulatedClock())
    with pytest.raises(BudgetSpent, match=words):
        await Budgeted(ScriptedModel(["x"]), purse, price).answer(CALL)


async def test_money_limit_without_a_price_spends_nothing() -> None:
    purse = Purse("news", Limits(usd_per_day=Decimal(100)), clock=SimulatedClock())
    model = ScriptedModel(["x"])
    with pytest.raises(BudgetSpent, match="price of p:m is not known"):
        await Budgeted(model, purse, lambda *_: None).answer(CALL)
    assert model.calls == []
    tokens_only = Purse("news", Limits(tokens_per_day=10_000), clock=SimulatedClock())
    assert (await Budgeted(model, tokens_only, lambda *_: None).answer(CALL)).text == "x"


@pytest.mark.parametrize(
    ("error", "spent"),
    [
        (ModelBusy("busy", retry_after_s=1), 0),
        (ModelDown("503"), 0),
        (ModelRefused("401"), 0),
        (Declined("no", input_tokens=200, output_tokens=9, cost_usd=PRICE * 209), 209),
        (Unanswered("dropped"), MOST),
        (RuntimeError("a fault of ours"), MOST),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_failure_takes_what_a_provider_may_charge_for_it(
    error: Exception, spent: int
) -> None:
    purse = Purse("news", Limits(tokens_per_day=10_000), clock=SimulatedClock())
    with pytest.raises(type(error)):
        await Budgeted(ScriptedModel([error]), purse, price).answer(CALL)
    assert purse.spent()["day"] == (spent, PRICE * spent)


async def test_call_that_nobody_waited_for_counts_as_all_it_could_take() -> None:
    purse = Purse("news", Limits(tokens_per_day=10_000), clock=SimulatedClock())

    class Hanging:
        async def answer(self, call: Call) -> Answer:
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Budgeted(Hanging(), purse, price).answer(CALL)
    assert purse.spent()["day"][0] == MOST


async def test_budget_is_renewed_on_the_hour_and_at_midnight() -> None:
    clock = SimulatedClock(5 * DAY + 23 * HOUR + HOUR // 2)
    purse = Purse("news", Limits(tokens_per_hour=10, tokens_per_day=15), clock=clock)
    purse.keep(await purse.reserve(10, Decimal(0)))
    with pytest.raises(BudgetSpent, match="this hour"):
        await purse.reserve(1, Decimal(0))
    clock.advance_to(6 * DAY)
    purse.keep(await purse.reserve(10, Decimal(0)))
    clock.advance_to(6 * DAY + HOUR)
    with pytest.raises(BudgetSpent, match="too little is left of the 15 tokens of this day"):
        await purse.reserve(10, Decimal(0))
    assert purse.spent() == {"hour": (0, Decimal(0)), "day": (10, Decimal(0))}


async def test_what_is_settled_after_its_hour_gives_the_next_one_nothing() -> None:
    clock = SimulatedClock(HOUR - 1)
    purse = Purse("news", Limits(tokens_per_hour=10), clock=clock)
    held = await purse.reserve(10, Decimal(0))
    clock.advance_to(HOUR)
    purse.keep(await purse.reserve(10, Decimal(0)))
    purse.settle(held, 1, Decimal(0))
    with pytest.raises(BudgetSpent):
        await purse.reserve(1, Decimal(0))


async def test_restart_remembers_what_was_spent_and_what_was_in_flight() -> None:
    clock, book = SimulatedClock(DAY + HOUR), Book()
    limits = Limits(tokens_per_hour=100, tokens_per_day=150)
    before = Purse("news", limits, clock=clock, charges=book)
    before.settle(await before.reserve(50, Decimal(0)), 30, Decimal(0))
    await before.reserve(40, Decimal(0))
    after = Purse("news", limits, clock=clock, charges=book)
    other = Purse("social", limits, clock=clock, charges=book)
    assert after.spent() == {"hour": (70, Decimal(0)), "day": (70, Decimal(0))}
    assert other.spent()["day"] == (0, Decimal(0))
    clock.advance_to(DAY + 2 * HOUR)
    assert Purse("news", limits, clock=clock, charges=book).spent()["hour"] == (0, Decimal(0))


def test_limits_know_what_they_limit() -> None:
    assert not Limits().any
    assert Limits(tokens_per_hour=0).of_tokens
    assert Limits(usd_per_hour=Decimal(0)).of_usd
    assert Limits(usd_per_day=Decimal(1)).any


@pytest.mark.parametrize(
    "line", [answer(0, 0), Declined("no", input_tokens=0, output_tokens=0, cost_usd=Decimal(0))]
)
async def test_answer_that_does_not_say_what_it_took_took_all_that_it_could(
    line: Answer | Declined,
) -> None:
    purse = Purse("news", Limits(usd_per_day=PRICE * MOST), clock=SimulatedClock(), charges=Book())
    budgeted = Budgeted(ScriptedModel([line]), purse, price)
    with suppress(Declined):
        await budgeted.answer(CALL)
    assert purse.spent()["day"] == (MOST, PRICE * MOST)
    with pytest.raises(BudgetSpent):
        await budgeted.answer(CALL)


async def test_limits_that_change_leave_what_was_spent_and_is_reserved() -> None:
    purse = Purse("news", Limits(tokens_per_hour=MOST), clock=SimulatedClock())
    held = await purse.reserve(MOST, Decimal(0))
    waiting = asyncio.ensure_future(purse.reserve(400, Decimal(0)))
    await asyncio.sleep(0)
    purse.limit(Limits(tokens_per_hour=MOST + 400, tokens_per_day=MOST + 400))
    await waiting
    with pytest.raises(BudgetSpent, match="whole hour"):
        await purse.reserve(MOST + 401, Decimal(0))
    purse.settle(held, 100, Decimal(0))
    assert purse.spent()["hour"] == (500, Decimal(0))
    assert purse.limits.tokens_per_day == MOST + 400


async def test_what_another_process_spends_of_the_budget_counts() -> None:
    book = Book()
    purse = Purse("news", Limits(tokens_per_day=1000), clock=SimulatedClock(), charges=book)
    held = await purse.reserve(400, Decimal(0))
    book.charge("news", 0, 500, Decimal(0))
    book.n_others += 1
    with pytest.raises(BudgetSpent):
        await purse.reserve(601, Decimal(0))
    purse.settle(held, 100, Decimal(0))
    assert purse.spent()["day"] == (600, Decimal(0))
    await purse.reserve(400, Decimal(0))
