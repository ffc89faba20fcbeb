"""What holds of the regime, on any features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tutti.conductor.regime import NEEDS, RegimeClassifier, RegimeRules
from tutti.features.block import FeatureBlock

if TYPE_CHECKING:
    from tutti.model.market import FloatArray
    from tutti.model.opinion import RegimeBlock

_TICKS, _N = 60, 2
_REFERENCES = st.sampled_from([None, 0, 1])


def _market(seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    shape = (_TICKS, _N)
    walks = np.cumsum(rng.normal(size=(3, *shape)) * 0.2, axis=1)
    values = np.stack(
        [
            22 + 8 * walks[0],
            0.02 * walks[1],
            rng.uniform(0, 0.02, size=shape) * rng.integers(0, 5, size=shape).clip(0, 1),
            1 / (1 + np.exp(-2 * walks[2])),
            rng.random(shape),
        ]
    )
    values[:, rng.random(shape) < 0.1] = np.nan
    return values


def _classified(
    values: FloatArray, rules: RegimeRules, reference: int | None = None
) -> RegimeBlock:
    return RegimeClassifier(rules, _N, reference).classify(FeatureBlock(NEEDS, values))


@given(
    seed=st.integers(0, 2**32 - 1),
    bars=st.integers(1, 6),
    reference=_REFERENCES,
    cuts=st.lists(st.integers(1, _TICKS - 1), max_size=8, unique=True),
)
def test_history_in_blocks_gives_the_bits_of_history_in_bulk(
    seed: int, bars: int, reference: int | None, cuts: list[int]
) -> None:
    values, rules = _market(seed), RegimeRules(hysteresis_bars=bars)
    bulk = _classified(values, rules, reference)
    classifier = RegimeClassifier(rules, _N, reference)
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), _TICKS], strict=True):
        part = classifier.classify(FeatureBlock(NEEDS, values[:, start:stop]))
        np.testing.assert_array_equal(part.code, bulk.code[start:stop])
        np.testing.assert_array_equal(part.confidence, bulk.confidence[start:stop])


@given(seed=st.integers(0, 2**32 - 1), now=st.integers(1, _TICKS - 1))
def test_no_regime_changes_when_the_future_does(seed: int, now: int) -> None:
    values = _market(seed)
    poisoned = values.copy()
    poisoned[:, now:] = _market(seed + 1)[:, now:]
    one, other = _classified(values, RegimeRules()), _classified(poisoned, RegimeRules())
    np.testing.assert_array_equal(one.code[:now], other.code[:now])
    np.testing.assert_array_equal(one.confidence[:now], other.confidence[:now])


@given(seed=st.integers(0, 2**32 - 1), bars=st.integers(2, 8))
def test_regime_stands_at_least_as_long_as_its_successor_needs(seed: int, bars: int) -> None:
    values = _market(seed)
    code = _classified(values, RegimeRules(hysteresis_bars=bars)).code
    there = ~np.isnan(values[0])
    for i in range(_N):
        seen = code[there[:, i], i]
        changes = np.flatnonzero(np.diff(seen)) + 1
        assert (np.diff(changes) >= bars).all()
        assert changes.size == 0 or changes[0] >= bars


@given(seed=st.integers(0, 2**32 - 1), reference=_REFERENCES)
def test_regime_is_known_with_confidence_within_bounds_from_the_first_full_bar(
    seed: int, reference: int | None
) -> None:
    values = _market(seed)
    code, confidence = _classified(values, RegimeRules(), reference)
    known = code >= 0
    np.testing.assert_array_equal(known, ~np.isnan(confidence))
    assert ((confidence[known] >= 0) & (confidence[known] <= 1)).all()
    column = values[0] if reference is None else values[0][:, [reference, reference]]
    np.testing.assert_array_equal(known, np.maximum.accumulate(~np.isnan(column), axis=0))
