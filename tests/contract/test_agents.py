"""All agents that come with Tutti pass the suites for agents; broken ones don't."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from tutti.agents.llm.catalogue import KINDS, SpeakerSettings, make_llm_agent
from tutti.agents.llm.silent import SilentAgent
from tutti.agents.pointwise import PointwiseAgent
from tutti.agents.quant import QUANT_AGENTS, quant_agents
from tutti.kernel.clock import HOUR
from tutti.model.errors import AgentError
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion, Views
from tutti.testing.agents import ScriptedAgent, World
from tutti.testing.agents.world import NOW as _NOW
from tutti.testing.conformance.agents import AgentConformance, ArrayAgentConformance
from tutti.testing.models import ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.agents.llm.port import Call
    from tutti.agents.port import Agent, ArrayAgent, SnapshotSource
    from tutti.features.block import FeatureBlock
    from tutti.model.market import Snapshot

_BTC = InstrumentId("BTC-USDT-PERP", "SIM")


def reads_it(call: Call) -> str:
    """Answer as a model would that goes by every word of its prompt."""
    drawn = hashlib.sha256(f"{call.system}{call.user}".encode()).digest()
    bias = round(drawn[0] / 127.5 - 1, 3)
    return json.dumps(
        {
            "bias": bias,
            "confidence": 0.5,
            "rationale": f"the prompt adds up to {drawn[0]}",
            "horizon_hours": 24,
            "sources": ["t1", "r1"][: 1 if "t1" in call.user else 0] or ["r1"],
        }
    )


def speaker(kind: str) -> Callable[[SnapshotSource], Agent]:
    settings = SpeakerSettings(name=kind, model="test:model", time_to_live=HOUR)
    return lambda source: make_llm_agent(
        kind, settings, source=source, model=ScriptedModel(reads_it)
    )


def pointwise(source: SnapshotSource) -> Agent:
    (agent,) = quant_agents(["mean_reversion"])
    needs = getattr(agent, "needs", ())

    class Shown:
        async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:
            shown = await source.snapshot(instrument, ts)
            values = list(shown.features.values()) * len(needs)
            return replace(shown, features=dict(zip(needs, values, strict=False)))

    return PointwiseAgent(agent, Shown(), time_to_live=HOUR)  # type: ignore[arg-type]


AWAITED: dict[str, Callable[[SnapshotSource], Agent]] = {
    **{kind: speaker(kind) for kind in KINDS},
    "silent": lambda _: SilentAgent("silent", "no language model"),
    "pointwise": pointwise,
    "scripted": lambda source: ScriptedAgent(
        "scripted", lambda _, ts: (0.5 if ts % 2 else -0.5, 0.5), source=source
    ),
}


class TestAwaitedAgents(AgentConformance):
    @pytest.fixture(params=sorted(AWAITED))
    def make(self, request: pytest.FixtureRequest) -> Any:
        return AWAITED[request.param]


@pytest.mark.kernels
class TestQuantAgents(ArrayAgentConformance):
    @pytest.fixture(params=[*QUANT_AGENTS, "strategy_optimizer"])
    def make(self, request: pytest.FixtureRequest) -> Any:
        name = request.param
        others = [each for each in QUANT_AGENTS if each != name]

        def made() -> Any:
            names = [*others, name] if name == "strategy_optimizer" else [name]
            return quant_agents(names, {"strategy_optimizer": {"min_outcomes": 3}})[-1]

        return made


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_speaker_has_something_to_say_in_the_suites_world(kind: str) -> None:
    agent = AWAITED[kind](World())
    said = await agent.infer(await agent.fetch_context(_BTC, _NOW))
    assert isinstance(said, Opinion), said


# ---- what breaks a rule is found ----


class _Broken:
    """An agent in order, to be broken one way at a time."""

    name = "broken"

    def __init__(self, source: SnapshotSource) -> None:
        self.source = source
        self.n_asked = 0

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return await self.source.snapshot(instrument, ts)

    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        self.n_asked += 1
        return Opinion(
            agent=self.name,
            instrument=context.instrument,
            bias=0.5,
            confidence=0.5,
            as_of=context.as_of,
            rationale="because",
        )


class _PeeksAhead(_Broken):
    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        shown = await self.source.snapshot(instrument, ts)
        later = await self.source.snapshot(instrument, ts + HOUR)
        return replace(shown, texts=later.texts)

    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        said = await super().infer(context)
        newest = context.texts[0].text if context.texts else "nothing"
        return msgspec.structs.replace(said, rationale=f"read {newest}")


class _Remembers(_Broken):
    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        said = await super().infer(context)
        return msgspec.structs.replace(said, bias=1 / self.n_asked)


class _Holds(_Broken):
    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        time.sleep(0.6)  # noqa: ASYNC251 - that is the fault
        return await super().infer(context)


class _Swallows(_Broken):
    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        try:
            return await super().fetch_context(instrument, ts)
        except asyncio.CancelledError:
            return await World().snapshot(instrument, ts)


class _MakesUp(_Broken):
    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        try:
            return await super().fetch_context(instrument, ts)
        except AgentError:
            return await World().snapshot(instrument, ts)


class _Invents(_Broken):
    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        context.features["rsi_14"] = 0.0
        said = await super().infer(context)
        return msgspec.structs.replace(said, sources=("nowhere",), rationale=" ")


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (_PeeksAhead, "test_nothing_is_asked_of_the_source_that_is_later"),
        (_PeeksAhead, "test_answer_does_not_change_when_the_future_does"),
        (_Remembers, "test_what_was_asked_later_changes_nothing_before"),
        (_Holds, "test_event_loop_is_not_held_up"),
        (_Swallows, "test_agent_that_waits_lets_itself_be_cancelled_and_answers_again"),
        (_MakesUp, "test_source_that_fails_is_not_made_an_opinion"),
        (_Invents, "test_sources_are_among_what_it_was_shown"),
        (_Invents, "test_snapshot_is_left_as_it_was"),
        (_Invents, "test_opinion_is_within_its_bounds_and_says_why"),
    ],
)
async def test_agent_that_breaks_a_rule_is_found(kind: type[_Broken], found: str) -> None:
    with pytest.raises(AssertionError):
        await getattr(AgentConformance(), found)(kind)


class _Foresees:
    name, needs = "foresees", ("rsi_14",)

    def opine(self, features: FeatureBlock) -> Views:
        rsi = np.clip(np.nan_to_num(features["rsi_14"]) / 100, -1, 1)
        bias = np.roll(rsi, -1, axis=0)
        return Views(bias=bias, confidence=np.abs(bias))

    def explain(self, row: Any) -> str:
        return ""


class _Exceeds(_Foresees):
    def opine(self, features: FeatureBlock) -> Views:
        features.values[:] = 0.0
        return Views(bias=np.full((len(features), 3), 2.0), confidence=np.ones((len(features), 3)))


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (_Foresees, "test_no_view_changes_when_the_future_does"),
        (_Foresees, "test_any_cutting_of_the_ticks_gives_the_same_bits"),
        (_Foresees, "test_why_is_told_of_every_view"),
        (_Exceeds, "test_views_have_the_shape_of_the_block_and_lie_within_bounds"),
        (_Exceeds, "test_features_are_left_as_they_were"),
    ],
)
def test_array_agent_that_breaks_a_rule_is_found(kind: type[ArrayAgent], found: str) -> None:
    with pytest.raises(AssertionError):
        getattr(ArrayAgentConformance(), found)(kind)


def test_suite_without_an_agent_says_what_to_override() -> None:
    for suite in (AgentConformance, ArrayAgentConformance):
        fixture: Any = suite.make
        with pytest.raises(NotImplementedError, match="fixture make"):
            fixture.__wrapped__(suite())


# ---- the scripted agent ----


async def test_scripted_agent_plays_its_lines_and_notes_what_it_was_asked() -> None:
    opinion = Opinion(agent="a", instrument=_BTC, bias=0, confidence=0, as_of=1, rationale="mine")
    agent = ScriptedAgent("a", [(0.5, 0.25), "no view", opinion, AgentError("broken")])
    said = [await agent.infer(await agent.fetch_context(_BTC, k)) for k in range(3)]
    assert isinstance(said[0], Opinion)
    assert (said[0].bias, said[0].confidence, said[0].rationale) == (
        0.5,
        0.25,
        "the script says +0.5",
    )
    assert isinstance(said[1], Abstention)
    assert (said[1].reason, said[2]) == ("no view", opinion)
    for _ in range(2):
        with pytest.raises(AgentError, match="broken"):
            await agent.infer(await agent.fetch_context(_BTC, 3))
    assert agent.asked == [(_BTC, k) for k in (0, 1, 2, 3, 3)]
    with pytest.raises(ValueError, match="something to say"):
        ScriptedAgent("a", [])


async def test_scripted_agent_takes_its_time_or_never_answers() -> None:
    slow = ScriptedAgent("a", ["x"], delay_s=lambda _, ts: 0.05 if ts else float("inf"))
    context = await slow.fetch_context(_BTC, 1)
    started = asyncio.get_running_loop().time()
    await slow.infer(context)
    assert asyncio.get_running_loop().time() - started >= 0.05
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await slow.infer(await slow.fetch_context(_BTC, 0))


async def test_world_shows_nothing_later_and_its_poison_only_later() -> None:
    honest, poisoned = World(3), World(3, poisoned_after=_NOW)
    shown = await honest.snapshot(_BTC, _NOW)
    pieces: list[Any] = [*shown.texts, *shown.readings, *shown.past]
    known = [each.known_at for each in pieces]
    assert max(known) <= _NOW
    assert shown == await poisoned.snapshot(_BTC, _NOW)
    later = await honest.snapshot(_BTC, _NOW + 2 * HOUR)
    assert later != await poisoned.snapshot(_BTC, _NOW + 2 * HOUR)
    assert {text.kind for text in shown.texts} == {"news", "social"}
