"""Targets for any signal, position and rules."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tutti.model.arrays import EQUITY, Book, Signals, Terms
from tutti.model.order import Reason
from tutti.policy.targets import TargetRules, target_at

_ANY = st.one_of(st.floats(-2.0, 2.0), st.sampled_from([math.nan, 0.0, -0.0, math.inf]))
_PRICE = 100.0

_RULES = st.builds(
    TargetRules,
    entry_threshold=st.floats(0.5, 1.0),
    exit_threshold=st.floats(0.0, 0.5),
    rebalance_band=st.one_of(st.just(0.0), st.floats(0.01, 1.0)),
    max_positions=st.just(50),
    exit_on_neutral=st.booleans(),
    sizes_are_fractions=st.booleans(),
)


def _account(lots: int, equity: float, perpetual: int) -> tuple[Book, Terms]:
    ones = np.ones(1, np.int64)
    book = Book(
        lots=ones * lots,
        average_price=np.full(1, _PRICE),
        opened_at=ones,
        closed_at=np.zeros_like(ones),
        paused_until=np.zeros_like(ones),
        lead=-ones,
        mark=np.full(1, _PRICE),
        marked_at=ones,
        working=ones * 0,
        cash=np.zeros(1),
        agent_day=np.zeros(1),
        account=np.zeros(8),
    )
    book.account[EQUITY] = equity
    terms = Terms(
        lot=np.ones(1),
        tick=np.ones(1),
        min_lots=ones,
        min_notional=np.zeros(1),
        maker_fee=np.zeros(1),
        taker_fee=np.zeros(1),
        is_perpetual=ones * perpetual,
        max_leverage=np.ones(1),
        maintenance_margin=np.zeros(1),
        venue=ones * 0,
    )
    return book, terms


@given(
    lots=st.one_of(st.just(0), st.integers(-1000, 1000)),
    equity=st.floats(1.0, 1e9),
    score=_ANY,
    confidence=_ANY,
    size=st.one_of(_ANY, st.floats(0.0, 1e6)),
    perpetual=st.integers(0, 1),
    may_enter=st.booleans(),
    rules=_RULES,
)
def test_target_for_any_signal_is_one_that_can_be_acted_on(
    lots: int,
    equity: float,
    score: float,
    confidence: float,
    size: float,
    perpetual: int,
    may_enter: bool,
    rules: TargetRules,
) -> None:
    lots = lots if perpetual else abs(lots)
    book, terms = _account(lots, equity, perpetual)
    signals = Signals(
        np.full((1, 1), score),
        np.full((1, 1), confidence),
        np.full((1, 1), size),
        np.full((1, 1), -1),
    )
    weight, code = target_at(0, 0, signals, book, terms, _PRICE, rules, may_enter)
    reason = Reason.of(code)
    held = lots * _PRICE / equity
    sure = confidence >= rules.entry_threshold
    assert math.isfinite(weight)
    match reason:
        case Reason.NONE:
            assert weight == held
        case Reason.ENTRY:
            assert lots == 0
            assert weight * score > 0
            assert may_enter
            assert sure
        case Reason.FLIP:
            assert weight * held < 0
            assert weight * score > 0
            assert may_enter
            assert sure
        case Reason.RESIZE:
            assert weight * held > 0
            assert rules.rebalance_band > 0
            assert may_enter
        case _:
            assert reason is Reason.SIGNAL_EXIT
            assert weight == 0.0
            assert lots != 0
    if math.isnan(score):
        assert reason is Reason.NONE
    if not perpetual:
        assert weight >= 0
    if not may_enter:
        assert abs(weight) <= abs(held)
