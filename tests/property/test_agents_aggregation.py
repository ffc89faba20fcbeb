"""What holds of every pool of opinions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.aggregation import Aggregation, aggregate
from tutti.model.market import FloatArray

if TYPE_CHECKING:
    from tutti.model.opinion import ContextBlock

_METHODS = st.sampled_from(list(Aggregation))


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """Views of A agents on 2 ticks of 2 instruments, and their weights."""

    bias: FloatArray
    confidence: FloatArray
    weights: FloatArray

    def pooled(self, method: Aggregation) -> ContextBlock:
        n = len(self.weights)
        return aggregate(
            self.bias,
            self.confidence,
            np.array([[-1, 0], [3, 4]]),
            self.weights,
            np.ones((5, n)),
            np.ones((n, 2), np.int64),
            method,
        )

    def picked(self, order: list[int]) -> _Panel:
        return _Panel(
            bias=self.bias[order], confidence=self.confidence[order], weights=self.weights[order]
        )


@st.composite
def _panels(draw: st.DrawFn, *, may_abstain: bool = True, signed: bool = True) -> _Panel:
    n = draw(st.integers(1, 6))
    # tenths as well as anything between, so that exact ties come up; the product of any three is
    # a normal float, for one that is not has lost its digits
    size = st.one_of(st.integers(0, 10).map(lambda k: k / 10), st.floats(1e-100, 1))
    sign = st.sampled_from([-1.0, 1.0] if signed else [1.0])
    abstains = st.booleans() if may_abstain else st.just(False)

    def block(values: st.SearchStrategy[float]) -> FloatArray:
        cells = draw(st.lists(values, min_size=4 * n, max_size=4 * n))
        return np.array(cells).reshape(n, 2, 2)

    bias, confidence = block(size) * block(sign), block(size)
    silent = block(abstains.map(float)) > 0
    weights = draw(st.lists(st.floats(0.01, 10), min_size=n, max_size=n))
    return _Panel(
        bias=np.where(silent, np.nan, bias),
        confidence=np.where(silent, np.nan, confidence),
        weights=np.array(weights),
    )


def _assert_same(one: ContextBlock, other: ContextBlock) -> None:
    np.testing.assert_allclose(one.bias, other.bias, rtol=0, atol=1e-12)
    np.testing.assert_allclose(one.confidence, other.confidence, rtol=0, atol=1e-12)


@given(panel=_panels(), method=_METHODS, data=st.data())
def test_pool_is_independent_of_the_order_of_the_agents(
    panel: _Panel, method: Aggregation, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(panel.weights))))
    one, other = panel.pooled(method), panel.picked(list(order)).pooled(method)
    _assert_same(one, other)
    lead = np.where(other.lead < 0, -1, np.array(order)[other.lead])
    part = panel.weights[:, None, None] * panel.confidence * panel.bias
    for t, i in np.ndindex(2, 2):
        # a tie between two agents may fall to either
        first, second = one.lead[t, i], lead[t, i]
        assert (first < 0) == (second < 0)
        assert first < 0 or np.isclose(part[first, t, i], part[second, t, i], rtol=1e-12)


@given(panel=_panels(), method=_METHODS)
def test_pool_stays_within_bounds_and_takes_a_side_only_with_confidence(
    panel: _Panel, method: Aggregation
) -> None:
    bias, confidence, lead = panel.pooled(method)
    known = ~np.isnan(bias)
    np.testing.assert_array_equal(known, ~np.isnan(panel.bias).all(axis=0))
    np.testing.assert_array_equal(known, ~np.isnan(confidence))
    assert (np.abs(bias[known]) <= 1).all()
    assert ((confidence[known] >= 0) & (confidence[known] <= 1)).all()
    assert (bias[known & (confidence > 0)] != 0).all()
    assert (lead[~known | (bias == 0)] == -1).all()


@given(panel=_panels(), method=_METHODS)
def test_abstainers_have_no_effect(panel: _Panel, method: Aggregation) -> None:
    silent = np.full((2, 2, 2), np.nan)
    joined = _Panel(
        bias=np.concatenate([silent, panel.bias]),
        confidence=np.concatenate([silent, panel.confidence]),
        weights=np.concatenate([[5.0, 0.5], panel.weights]),
    )
    one, other = panel.pooled(method), joined.pooled(method)
    np.testing.assert_array_equal(one.bias, other.bias)
    np.testing.assert_array_equal(one.confidence, other.confidence)
    np.testing.assert_array_equal(np.where(one.lead < 0, -1, one.lead + 2), other.lead)


@given(panel=_panels(may_abstain=False), method=_METHODS)
def test_agents_of_one_mind_are_pooled_to_that_mind(panel: _Panel, method: Aggregation) -> None:
    bias, confidence = np.full_like(panel.bias, 0.6), np.full_like(panel.bias, 0.7)
    pooled = _Panel(bias=bias, confidence=confidence, weights=panel.weights).pooled(method)
    if method is Aggregation.WEIGHTED_AVERAGE:
        np.testing.assert_allclose(pooled.bias, 0.6)
        np.testing.assert_allclose(pooled.confidence, 0.7)
    elif method is Aggregation.MAJORITY_VOTE:
        np.testing.assert_allclose(pooled.bias, 1.0)
        np.testing.assert_allclose(pooled.confidence, 0.7)
    else:
        assert (pooled.bias >= 0.42 - 1e-12).all()


@given(panel=_panels(signed=False), method=_METHODS)
def test_agents_on_one_side_are_pooled_to_that_side(panel: _Panel, method: Aggregation) -> None:
    pooled = panel.pooled(method)
    known = ~np.isnan(pooled.bias)
    assert (pooled.bias[known] >= 0).all()


@given(panel=_panels(), method=_METHODS)
def test_pool_of_the_opposite_is_the_opposite(panel: _Panel, method: Aggregation) -> None:
    one = panel.pooled(method)
    other = _Panel(bias=-panel.bias, confidence=panel.confidence, weights=panel.weights).pooled(
        method
    )
    np.testing.assert_allclose(one.bias, -other.bias, rtol=0, atol=1e-12)
    np.testing.assert_allclose(one.confidence, other.confidence, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(one.lead, other.lead)


@given(panel=_panels(), method=_METHODS, factor=st.floats(0.01, 100))
def test_only_the_proportions_of_the_weights_matter(
    panel: _Panel, method: Aggregation, factor: float
) -> None:
    scaled = _Panel(bias=panel.bias, confidence=panel.confidence, weights=panel.weights * factor)
    one, other = panel.pooled(method), scaled.pooled(method)
    _assert_same(one, other)


@given(panel=_panels(), method=_METHODS)
def test_pool_of_a_block_is_the_pool_of_its_ticks(panel: _Panel, method: Aggregation) -> None:
    whole = panel.pooled(method)
    n = len(panel.weights)
    for t, regime in enumerate(([[-1, 0]], [[3, 4]])):
        tick = aggregate(
            panel.bias[:, t : t + 1],
            panel.confidence[:, t : t + 1],
            np.array(regime),
            panel.weights,
            np.ones((5, n)),
            np.ones((n, 2), np.int64),
            method,
        )
        np.testing.assert_array_equal(tick.bias[0], whole.bias[t])
        np.testing.assert_array_equal(tick.confidence[0], whole.confidence[t])
        np.testing.assert_array_equal(tick.lead[0], whole.lead[t])
