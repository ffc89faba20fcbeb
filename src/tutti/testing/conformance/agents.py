# ruff: noqa: D102  the names of the tests are their documentation
"""What every agent has to do: subclass a suite, give it yours, and run it by pytest.

::

    class TestMyAgent(AgentConformance):
        @pytest.fixture
        def make(self):
            return lambda source: MyAgent(source)

    class TestMyQuantAgent(ArrayAgentConformance):
        @pytest.fixture
        def make(self):
            return MyQuantAgent
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pytest

from tutti.agents.port import MetaAgent
from tutti.features.block import FeatureBlock
from tutti.features.families import describe
from tutti.kernel.clock import DAY, HOUR, MINUTE
from tutti.model.errors import AgentError, TuttiError
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion, Views
from tutti.testing.agents.world import NOW, World, wild_features

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tutti.agents.port import Agent, ArrayAgent, SnapshotSource
    from tutti.model.market import FloatArray, Snapshot

    MakeAgent = Callable[[SnapshotSource], Agent]
    MakeArrayAgent = Callable[[], ArrayAgent]

_T = TypeVar("_T")

_INSTRUMENTS = (
    InstrumentId("BTC-USDT-PERP", "SIM"),
    InstrumentId("ETH-USDT-PERP", "SIM"),
    InstrumentId("AAPL", "POLYGON"),
)
_BTC = _INSTRUMENTS[0]
_KNOWLEDGE = {"", "clean", "contaminated"}
_PATIENCE_S = 5.0
_LONGEST_BLOCK_S = 0.5
_LATER = (MINUTE, HOUR, DAY)
_TICKS = 48
_CUTS = (1, 2, 17, 31, _TICKS)


class AgentConformance:
    """Suite for agents that are awaited.

    Override the fixture ``make``: a function from a source of snapshots to a new agent, the same
    each time. What the agent asks beside it, such as a language model, has to say the same to the
    same question. `World` is what it is shown. It needs pytest-asyncio, in any mode.
    """

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def make(self) -> MakeAgent:
        raise NotImplementedError("override the fixture make")

    # ---- the port ----

    async def test_agent_has_a_name_and_the_two_methods_of_the_port(self, make: MakeAgent) -> None:
        agent = make(World())
        assert isinstance(agent.name, str)
        assert agent.name
        assert inspect.iscoroutinefunction(agent.fetch_context)
        assert inspect.iscoroutinefunction(agent.infer)

    async def test_context_is_of_what_was_asked_about_and_no_later(self, make: MakeAgent) -> None:
        world = World()
        agent = make(world)
        for instrument in _INSTRUMENTS:
            context = await _in_time(agent.fetch_context(instrument, NOW))
            assert context.instrument == instrument
            assert context.as_of <= NOW
        assert world.latest <= NOW

    async def test_answer_is_about_what_was_asked_and_from_no_later(self, make: MakeAgent) -> None:
        agent = make(World())
        for instrument in _INSTRUMENTS:
            said = await _asked(agent, instrument, NOW)
            assert isinstance(said, Opinion | Abstention)
            assert (said.agent, said.instrument) == (agent.name, instrument)
            assert said.as_of <= NOW

    async def test_opinion_is_within_its_bounds_and_says_why(self, make: MakeAgent) -> None:
        agent = make(World())
        for k in range(4):
            said = await _asked(agent, _BTC, NOW + k * HOUR)
            if isinstance(said, Abstention):
                assert said.reason.strip()
                continue
            assert -1.0 <= said.bias <= 1.0
            assert 0.0 <= said.confidence <= 1.0
            assert said.rationale.strip()
            assert said.time_to_live >= 0
            assert said.horizon >= 0
            assert said.knowledge in _KNOWLEDGE

    async def test_sources_are_among_what_it_was_shown(self, make: MakeAgent) -> None:
        agent = make(World())
        context = await _in_time(agent.fetch_context(_BTC, NOW))
        said = await _in_time(agent.infer(context))
        shown = {text.id for text in context.texts} | {each.id for each in context.readings}
        assert set(getattr(said, "sources", ())) <= shown

    # ---- the same again ----

    async def test_same_question_has_the_same_answer(self, make: MakeAgent) -> None:
        one, two = make(World()), make(World())
        for instrument in _INSTRUMENTS:
            assert await _asked(one, instrument, NOW) == await _asked(two, instrument, NOW)

    async def test_questions_together_are_answered_as_one_by_one(self, make: MakeAgent) -> None:
        alone, together = make(World()), make(World())
        expected = [await _asked(alone, instrument, NOW) for instrument in _INSTRUMENTS]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_asked(together, instrument, NOW)) for instrument in _INSTRUMENTS
            ]
        assert [task.result() for task in tasks] == expected

    async def test_snapshot_is_left_as_it_was(self, make: MakeAgent) -> None:
        agent = make(World())
        context = await _in_time(agent.fetch_context(_BTC, NOW))
        before = copy.deepcopy(context)
        await _in_time(agent.infer(context))
        assert _plain(context) == _plain(before)

    # ---- the future ----

    async def test_nothing_is_asked_of_the_source_that_is_later(self, make: MakeAgent) -> None:
        world = World()
        agent = make(world)
        for instrument in _INSTRUMENTS:
            await _asked(agent, instrument, NOW)
        assert world.latest <= NOW

    async def test_answer_does_not_change_when_the_future_does(self, make: MakeAgent) -> None:
        honest, poisoned = make(World()), make(World(poisoned_after=NOW))
        for ts in (NOW - DAY, NOW - MINUTE, NOW):
            assert await _asked(honest, _BTC, ts) == await _asked(poisoned, _BTC, ts)

    async def test_what_was_asked_later_changes_nothing_before(self, make: MakeAgent) -> None:
        fresh, asked = make(World()), make(World())
        for later in _LATER:
            await _asked(asked, _BTC, NOW + later)
        assert await _asked(asked, _BTC, NOW) == await _asked(fresh, _BTC, NOW)

    # ---- what goes wrong ----

    async def test_empty_snapshot_is_answered_or_refused_in_order(self, make: MakeAgent) -> None:
        agent = make(World(is_silent=True))
        try:
            said = await _asked(agent, _BTC, NOW)
        except AgentError:
            return
        assert isinstance(said, Opinion | Abstention)

    async def test_source_that_fails_is_not_made_an_opinion(self, make: MakeAgent) -> None:
        agent = make(_Failing())
        try:
            said = await _asked(agent, _BTC, NOW)
        except TuttiError:
            return
        assert isinstance(said, Abstention)

    async def test_agent_that_waits_lets_itself_be_cancelled_and_answers_again(
        self, make: MakeAgent
    ) -> None:
        world = World()
        agent = make(world)
        world.gate.clear()
        task = asyncio.get_running_loop().create_task(_asked(agent, _BTC, NOW))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            _, waiting = await asyncio.wait({task}, timeout=_PATIENCE_S)
            assert not waiting, "the agent goes on after it was cancelled"
            assert task.cancelled(), "the agent swallowed its cancellation"
        world.gate.set()
        assert await _asked(agent, _BTC, NOW) == await _asked(make(World()), _BTC, NOW)

    async def test_event_loop_is_not_held_up(self, make: MakeAgent) -> None:
        agent = make(World())
        await _asked(agent, _BTC, NOW)
        loop = asyncio.get_running_loop()
        longest = 0.0

        async def beat() -> None:
            nonlocal longest
            last = loop.time()
            while True:
                await asyncio.sleep(0)
                longest, last = max(longest, loop.time() - last), loop.time()

        beating = loop.create_task(beat())
        try:
            await asyncio.sleep(0)
            await _asked(agent, _BTC, NOW + HOUR)
            await asyncio.sleep(0)
        finally:
            beating.cancel()
        assert longest < _LONGEST_BLOCK_S, f"it held up everyone for {longest:.2f} s"


class ArrayAgentConformance:
    """Suite for agents that read whole arrays at once.

    Override the fixture ``make``: a function that returns a new agent, the same each time. It is
    shown features as no market makes them, which it has to bear.
    """

    @pytest.fixture
    def make(self) -> MakeArrayAgent:
        raise NotImplementedError("override the fixture make")

    def test_agent_has_a_name_and_needs_known_features(self, make: MakeArrayAgent) -> None:
        agent = make()
        assert isinstance(agent.name, str)
        assert agent.name
        for name in agent.needs:
            describe(name)

    def test_views_have_the_shape_of_the_block_and_lie_within_bounds(
        self, make: MakeArrayAgent
    ) -> None:
        for seed in range(4):
            agent = make()
            bias, confidence = _views(agent, _features(agent, seed))
            assert bias.shape == confidence.shape == (_TICKS, 3)
            assert bias.dtype == confidence.dtype == np.float64
            np.testing.assert_array_equal(np.isnan(bias), np.isnan(confidence))
            known = ~np.isnan(bias)
            assert (np.abs(bias[known]) <= 1).all()
            assert ((confidence[known] >= 0) & (confidence[known] <= 1)).all()

    def test_any_cutting_of_the_ticks_gives_the_same_bits(self, make: MakeArrayAgent) -> None:
        whole, cut = make(), make()
        values = _features(whole, 1)
        expected = _views(whole, values)
        start = 0
        for stop in _CUTS:
            part = _views(cut, values[:, start:stop], start)
            np.testing.assert_array_equal(part.bias, expected.bias[start:stop])
            np.testing.assert_array_equal(part.confidence, expected.confidence[start:stop])
            start = stop

    def test_no_view_changes_when_the_future_does(self, make: MakeArrayAgent) -> None:
        known = 20
        honest = make()
        values = _features(honest, 2)
        expected = _views(honest, values)
        for poison in (math.nan, 1e6, -1e-6):
            poisoned = values.copy()
            poisoned[:, known:] = poisoned[:, known:] * poison
            found = _views(make(), poisoned)
            np.testing.assert_array_equal(found.bias[:known], expected.bias[:known])
            np.testing.assert_array_equal(found.confidence[:known], expected.confidence[:known])

    def test_same_ticks_give_the_same_views(self, make: MakeArrayAgent) -> None:
        one, two = make(), make()
        values = _features(one, 3)
        for first, second in zip(_views(one, values), _views(two, values), strict=True):
            np.testing.assert_array_equal(first, second)

    def test_features_are_left_as_they_were(self, make: MakeArrayAgent) -> None:
        agent = make()
        values = _features(agent, 4)
        before = values.copy()
        _views(agent, values)
        np.testing.assert_array_equal(values, before)

    def test_why_is_told_of_every_view(self, make: MakeArrayAgent) -> None:
        agent = make()
        values = _features(agent, 5)
        bias, _ = _views(agent, values)
        for t, i in np.argwhere(~np.isnan(bias))[:20].tolist():
            row = dict(zip(agent.needs, values[:, t, i].tolist(), strict=True))
            if isinstance(agent, MetaAgent):
                row |= agent.evidence(t, i)
            assert agent.explain(row).strip()


class _Failing:
    async def snapshot(self, instrument: InstrumentId, ts: int) -> Snapshot:
        raise AgentError(f"nothing is known of {instrument} at {ts}")


async def _in_time(awaitable: Awaitable[_T]) -> _T:
    async with asyncio.timeout(_PATIENCE_S):
        return await awaitable


async def _asked(agent: Agent, instrument: InstrumentId, ts: int) -> Opinion | Abstention:
    return await _in_time(_answered(agent, instrument, ts))


async def _answered(agent: Agent, instrument: InstrumentId, ts: int) -> Opinion | Abstention:
    return await agent.infer(await agent.fetch_context(instrument, ts))


def _plain(context: Snapshot) -> str:
    # NaN is equal to nothing, not even to itself
    return repr(context)


def _features(agent: ArrayAgent, seed: int) -> FloatArray:
    return wild_features(agent.needs, np.random.default_rng(seed), ticks=_TICKS)


def _views(agent: ArrayAgent, values: FloatArray, start: int = 0) -> Views:
    block = FeatureBlock(tuple(agent.needs), values)
    if isinstance(agent, MetaAgent):
        return agent.opine_over(block, _others(agent.heard, start, start + len(block)))
    return agent.opine(block)


def _others(names: Sequence[str], start: int, stop: int) -> tuple[Views, ...]:
    drawn = np.random.default_rng(7)
    bias = drawn.uniform(-1, 1, size=(len(names), _TICKS, 3))
    confidence = drawn.random(size=bias.shape)
    return tuple(
        Views(one[start:stop], sure[start:stop]) for one, sure in zip(bias, confidence, strict=True)
    )
