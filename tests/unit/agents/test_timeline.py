"""Opinions that were asked ahead stand at each tick as they would have stood on a board."""

from __future__ import annotations

import numpy as np
import pytest

from tutti.agents.board import OpinionBoard
from tutti.agents.timeline import Heard, OpinionTimeline
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion

_BTC = InstrumentId("BTC-USDT", "SIM")
_ETH = InstrumentId("ETH-USDT", "SIM")
_BOTH = (_BTC, _ETH)


def _opinion(
    as_of: int, bias: float, *, instrument: InstrumentId = _BTC, agent: str = "news", ttl: int = 40
) -> Opinion:
    return Opinion(
        agent=agent, instrument=instrument, bias=bias, confidence=0.8, as_of=as_of,
        rationale=f"as of {as_of}", time_to_live=ttl,
    )  # fmt: skip


_TOLD = (
    Heard(30, _opinion(30, 0.4)),
    Heard(10, _opinion(10, 0.1)),
    Heard(40, _opinion(20, 0.2)),  # came late, and is older than what was said meanwhile
    Heard(40, Abstention(agent="news", instrument=_ETH, as_of=40, reason="budget spent")),
    Heard(50, _opinion(40, -0.5, instrument=_ETH, agent="social", ttl=25)),
    Heard(60, _opinion(60, -0.6, ttl=0)),
)


@pytest.fixture
def timeline() -> OpinionTimeline:
    return OpinionTimeline(("social", "news"), _BOTH, _TOLD)


def test_timeline_shows_at_each_tick_what_a_board_would_show(timeline: OpinionTimeline) -> None:
    ticks = np.arange(0, 120, 5)
    views = timeline.views(ticks)
    board = OpinionBoard(("social", "news"), _BOTH)
    for t, ts in enumerate(ticks.tolist()):
        board.post_all(answer for _, answer in timeline.between(ts - 4, ts))
        shown = board.views(np.array([ts]))
        np.testing.assert_array_equal(shown.bias[:, 0], views.bias[:, t])
        np.testing.assert_array_equal(shown.confidence[:, 0], views.confidence[:, t])
        for instrument in _BOTH:
            assert timeline.standing(instrument, ts) == board.standing(instrument, ts)


def test_opinion_counts_from_the_tick_it_came_at_and_fades_from_what_it_rests_on(
    timeline: OpinionTimeline,
) -> None:
    bias, confidence = timeline.views(np.array([45, 50, 64, 65]))
    assert bias[0, :, 1].tolist() == pytest.approx([np.nan, -0.5, -0.5, np.nan], nan_ok=True)
    assert confidence[0, 1, 1] == pytest.approx(0.8 * (1 - 10 / 25))


def test_any_cutting_of_the_ticks_gives_the_same_views(timeline: OpinionTimeline) -> None:
    ticks = np.arange(0, 120, 5)
    whole = timeline.views(ticks)
    parts = [timeline.views(part) for part in np.array_split(ticks, 5)]
    np.testing.assert_array_equal(np.concatenate([each.bias for each in parts], axis=1), whole.bias)


def test_answers_are_told_in_the_order_of_their_ticks(timeline: OpinionTimeline) -> None:
    assert [heard.ts for heard in timeline.between(0, 100)] == [10, 30, 40, 40, 50, 60]
    assert [heard.answer.as_of for heard in timeline.between(40, 40)] == [20, 40]
    assert timeline.between(41, 49) == ()


def test_timeline_without_answers_is_silent() -> None:
    timeline = OpinionTimeline(("news",), _BOTH)
    assert np.isnan(timeline.views(np.array([1, 2])).bias).all()
    (said,) = timeline.standing(_BTC, 1)
    assert isinstance(said, Abstention)
    with pytest.raises(ValueError, match="not on this timeline"):
        timeline.standing(InstrumentId("DOGE-USDT", "SIM"), 1)
