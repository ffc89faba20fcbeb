"""Budgets hold over whatever order calls begin, end and are given up in."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.llm.budget import Budgeted, Limits, Purse, Reservation
from tutti.agents.llm.port import Answer, Call
from tutti.kernel.clock import HOUR, SimulatedClock
from tutti.model.errors import BudgetSpent

PRICE = Decimal("0.0000025")

Act = tuple[str, int]
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "settle", "keep", "give up", "wait"]),
        st.integers(0, 500),
    ),
    max_size=120,
)


@given(
    acts=ACTS,
    hour=st.none() | st.integers(0, 2_000),
    day=st.none() | st.integers(0, 5_000),
    usd=st.none() | st.decimals(0, Decimal("0.01"), places=6),
)
def test_spent_and_reserved_never_exceed_a_limit_and_add_up(
    acts: list[Act], hour: int | None, day: int | None, usd: Decimal | None
) -> None:
    asyncio.run(_lived_through(acts, hour, day, usd))


async def _lived_through(  # noqa: C901 - one branch for each act
    acts: list[Act], hour: int | None, day: int | None, usd: Decimal | None
) -> None:
    clock = SimulatedClock(17 * HOUR)
    limits = Limits(tokens_per_hour=hour, tokens_per_day=day, usd_per_day=usd)
    purse = Purse("a", limits, clock=clock)
    held: list[Reservation] = []
    taken: list[tuple[int, int]] = []
    waiting: list[asyncio.Task[None]] = []

    async def reserve(n: int) -> None:
        with contextlib.suppress(BudgetSpent):
            held.append(await purse.reserve(n, PRICE * n))

    for act, n in acts:
        if act == "reserve":
            waiting.append(asyncio.get_running_loop().create_task(reserve(n)))
        elif act == "settle" and held:
            each = held.pop(n % len(held))
            used = n % (each.tokens + 1)
            purse.settle(each, used, PRICE * used)
            taken.append((each.ts, used))
        elif act == "keep" and held:
            each = held.pop(n % len(held))
            purse.keep(each)
            taken.append((each.ts, each.tokens))
        elif act == "give up" and waiting:
            waiting.pop(n % len(waiting)).cancel()
        elif act == "wait":
            clock.advance_to(clock.now() + n * HOUR // 100)
        for _ in range(3):
            await asyncio.sleep(0)
        spent = purse.spent()
        for (tokens, money), most, most_usd in (
            (spent["hour"], hour, None),
            (spent["day"], day, usd),
        ):
            assert tokens >= 0
            assert money >= 0
            assert most is None or tokens <= most
            assert most_usd is None or money <= most_usd
    # whoever still waits waits for somebody: when all has ended nobody does
    while held:
        each = held.pop()
        purse.settle(each, 0, Decimal(0))
        taken.append((each.ts, 0))
        for _ in range(len(waiting) + 5):
            await asyncio.sleep(0)
    assert all(task.done() for task in waiting)
    start = clock.now() - clock.now() % HOUR
    assert purse.spent()["hour"][0] == sum(n for ts, n in taken if ts >= start)


async def test_ten_thousand_concurrent_calls_never_overspend_by_one() -> None:
    random = np.random.default_rng(5)
    delays = iter(random.random(20_000) * 0.02)
    call = Call(agent="a", as_of=0, model="p:m", system="", user="u" * 100, max_output_tokens=40)
    limit = 60_000
    billed: list[int] = []

    class Provider:
        async def answer(self, call: Call) -> Answer:
            await asyncio.sleep(next(delays))
            used = int(random.integers(10, 205))
            billed.append(used)
            return Answer(
                call=call.key,
                text="x",
                model=call.model,
                input_tokens=used,
                output_tokens=0,
                cost_usd=PRICE * used,
                latency=0,
            )

    purse = Purse(
        "a",
        Limits(tokens_per_day=limit, usd_per_day=PRICE * limit),
        clock=SimulatedClock(),
    )
    asked = Budgeted(Provider(), purse, lambda _, made, given: PRICE * (made + given))
    refused = 0

    async def one() -> None:
        nonlocal refused
        await asyncio.sleep(float(random.random()) * 0.2)
        try:
            await asked.answer(call)
        except BudgetSpent:
            refused += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(10_000):
            group.create_task(one())
    assert len(billed) + refused == 10_000
    assert sum(billed) == purse.spent()["day"][0] <= limit
    # nor is it miserly: who goes on asking gets all but what a call might take
    while refused < 10_000:
        try:
            await asked.answer(call)
        except BudgetSpent:
            break
    assert 0 <= limit - sum(billed) < 204
