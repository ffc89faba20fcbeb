"""Record and replay: what came of a call comes again, whatever it was, with nobody asked."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.agents.llm.port import Answer, Call, Declined, LanguageModel, Unanswered
from tutti.agents.llm.recorded import Mode, Outcome, Recorded
from tutti.kernel.clock import SECOND, SimulatedClock
from tutti.model.errors import (
    AgentError,
    AgentLate,
    BudgetSpent,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelRefused,
    NotRecorded,
)
from tutti.testing.models import ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALL = Call(agent="news", as_of=100, model="p:m", system="s", user="u")
LATER = msgspec.structs.replace(CALL, as_of=200)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqliteCallRecords]:
    with SqliteCallRecords(tmp_path / "llm.sqlite") as records:
        yield records


def recorded(
    records: SqliteCallRecords,
    model: LanguageModel | None,
    mode: Mode = "live",
    clock: SimulatedClock | None = None,
) -> Recorded:
    return Recorded(model, records, mode=mode, clock=clock or SimulatedClock())


async def test_answer_comes_again_with_its_latency_and_its_cost(
    records: SqliteCallRecords,
) -> None:
    clock = SimulatedClock()
    model = ScriptedModel(["up"], latency=3 * SECOND, clock=clock, usd_per_token=Decimal("0.1"))
    live = await recorded(records, model, clock=clock).answer(CALL)
    again = await recorded(records, None, "replay").answer(CALL)
    assert (live.is_recorded, again.is_recorded) == (False, True)
    assert (again.text, again.latency, again.cost_usd) == ("up", 3 * SECOND, live.cost_usd)
    assert (again.model, again.call, again.input_tokens) == ("p:m", CALL.key, live.input_tokens)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ModelBusy("429", retry_after_s=4), ModelBusy),
        (ModelDown("503"), ModelDown),
        (Unanswered("dropped"), ModelDown),
        (ModelRefused("401"), ModelRefused),
        (
            Declined("no", input_tokens=5, output_tokens=6, cost_usd=Decimal("0.5")),
            ModelRefused,
        ),
        (BudgetSpent("spent"), BudgetSpent),
        (AgentLate("late"), AgentLate),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_error_comes_again_in_the_same_words(
    records: SqliteCallRecords, error: AgentError, kind: type[AgentError]
) -> None:
    with pytest.raises(type(error)):
        await recorded(records, ScriptedModel([error])).answer(CALL)
    with pytest.raises(kind, match=f"^{error}$") as caught:
        await recorded(records, None, "replay").answer(CALL)
    if isinstance(caught.value, ModelBusy):
        assert caught.value.retry_after_s == 4
    (kept,) = records.outcomes()
    if isinstance(error, Declined):
        assert (kept.outcome.input_tokens, kept.outcome.cost_usd) == (5, Decimal("0.5"))


async def test_call_nobody_waited_for_is_late_in_the_replay(records: SqliteCallRecords) -> None:
    class Hanging:
        async def answer(self, call: Call) -> Answer:
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await recorded(records, Hanging()).answer(CALL)
    with pytest.raises(AgentLate, match="no answer in"):
        await recorded(records, None, "replay").answer(CALL)


async def test_replay_without_a_record_says_so(records: SqliteCallRecords) -> None:
    with pytest.raises(NotRecorded, match=r"no record of call \w{12} of p:m in llm\.sqlite;"):
        await recorded(records, None, "replay").answer(CALL)
    with pytest.raises(ValueError, match="nobody to ask"):
        recorded(records, None, "record")


async def test_fault_of_ours_is_no_outcome(records: SqliteCallRecords) -> None:
    with pytest.raises(RuntimeError):
        await recorded(records, ScriptedModel([RuntimeError("bug")])).answer(CALL)
    assert list(records.outcomes()) == []


async def test_live_asks_always_and_record_asks_once(records: SqliteCallRecords) -> None:
    model = ScriptedModel(["one", "two", "three"])
    live, record = recorded(records, model), recorded(records, model, "record")
    said = [(await each.answer(CALL)).text for each in (live, live, record, record)]
    assert said == ["one", "two", "two", "two"]
    assert len(model.calls) == 2


async def test_record_asks_again_after_a_failure(records: SqliteCallRecords) -> None:
    model = ScriptedModel([ModelDown("503"), "up"])
    record = recorded(records, model, "record")
    with pytest.raises(ModelDown):
        await record.answer(CALL)
    assert (await record.answer(CALL)).text == "up"
    assert (await recorded(records, None, "replay").answer(CALL)).text == "up"


async def test_answer_reused_at_another_instant_stays_what_it_was_there(
    records: SqliteCallRecords,
) -> None:
    await recorded(records, ScriptedModel(["one"])).answer(CALL)
    reused = await recorded(records, ScriptedModel(["two"]), "record").answer(LATER)
    await recorded(records, ScriptedModel(["three"])).answer(CALL)
    again = await recorded(records, None, "replay").answer(LATER)
    assert (reused.text, again.text) == ("one", "one")
    assert [each.is_reused for each in records.outcomes()] == [False, True, False]


async def test_same_prompt_at_an_instant_of_no_record_is_answered_in_a_replay(
    records: SqliteCallRecords,
) -> None:
    await recorded(records, ScriptedModel(["one"])).answer(CALL)
    assert (await recorded(records, None, "replay").answer(LATER)).text == "one"


async def test_kind_of_a_later_version_is_an_error_all_the_same(
    records: SqliteCallRecords,
) -> None:

    records.keep(CALL, Outcome(kind="ModelAsleep", text="zzz", latency=0), ts=0)
    with pytest.raises(ModelError, match="zzz"):
        await recorded(records, None, "replay").answer(CALL)
