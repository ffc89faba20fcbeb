"""Whatever agents say, and whenever: a timeline stands at each tick as a board would."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.board import OpinionBoard
from tutti.agents.timeline import Heard, OpinionTimeline
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion

_NAMES = ("news", "social")
_INSTRUMENTS = (InstrumentId("BTC-USDT", "SIM"), InstrumentId("ETH-USDT", "SIM"))
_LAST = 60


@st.composite
def _heard(draw: st.DrawFn) -> Heard:
    as_of = draw(st.integers(0, _LAST))
    ts = as_of + draw(st.integers(0, 20))
    agent, instrument = draw(st.sampled_from(_NAMES)), draw(st.sampled_from(_INSTRUMENTS))
    if draw(st.booleans()) and draw(st.booleans()):
        return Heard(ts, Abstention(agent=agent, instrument=instrument, as_of=as_of, reason="no"))
    opinion = Opinion(
        agent=agent,
        instrument=instrument,
        bias=draw(st.floats(-1, 1)),
        confidence=draw(st.floats(0, 1)),
        as_of=as_of,
        rationale="so",
        time_to_live=draw(st.integers(0, 30)),
    )
    return Heard(ts, opinion)


@given(heard=st.lists(_heard(), max_size=25), cut=st.integers(1, _LAST))
def test_timeline_stands_as_a_board_would_however_it_is_cut(heard: list[Heard], cut: int) -> None:
    ticks = np.arange(0, _LAST + 25)
    timeline = OpinionTimeline(_NAMES, _INSTRUMENTS, heard)
    board = OpinionBoard(_NAMES, _INSTRUMENTS)
    views = [timeline.views(part) for part in (ticks[:cut], ticks[cut:])]
    bias = np.concatenate([each.bias for each in views], axis=1)
    confidence = np.concatenate([each.confidence for each in views], axis=1)
    told: list[Heard] = []
    for t, ts in enumerate(ticks.tolist()):
        told += (now := timeline.between(ts, ts))
        board.post_all(answer for _, answer in now)
        shown = board.views(ticks[t : t + 1])
        np.testing.assert_array_equal(shown.bias[:, 0], bias[:, t])
        np.testing.assert_array_equal(shown.confidence[:, 0], confidence[:, t])
        for instrument in _INSTRUMENTS:
            assert timeline.standing(instrument, ts) == board.standing(instrument, ts)
    assert tuple(told) == timeline.answers
