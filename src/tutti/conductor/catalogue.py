"""The documentation of the regimes, printed from the rules and the table of weights.

``python -m tutti.conductor.catalogue`` prints the page.
"""

from __future__ import annotations

import sys
import textwrap
from dataclasses import fields
from typing import TYPE_CHECKING

from tutti.conductor import regime, spoken
from tutti.conductor.weights import REGIME_WEIGHTS
from tutti.model.opinion import Regime

if TYPE_CHECKING:
    from types import ModuleType


def catalogue() -> str:
    """Return the page as Markdown: the rules, their defaults, each agent's weight in each regime."""
    rules = regime.RegimeRules()
    agents = list(dict.fromkeys(name for row in REGIME_WEIGHTS.values() for name in row))
    return "\n".join(
        [
            "## Regimes",
            "",
            _docstring(regime),
            "",
            "| rule (`conductor.rules`) | default |",
            "|---|---:|",
            *(f"| `{field.name}` | {getattr(rules, field.name):g} |" for field in fields(rules)),
            "",
            "An agent's configured weight is multiplied by (`conductor.weights`):",
            "",
            f"| agent | {' | '.join(regime.name for regime in Regime)} |",
            f"|---|{'---:|' * len(Regime)}",
            *(_row(name) for name in agents),
            "",
            "An agent that is not named weighs 1 times, and so does every agent while the regime is "
            "not known.",
            "",
            "### A language model beside the rules",
            "",
            _docstring(spoken),
            "",
        ]
    )


def _row(name: str) -> str:
    cells = [f"{REGIME_WEIGHTS[regime].get(name, 1.0):g}" for regime in Regime]
    return f"| `{name}` | {' | '.join(cells)} |"


def _docstring(module: ModuleType) -> str:
    paragraphs = (module.__doc__ or "").strip().split("\n\n")
    return "\n\n".join(
        f"```\n{textwrap.dedent(paragraph)}\n```"
        if paragraph.startswith("    ")
        else paragraph.replace("::", ":").replace("``", "`")
        for paragraph in paragraphs
    )


if __name__ == "__main__":
    sys.stdout.write(catalogue())
