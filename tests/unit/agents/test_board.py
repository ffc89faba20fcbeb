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
    bias, confidence = board.at(ts)
    assert bias.shape == confidence.shape == (2, 2)
    assert np.isnan(bias[[0, 0, 1], [0, 1, 0]]).all()
    return float(bias[1, 1]), float(confidence[1, 1])


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


def test_board_gives_one_view_an_agent_as_a_block_of_one_tick(board: OpinionBoard) -> None:
    board.post(_opinion())
    social, news = board.views(1050)
    assert news.bias.shape == news.confidence.shape == (1, 2)
    assert news.bias[0, 1] == 0.6
    assert np.isnan(social.bias).all()


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
