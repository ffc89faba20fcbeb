"""Many opinions as one: weighted average, majority vote, Bayesian pool.

For one instrument at one tick, over the agents that have an opinion and a positive weight, with
bias b, confidence c and weight ``w = configured * regime's * may speak``::

    conviction = sum(w * c over b != 0) / sum(w)       how sure those are that take a side
    agreement  = |sum(w * c * b)| / sum(w * c * |b|)   1 when they take the same side

``WEIGHTED_AVERAGE``::

    bias       = sum(w * c * b) / sum(w * c)
    confidence = conviction * agreement

``MAJORITY_VOTE``, a hold votes for neither side::

    bias       = (sum(w of longs) - sum(w of shorts)) / sum(w)
    confidence = sum(w * c of the winning side) / sum(w), 0 on a tie

``BAYESIAN_POOL``, each opinion is evidence of a rise, the prior is even odds::

    p          = (1 + b * c) / 2, kept within [0.0005, 0.9995]
    log_odds   = sum(w * log(p / (1 - p))) / sqrt(sum(w^2))
    bias       = 2 * P - 1 with P = 1 / (1 + exp(-log_odds))
    confidence = |bias|

Dividing by the root of the squared weights counts n equal witnesses as sqrt(n) independent ones, for
agents that read the same bars are not independent; one agent alone keeps its own odds. Only the
proportions of the weights matter, in all three.

A hold without confidence moves no average but lowers conviction: it is heard. An abstention has no
effect at all. The lead is the agent with the largest ``w * c * b`` towards the pooled bias, the
lowest index on a tie. Sums that cancel to within rounding are a tie, so that the order of the
agents does not matter. Sources: Genest and Zidek (1986), Combining Probability Distributions,
Statistical Science 1(1), for the pools; Stouffer et al. (1949), The American Soldier, for the
root, there on z-scores; conviction and agreement are ours.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from tutti.kernel.jit import njit
from tutti.model.opinion import (
    Abstention,
    AggregatedContext,
    ContextBlock,
    Opinion,
    Regime,
    RegimeBlock,
    Voice,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tutti.model.instrument import InstrumentId
    from tutti.model.market import FloatArray, IntArray

_ROUNDING = 1e-12
_SUREST = 0.999
_AVERAGE, _VOTE = 0, 1


class Aggregation(IntEnum):
    """How opinions become one."""

    WEIGHTED_AVERAGE = 0
    MAJORITY_VOTE = 1
    BAYESIAN_POOL = 2


def aggregate(  # noqa: PLR0913 (one argument for each thing that moves the result)
    bias: FloatArray,
    confidence: FloatArray,
    regime: IntArray,
    weights: FloatArray,
    regime_weights: FloatArray,
    active: IntArray,
    method: int = Aggregation.WEIGHTED_AVERAGE,
) -> ContextBlock:
    """Return the pooled opinion of A agents at every tick and instrument.

    Parameters
    ----------
    bias, confidence : float64 (A, T, N)
        NaN in either for an abstention.
    regime : int64 (T, N)
        Codes of :class:`~tutti.model.opinion.Regime`; -1 while unknown, which weighs all by 1.
    weights : float64 (A,)
        Configured weights, finite, at least 0.
    regime_weights : float64 (5, A)
        Multiplier of each agent in each regime, finite, at least 0.
    active : int64 (A, N)
        0 where an agent may not speak.
    method : Aggregation

    Returns
    -------
    ContextBlock
        Of shape (T, N).

    Raises
    ------
    ValueError
        If a shape, a weight or the method is wrong.
    """
    _check_shapes(bias, confidence, regime, weights, regime_weights, active)
    shape = bias.shape[1:]
    pooled = ContextBlock(np.empty(shape), np.empty(shape), np.empty(shape, np.int64))
    _pool(
        np.ascontiguousarray(bias),
        np.ascontiguousarray(confidence),
        np.ascontiguousarray(regime),
        _shares(weights, regime_weights),
        np.ascontiguousarray(active, np.int64),
        int(Aggregation(method)),
        pooled,
    )
    return pooled


def effective_weights(
    weights: FloatArray, regime_weights: FloatArray, regime: int, active: IntArray
) -> FloatArray:
    """Return the weight of each agent in one cell, float64 (A,); see :func:`aggregate`.

    Parameters
    ----------
    regime : int
        Code, -1 while unknown.
    active : int64 (A,)
        The column of the instrument.
    """
    share: FloatArray = _shares(weights, regime_weights)[regime] * (active != 0)
    return share


def _shares(weights: FloatArray, regime_weights: FloatArray) -> FloatArray:
    # one row for each regime, and a last one, reached by -1, for an unknown regime
    shares: FloatArray = np.ascontiguousarray(
        np.vstack([regime_weights, np.ones(len(weights))]) * weights
    )
    if not (np.isfinite(shares).all() and (shares >= 0).all()):
        raise ValueError("weights must be finite and not negative")
    return shares


def _check_shapes(
    bias: FloatArray,
    confidence: FloatArray,
    regime: IntArray,
    weights: FloatArray,
    regime_weights: FloatArray,
    active: IntArray,
) -> None:
    n_agents, n_ticks, n = bias.shape
    expected = {
        "confidence": (confidence, (n_agents, n_ticks, n)),
        "regime": (regime, (n_ticks, n)),
        "weights": (weights, (n_agents,)),
        "regime_weights": (regime_weights, (len(Regime), n_agents)),
        "active": (active, (n_agents, n)),
    }
    for name, (array, shape) in expected.items():
        if array.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, was {array.shape}")


@njit
def _averaged(
    w: FloatArray, bias: FloatArray, confidence: FloatArray, t: int, i: int
) -> tuple[float, float]:
    total = sure = sided = net = gross = 0.0
    for a in range(len(w)):
        if w[a] > 0.0:
            b = bias[a, t, i]
            wc = w[a] * confidence[a, t, i]
            total += w[a]
            sure += wc
            net += wc * b
            gross += wc * abs(b)
            if b != 0.0:
                sided += wc
    if abs(net) <= _ROUNDING * gross:
        return 0.0, 0.0
    return net / sure, sided / total * abs(net) / gross


@njit
def _voted(
    w: FloatArray, bias: FloatArray, confidence: FloatArray, t: int, i: int
) -> tuple[float, float]:
    total = longs = shorts = sure_longs = sure_shorts = 0.0
    for a in range(len(w)):
        if w[a] > 0.0:
            total += w[a]
            if bias[a, t, i] > 0.0:
                longs += w[a]
                sure_longs += w[a] * confidence[a, t, i]
            elif bias[a, t, i] < 0.0:
                shorts += w[a]
                sure_shorts += w[a] * confidence[a, t, i]
    if abs(longs - shorts) <= _ROUNDING * (longs + shorts):
        return 0.0, 0.0
    winners = sure_longs if longs > shorts else sure_shorts
    return (longs - shorts) / total, winners / total


@njit
def _believed(
    w: FloatArray, bias: FloatArray, confidence: FloatArray, t: int, i: int
) -> tuple[float, float]:
    odds = gross = squares = 0.0
    for a in range(len(w)):
        if w[a] > 0.0:
            x = bias[a, t, i] * confidence[a, t, i]
            x = max(-_SUREST, min(_SUREST, x))
            evidence = w[a] * 2.0 * math.atanh(x)
            odds += evidence
            gross += abs(evidence)
            squares += w[a] * w[a]
    if abs(odds) <= _ROUNDING * gross:
        return 0.0, 0.0
    pooled = math.tanh(0.5 * odds / math.sqrt(squares))
    return pooled, abs(pooled)


@njit
def _leader(
    w: FloatArray, bias: FloatArray, confidence: FloatArray, t: int, i: int, pooled: float
) -> int:
    lead, most = -1, 0.0
    for a in range(len(w)):
        if w[a] > 0.0:
            part = w[a] * confidence[a, t, i] * bias[a, t, i]
            part = part if pooled > 0.0 else -part
            if part > most:
                lead, most = a, part
    return lead


@njit
def _pool(  # noqa: PLR0913 (a kernel takes what it reads)
    bias: FloatArray,
    confidence: FloatArray,
    regime: IntArray,
    shares: FloatArray,
    active: IntArray,
    method: int,
    pooled: ContextBlock,
) -> None:
    w = np.empty(len(bias))
    for t in range(bias.shape[1]):
        for i in range(bias.shape[2]):
            voices = 0
            for a in range(len(bias)):
                absent = math.isnan(bias[a, t, i]) or math.isnan(confidence[a, t, i])
                w[a] = 0.0 if absent or active[a, i] == 0 else shares[regime[t, i], a]
                voices += w[a] > 0.0
            if voices == 0:
                pooled.bias[t, i] = pooled.confidence[t, i] = math.nan
                pooled.lead[t, i] = -1
                continue
            if method == _AVERAGE:
                b, c = _averaged(w, bias, confidence, t, i)
            elif method == _VOTE:
                b, c = _voted(w, bias, confidence, t, i)
            else:
                b, c = _believed(w, bias, confidence, t, i)
            # rounding may carry a mean of values up to 1 an ulp beyond it
            pooled.bias[t, i] = max(-1.0, min(1.0, b))
            pooled.confidence[t, i] = min(1.0, c)
            lead = -1
            if b != 0.0:
                lead = _leader(w, bias, confidence, t, i, b)
            pooled.lead[t, i] = lead


def voices(  # noqa: PLR0913 - what a context consists of
    opinions: Sequence[Opinion | Abstention],
    weights: FloatArray,
    *,
    context: ContextBlock,
    regime: RegimeBlock,
    cell: tuple[int, int],
    as_of: int,
    heard: Sequence[float] | None = None,
) -> AggregatedContext:
    """Return the pooled opinion of one instrument at one tick with its breakdown.

    Parameters
    ----------
    opinions : sequence of Opinion or Abstention, length A
        One an agent, in the agents' order, all of the same instrument.
    weights : float64 (A,)
        As from :func:`effective_weights`.
    context, regime : ContextBlock, RegimeBlock
        The blocks that ``cell`` (tick, instrument) points into.
    as_of : int
        ns UTC.
    heard : sequence of float, length A, optional
        Confidences that were pooled, where they are not those of the opinions.

    Returns
    -------
    AggregatedContext
        Bias and confidence are 0 where every agent abstained; the regime is RANGE_BOUND with
        confidence 0 while it is not known.

    Raises
    ------
    ValueError
        If there is no opinion, not one weight for each, or they differ in instrument.
    """
    if not opinions or len(opinions) != len(weights):
        raise ValueError(f"needs one weight an opinion, was {len(weights)} and {len(opinions)}")
    instrument: InstrumentId = opinions[0].instrument
    if any(
        opinion.instrument is not instrument and opinion.instrument != instrument
        for opinion in opinions
    ):
        raise ValueError(f"opinions of other instruments among those of {instrument}")
    code = int(regime.code[cell])
    return AggregatedContext(
        instrument=instrument,
        as_of=as_of,
        bias=_or_zero(context.bias[cell]),
        confidence=_or_zero(context.confidence[cell]),
        regime=Regime.RANGE_BOUND if code < 0 else Regime(code),
        regime_confidence=_or_zero(regime.confidence[cell]),
        voices=tuple(
            _voice(opinion, weight, None if heard is None else heard[a])
            for a, (opinion, weight) in enumerate(zip(opinions, weights.tolist(), strict=True))
        ),
    )


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else float(value)


def _voice(opinion: Opinion | Abstention, weight: float, heard: float | None) -> Voice:
    if isinstance(opinion, Opinion):
        return Voice(
            agent=opinion.agent,
            bias=opinion.bias,
            confidence=opinion.confidence,
            weight=weight,
            rationale=opinion.rationale,
            heard=None if heard == opinion.confidence else heard,
        )
    return Voice(
        agent=opinion.agent, bias=None, confidence=None, weight=weight, rationale=opinion.reason
    )
