"""What a quant agent is made of, declared once: factors, weights, thresholds, source.

For one instrument at one tick, with a feature ``a``, where given a second one ``b``, a positive
feature ``y`` to measure it by and a gate feature ``g``::

    x     = (a + other_times * b) / (y * unit)            what is measured
    f     = shape((x - centre) / scale) * gate(g)         in [-1, 1]
    score = sum(weight * f) * gate of the agent           in [-1, 1]

    bias       = score if score > buy or score < sell, else 0
    agreement  = abs(sum(weight * f)) / sum(weight * abs(f))
    confidence = ceiling * min(1, abs(score) / full) * (1 + agreement) / 2, 0 where bias is 0

A hold (bias 0) is a view, of confidence 0: the agent has looked and commits itself to nothing. A
needed feature that is NaN, or a ``y`` that is not positive, makes an abstention: NaN in both.
Source: Agent Symphony, technical specification (2025), section 2.2, for the weighted sum against
two thresholds; gates, agreement and confidence are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum


class Shape(IntEnum):
    """How a measured value becomes a factor score in [-1, 1]."""

    CLIP = 0
    """``u`` cut off at -1 and 1."""
    SOFT = 1
    """``u / sqrt(1 + u^2)``: slope 1 at 0, never quite 1; no library function, so the same bits
    everywhere."""
    BREAK = 2
    """Two bounds: ``u`` of the upper distance cut to [0, 1], less the same of the lower one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Strength in [0, 1] by which a score counts: 0 at ``closed`` and 1 at ``open``, linear between.

    Parameters
    ----------
    feature : str
        What opens it.
    closed, open : float
        Different; ``open`` below ``closed`` makes a gate that falling values open.
    label : str
        Name of the feature in words.
    """

    feature: str
    closed: float
    open: float
    label: str

    def __post_init__(self) -> None:
        if self.closed == self.open:
            raise ValueError(f"gate on {self.feature}: closed and open must differ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One term of a score; see the module for the formula.

    Parameters
    ----------
    says : str
        The measured value in words, a format string: ``"RSI {:.1f}"``. A ``BREAK`` has two.
    why : str
        What the factor catches, for the documentation.
    weight : float
        In (0, 1]; those of a recipe sum to 1.
    feature : str
        ``a``.
    other : str or None
        ``b``; for ``BREAK`` the distance to the lower bound, negative beyond it.
    other_times : float
        Coefficient of ``b``.
    over : str or None
        ``y``, a positive feature such as a volatility, which makes the value free of units.
    unit : float
        Constant in the same place, such as the root of the number of bars.
    centre, scale : float
        ``u = (x - centre) / scale``; a negative scale turns the sign, for a fade.
    """

    says: str
    why: str
    weight: float
    feature: str
    other: str | None = None
    other_times: float = 1.0
    over: str | None = None
    unit: float = 1.0
    centre: float = 0.0
    scale: float = 1.0
    shape: Shape = Shape.CLIP
    gate: Gate | None = None

    def __post_init__(self) -> None:
        if self.scale == 0 or self.unit <= 0:
            raise ValueError(f"{self.feature}: scale must not be 0 and unit must be positive")
        if self.shape is Shape.BREAK and self.other is None:
            raise ValueError(f"{self.feature}: a BREAK needs the lower bound as other")

    @property
    def needs(self) -> tuple[str, ...]:
        """Features that the factor reads, in the order of the kernel's columns."""
        gate = self.gate.feature if self.gate else None
        return tuple(n for n in (self.feature, self.other, self.over, gate) if n is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What one quant agent is made of.

    Parameters
    ----------
    buy, sell : float
        Thresholds of the score, ``sell < 0 < buy``.
    full : float
        Absolute score from which the agent is fully convinced.
    ceiling : float
        Most confidence the agent may have, in (0, 1].
    gate : Gate or None
        Weakens the whole score.
    source : str
        Literature, and where the agent departs from it.
    """

    name: str
    display_name: str
    purpose: str
    source: str
    factors: tuple[Factor, ...]
    buy: float
    sell: float
    full: float
    ceiling: float = 1.0
    gate: Gate | None = None

    def __post_init__(self) -> None:
        total = sum(factor.weight for factor in self.factors)
        if not math.isclose(total, 1.0, abs_tol=1e-9):
            raise ValueError(f"{self.name}: weights must sum to 1, sum to {total!r}")
        if any(factor.weight <= 0 for factor in self.factors):
            raise ValueError(f"{self.name}: every weight must be positive")
        if not self.sell < 0 < self.buy:
            raise ValueError(f"{self.name}: needs sell < 0 < buy, was {self.sell!r}, {self.buy!r}")
        if not max(self.buy, -self.sell) < self.full <= 1:
            raise ValueError(f"{self.name}: full must lie beyond both thresholds, at most 1")
        if not 0 < self.ceiling <= 1:
            raise ValueError(f"{self.name}: ceiling must be in (0, 1], was {self.ceiling!r}")

    @property
    def needs(self) -> tuple[str, ...]:
        """Features that the agent reads, each once, in order of first use."""
        gate = (self.gate.feature,) if self.gate else ()
        named = [name for factor in self.factors for name in factor.needs]
        return tuple(dict.fromkeys([*named, *gate]))
