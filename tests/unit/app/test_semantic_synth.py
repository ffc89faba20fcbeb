"""SemanticSynth from its entry in the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tutti.agents.sentiment.by_model import ModelScorer
from tutti.agents.text.lexicon.scorer import LexiconScorer
from tutti.app.semantic_synth import semantic_synth_of
from tutti.app.settings import AgentSettings
from tutti.kernel.clock import HOUR, SECOND
from tutti.model.errors import ConfigError
from tutti.testing.agents.world import World
from tutti.testing.models.scripted import ScriptedModel

if TYPE_CHECKING:
    from tutti.agents.llm.port import LanguageModel
    from tutti.agents.text.semantic_synth import SemanticSynth


def _made(**changes: Any) -> SemanticSynth:
    def models(settings: AgentSettings) -> LanguageModel:
        return ScriptedModel(["{}"])

    settings = AgentSettings(name="synth", kind="semantic_synth", **changes)
    return semantic_synth_of(settings, source=World(), models=models)


def test_synth_takes_its_parameters_from_the_entry() -> None:
    agent = _made(
        time_to_live_s=3600,
        horizon_s=60,
        params={"kinds": "news, social", "fresh_s": 7200, "prior": 4, "gain": -1, "ceiling": 0.5},
    )
    settings = agent.settings
    assert agent.name == "synth"
    assert settings.kinds == ("news", "social")
    assert settings.fresh == 2 * HOUR
    assert (settings.prior, settings.gain, settings.ceiling) == (4.0, -1.0, 0.5)
    assert (settings.time_to_live, settings.horizon) == (HOUR, 60 * SECOND)


def test_synth_scores_by_the_lexicon_unless_a_model_is_named() -> None:
    assert isinstance(_made()._scorer, LexiconScorer)
    scorer = _made(model="test:model")._scorer
    assert isinstance(scorer, ModelScorer)
    assert scorer.name == "llm:test:model"


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"half_life": 3}, "no parameter 'half_life'"),
        ({"prior": "much"}, "params.prior must be a number"),
        ({"prior": 0}, "prior must be positive"),
        ({"scorer": "crystal"}, "no scorer is called 'crystal'"),
    ],
)
def test_synth_of_a_wrong_parameter_is_refused(params: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        _made(params=params)
