"""Opinions on the board fade, expire and give way to newer ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.agents.board import OpinionBoard
from tutti.model.instrument import InstrumentId
from tutti.model.opinion import Abstention, Opinion

_BTC = InstrumentId("BTC-USDT", "SIM")
_ETH = InstrumentId("ETH-USDT", "SIM")


def _opinion(as_of: int = 1000, *, time_to_live: int = 100, bias: float = 0.6) -> Opinion:
    return Opinion(
        agent="news",
        instrument=_ETH,
        bias=bias,
        confidence=0.8,
        as_of=as_of,
        rationale="heard it",
        time_to_live=time_to_live,
    )


@pytest.fixture
def board() -> OpinionBoard:
    return OpinionBoard(("social", "news"), (_BTC, _ETH))


def _said(board: OpinionBoard, ts: int) -> tuple[float, float]:
    bias, confidence = board.views(np.array([ts]))
    assert bias.shape == confidence.shape == (2, 1, 2)
    assert np.isnan(bias[[0, 0, 1], 0, [0, 1, 0]]).all()
    return float(bias[1, 0, 1]), float(confidence[1, 0, 1])


@pytest.mark.parametrize(
    ("ts", "confidence"), [(1000, 0.8), (1025, 0.6), (1050, 0.4), (1099, 0.008)]
)
def test_opinion_fades_linearly_and_keeps_its_bias(
    board: OpinionBoard, ts: int, confidence: float
) -> None:
    board.post(_opinion())
    assert _said(board, ts) == pytest.approx((0.6, confidence))


@pytest.mark.parametrize("ts", [1100, 5000, 999])
def test_opinion_that_has_expired_or_is_not_yet_known_is_absent(
    board: OpinionBoard, ts: int
) -> None:
    board.post(_opinion())
    assert all(math.isnan(value) for value in _said(board, ts))


def test_opinion_without_time_to_live_holds_for_its_instant_only(board: OpinionBoard) -> None:
    board.post(_opinion(time_to_live=0))
    assert _said(board, 1000) == (0.6, 0.8)
    assert all(math.isnan(value) for value in _said(board, 1001))


def test_newer_opinion_replaces_and_older_does_not(board: OpinionBoard) -> None:
    assert board.post(_opinion(1000))
    assert not board.post(_opinion(900, bias=-1.0))
    assert not board.post(_opinion(1000, bias=-1.0))
    assert _said(board, 1010)[0] == 0.6
    assert board.post(_opinion(1010, bias=-0.4))
    assert _said(board, 1010) == (-0.4, 0.8)


def test_opinion_from_before_the_epoch_is_taken(board: OpinionBoard) -> None:
    assert board.post(_opinion(-50))
    assert _said(board, -50) == (0.6, 0.8)


def test_abstention_takes_nothing_back(board: OpinionBoard) -> None:
    abstention = Abstention(agent="news", instrument=_ETH, as_of=1020, reason="busy")
    assert board.post_all([_opinion(1000), abstention]) == 1
    assert _said(board, 1050) == pytest.approx((0.6, 0.4))


def test_board_is_looked_at_over_a_block_of_ticks_as_tick_by_tick(board: OpinionBoard) -> None:
    board.post(_opinion())
    ticks = np.array([999, 1000, 1050, 1100])
    bias, confidence = board.views(ticks)
    assert bias[1, :, 1].tolist() == pytest.approx([np.nan, 0.6, 0.6, np.nan], nan_ok=True)
    for t, ts in enumerate(ticks):
        one = board.views(np.array([ts]))
        np.testing.assert_array_equal(one.confidence[:, 0], confidence[:, t])
    assert np.isnan(bias[0]).all()


def test_board_knows_for_whom_it_has_a_place(board: OpinionBoard) -> None:
    assert board.has_place_for("news", _ETH)
    assert not board.has_place_for("macro", _ETH)
    assert not board.has_place_for("news", InstrumentId("DOGE-USDT", "SIM"))


def test_board_says_what_each_agent_has_to_say_now(board: OpinionBoard) -> None:
    board.post(_opinion())
    social, news = board.standing(_ETH, 1050)
    assert social == Abstention(
        agent="social", instrument=_ETH, as_of=1050, reason="nothing posted yet"
    )
    assert isinstance(news, Opinion)
    assert (news.bias, news.as_of) == (0.6, 1000)
    assert news.confidence == pytest.approx(0.4)
    assert board.standing(_ETH, 1100)[1] == Abstention(
        agent="news", instrument=_ETH, as_of=1100, reason="its last opinion has expired"
    )


def test_board_without_a_place_for_the_agent_or_instrument_refuses(board: OpinionBoard) -> None:
    stranger = InstrumentId("DOGE-USDT", "SIM")
    with pytest.raises(ValueError, match="no place for macro"):
        board.post(Abstention(agent="macro", instrument=_BTC, as_of=1, reason="x"))
    with pytest.raises(ValueError, match="no place for news on DOGE"):
        board.post(Abstention(agent="news", instrument=stranger, as_of=1, reason="x"))
    with pytest.raises(ValueError, match="not on this board"):
        board.standing(stranger, 1)
