"""The nearest past situations: by spread, point in time, apart from each other."""

from __future__ import annotations

import math
import time
from itertools import pairwise

import numpy as np
import pytest

from tutti.agents.memory.past import PastSituations
from tutti.kernel.clock import DAY, HOUR
from tutti.model.instrument import InstrumentId
from tutti.model.market import Situation

_BTC = InstrumentId("BTC-USDT", "SIM")
_ETH = InstrumentId("ETH-USDT", "SIM")
_LATE = 10**6 * DAY


def _situation(
    as_of: int, *, instrument: InstrumentId = _BTC, after: int = HOUR, **features: float
) -> Situation:
    return Situation(
        instrument=instrument,
        as_of=as_of,
        features=features,
        bias=0.1,
        confidence=0.5,
        decision="entry",
        outcome=0.01,
        known_at=as_of + after,
    )


def _as_of(found: tuple[Situation, ...]) -> list[int]:
    return [each.as_of for each in found]


def test_nearest_counts_features_in_units_of_their_spread() -> None:
    rng = np.random.default_rng(3)
    past = [
        _situation(i * DAY, large=1e6 * rng.normal(), small=1e-6 * rng.normal()) for i in range(50)
    ]
    memory = PastSituations([*past, _situation(60 * DAY, large=5e5, small=1e-6)])
    found = memory.likenesses(_BTC, {"large": 5e5, "small": 1e-6}, _LATE, 3)
    assert found[0].situation.as_of == 60 * DAY
    assert found[0].distance == pytest.approx(0.0, abs=1e-3)
    assert [each.distance for each in found] == sorted(each.distance for each in found)


def test_nearest_is_never_told_before_the_outcome_was_known() -> None:
    memory = PastSituations([_situation(i * DAY, after=7 * DAY, x=float(i % 3)) for i in range(30)])
    for as_of in range(0, 40 * DAY, 12 * HOUR):
        found = memory.nearest(_BTC, {"x": 1.0}, as_of, 30)
        assert all(each.known_at <= as_of for each in found)
    assert memory.nearest(_BTC, {"x": 1.0}, 7 * DAY - 1, 5) == ()
    assert _as_of(memory.nearest(_BTC, {"x": 0.0}, 7 * DAY, 5)) == [0]


def test_nearest_leaves_out_what_overlaps_with_a_nearer_one() -> None:
    past = [_situation(i * HOUR, after=4 * HOUR, x=float(i)) for i in range(40)]
    found = PastSituations(past).nearest(_BTC, {"x": 20.0}, _LATE, 4)
    assert _as_of(found)[0] == 20 * HOUR
    ordered = sorted(found, key=lambda each: each.as_of)
    for one, other in pairwise(ordered):
        assert one.known_at <= other.as_of


def test_nearest_keeps_to_the_instrument() -> None:
    memory = PastSituations(
        [_situation(0, x=1.0), _situation(DAY, x=2.0, instrument=_ETH), _situation(2 * DAY, x=2.0)]
    )
    assert {each.instrument for each in memory.nearest(_BTC, {"x": 2.0}, _LATE, 9)} == {_BTC}
    assert memory.nearest(InstrumentId("SOL", "SIM"), {"x": 1.0}, _LATE, 9) == ()
    assert memory.nearest(_BTC, {"x": 1.0}, _LATE, 0) == ()
    assert memory.instruments == (_BTC, _ETH)
    assert len(memory) == 3


def test_nearest_with_features_that_are_not_known_compares_the_others() -> None:
    past = [
        _situation(0, x=1.0, y=math.nan),
        _situation(DAY, x=1.0, y=5.0),
        _situation(2 * DAY, x=3.0, y=5.0),
        _situation(3 * DAY, y=4.0),
    ]
    memory = PastSituations(past)
    assert _as_of(memory.nearest(_BTC, {"x": 1.0, "y": 5.0}, _LATE, 4)) == [
        DAY, 0, 2 * DAY, 3 * DAY,
    ]  # fmt: skip
    assert _as_of(memory.nearest(_BTC, {"x": 3.0, "y": math.nan}, _LATE, 1)) == [2 * DAY]
    assert len(memory.nearest(_BTC, {"z": 1.0}, _LATE, 9)) == 4
    assert len(memory.nearest(_BTC, {}, _LATE, 9)) == 4


def test_nearest_of_a_feature_that_never_moves_ignores_it() -> None:
    past = [_situation(i * DAY, still=7.0, x=float(i)) for i in range(5)]
    assert _as_of(PastSituations(past).nearest(_BTC, {"still": 1e9, "x": 3.0}, _LATE, 1)) == [
        3 * DAY
    ]


def test_nearest_of_a_feature_that_hardly_moves_tells_it_apart() -> None:
    past = [_situation(i * DAY, price=60_000.0 + i / 1000) for i in range(9)]
    found = PastSituations(past).nearest(_BTC, {"price": 60_000.004}, _LATE, 1)
    assert _as_of(found) == [4 * DAY]


def test_memory_told_one_by_one_is_that_told_at_once() -> None:
    rng = np.random.default_rng(5)
    past = [_situation(i * DAY, x=rng.normal(), y=rng.normal()) for i in range(80)]
    at_once = PastSituations(past)
    one_by_one = PastSituations()
    for row in rng.permutation(len(past)).tolist():
        one_by_one.remember(past[row])
    asked = {"x": 0.3, "y": -0.2}
    assert at_once.likenesses(_BTC, asked, _LATE, 80) == one_by_one.likenesses(
        _BTC, asked, _LATE, 80
    )
    assert at_once.situations(_BTC, 5 * DAY) == one_by_one.situations(_BTC, 5 * DAY)


def test_memory_told_the_same_instant_again_replaces_it() -> None:
    memory = PastSituations([_situation(0, x=1.0), _situation(DAY, x=2.0)])
    memory.remember(_situation(0, x=9.0))
    assert len(memory) == 2
    assert memory.nearest(_BTC, {"x": 9.0}, _LATE, 1)[0].features == {"x": 9.0}


def test_nearest_among_many_alike_goes_on_until_some_are_apart() -> None:
    # a thousand that overlap are nearest; the second one told lies beyond them all
    crowd = [_situation(i, after=DAY, x=0.0) for i in range(1000)]
    memory = PastSituations([*crowd, _situation(5 * DAY, x=1.0)])
    assert _as_of(memory.nearest(_BTC, {"x": 0.0}, _LATE, 2)) == [0, 5 * DAY]


def test_nearest_of_a_hundred_thousand_is_quick() -> None:
    rng = np.random.default_rng(0)
    names = [f"f{i}" for i in range(30)]
    table = rng.normal(size=(100_000, 30))
    memory = PastSituations(
        _situation(i * HOUR, **dict(zip(names, row, strict=True)))
        for i, row in enumerate(table.tolist())
    )
    asked = dict(zip(names, table[500].tolist(), strict=True))
    assert memory.nearest(_BTC, asked, _LATE, 5)[0].as_of == 500 * HOUR
    started = time.process_time()
    for _ in range(5):
        memory.nearest(_BTC, asked, _LATE, 5)
    assert (time.process_time() - started) / 5 < 0.025  # 3 ms on an idle machine


def test_nearest_of_many_does_not_depend_on_the_future_nor_on_who_asked_before() -> None:
    rng = np.random.default_rng(9)
    past = [_situation(i * DAY, x=rng.normal(), y=rng.normal() * (1 + i)) for i in range(1400)]
    asked = {"x": 0.3, "y": -40.0}
    known = PastSituations(past[:700]).likenesses(_BTC, asked, 700 * DAY, 9)
    memory = PastSituations(past)
    for as_of in (1400, 300, 513, 700, 512, 700):
        memory.likenesses(_BTC, {"x": 1.0, "y": 1.0}, as_of * DAY, 1)
    assert memory.likenesses(_BTC, asked, 700 * DAY, 9) == known
