"""Strategy Optimizer: it follows the agents whose views have lately been followed by returns.

For each instrument and each agent heard, ``skill`` is the exponentially decayed mean of the
agent's bias times the return of the next bar, in standard deviations, cut off at 4. At each tick::

    share = softmax(sharpness * skill) over the agents that have an opinion now
    score = sum(share * bias)
    bias  = score if |score| > threshold, else 0
    agreement  = |score| / sum(share * |bias|)
    trust      = skill followed, sum(share * skill): 1/2 at 0, 1 from ``proven`` up, 0 from -proven
    confidence = ceiling * min(1, |score| / full) * (1 + agreement) / 2 * trust

Strictly causal: a bias earns only what the next bar brings; the share at t rests on returns up to
t. An agent that abstains neither earns nor forgets. Source: exponentially weighted forecasters,
Freund and Schapire (1997), A Decision-Theoretic Generalization of On-Line Learning, Journal of
Computer and System Sciences 55(1) (Hedge); the decay, which makes it track a best agent
that changes, after Herbster and Warmuth (1998), Tracking the Best Expert, Machine Learning 32.
Theirs sums losses without forgetting or shares weight; ours forgets at a half-life.
"""

from __future__ import annotations

import math
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tutti.agents.outcome import earned
from tutti.agents.quant.params import numbers
from tutti.kernel.jit import njit
from tutti.model.errors import ConfigError
from tutti.model.market import FloatArray, IntArray
from tutti.model.opinion import Views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.features.block import FeatureBlock

NAME = "strategy_optimizer"
DISPLAY_NAME = "Strategy Optimizer"
RETURN, VOLATILITY = "momentum_1", "volatility_20"
_QUANT = (
    "momentum_hunter",
    "breakout_sniper",
    "trend_surfer",
    "volatility_harvester",
    "mean_reversion",
    "vpin",
)


class OptimizerRules(NamedTuple):
    """Settings of the Strategy Optimizer.

    Parameters
    ----------
    half_life : float
        Bars after which an outcome counts half.
    sharpness : float
        By how much skill moves the shares; 0 follows all alike.
    proven : float
        Skill followed from which the agent trusts itself fully.
    threshold, full : float
        Absolute score beyond which it speaks, and from which it is fully convinced.
    ceiling : float
        Most confidence, in (0, 1].
    min_outcomes : float
        Bars with an outcome before it speaks.
    """

    half_life: float = 240.0
    sharpness: float = 30.0
    proven: float = 0.05
    threshold: float = 0.2
    full: float = 0.6
    ceiling: float = 1.0
    min_outcomes: float = 48.0


class _Memory(NamedTuple):
    skill: FloatArray  # (A, N)
    last_bias: FloatArray  # (A, N), NaN before the first opinion and after an abstention
    last_volatility: FloatArray  # (N,)
    outcomes: IntArray  # (N,)


@njit
def _learn(i: int, gained: float, bias: FloatArray, t: int, decay: float, memory: _Memory) -> None:
    # gained: the bar's return in standard deviations
    if not math.isnan(gained):
        memory.outcomes[i] += 1
        for a in range(len(bias)):
            if not math.isnan(memory.last_bias[a, i]):
                gain = memory.last_bias[a, i] * gained
                memory.skill[a, i] = decay * memory.skill[a, i] + (1.0 - decay) * gain
    for a in range(len(bias)):
        memory.last_bias[a, i] = bias[a, t, i]


@njit
def _follow(
    t: int, i: int, bias: FloatArray, rules: OptimizerRules, skill: FloatArray, shares: FloatArray
) -> tuple[float, float]:
    best = -math.inf
    for a in range(len(bias)):
        if not math.isnan(bias[a, t, i]):
            best = max(best, skill[a, i])
    total = 0.0
    for a in range(len(bias)):
        shares[a, t, i] = 0.0
        if not math.isnan(bias[a, t, i]):
            shares[a, t, i] = math.exp(rules.sharpness * (skill[a, i] - best))
            total += shares[a, t, i]
    if total == 0.0:
        return math.nan, math.nan
    score = gross = followed = 0.0
    for a in range(len(bias)):
        shares[a, t, i] /= total
        if shares[a, t, i] > 0.0:
            score += shares[a, t, i] * bias[a, t, i]
            gross += shares[a, t, i] * abs(bias[a, t, i])
            followed += shares[a, t, i] * skill[a, i]
    size = abs(score)
    if size <= rules.threshold:
        return 0.0, 0.0
    trust = max(0.0, min(1.0, 0.5 + 0.5 * followed / rules.proven))
    confidence = rules.ceiling * min(1.0, size / rules.full) * (1.0 + size / gross) * 0.5 * trust
    return max(-1.0, min(1.0, score)), min(1.0, confidence)


@njit
def _optimise(  # noqa: PLR0913 (a kernel takes what it reads)
    bias: FloatArray,
    returns: FloatArray,
    volatility: FloatArray,
    rules: OptimizerRules,
    memory: _Memory,
    shares: FloatArray,
    views: Views,
) -> None:
    decay = 0.5 ** (1.0 / rules.half_life)
    for t in range(bias.shape[1]):
        for i in range(bias.shape[2]):
            views.bias[t, i] = views.confidence[t, i] = math.nan
            shares[:, t, i] = 0.0
            if math.isnan(returns[t, i]):
                continue
            # the unit in which a report of agents measures skill, too
            gained = earned(returns[t, i], memory.last_volatility[i])
            _learn(i, gained, bias, t, decay, memory)
            memory.last_volatility[i] = volatility[t, i]
            if memory.outcomes[i] >= rules.min_outcomes:
                views.bias[t, i], views.confidence[t, i] = _follow(
                    t, i, bias, rules, memory.skill, shares
                )


class StrategyOptimizer:
    """Agent that opines on the other agents' opinions.

    Parameters
    ----------
    heard : sequence of str
        Names of the agents that it hears, in the order in which their views are passed.
    rules : OptimizerRules
    """

    name: str = NAME
    needs: tuple[str, ...] = (RETURN, VOLATILITY)

    def __init__(self, heard: Sequence[str], rules: OptimizerRules | None = None) -> None:
        self.heard = tuple(heard)
        self.rules = OptimizerRules() if rules is None else rules
        self._share_names = tuple(f"share of {name}" for name in self.heard)
        self._bias_names = tuple(f"bias of {name}" for name in self.heard)
        self._memory: _Memory | None = None
        self._bias: FloatArray = np.empty((len(self.heard), 0, 0))
        self._shares = self._bias

    def opine_over(self, features: FeatureBlock, others: tuple[Views, ...]) -> Views:
        """Return bias and confidence of shape (t, n), and remember what the block taught.

        Blocks must come in time order. A missing bar is an abstention and teaches nothing: a bias
        earns at the next bar that is there.

        Raises
        ------
        ValueError
            If there are not as many views as agents heard, or the number of instruments changes.
        """
        shape = features[RETURN].shape
        if len(others) != len(self.heard):
            raise ValueError(f"{self.name} hears {self.heard}, was given {len(others)} views")
        if self._memory is None:
            self._memory = _blank(len(self.heard), shape[1])
        if len(self._memory.outcomes) != shape[1]:
            raise ValueError(
                f"{self.name} follows {len(self._memory.outcomes)} instruments, "
                f"the block has {shape[1]}"
            )
        bias = np.empty((len(self.heard), *shape))
        for a, view in enumerate(others):
            bias[a] = view.bias
        self._bias, self._shares = bias, np.empty_like(bias)
        views = Views(np.empty(shape), np.empty(shape))
        _optimise(
            bias,
            np.ascontiguousarray(features[RETURN]),
            np.ascontiguousarray(features[VOLATILITY]),
            self.rules,
            self._memory,
            self._shares,
            views,
        )
        return views

    def evidence(self, t: int, i: int) -> dict[str, float]:
        """Return share and bias of each agent heard, at tick ``t`` of the last block."""
        shares, biases = self._shares[:, t, i].tolist(), self._bias[:, t, i].tolist()
        seen = dict(zip(self._share_names, shares, strict=True))
        seen.update(zip(self._bias_names, biases, strict=True))
        return seen

    def explain(self, row: Mapping[str, float]) -> str:
        """Return whom it follows, with share and bias, in falling order of share."""
        shares = [row.get(name, 0.0) for name in self._share_names]
        followed = [
            (share, name, row[bias])
            for share, name, bias in zip(shares, self.heard, self._bias_names, strict=True)
            if share > 0
        ]
        followed.sort(key=itemgetter(0), reverse=True)
        if not followed:
            least = self.rules.min_outcomes
            return f"no view: no bar, nobody to follow, or fewer than {least:.0f} outcomes seen"
        score = sum(share * bias for share, _, bias in followed)
        said = ", ".join(
            f"{share:.0%} {name} ({bias + 0.0:+.2f})" for share, name, bias in followed
        )
        speaks = abs(score) > self.rules.threshold
        against = f"{'beyond' if speaks else 'within'} {self.rules.threshold:.2f}"
        return (
            f"follows {said} -> score {score:+.2f} {against}: {_side(score) if speaks else 'hold'}"
        )


def strategy_optimizer(
    params: Mapping[str, object] | None = None, *, heard: Sequence[str] = _QUANT
) -> StrategyOptimizer:
    """Return the agent.

    Parameters
    ----------
    params : mapping, optional
        Fields of :class:`OptimizerRules` that differ from their default.
    heard : sequence of str
        Names of the agents that it hears; the other quant agents unless told otherwise.

    Raises
    ------
    ConfigError
        If a parameter is unknown or out of range.
    """
    rules = OptimizerRules(**numbers(NAME, params, OptimizerRules._fields))
    for name in ("half_life", "proven"):
        if not getattr(rules, name) > 0:
            raise ConfigError(f"{NAME}: {name} must be positive, was {getattr(rules, name)!r}")
    if not (rules.sharpness >= 0 and rules.min_outcomes >= 0):
        raise ConfigError(f"{NAME}: sharpness and min_outcomes must not be negative")
    if not 0 <= rules.threshold < rules.full <= 1 or not 0 < rules.ceiling <= 1:
        raise ConfigError(f"{NAME}: needs 0 <= threshold < full <= 1 and 0 < ceiling <= 1")
    return StrategyOptimizer(heard, rules)


def _side(score: float) -> str:
    return "long" if score > 0 else "short"


def _blank(n_agents: int, n: int) -> _Memory:
    return _Memory(
        skill=np.zeros((n_agents, n)),
        last_bias=np.full((n_agents, n), np.nan),
        last_volatility=np.full(n, np.nan),
        outcomes=np.zeros(n, np.int64),
    )
