"""Who is meant by a name, and panels without and with them."""

from __future__ import annotations

import pytest

from tutti.app.config import Config, parse_config
from tutti.app.panels import meant, with_added, without
from tutti.model.errors import ConfigError

_PANEL = """\
agents:
- {name: vpin}
- {name: headlines, kind: news, model: "openai:m"}
- {name: crowd, kind: social, model: "ollama:m", enabled: false}
- {name: synth, kind: semantic_synth}
"""


@pytest.fixture
def config() -> Config:
    return parse_config(_PANEL)


def _on(config: Config) -> list[str]:
    return [each.name for each in config.agents if each.enabled]


@pytest.mark.parametrize(
    ("name", "agents"),
    [
        ("vpin", ("vpin",)),
        ("news", ("headlines",)),
        ("openai:m", ("headlines",)),
        ("llm", ("headlines", "crowd")),
        ("sentiment", ("headlines", "crowd", "synth")),
        ("nobody", ()),
    ],
)
def test_name_means_agents_by_name_kind_model_or_what_they_read(
    config: Config, name: str, agents: tuple[str, ...]
) -> None:
    assert meant(config, name) == agents


def test_agent_of_a_name_comes_before_all_of_a_kind() -> None:
    config = parse_config("agents: [{name: news, kind: news}, {name: other, kind: news}]")
    assert meant(config, "news") == ("news",)


def test_without_switches_off_and_keeps_the_rest(config: Config) -> None:
    assert _on(without(config, "sentiment")) == ["vpin"]
    assert _on(config) == ["vpin", "headlines", "synth"]


def test_with_switches_on_or_adds(config: Config) -> None:
    assert _on(with_added(config, "crowd")) == ["vpin", "headlines", "crowd", "synth"]
    assert _on(with_added(config, "mean_reversion"))[-1] == "mean_reversion"


@pytest.mark.parametrize(
    ("name", "message"),
    [("crowd", "no agent of that name"), ("nobody", "there are vpin, headlines, synth")],
)
def test_without_refuses_who_does_not_speak(config: Config, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        without(config, name)


def test_with_refuses_who_speaks_already_and_groups_of_nobody(config: Config) -> None:
    with pytest.raises(ConfigError, match="speaks already"):
        with_added(config, "vpin")
    with pytest.raises(ConfigError, match="no agent of the configuration"):
        with_added(parse_config("agents: [{name: vpin}]"), "sentiment")


def test_policy_that_hears_no_agents_is_refused() -> None:
    with pytest.raises(ConfigError, match="hears no agents"):
        without(parse_config("policy: {name: ema_cross}"), "vpin")
