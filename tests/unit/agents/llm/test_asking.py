"""Retries, fallbacks, the circuit breaker, counts, and models that are not there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from tutti.agents.llm.breaker import Breaker, BreakerState
from tutti.agents.llm.fallback import Fallback
from tutti.agents.llm.metered import Metered, NoModelMetrics
from tutti.agents.llm.port import Answer, Call, Declined, Unanswered
from tutti.agents.llm.retrying import Retrying
from tutti.agents.llm.silent import SilentAgent, SilentModel, no_model
from tutti.kernel.clock import SECOND, SimulatedClock
from tutti.kernel.retry import Backoff
from tutti.model.errors import (
    AgentError,
    BudgetSpent,
    LedgerError,
    ModelBusy,
    ModelDown,
    ModelRefused,
    NotRecorded,
)
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention
from tutti.testing.models import ScriptedModel

CALL = Call(agent="news", as_of=0, model="p:m", system="s", user="u")
PAUSES = Backoff(first_s=0.5, factor=2, longest_s=4, jitter=0)


def retrying(
    model: ScriptedModel, clock: SimulatedClock, *, retries: int = 3, patience_s: float = 60
) -> Retrying:
    return Retrying(
        model,
        clock=clock,
        random=np.random.default_rng(0),
        retries=retries,
        patience_s=patience_s,
        backoff=PAUSES,
    )


# ---- retries ----


async def test_model_that_was_down_is_asked_again_after_growing_pauses() -> None:
    clock = SimulatedClock()
    model = ScriptedModel([ModelDown("503"), Unanswered("dropped"), "up"])
    assert (await retrying(model, clock).answer(CALL)).text == "up"
    assert clock.now() == round(1.5 * SECOND)


async def test_busy_model_is_given_the_time_it_asks_for() -> None:
    clock = SimulatedClock()
    model = ScriptedModel([ModelBusy("429", retry_after_s=7), "up"])
    assert (await retrying(model, clock).answer(CALL)).text == "up"
    assert clock.now() == 7 * SECOND


async def test_pause_that_would_end_too_late_is_not_begun() -> None:
    clock = SimulatedClock()
    model = ScriptedModel([ModelBusy("429", retry_after_s=7)])
    with pytest.raises(ModelBusy):
        await retrying(model, clock, patience_s=7).answer(CALL)
    assert (len(model.calls), clock.now()) == (1, 0)


@pytest.mark.parametrize("error", [ModelRefused("401"), BudgetSpent("spent"), NotRecorded("none")])
async def test_what_will_not_pass_is_not_asked_again(error: AgentError) -> None:
    model = ScriptedModel([error])
    with pytest.raises(type(error)):
        await retrying(model, SimulatedClock()).answer(CALL)
    assert len(model.calls) == 1


async def test_last_failure_is_told_when_no_retry_is_left() -> None:
    model = ScriptedModel([ModelDown("one"), ModelDown("two"), "never heard"])
    with pytest.raises(ModelDown, match="two"):
        await retrying(model, SimulatedClock(), retries=1).answer(CALL)
    with pytest.raises(ValueError, match="retries"):
        retrying(model, SimulatedClock(), retries=-1)


# ---- fallback ----


async def test_next_model_answers_for_the_call_that_was_asked() -> None:
    first, second = ScriptedModel([ModelRefused("no key")]), ScriptedModel(["up"])
    answer = await Fallback({"p:m": first, "q:n": second}).answer(CALL)
    assert (answer.text, answer.model, answer.call) == ("up", "q:n", CALL.key)
    assert (first.calls[0].model, second.calls[0].model) == ("p:m", "q:n")


async def test_all_models_failing_say_what_each_of_them_said() -> None:
    models = {
        "p:m": ScriptedModel([ModelRefused("no key")]),
        "q:n": ScriptedModel([ModelDown("x")]),
    }
    with pytest.raises(ModelDown, match=r"^p:m: no key; q:n: x$"):
        await Fallback(models).answer(CALL)


async def test_single_model_fails_in_its_own_words() -> None:
    with pytest.raises(ModelRefused, match=r"^no key$"):
        await Fallback({"p:m": ScriptedModel([ModelRefused("no key")])}).answer(CALL)
    with pytest.raises(ValueError, match="at least one"):
        Fallback({})


@pytest.mark.parametrize("error", [BudgetSpent("spent"), NotRecorded("none")])
async def test_spent_budget_and_missing_record_are_no_reason_to_ask_another(
    error: AgentError,
) -> None:
    second = ScriptedModel(["up"])
    with pytest.raises(type(error)):
        await Fallback({"p:m": ScriptedModel([error]), "q:n": second}).answer(CALL)
    assert second.calls == []


# ---- the breaker ----


async def test_breaker_opens_after_failures_in_a_row_and_tries_once_after_its_pause() -> None:
    clock = SimulatedClock()
    model = ScriptedModel(
        [
            ModelDown("a"),
            "up",
            ModelDown("b"),
            ModelBusy("c", retry_after_s=0),
            ModelDown("d"),
            "up",
        ]
    )
    breaker = Breaker(model, clock=clock, failures=2, pause_s=30)
    for error in (ModelDown, None, ModelDown, ModelBusy):
        if error is None:
            await breaker.answer(CALL)
        else:
            with pytest.raises(error):
                await breaker.answer(CALL)
    assert str(breaker.state) == "open"
    with pytest.raises(ModelDown, match=r"p:m is not asked until 1970-01-01T00:00:30.* last: c"):
        await breaker.answer(CALL)
    assert len(model.calls) == 4
    clock.advance_to(30 * SECOND)
    assert str(breaker.state) == "half_open"
    with pytest.raises(ModelDown, match="d"):
        await breaker.answer(CALL)
    assert str(breaker.state) == "open"
    clock.advance_to(60 * SECOND)
    assert (await breaker.answer(CALL)).text == "up"
    assert str(breaker.state) == "closed"


async def test_half_open_breaker_lets_one_call_through_at_a_time() -> None:
    clock = SimulatedClock()
    model = ScriptedModel([ModelDown("a"), "up"])
    breaker = Breaker(model, clock=clock, failures=1, pause_s=1)
    with pytest.raises(ModelDown):
        await breaker.answer(CALL)
    clock.advance_to(SECOND)
    said: list[str] = []

    async def ask() -> None:
        try:
            said.append((await breaker.answer(CALL)).text)
        except ModelDown:
            said.append("down")

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(ask())
    assert sorted(said) == ["down"] * 4 + ["up"]


async def test_call_nobody_waited_for_counts_and_a_refusal_does_not() -> None:
    clock = SimulatedClock()

    class Hanging:
        async def answer(self, call: Call) -> Answer:
            await asyncio.Event().wait()
            raise AssertionError

    breaker = Breaker(Hanging(), clock=clock, failures=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await breaker.answer(CALL)
    assert breaker.state is BreakerState.OPEN
    refusing = Breaker(ScriptedModel([ModelRefused("no")]), clock=clock, failures=1)
    with pytest.raises(ModelRefused):
        await refusing.answer(CALL)
    assert refusing.state is BreakerState.CLOSED
    with pytest.raises(ValueError, match="failures"):
        Breaker(Hanging(), clock=clock, failures=0)


@pytest.mark.parametrize("fault", [BudgetSpent("spent"), LedgerError("full"), ValueError("ours")])
async def test_fault_that_is_not_the_models_leaves_a_half_open_breaker_as_it_was(
    fault: Exception,
) -> None:
    clock = SimulatedClock()
    model = ScriptedModel([ModelDown("a"), fault, "up"])
    breaker = Breaker(model, clock=clock, failures=1, pause_s=1)
    with pytest.raises(ModelDown):
        await breaker.answer(CALL)
    clock.advance_to(SECOND)
    with pytest.raises(type(fault)):
        await breaker.answer(CALL)
    assert breaker.state is BreakerState.HALF_OPEN
    assert (await breaker.answer(CALL)).text == "up"


# ---- counts ----


async def test_answers_and_charged_refusals_are_counted() -> None:
    class Counted(NoModelMetrics):
        def __init__(self) -> None:
            self.seen: list[tuple[str, int, Decimal]] = []

        def used(self, agent_name: str, tokens: int, usd: Decimal) -> None:
            self.seen.append((agent_name, tokens, usd))

    metrics = Counted()
    declined = Declined("no", input_tokens=3, output_tokens=4, cost_usd=Decimal(1))
    plain = Answer(
        call="",
        text="x",
        model="p:m",
        input_tokens=1,
        output_tokens=2,
        cost_usd=Decimal(5),
        latency=0,
    )
    model = Metered(ScriptedModel([plain, declined, ModelDown("x")]), metrics)
    await model.answer(CALL)
    for error in (Declined, ModelDown):
        with pytest.raises(error):
            await model.answer(CALL)
    assert metrics.seen == [("news", 3, Decimal(5)), ("news", 7, Decimal(1))]
    NoModelMetrics().used("news", 1, Decimal(0))


# ---- nobody to ask ----


async def test_agent_without_a_model_abstains_and_says_why() -> None:
    agent = SilentAgent("news", no_model("news"))
    instrument = InstrumentId("BTC-USD", "X")
    said = await agent.infer(await agent.fetch_context(instrument, 7))
    assert said == Abstention(
        agent="news",
        instrument=instrument,
        as_of=7,
        reason="no language model: set model of agent news, for example openai:gpt-5-mini",
    )
    with pytest.raises(ModelRefused, match="no language model"):
        await SilentModel(no_model("news")).answer(CALL)


# ---- calls ----


def test_key_is_of_model_prompt_and_settings_alone() -> None:
    same = msgspec.structs.replace(CALL, agent="x", as_of=9, prompt="news@2")
    assert same.key == CALL.key
    for change in (
        {"model": "p:n"},
        {"system": "t"},
        {"user": "v"},
        {"schema": "{}"},
        {"temperature": 0.5},
        {"max_output_tokens": 9},
        {"seed": 1},
    ):
        assert msgspec.structs.replace(CALL, **change).key != CALL.key


async def test_scripted_model_plays_functions_and_whole_answers() -> None:
    model = ScriptedModel(lambda call: call.user.upper(), usd_per_token=Decimal(2))
    answer = await model.answer(CALL)
    assert (answer.text, answer.cost_usd) == ("U", Decimal(2) * (answer.input_tokens + 1))
    whole = replace(answer, text="else")
    assert await ScriptedModel([whole]).answer(CALL) is whole
    with pytest.raises(ValueError, match="something to say"):
        ScriptedModel([])
