"""The agent that a recipe describes, and its reasons in words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tutti.agents.quant.params import numbers
from tutti.agents.quant.recipe import Factor, Gate, Recipe, Shape
from tutti.agents.quant.scoring import ScoreCard, limits_of, ramp, settled, shaped
from tutti.model.errors import ConfigError
from tutti.model.opinion import Views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.features.block import FeatureBlock

_WORTH_SAYING = 0.05
_TUNABLE = ("buy", "sell", "full", "ceiling")


def _plain(kernel: Any) -> Any:
    # the Python function under the compiled one: for single values the call would cost more
    return getattr(kernel, "py_func", kernel)


_ramp, _settled, _shaped = _plain(ramp), _plain(settled), _plain(shaped)


class ScoredAgent:
    """Quant agent that is its recipe and nothing else: no state, no time, no randomness."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.name = recipe.name
        self.needs = recipe.needs
        self._card = ScoreCard((recipe,))
        self._measures = tuple(f.over for f in recipe.factors if f.over is not None)
        self._limits = tuple(limits_of(recipe).tolist())

    def opine(self, features: FeatureBlock) -> Views:
        """Return bias and confidence of shape (T, N); NaN where a needed feature is NaN.

        Raises
        ------
        ValueError
            If a needed feature is not in the block.
        """
        bias, confidence = self._card.score(features)
        return Views(bias[0], confidence[0])

    def explain(self, row: Mapping[str, float]) -> str:
        """Return the factors with their contributions, the score, and what it lies beyond.

        Parameters
        ----------
        row : mapping
            Features of one instrument at one tick, by name.
        """
        recipe = self.recipe
        if unknown := self._unknown(row):
            return f"no view: {', '.join(unknown)} not known or zero"
        raw = mass = 0.0
        words = []
        for factor in recipe.factors:
            term, measured = _graded(factor, row)
            raw += term
            mass += abs(term)
            # what hardly moved the score would only hide what did
            if abs(term) >= _WORTH_SAYING:
                words.append(_said(factor, row, term, measured))
        opened = 1.0
        if recipe.gate is not None:
            opened = _opened(recipe.gate, row)
            words.append(f"all times {opened:.2f} at {_value(recipe.gate, row)}")
        score, bias, _ = _settled(raw, mass, opened, self._limits)
        verdict = _verdict(recipe, score, bias)
        return f"{', '.join(words) or 'nothing of weight'} -> {verdict}"

    def _unknown(self, row: Mapping[str, float]) -> list[str]:
        unknown = [name for name in self.needs if math.isnan(row.get(name, math.nan))]
        unknown += [over for over in self._measures if row.get(over, math.nan) <= 0]
        return list(dict.fromkeys(unknown))


def scored_agent(recipe: Recipe, params: Mapping[str, object] | None = None) -> ScoredAgent:
    """Return the agent of a recipe, with some of its limits replaced.

    Parameters
    ----------
    params : mapping, optional
        Any of ``buy``, ``sell``, ``full`` and ``ceiling``.

    Raises
    ------
    ConfigError
        If a parameter is unknown or out of range.
    """
    given: dict[str, Any] = {**numbers(recipe.name, params, _TUNABLE)}
    try:
        return ScoredAgent(replace(recipe, **given))
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _opened(gate: Gate, row: Mapping[str, float]) -> float:
    opened: float = _ramp(row[gate.feature], gate.closed, gate.open)
    return opened


def _value(gate: Gate, row: Mapping[str, float]) -> str:
    return f"{gate.label} {row[gate.feature]:.2f}"


def _graded(factor: Factor, row: Mapping[str, float]) -> tuple[float, tuple[float, ...]]:
    # the same steps as the kernel's, for one cell: the term, and what it was measured on
    measure = factor.unit * (row[factor.over] if factor.over else 1.0)
    a = row[factor.feature]
    b = row[factor.other] if factor.other else 0.0
    if factor.shape is Shape.BREAK:
        measured: tuple[float, ...] = (a / measure, b / measure)
        up = (a / measure - factor.centre) / factor.scale
        down = (-b / measure - factor.centre) / factor.scale
        f = max(0.0, min(1.0, up)) - max(0.0, min(1.0, down))
    else:
        x = (a + factor.other_times * b) / measure
        measured = (x,)
        f = _shaped((x - factor.centre) / factor.scale, int(factor.shape))
    if factor.gate is not None:
        f *= _opened(factor.gate, row)
    return factor.weight * f, measured


def _said(
    factor: Factor, row: Mapping[str, float], term: float, measured: tuple[float, ...]
) -> str:
    gate = "" if factor.gate is None else f" at {_value(factor.gate, row)}"
    return f"{factor.says.format(*measured)}{gate} ({term:+.2f})"


def _verdict(recipe: Recipe, score: float, bias: float) -> str:
    if bias > 0:
        return f"score {score:+.2f} above {recipe.buy:+.2f}: long"
    if bias < 0:
        return f"score {score:+.2f} below {recipe.sell:+.2f}: short"
    return f"score {score:+.2f} within {recipe.sell:+.2f} and {recipe.buy:+.2f}: hold"
