"""Who sits on the panel, as a configuration says."""

from __future__ import annotations

from typing import Any

import pytest

from tutti.app.config import Config, override
from tutti.app.seats import seats_of
from tutti.model.errors import ConfigError


def _config(**changes: Any) -> Config:
    return override(Config(), {key.replace("__", "."): value for key, value in changes.items()})


@pytest.mark.usefixtures("installed")
def test_plugin_that_can_not_be_made_is_named_with_its_key() -> None:
    config = _config(agents=[{"name": "broken"}], conductor__weights={})
    with pytest.raises(
        ConfigError,
        match=r"agents\[0\]\.params of broken of .* could not be made: KeyError: 'never given'",
    ):
        seats_of(config)


@pytest.mark.usefixtures("installed")
def test_those_to_be_awaited_sit_behind_the_others_and_the_conductor_last() -> None:
    agents = [
        {"name": "news", "model": "openai:small"}, {"name": "pundit"}, {"name": "vpin"},
        {"name": "macro", "model": "openai:small", "enabled": False},
    ]  # fmt: skip
    config = _config(agents=agents, conductor__weights={}, conductor__model="openai:small")
    seats = seats_of(config)
    assert [each.name for each in seats.settings] == ["vpin", "news", "pundit"]
    assert seats.awaited == ("news", "pundit", "conductor")
    # one that asks a language model is made once there is one to ask
    assert [agent is None for _, agent in seats.late] == [True, False]
    assert [each.name for each, _ in seats.only_made_here().late] == ["news"]


def test_agent_of_a_kind_goes_by_the_name_that_it_has_here() -> None:
    agents = [{"name": "quick", "kind": "vpin"}, {"name": "slow", "kind": "vpin"}]
    seats = seats_of(_config(agents=agents, conductor__weights={}))
    assert [agent.name for _, agent in seats.quick] == ["quick", "slow"]
    assert seats.awaited == ()


def test_agent_that_is_called_as_the_conductor_is_refused() -> None:
    config = _config(
        agents=[{"name": "conductor", "kind": "vpin"}], conductor__weights={},
        conductor__model="openai:small",
    )  # fmt: skip
    with pytest.raises(ConfigError, match="who is asked for the regime is called"):
        seats_of(config)
