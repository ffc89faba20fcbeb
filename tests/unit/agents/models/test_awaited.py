"""An analyst that is waited for: the same windows, through the agent port."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.unit.agents.models.conftest import BTC, ETH, START, Follows, source_of, walk

from tutti.agents.models.analyst import AnalystTerms, LFAnalyst
from tutti.agents.models.awaited import AwaitedAnalyst
from tutti.agents.panel import Panel
from tutti.kernel.clock import HOUR
from tutti.model.errors import AgentError
from tutti.model.opinion import Abstention, Opinion

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.model.instrument import InstrumentId

pytestmark = pytest.mark.kernels


class Remote(Follows):
    awaited = True


class Coroutine(Follows):
    async def predict(self, features: Any) -> dict[str, Any]:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().predict(features)


def awaited(make: Callable[[dict[str, Any]], Any], timeframe: str = "4h") -> AwaitedAnalyst:
    terms = AnalystTerms(name="voice", timeframe=timeframe, params={})
    return AwaitedAnalyst(LFAnalyst(source_of(make), terms))


async def said(agent: AwaitedAnalyst, ts: int, instrument: InstrumentId = BTC) -> Opinion:
    return await agent.infer(await agent.fetch_context(instrument, ts))


@pytest.mark.parametrize("make", [Remote, Coroutine])
@pytest.mark.parametrize("cut", [1, 5, 60])
async def test_awaited_analyst_says_what_one_says_that_answers_at_once(
    make: Callable[[dict[str, Any]], Any], cut: int
) -> None:
    block = walk(60, 2)
    views = LFAnalyst(
        source_of(Follows), AnalystTerms(name="voice", timeframe="4h", params={})
    ).opine_on(block)
    agent = awaited(make)
    assert agent.declared.awaited is True
    for start in range(0, 60, cut):
        part = block.rows(start, min(start + cut, 60))
        agent.observe(part)
        for t, ts in enumerate(part.known_at.tolist(), start):
            if np.isnan(views.bias[t, 1]):
                with pytest.raises(AgentError, match="it takes 3 bars of 4h"):
                    await said(agent, ts, ETH)
                continue
            opinion = await said(agent, ts, ETH)
            age = ts - opinion.as_of
            assert opinion.bias == views.bias[t, 1]
            faded = opinion.confidence * (1 - age / opinion.time_to_live)
            assert faded == pytest.approx(views.confidence[t, 1])


async def test_nothing_is_said_of_a_bar_before_it_is_known() -> None:
    block, agent = walk(60), awaited(Remote)
    agent.observe(block)
    opinion = await said(agent, START + 23 * HOUR)
    assert opinion.as_of == START + 20 * HOUR
    assert opinion.horizon == opinion.time_to_live == 4 * HOUR
    assert opinion.rationale.startswith("made_up on bars of 4h: ")


async def test_same_bar_is_asked_about_once() -> None:
    asked: list[Any] = []

    class Counted(Remote):
        def predict(self, features: Any) -> dict[str, Any]:
            asked.append(features.index[-1])
            return super().predict(features)

    agent = awaited(Counted)
    agent.observe(walk(60))
    for hour in (20, 21, 22, 24):
        await said(agent, START + hour * HOUR)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (lambda f: f["nothing"], "broke", "broke: KeyError: 'nothing'"),
        (
            lambda f: {"timestamp": f.index[-1], "signal": 9, "confidence": 1},
            "range",
            "signal must",
        ),
    ],
)
async def test_wrong_answer_is_an_abstention(
    answer: Callable[[Any], Any], kind: str, told: str
) -> None:
    agent = awaited(type("Wrong", (Remote,), {"predict": lambda self, f: answer(f)}))
    agent.observe(walk(20))
    (found,) = await Panel([agent]).ask(BTC, START + 20 * HOUR)
    assert isinstance(found, Abstention)
    assert found.reason.startswith(told)
    assert agent.faults == {kind: 1}


async def test_slow_model_is_late_and_holds_nobody_up() -> None:
    release = threading.Event()

    class Slow(Remote):
        def predict(self, features: Any) -> dict[str, Any]:
            release.wait(10)
            return super().predict(features)

    agent = awaited(Slow)
    agent.observe(walk(20))
    (found,) = await Panel([agent], timeout_s=0.05).ask(BTC, START + 20 * HOUR)
    release.set()
    assert isinstance(found, Abstention)
    assert found.reason == "no answer in 0.05 s"


async def test_instrument_without_bars_is_told_so() -> None:
    with pytest.raises(AgentError, match="no bar of ETH-USDT"):
        await said(awaited(Remote), START, ETH)


async def test_one_model_serves_all_where_it_says_so() -> None:
    made: list[Any] = []

    class Shared(Remote):
        shared = True

        def __init__(self, config: dict[str, Any]) -> None:
            super().__init__(config)
            made.append(config)

    awaited(Shared).observe(walk(10, 2))
    assert len(made) == 2  # one to look at, one to work
