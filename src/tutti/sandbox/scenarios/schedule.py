"""Costs that change with time: what a venue charges from when on."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.execution.cost import Costs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tutti.model.market import IntArray
    from tutti.sandbox.scenarios.conditions import Factor

_WIDEST_BPS = 9_999.0
"""A half-spread of the whole price would make a seller pay."""


@dataclass(frozen=True, slots=True)
class CostSchedule:
    """Costs in force from each of some instants on.

    Parameters
    ----------
    since : tuple of int
        ns UTC, rising; bars that start at or after one are charged by its costs.
    costs : tuple of Costs
        One more than ``since``: the first holds before all of them.
    """

    since: tuple[int, ...]
    costs: tuple[Costs, ...]

    def at(self, ts: int) -> Costs:
        """Return the costs of the bar that starts at ``ts`` (ns UTC)."""
        return self.costs[bisect_right(self.since, ts)]

    def pieces(self, ts: IntArray) -> Iterator[tuple[slice, Costs]]:
        """Yield stretches of the bars ``ts`` (rising, shape (t,)) and the costs of each."""
        cuts = [0, *np.searchsorted(ts, np.array(self.since, np.int64)).tolist(), len(ts)]
        for k, costs in enumerate(self.costs):
            if cuts[k] < cuts[k + 1]:
                yield slice(cuts[k], cuts[k + 1]), costs


def scheduled(costs: Costs, spreads: Sequence[Factor]) -> CostSchedule:
    """Return ``costs`` with their spreads multiplied as scenarios say, each in its window."""
    edges = {edge for each in spreads for edge in (each.window.begin, each.window.end)}
    since = tuple(sorted(edges))
    return CostSchedule(since, (costs, *(_widened(costs, spreads, edge) for edge in since)))


def _widened(costs: Costs, spreads: Sequence[Factor], ts: int) -> Costs:
    half = costs.half_spread_bps
    for each in spreads:
        if each.window.begin <= ts < each.window.end:
            half = half * each.factors
    return costs._replace(half_spread_bps=np.minimum(half, _WIDEST_BPS))
