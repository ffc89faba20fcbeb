"""Backtests ask ahead: who would have been due, about what was known then, in the market's time."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.agents.llm.port import Answer, Call
from tutti.agents.schedule import Question, Seat
from tutti.app.settings import Config, PanelSettings
from tutti.app.snapshots import Snapshots
from tutti.app.timeline import Timed, ask_ahead, questions
from tutti.features.block import FeatureBlock
from tutti.kernel.clock import HOUR, SECOND
from tutti.model.errors import AgentLate, ModelDown
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion
from tutti.sandbox.market import MarketSpec, SimulatedMarket
from tutti.sandbox.market_regimes import RegimeChain, regimes_named

if TYPE_CHECKING:
    from tutti.agents.port import SnapshotSource
    from tutti.agents.timeline import OpinionTimeline
    from tutti.model.market import MarketBlock, Snapshot

_START = 1_704_067_200_000_000_000
BTC, ETH = InstrumentId("BTC-USDT-PERP", "SIM"), InstrumentId("ETH-USDT-PERP", "SIM")


def _block(ticks: int, step: int = HOUR) -> MarketBlock:
    return SimulatedMarket(
        [MarketSpec(instrument=each, volatility=1.0) for each in (BTC, ETH)],
        seed=4, step=step, start=_START,
        regime_schedule=RegimeChain(regimes_named("range"), mean_bars=20.0),
    ).next_block(ticks)  # fmt: skip


class _Model:
    """Takes as long as it is told, by the market's clock."""

    def __init__(self, *latencies: int) -> None:
        self._latencies = latencies

    async def answer(self, call: Call) -> Answer:
        latency = self._latencies[0] if call.as_of % 2 else self._latencies[-1]
        if latency < 0:
            raise AgentLate("nobody waited")
        return Answer(
            call=call.key, text="0.5", model=call.model, input_tokens=1, output_tokens=1,
            cost_usd=Decimal(0), latency=latency, is_recorded=True,
        )  # fmt: skip


class _Asking:
    """Agent that asks a model as often as it is told, and repeats the last close."""

    def __init__(self, source: SnapshotSource, model: _Model, *, times: int = 1) -> None:
        self.name = "asking"
        self.shown: list[Snapshot] = []
        self._source = source
        self._model = Timed(model)
        self._times = times

    async def fetch_context(self, instrument: InstrumentId, ts: int) -> Snapshot:
        return await self._source.snapshot(instrument, ts)

    async def infer(self, context: Snapshot) -> Opinion | Abstention:
        self.shown.append(context)
        for k in range(self._times):
            call = Call(
                agent=self.name, as_of=context.as_of, model="a:b", system="", user=f"{k} {context}"
            )
            await self._model.answer(call)
        return Opinion(
            agent=self.name, instrument=context.instrument, bias=0.5, confidence=0.5,
            as_of=context.as_of, rationale=f"{context.close:.6g}",
        )  # fmt: skip


def _ask(
    block: MarketBlock, model: _Model, *, times: int = 1, cadence: int = 0, timeout_s: float = 10.0
) -> tuple[OpinionTimeline, _Asking]:
    snapshots = Snapshots(block.instruments, Config())
    agent = _Asking(snapshots, model, times=times)
    seat = Seat(agent=agent, cadence=cadence, timeout_s=timeout_s, instruments=frozenset({BTC}))

    def features(chunk: MarketBlock) -> FeatureBlock:
        return FeatureBlock(("close",), chunk.close[None])

    asked = ask_ahead(
        [seat], (BTC, ETH), block, features, snapshots, PanelSettings(wait_s=2.0), lambda *_: None
    )
    return asyncio.run(asked), agent


def test_questions_fall_due_at_each_agents_pace() -> None:
    block = _block(10)
    seats = [
        Seat(agent=_Asking(Snapshots(block.instruments, Config()), _Model(0)), cadence=4 * HOUR)
    ]
    asked = list(questions(seats, (BTC, ETH), block.known_at))
    at = block.known_at[[0, 4, 8]].tolist()
    assert asked == [(Question("asking", instrument), ts) for ts in at for instrument in (BTC, ETH)]
    assert list(questions([], (BTC,), block.known_at)) == []


def test_agent_is_shown_what_was_known_at_the_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tutti.app.timeline._CELLS", 10)  # several chunks
    block = _block(30)
    timeline, agent = _ask(block, _Model(0), cadence=3 * HOUR)
    assert [each.as_of for each in agent.shown] == block.known_at[::3].tolist()
    assert [each.close for each in agent.shown] == block.close[::3, 0].tolist()
    assert [each.features["close"] for each in agent.shown] == block.close[::3, 0].tolist()
    assert [ts for ts, _ in timeline.answers] == block.known_at[::3].tolist()
    first = timeline.answers[0].answer
    assert isinstance(first, Opinion)
    assert first.time_to_live == 3 * HOUR


@pytest.mark.parametrize(
    ("latency", "ticks_later"), [(0, 0), (2 * SECOND, 0), (3 * SECOND, 1), (25 * SECOND, 3)]
)
def test_answer_counts_from_the_tick_that_is_known_when_it_has_come(
    latency: int, ticks_later: int
) -> None:
    block = _block(6, step=10 * SECOND)
    timeline, _ = _ask(block, _Model(latency), cadence=HOUR, timeout_s=30.0)
    (heard,) = timeline.answers
    assert heard.ts == block.known_at[ticks_later]
    assert heard.answer.as_of == block.known_at[0]


def test_latency_of_all_that_a_question_took_counts() -> None:
    block = _block(6, step=10 * SECOND)
    timeline, _ = _ask(block, _Model(8 * SECOND), times=2, cadence=HOUR, timeout_s=30.0)
    assert timeline.answers[0].ts == block.known_at[2]


@pytest.mark.parametrize("latency", [11 * SECOND, -1])
def test_answer_that_took_longer_than_the_timeout_is_an_abstention(latency: int) -> None:
    block = _block(6, step=10 * SECOND)
    timeline, _ = _ask(block, _Model(latency), cadence=HOUR)
    (heard,) = timeline.answers
    assert heard == (
        block.known_at[1],
        Abstention(
            agent="asking", instrument=BTC, as_of=int(block.known_at[0]), reason="no answer in 10 s"
        ),
    )


def test_answer_after_the_last_tick_is_not_heard() -> None:
    block = _block(2, step=10 * SECOND)
    timeline, _ = _ask(block, _Model(25 * SECOND), cadence=HOUR, timeout_s=30.0)
    assert timeline.answers == ()


def test_asking_twice_gives_the_same_opinions() -> None:
    block = _block(200, step=10 * SECOND)
    first, _ = _ask(block, _Model(0, 5 * SECOND), cadence=30 * SECOND)
    again, _ = _ask(block, _Model(0, 5 * SECOND), cadence=30 * SECOND)
    assert first.answers == again.answers
    assert not np.isnan(first.views(block.known_at).bias).all()


async def test_model_that_fails_is_not_timed() -> None:
    class Down:
        async def answer(self, call: Call) -> Answer:
            raise ModelDown("not today")

    with pytest.raises(ModelDown):
        await Timed(Down()).answer(Call(agent="a", as_of=0, model="a:b", system="", user=""))
