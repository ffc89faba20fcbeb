"""The documentation of the quant agents, printed from what they are made of.

``python -m tutti.agents.catalogue`` prints the page.
"""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

from tutti.agents import aggregation
from tutti.agents.llm.catalogue import page as speakers
from tutti.agents.quant import RECIPES, strategy_optimizer
from tutti.agents.quant.recipe import Factor, Gate, Recipe, Shape

if TYPE_CHECKING:
    from types import ModuleType

_HEAD = """\
# Agents

An agent looks at one instrument at one instant and gives an opinion: a bias in [-1, 1] (-1 is fully
short), a confidence in [0, 1] and a rationale; or it abstains and says why. An agent never sees a
venue or an order. The figures on this page are printed from the code.

## The quant agents

Six agents are recipes for one kernel: factors, scored in [-1, 1], weighted and summed against a buy
and a sell threshold. With features `a`, `b`, `y` and `g` of one instrument at one tick:

```
x     = (a + times * b) / (y * unit)        what is measured, free of units
f     = shape((x - centre) / scale) * gate(g)
score = sum(weight * f) * gate of the agent

bias       = score when it is above buy or below sell, else 0 (a hold)
agreement  = |sum(weight * f)| / sum(weight * |f|)
confidence = ceiling * min(1, |score| / full) * (1 + agreement) / 2, 0 for a hold
```

`clip(u)` cuts off at -1 and 1; `soft(u) = u / sqrt(1 + u^2)`; `edge(u)` is `u` of the distance to the
upper bound cut to [0, 1], less the same for the lower bound. A gate weakens a score linearly, from
`closed` (nothing is left) to `open` (all of it). An agent abstains while a feature that it needs is
not known, or where the market has not moved at all. `buy`, `sell`, `full` and `ceiling` may be set in
the configuration (`agents[].params`).
"""


def catalogue() -> str:
    """Return the page as Markdown: the agents by their kinds, and the ways to pool."""
    parts = [_HEAD, *(page(recipe) for recipe in RECIPES.values()), _optimizer(), speakers()]
    parts.append(f"## How opinions become one\n\n{_docstring(aggregation)}\n")
    return "\n".join(parts)


def page(recipe: Recipe) -> str:
    """Return one recipe as Markdown."""
    lines = [
        f"### {recipe.display_name} (`{recipe.name}`)",
        "",
        f"{recipe.purpose[0].upper()}{recipe.purpose[1:]}.",
        "",
        "| weight | factor | gate | catches |",
        "|---:|---|---|---|",
        *(_row(factor) for factor in recipe.factors),
        "",
        f"Buy above {recipe.buy:+g}, sell below {recipe.sell:+g}, fully convinced at "
        f"{recipe.full:g}, confidence at most {recipe.ceiling:g}."
        + (f" The whole score fades by {_gate(recipe.gate)}." if recipe.gate else ""),
        "",
        f"Source. {recipe.source}",
        "",
    ]
    return "\n".join(lines)


def _row(factor: Factor) -> str:
    gate = _gate(factor.gate) if factor.gate else ""
    return f"| {factor.weight:g} | `{_formula(factor)}` | {gate} | {factor.why} |"


def _gate(gate: Gate) -> str:
    return f"{gate.label} (`{gate.feature}`): closed at {gate.closed:g}, open at {gate.open:g}"


def _formula(factor: Factor) -> str:
    if factor.shape is Shape.BREAK:
        measured, name = f"({factor.feature}, {factor.other})", "edge"
    else:
        measured, name = factor.feature, factor.shape.name.lower()
        if factor.other is not None:
            sign = "-" if factor.other_times < 0 else "+"
            times = "" if abs(factor.other_times) == 1 else f"{abs(factor.other_times):g} * "
            measured = f"({measured} {sign} {times}{factor.other})"
    unit = f"{factor.unit:.4g}"
    if factor.over is not None:
        over = factor.over if factor.unit == 1 else f"({factor.over} * {unit})"
        measured += f" / {over}"
    elif factor.unit != 1:
        measured += f" / {unit}"
    if factor.centre:
        measured = f"({measured} {'-' if factor.centre > 0 else '+'} {abs(factor.centre):g})"
    if factor.scale != 1:
        measured += f" / {factor.scale:g}"
    return f"{name}({measured})"


def _optimizer() -> str:
    rules = strategy_optimizer.OptimizerRules()
    rows = [f"| `{name}` | {value:g} |" for name, value in rules._asdict().items()]
    return "\n".join(
        [
            f"### {strategy_optimizer.DISPLAY_NAME} (`{strategy_optimizer.NAME}`)",
            "",
            _docstring(strategy_optimizer),
            "",
            "| setting | default |",
            "|---|---:|",
            *rows,
            "",
            "Each may be set in the configuration (`agents[].params`).",
            "",
        ]
    )


def _docstring(module: ModuleType) -> str:
    # the module's own words, its indented blocks fenced
    paragraphs = (module.__doc__ or "").strip().split("\n\n")
    return "\n\n".join(_fenced(paragraph) for paragraph in paragraphs)


def _fenced(paragraph: str) -> str:
    if paragraph.startswith("    "):
        return f"```\n{textwrap.dedent(paragraph).replace('``', '')}\n```"
    return paragraph.replace("::", ":").replace("``", "`")


if __name__ == "__main__":
    sys.stdout.write(catalogue())
