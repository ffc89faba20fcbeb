"""The kinds of agents that ask a language model, and their settings."""

from __future__ import annotations

from typing import Any

import pytest

from tutti.agents.llm.catalogue import KINDS, make_llm_agent, page, speaker_settings
from tutti.kernel.clock import HOUR
from tutti.model.errors import ConfigError


def test_settings_of_a_configuration_become_those_of_an_agent() -> None:
    made = speaker_settings(
        name="wire",
        model="openai:gpt-5-mini",
        time_to_live_s=3600,
        horizon_s=7200,
        params={"one_source": 0.1, "most": 1, "screens": False, "corroborates": False, "seed": 3},
    )
    assert (made.time_to_live, made.horizon) == (HOUR, 2 * HOUR)
    assert (made.caps.one_source, made.caps.two_sources, made.caps.most) == (0.1, 0.4, 1.0)
    assert (made.screens, made.corroborates, made.seed) == (False, False, 3)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"model": ""}, "needs a model"),
        ({"model": "gpt"}, "needs a model"),
        ({"params": {"caps": 1}}, "params has no 'caps'"),
        ({"params": {"most": "a lot"}}, "params.most must be a number"),
        ({"params": {"one_source": 0.9}}, "one_source <= two_sources"),
        ({"params": {"screens": 1}}, "params.screens must be true or false"),
        ({"params": {"seed": 1.5}}, "params.seed must be a whole number"),
    ],
)
def test_settings_that_can_not_be_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        speaker_settings(**{"name": "wire", "model": "test:model", **wrong})


def test_kind_that_does_not_exist_is_refused(stage: Any) -> None:
    settings = speaker_settings(name="wire", model="test:model")
    with pytest.raises(ConfigError, match="no kind of agent is called 'gossip'"):
        make_llm_agent(
            "gossip", settings, source=stage.source(stage.snapshot()), model=stage.model([])
        )


def test_page_tells_of_every_kind_and_its_bounds() -> None:
    said = page()
    assert all(f"| `{kind}` |" in said for kind in KINDS)
    assert "`one_source` 0.25" in said
    assert "`{{material}}`" in said
