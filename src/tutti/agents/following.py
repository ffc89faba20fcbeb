"""Weights that follow what agents were worth, slowly, within bounds, on what was known by then.

Every so often the gains of all coalitions of agents over the last window are shared among the
agents, as `tutti.agents.worth` does over a whole record, and each agent's weight moves one bounded
step (`tutti.agents.worth.next_weights`). What enters a step was known before it: the moves up to
the open of the bar before. Coalitions are pooled with the configured weights, so that an agent that
has lost its weight can win it back. Errors are those of the block jackknife: Künsch (1989), The
jackknife and the bootstrap for general stationary observations.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.agents.aggregation import Aggregation, aggregate
from tutti.agents.earnings import AgentEarnings
from tutti.agents.worth import Share, next_weights, sharpe_of
from tutti.model.opinion import ContextBlock, Views
from tutti.stats.shapley import coalitions, shapley

if TYPE_CHECKING:
    from tutti.model.market import FloatArray, IntArray, MarketBlock

_ALL_COALITIONS = 8
"""Agents up to which worth is shared over all coalitions; beyond, it is what all lose without one."""

_FEWEST = 20
_GROUPS = 10


class FollowRules(NamedTuple):
    """How weights follow worth.

    Parameters
    ----------
    every, window, span : int
        Time between steps, over which worth is looked at, and of the gains that make a ratio; ns.
    max_step, least, most : float
        See `tutti.agents.worth.next_weights`.
    """

    every: int
    window: int
    span: int
    max_step: float
    least: float
    most: float


class WeightFollower:
    """Pools opinions with weights that follow worth, block by block; remembers what was gained.

    Parameters
    ----------
    weights, regime_weights, active, method
        As `tutti.agents.aggregation.aggregate` takes them.
    cost : ndarray of float64, shape (N,)
        Of trading, a fraction of the notional.
    rules : FollowRules

    Attributes
    ----------
    weights : ndarray of float64, shape (A,)
        In force; the configured ones at first.
    """

    def __init__(
        self,
        *,
        weights: FloatArray,
        regime_weights: FloatArray,
        active: IntArray,
        method: Aggregation,
        cost: FloatArray,
        rules: FollowRules,
    ) -> None:
        n = len(weights)
        self._configured, self._regime_weights, self._active = weights, regime_weights, active
        self._method, self._rules = method, rules
        self._members = _members(n)
        self._earnings = AgentEarnings(len(self._members), cost)
        self._spans: deque[tuple[int, FloatArray]] = deque()
        self._number: int | None = None
        self.weights: FloatArray = weights.copy()

    def pool(
        self, views: Views, regime: IntArray, block: MarketBlock
    ) -> tuple[ContextBlock, FloatArray]:
        """Return the pooled opinions of a block, and the weights at each tick, shape (t, A)."""
        parts, weights = [], np.empty((len(block), len(self.weights)))
        numbers = (block.known_at - 1) // self._rules.every
        begin = 0
        for end in [*(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(block)]:
            number = int(numbers[begin])
            if self._number is not None and number != self._number:
                self.step(number * self._rules.every)
            self._number = number
            rows = slice(begin, end)
            weights[rows] = self.weights
            said = Views(views.bias[:, rows], views.confidence[:, rows])
            parts.append(self._pooled(said, regime[rows], self.weights))
            self.learn(said, regime[rows], block.known_at[rows], block.open[rows])
            begin = end
        pooled = ContextBlock(*(np.concatenate(each) for each in zip(*parts, strict=True)))
        return pooled, weights

    def _pooled(self, views: Views, regime: IntArray, weights: FloatArray) -> ContextBlock:
        return aggregate(
            views.bias,
            views.confidence,
            regime,
            weights,
            self._regime_weights,
            self._active,
            self._method,
        )

    def learn(self, views: Views, regime: IntArray, ts: IntArray, opens: FloatArray) -> None:
        """Take note of what every coalition gained up to the bars of some ticks.

        Parameters
        ----------
        views : Views
            What was said at their end, arrays of shape (A, t, n).
        regime : ndarray of int64, shape (t, n)
        ts : ndarray of int64, shape (t,)
            When they became known, ns UTC.
        opens : ndarray of float64, shape (t, n)
            First prices of the bars.
        """
        found = [self._pooled(views, regime, self._configured * each) for each in self._members]
        bias = np.stack([each.bias for each in found])
        confidence = np.stack([each.confidence for each in found])
        for t, at in enumerate(ts.tolist()):
            gained, _ = self._earnings.step(opens[t], Views(bias[:, t], confidence[:, t]))
            span = (at - 1) // self._rules.span
            if not self._spans or self._spans[-1][0] != span:
                self._spans.append((span, np.zeros(len(gained))))
            np.add(self._spans[-1][1], gained, out=self._spans[-1][1])

    def step(self, now: int) -> None:
        """Move the weights one step, on what was gained in the window up to ``now`` (ns UTC)."""
        first = (now - self._rules.window) // self._rules.span
        while self._spans and self._spans[0][0] < first:
            self._spans.popleft()
        if len(self._spans) < _FEWEST:
            return
        gains = np.stack([each for _, each in self._spans])
        self.weights = next_weights(
            self.weights,
            self._configured,
            self._worth(gains),
            max_step=self._rules.max_step,
            least=self._rules.least,
            most=self._rules.most,
        )

    def _worth(self, gains: FloatArray) -> list[Share]:
        value = self._shares(gains)
        groups = np.array_split(np.arange(len(gains)), _GROUPS)
        without = np.stack([self._shares(np.delete(gains, each, axis=0)) for each in groups])
        off = without - without.mean(axis=0)
        errors = np.sqrt((_GROUPS - 1) / _GROUPS * (off**2).sum(axis=0))
        return [
            Share(value=v, low=v - 2.0 * e, high=v + 2.0 * e, standard_error=e)
            for v, e in zip(value.tolist(), errors.tolist(), strict=True)
        ]

    def _shares(self, gains: FloatArray) -> FloatArray:
        ratio = sharpe_of(gains)
        n = len(self._configured)
        if n <= _ALL_COALITIONS:
            return shapley(ratio)
        return np.asarray(ratio[0] - ratio[1:])


def _members(n: int) -> IntArray:
    if n <= _ALL_COALITIONS:
        return coalitions(n)
    return np.vstack([np.ones(n, np.int64), 1 - np.eye(n, dtype=np.int64)])
