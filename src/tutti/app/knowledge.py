"""Until when models were trained, as people read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tutti.agents.llm.knowledge import Cutoffs, built_in
from tutti.app.config import load_config
from tutti.kernel.clock import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tutti.app.settings import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class CutoffRow:
    """One model, its stated cut-off and the first day that counts as clean; empty for unknown."""

    model: str
    stated: str
    clean_from: str
    source: str


def cutoff_rows(
    config: Path | None, models: Sequence[str], *, everything: bool = False
) -> list[CutoffRow]:
    """Return the cut-offs of models: those named, else those that a configuration asks.

    Parameters
    ----------
    config : Path, optional
        Configuration in YAML; the defaults without one.
    everything : bool
        True adds all that are built in.

    Raises
    ------
    ConfigError
        If the configuration can't be used.
    """
    settings = load_config(config)
    cutoffs = cutoffs_of(settings)
    names = list(models) or asked_models(settings)
    if everything:
        names += sorted(built_in())
    return [_row(cutoffs, name) for name in dict.fromkeys(names)]


def cutoffs_of(config: Config) -> Cutoffs:
    """Return the training cut-offs as a configuration has them, with its margin.

    Raises
    ------
    ConfigError
        If a configured one is no date.
    """
    return Cutoffs(config.llm.cutoffs, margin_days=config.llm.cutoff_margin_days)


def asked_models(config: Config) -> list[str]:
    """Return the models that a configuration's agents and conductor ask, fallbacks included."""
    agents = [name for agent in config.agents for name in (agent.model, *agent.fallback)]
    return [name for name in dict.fromkeys([*agents, config.conductor.model]) if name]


def _row(cutoffs: Cutoffs, model: str) -> CutoffRow:
    found, since = cutoffs.find(model), cutoffs.clean_since(model)
    day = "" if since is None else f"{datetime.fromtimestamp(since // SECOND, UTC):%Y-%m-%d}"
    return CutoffRow(model=model, stated=found.stated, clean_from=day, source=found.source)
