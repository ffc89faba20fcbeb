"""From a signal and what is held to a target."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tutti.model.arrays import EQUITY, Book, Signals, Terms
from tutti.model.errors import ConfigError
from tutti.model.order import Reason
from tutti.policy.targets import TargetRules, TargetSettings, desired_weight, target_at

pytestmark = pytest.mark.kernels

_RULES = TargetSettings().rules(sizes_are_fractions=True)


def _target(
    *,
    lots: int = 0,
    score: float = 0.0,
    confidence: float = 1.0,
    size: float = 0.1,
    rules: TargetRules = _RULES,
    may_enter: bool = True,
    perpetual: bool = True,
) -> tuple[float, Reason]:
    """Return the target of one instrument at 100 with lots of 1 in an account of 10,000."""
    ones = np.ones(1, np.int64)
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
    book = Book(
        lots=ones * lots,
        average_price=np.full(1, 100.0),
        opened_at=ones,
        closed_at=np.zeros_like(ones),
        paused_until=np.zeros_like(ones),
        lead=-ones,
        mark=np.full(1, 100.0),
        marked_at=ones,
        working=ones * 0,
        cash=np.full(1, 10_000.0),
        agent_day=np.zeros(1),
        account=np.zeros(8),
    )
    book.account[EQUITY] = 10_000.0
    signals = Signals(
        score=np.array([[math.nan], [score]]),
        confidence=np.array([[math.nan], [confidence]]),
        size=np.array([[math.nan], [size]]),
        lead=np.array([[-1], [-1]]),
    )
    weight, code = target_at(0, 1, signals, book, terms, 100.0, rules, may_enter)
    return weight, Reason.of(code)


# ---- flat ----


@pytest.mark.parametrize(
    ("score", "confidence", "expected"),
    [
        pytest.param(0.3, 0.65, (0.1, Reason.ENTRY), id="long at the threshold"),
        pytest.param(-0.3, 0.65, (-0.1, Reason.ENTRY), id="short at the threshold"),
        pytest.param(0.3, 0.649, (0.0, Reason.NONE), id="under the threshold"),
        pytest.param(0.0, 1.0, (0.0, Reason.NONE), id="no direction"),
        pytest.param(math.nan, 1.0, (0.0, Reason.NONE), id="no view"),
        pytest.param(0.3, math.nan, (0.0, Reason.NONE), id="unknown confidence"),
    ],
)
def test_target_when_flat_opens_on_a_sure_signal_only(
    score: float, confidence: float, expected: tuple[float, Reason]
) -> None:
    assert _target(score=score, confidence=confidence) == expected


def test_target_when_entries_are_barred_stays_flat() -> None:
    assert _target(score=1.0, may_enter=False) == (0.0, Reason.NONE)


@pytest.mark.parametrize("size", [math.nan, 0.0, -0.1, math.inf])
def test_target_of_a_size_that_makes_no_sense_stays_flat(size: float) -> None:
    assert _target(score=1.0, size=size) == (0.0, Reason.NONE)


def test_target_spot_is_never_sold_short() -> None:
    assert _target(score=-1.0, perpetual=False) == (0.0, Reason.NONE)
    assert _target(lots=5, score=-1.0, perpetual=False) == (0.0, Reason.SIGNAL_EXIT)
    assert _target(score=1.0, perpetual=False) == (0.1, Reason.ENTRY)


def test_desired_weight_of_a_notional_is_its_share_of_equity() -> None:
    rules = _RULES._replace(sizes_are_fractions=False)
    assert desired_weight(150.0, 10_000.0, rules) == 0.015
    assert _target(score=-1.0, size=150.0, rules=rules) == (-0.015, Reason.ENTRY)


# ---- held ----


@pytest.mark.parametrize("lots", [5, -5])
@pytest.mark.parametrize(
    ("score", "confidence"),
    [(1.0, 1.0), (1.0, 0.1), (math.nan, 1.0), (-1.0, 0.49), (-1.0, math.nan)],
    ids=["same side", "same side, unsure", "no view", "against, unsure", "against, unknown"],
)
def test_target_when_held_without_a_reason_to_leave_keeps_the_position(
    lots: int, score: float, confidence: float
) -> None:
    side = math.copysign(1, lots)
    # the size asked for is twice what is held: a resize each bar would be churn
    target = _target(lots=lots, score=side * score, confidence=confidence)
    assert target == (lots / 100, Reason.NONE)


@pytest.mark.parametrize("lots", [5, -5])
def test_target_when_held_against_a_sure_signal_turns_round(lots: int) -> None:
    side = math.copysign(1, lots)
    assert _target(lots=lots, score=-0.2 * side, confidence=0.65) == (-0.1 * side, Reason.FLIP)


@pytest.mark.parametrize("confidence", [0.5, 0.649])
def test_target_when_held_against_a_fairly_sure_signal_closes(confidence: float) -> None:
    assert _target(lots=5, score=-1.0, confidence=confidence) == (0.0, Reason.SIGNAL_EXIT)


def test_target_when_held_and_entries_are_barred_closes_instead_of_turning() -> None:
    assert _target(lots=5, score=-1.0, may_enter=False) == (0.0, Reason.SIGNAL_EXIT)


def test_target_neutral_signal_closes_only_where_asked_to() -> None:
    assert _target(lots=5, score=0.0) == (0.0, Reason.SIGNAL_EXIT)
    stay = _RULES._replace(exit_on_neutral=False)
    assert _target(lots=5, score=0.0, rules=stay) == (0.05, Reason.NONE)


@pytest.mark.parametrize(
    ("size", "may_enter", "expected"),
    [
        pytest.param(0.0601, True, (0.05, Reason.NONE), id="within the band"),
        pytest.param(0.07, True, (0.07, Reason.RESIZE), id="too small"),
        pytest.param(0.03, True, (0.03, Reason.RESIZE), id="too large"),
        pytest.param(0.07, False, (0.05, Reason.NONE), id="entries barred"),
        pytest.param(math.nan, True, (0.05, Reason.NONE), id="size unknown"),
    ],
)
def test_target_with_rebalancing_resizes_outside_the_band(
    size: float, may_enter: bool, expected: tuple[float, Reason]
) -> None:
    rules = _RULES._replace(rebalance_band=0.2)
    assert _target(lots=5, score=1.0, size=size, rules=rules, may_enter=may_enter) == expected


# ---- settings ----


def test_target_settings_become_the_rules_they_say() -> None:
    rules = TargetSettings(entry_threshold=0.7, rebalance_band=0.1).rules(sizes_are_fractions=False)
    assert rules == TargetRules(
        entry_threshold=0.7,
        exit_threshold=0.5,
        rebalance_band=0.1,
        max_positions=50,
        exit_on_neutral=True,
        sizes_are_fractions=False,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"entry_threshold": 1.1}, r"entry_threshold must be in \[0, 1\]"),
        ({"exit_threshold": math.nan}, r"exit_threshold must be in \[0, 1\]"),
        ({"exit_threshold": 0.7}, "exit_threshold must not exceed entry_threshold"),
        ({"rebalance_band": -0.1}, "rebalance_band must be 0"),
        ({"max_positions": 0}, "max_positions must be at least 1"),
    ],
)
def test_target_settings_out_of_range_name_the_key(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"policy\.{message}"):
        TargetSettings(**changes)  # type: ignore[arg-type]
