"""The hybrid policy: momentum, mean reversion, pairs and the panel's context, mixed by weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.jit import njit
from tutti.model.arrays import Signals
from tutti.model.errors import ConfigError
from tutti.model.opinion import Regime
from tutti.policy.pairs import companions, empty_memory, pair_votes
from tutti.policy.sizing import Sizing, size
from tutti.policy.strategies import (
    MOMENTUM_NEEDS,
    REVERSION_NEEDS,
    momentum_vote,
    reversion_vote,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.features.block import FeatureBlock
    from tutti.model.instrument import InstrumentId
    from tutti.model.market import FloatArray, IntArray, MarketBlock
    from tutti.model.opinion import ContextBlock, RegimeBlock

PARTS = ("momentum", "mean_reversion", "pairs", "context")
"""What is mixed, in the order of the arrays."""

_MOMENTUM, _REVERSION, _PAIRS, _CONTEXT = range(4)
_ENOUGH = 0.5
"""Share of the weight that must have a view for the mixture to have one."""
_SHORTEST_WINDOW = 10

REGIME_FACTORS: dict[Regime, dict[str, float]] = {
    Regime.RANGE_BOUND: {"momentum": 0.5, "mean_reversion": 1.5, "pairs": 1.5},
    Regime.BULL_TRENDING: {"momentum": 1.5, "mean_reversion": 0.5, "pairs": 0.75},
    Regime.BEAR_TRENDING: {"momentum": 1.5, "mean_reversion": 0.5, "pairs": 0.75},
    Regime.BULL_VOLATILE: {"mean_reversion": 0.75},
    Regime.BEAR_VOLATILE: {"mean_reversion": 0.75},
}
"""What multiplies the weight of a part in a regime; 1 where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HybridWeights:
    """Shares of the parts; they need not sum to 1.

    Raises
    ------
    ConfigError
        If one is negative or not finite, or all are 0.
    """

    momentum: float = 0.25
    mean_reversion: float = 0.15
    pairs: float = 0.1
    context: float = 0.5

    def __post_init__(self) -> None:
        for name in PARTS:
            value: float = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise ConfigError(f"policy.weights.{name} must not be negative, was {value!r}")
        if not any(getattr(self, name) for name in PARTS):
            raise ConfigError("policy.weights are all 0; give one a positive weight")


@njit
def mix(  # noqa: PLR0913, a kernel takes its arrays one by one
    close: FloatArray,
    values: FloatArray,
    rows: IntArray,
    context: ContextBlock,
    regime: IntArray,
    weights: FloatArray,
    factors: FloatArray,
    full: float,
    parts: FloatArray,
    signals: Signals,
) -> None:
    """Write score, confidence and lead of the mixture; see ``HybridPolicy``.

    Parameters
    ----------
    close : ndarray of float64, shape (t, n)
        NaN where there is no bar, and then there is no view.
    values : ndarray of float64, shape (f, t, n)
        Features; ``rows`` are those of ``MOMENTUM_NEEDS`` and ``REVERSION_NEEDS``.
    regime : ndarray of int64, shape (t, n)
        Codes; -1 for none.
    weights, factors : ndarray of float64, shapes (4,) and (5, 4)
        Share of each part, and what multiplies it in each regime.
    full : float
        Weighted mean strength of the votes that counts as full conviction.
    parts : ndarray of float64, shape (4, t, n)
        Votes; the pairs' are read, the others written.
    signals : Signals
        Written but for ``size``.
    """
    total = weights.sum()
    for t in range(regime.shape[0]):
        for i in range(regime.shape[1]):
            parts[_MOMENTUM, t, i] = momentum_vote(
                values[rows[0], t, i],
                values[rows[1], t, i],
                values[rows[2], t, i],
                values[rows[3], t, i],
            )
            parts[_REVERSION, t, i] = reversion_vote(
                values[rows[4], t, i], values[rows[5], t, i], values[rows[6], t, i]
            )
            bias = context.bias[t, i]
            sign = 1.0 if bias > 0.0 else (-1.0 if bias < 0.0 else bias)
            parts[_CONTEXT, t, i] = sign * context.confidence[t, i]
            present = 0.0
            weight = 0.0
            net = 0.0
            gross = 0.0
            for part in range(4):
                vote = parts[part, t, i]
                if math.isnan(vote):
                    continue
                share = weights[part]
                present += share
                if regime[t, i] >= 0:
                    share *= factors[regime[t, i], part]
                weight += share
                net += share * vote
                gross += share * abs(vote)
            signals.lead[t, i] = -1
            if math.isnan(close[t, i]) or present < _ENOUGH * total or weight <= 0.0:
                signals.score[t, i] = math.nan
                signals.confidence[t, i] = math.nan
                continue
            score = net / weight
            signals.score[t, i] = score
            agreement = abs(net) / gross if gross > 0.0 else 0.0
            signals.confidence[t, i] = min(1.0, gross / weight / full) * agreement
            if score * sign > 0.0:
                signals.lead[t, i] = context.lead[t, i]


class HybridPolicy:
    """Mixes three strategies and the panel's context into one signal; the default and the fallback.

    Each part votes in [-1, 1]: momentum and mean reversion as in ``tutti.policy.strategies``, pairs
    as in ``tutti.policy.pairs``, the context with its confidence in the direction of its bias. With
    weights w (by regime) and votes v::

        score      = sum(w v) / sum(w)
        agreement  = |sum(w v)| / sum(w |v|)              1 when no part contradicts
        conviction = min(1, sum(w |v|) / sum(w) / full)   1 when the parts are sure enough
        confidence = agreement * conviction

    So the entry threshold of 0.65 asks for parts that are sure and of one mind. With the default
    ``full``, the seven quant agents and one-hour bars, ten perpetuals met it in one hour of twenty
    over a year, in clusters: some three entries a week each.

    A part that has no view (warming up, no companion, all agents silent) is left out, and its
    weight with it; where the parts that are left hold less than half of the weight, or there is no
    bar, score and confidence are NaN: whatever is held stays. A position is booked to the agent
    that leads the context when the context points its way, else to the policy itself.

    Parameters
    ----------
    instruments : sequence of InstrumentId
        Columns of the blocks to come.
    sizing : Sizing
    weights : HybridWeights
    pairs : sequence of pairs of InstrumentId
        See ``companions``; empty for the default.
    pair_window : int
        Joint bars that a spread is measured on, at least 10.
    pair_correlation : float
        Of returns, below which a pair has no view, in [-1, 1].
    full : float
        Mean strength of the votes that is full conviction, in (0, 1].
    regime_factors : mapping of Regime to mapping of part to float
        What multiplies the weights by regime; empty to ignore the regime.

    Raises
    ------
    ConfigError
        If a parameter is out of its range.
    """

    name = "hybrid"

    def __init__(  # noqa: PLR0913, what it mixes, and how
        self,
        instruments: Sequence[InstrumentId],
        sizing: Sizing,
        *,
        weights: HybridWeights | None = None,
        pairs: Sequence[tuple[InstrumentId, InstrumentId]] = (),
        pair_window: int = 240,
        pair_correlation: float = 0.6,
        full: float = 0.75,
        regime_factors: Mapping[Regime, Mapping[str, float]] = REGIME_FACTORS,
    ) -> None:
        if pair_window < _SHORTEST_WINDOW:
            raise ConfigError(
                f"policy.pair_window must be at least {_SHORTEST_WINDOW} bars, was {pair_window!r}"
            )
        if not -1.0 <= pair_correlation <= 1.0:
            raise ConfigError(
                f"policy.pair_correlation must be in [-1, 1], was {pair_correlation!r}"
            )
        if not 0.0 < full <= 1.0:
            raise ConfigError(f"policy.full must be in (0, 1], was {full!r}")
        shares = weights or HybridWeights()
        self.sizing = sizing
        self.needs = (*MOMENTUM_NEEDS, *REVERSION_NEEDS, *sizing.needs)
        self.sizes_are_fractions = sizing.are_fractions
        self.full = full
        self._weights = np.array([getattr(shares, part) for part in PARTS], np.float64)
        self._factors = _factor_table(regime_factors)
        self._correlation = pair_correlation
        self._companion = companions(instruments, pairs)
        self._memory = empty_memory(len(instruments), pair_window)
        self._parts = np.empty((len(PARTS), 0, len(instruments)))

    def signals(
        self,
        market: MarketBlock,
        features: FeatureBlock,
        context: ContextBlock,
        regime: RegimeBlock,
    ) -> Signals:
        """Return the signals of the next ticks."""
        shape = market.close.shape
        rows = np.array([features.names.index(n) for n in MOMENTUM_NEEDS + REVERSION_NEEDS])
        parts = np.empty((len(PARTS), *shape))
        pair_votes(market.close, self._companion, self._correlation, self._memory, parts[_PAIRS])
        signals = Signals(
            np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape, np.int64)
        )
        mix(
            market.close,
            features.values,
            rows,
            context,
            regime.code,
            self._weights,
            self._factors,
            self.full,
            parts,
            signals,
        )
        self._parts = parts
        return signals._replace(
            size=size(self.sizing, signals.score, signals.confidence, market, features)
        )

    def explain(self, t: int, i: int) -> str:
        """Return what each part voted for instrument ``i`` at tick ``t`` of the last block."""
        said = [
            f"{part.replace('_', ' ')} {'none' if math.isnan(vote) else format(vote, '+.2f')}"
            for part, vote in zip(PARTS, self._parts[:, t, i].tolist(), strict=True)
        ]
        return ", ".join(said)


def _factor_table(factors: Mapping[Regime, Mapping[str, float]]) -> FloatArray:
    table = np.ones((len(Regime), len(PARTS)))
    for regime, by_part in factors.items():
        for part, factor in by_part.items():
            if part not in PARTS:
                raise ConfigError(
                    f"policy.regime_factors names {part!r}; there are {', '.join(PARTS)}"
                )
            if not 0.0 <= factor < math.inf:
                raise ConfigError(
                    f"policy.regime_factors.{regime.name}.{part} must not be negative, "
                    f"was {factor!r}"
                )
            table[regime, PARTS.index(part)] = factor
    return table
