"""Agents are shown what was known at the tick, and nothing newer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.app.settings import Config, MemorySettings, TextSettings
from tutti.app.snapshots import Snapshots
from tutti.features.block import FeatureBlock
from tutti.kernel.clock import DAY, HOUR
from tutti.model.errors import AgentError
from tutti.model.instrument import InstrumentId
from tutti.model.market import MarketBlock, Reading, Situation, TextEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BTC, ETH = InstrumentId("BTC-USDT", "SIM"), InstrumentId("ETH-USDT", "SIM")
NAN = float("nan")


def _block(closes: list[list[float]], start: int = 0) -> MarketBlock:
    close = np.array(closes)
    return MarketBlock(
        instruments=(BTC, ETH), ts=np.arange(start, start + len(close)) * HOUR, step=HOUR,
        open=close, high=close, low=close, close=close, volume=close,
        funding=np.zeros(close.shape),
    )  # fmt: skip


def _features(block: MarketBlock) -> FeatureBlock:
    return FeatureBlock(("twice",), 2.0 * block.close[None])


class _Texts:
    def __init__(self, *texts: TextEvent) -> None:
        self.asked: list[tuple[InstrumentId, int, int]] = []
        self._texts = texts

    def texts(
        self, instrument: InstrumentId, since: int, until: int, kinds: Sequence[str] = ()
    ) -> tuple[TextEvent, ...]:
        self.asked.append((instrument, since, until))
        return tuple(each for each in self._texts if since < each.known_at <= until)


class _Readings:
    def readings(
        self, instrument: InstrumentId, until: int, kinds: Sequence[str] = ()
    ) -> tuple[Reading, ...]:
        return (Reading(known_at=until, source="fed", name="rate", value=1.0, kind="macro"),)


class _Memory:
    def nearest(
        self, instrument: InstrumentId, features: Mapping[str, float], as_of: int, k: int
    ) -> tuple[Situation, ...]:
        seen = Situation(
            instrument=instrument, as_of=0, features=dict(features), bias=None, confidence=None,
            decision="", outcome=0.1, known_at=as_of,
        )  # fmt: skip
        return (seen,) * k

    def remember(self, situation: Situation) -> None: ...


async def test_snapshot_holds_close_and_features_of_its_tick() -> None:
    snapshots = Snapshots((BTC, ETH), Config())
    block = _block([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    snapshots.enter(block, _features(block))
    shown = await snapshots.snapshot(ETH, 2 * HOUR)
    assert (shown.instrument, shown.as_of, shown.close) == (ETH, 2 * HOUR, 20.0)
    assert shown.features == {"twice": 40.0}
    assert (shown.texts, shown.readings, shown.past) == ((), (), ())
    assert await snapshots.snapshot(ETH, 2 * HOUR) is shown


async def test_snapshot_without_a_bar_shows_the_last_close_that_is_known() -> None:
    snapshots = Snapshots((BTC, ETH), Config())
    for start, closes in enumerate(([[1.0, NAN]], [[NAN, NAN]], [[NAN, 5.0]])):
        block = _block(closes, start)
        snapshots.enter(block, _features(block))
    assert (await snapshots.snapshot(BTC, 3 * HOUR)).close == 1.0
    assert (await snapshots.snapshot(ETH, 3 * HOUR)).close == 5.0
    wide = _block([[7.0, NAN], [NAN, NAN]], 3)
    snapshots.enter(wide, _features(wide))
    assert (await snapshots.snapshot(BTC, 5 * HOUR)).close == 7.0
    assert (await snapshots.snapshot(ETH, 5 * HOUR)).close == 5.0


async def test_tick_that_is_not_at_hand_can_not_be_shown() -> None:
    snapshots = Snapshots((BTC, ETH), Config())
    with pytest.raises(AgentError, match=r"nothing is known of BTC-USDT\.SIM yet"):
        await snapshots.snapshot(BTC, HOUR)
    block = _block([[1.0, 1.0]])
    snapshots.enter(block, _features(block))
    with pytest.raises(AgentError, match=r"no tick of BTC-USDT\.SIM at 5 is at hand"):
        await snapshots.snapshot(BTC, 5)
    with pytest.raises(AgentError, match="no tick"):
        await snapshots.snapshot(BTC, 9 * HOUR)
    with pytest.raises(AgentError, match="nothing is known of DOGE"):
        await snapshots.snapshot(InstrumentId("DOGE-USDT", "SIM"), HOUR)


async def test_texts_are_the_newest_of_each_kind_within_the_time_looked_back() -> None:
    def text(known_at: int, kind: str) -> TextEvent:
        return TextEvent(known_at=known_at, source="x", text="y", kind=kind, id=str(known_at))

    now = 3 * DAY
    texts = _Texts(
        *(text(now - k, "social") for k in range(5)),
        text(now - 10, "news"),
        text(now - DAY, "news"),
    )
    config = Config(
        text=TextSettings(most=2, lookback_s=86_400.0), memory=MemorySettings(nearest=2)
    )
    snapshots = Snapshots((BTC, ETH), config, texts=texts, readings=_Readings(), memory=_Memory())
    block = replace(_block([[1.0, 1.0]]), ts=np.array([now - HOUR]))
    snapshots.enter(block, FeatureBlock((), np.zeros((0, 1, 2))))
    shown = await snapshots.snapshot(BTC, now)
    assert [each.id for each in shown.texts] == [str(now), str(now - 1), str(now - 10)]
    assert texts.asked == [(BTC, now - DAY, now)]
    assert [each.name for each in shown.readings] == ["rate"]
    assert len(shown.past) == 2
    await snapshots.snapshot(BTC, now)
    assert len(texts.asked) == 1
