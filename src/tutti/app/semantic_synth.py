"""SemanticSynth from its entry in the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tutti.agents.llm.knowledge import Cutoffs
from tutti.agents.sentiment.by_model import ModelScorer
from tutti.agents.text.embedding import HashedEmbedder
from tutti.agents.text.semantic_synth import SemanticSynth, SynthSettings
from tutti.app.scorers import local_scorer
from tutti.kernel.clock import SECOND
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tutti.agents.llm.port import LanguageModel
    from tutti.agents.llm.sight import Sight
    from tutti.agents.port import SnapshotSource
    from tutti.agents.text.port import SentimentScorer
    from tutti.app.settings import AgentSettings, Parameter

_PARAMS: Final = frozenset({"scorer", "kinds", "fresh_s", "prior", "gain", "ceiling"})


def semantic_synth_of(
    settings: AgentSettings,
    *,
    source: SnapshotSource,
    models: Callable[[AgentSettings], LanguageModel],
    sight: Sight | None = None,
    cutoffs: Cutoffs | None = None,
) -> SemanticSynth:
    """Return the agent of an entry of ``agents`` whose kind is ``semantic_synth``.

    With a ``model`` the texts are scored by it, else by ``params.scorer``, the lexicon by default.

    Parameters
    ----------
    models : callable
        What it asks, by its settings.
    sight : Sight, optional
        Of a blinded run: what the model is shown of names and dates.
    cutoffs : Cutoffs, optional
        Until when models were trained; else those that are built in.

    Raises
    ------
    ConfigError
        If a parameter is unknown or can't be, or what the scorer needs is not installed.
    """
    unknown = sorted(settings.params.keys() - _PARAMS)
    if unknown:
        raise ConfigError(
            f"{settings.name} has no parameter {unknown[0]!r}; there are {', '.join(sorted(_PARAMS))}"
        )
    scorer: SentimentScorer
    if settings.model:
        scorer = ModelScorer(settings.model, models(settings), agent=settings.name, sight=sight)
    else:
        scorer = local_scorer(str(settings.params.get("scorer", "lexicon")))
    kinds = str(settings.params.get("kinds", "")).replace(",", " ").split()
    default = SynthSettings()
    try:
        made = SynthSettings(
            name=settings.name,
            kinds=tuple(kinds),
            fresh=round(_number(settings, "fresh_s", default.fresh / SECOND) * SECOND),
            prior=_number(settings, "prior", default.prior),
            gain=_number(settings, "gain", default.gain),
            ceiling=_number(settings, "ceiling", default.ceiling),
            time_to_live=round(settings.time_to_live_s * SECOND),
            horizon=round(settings.horizon_s * SECOND),
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return SemanticSynth(
        made,
        source=source,
        scorer=scorer,
        embedder=HashedEmbedder(),
        stamp=(cutoffs or Cutoffs()).stamp,
    )


def _number(settings: AgentSettings, name: str, default: float) -> float:
    given: Parameter = settings.params.get(name, default)
    if isinstance(given, bool | str):
        raise ConfigError(f"{settings.name}: params.{name} must be a number, was {given!r}")
    return float(given)
