"""The file of agents: read whole or refused with its line, and edited without harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.app.agents_edit import with_setting, written
from tutti.app.agents_file import load_agents, parse_agents
from tutti.app.agents_watch import AgentsWatch, difference
from tutti.app.config import Config, load_config
from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.app.settings import AgentSettings

_TEXT = """\
# who speaks
agents:
  - name: momentum_hunter   # the first
    weight: 2
  - {name: vpin, enabled: false}

  - name: mean_reversion
    params: {buy: 0.3}
"""


def _said(text: str) -> dict[str, AgentSettings]:
    return {each.name: each for each in parse_agents(text, "agents.yaml").agents}


def test_file_is_read_with_its_settings() -> None:
    said = _said(_TEXT)
    assert list(said) == ["momentum_hunter", "vpin", "mean_reversion"]
    assert said["momentum_hunter"].weight == 2.0
    assert not said["vpin"].enabled


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("agents:\n  - name: a\n  - name: a\n", r"agents.yaml:3: agents\[1\].* second time"),
        ("agents:\n  - {name: a, wieght: 2}\n", r"agents.yaml:2: agents\[0\].wieght .*weight"),
        ("agents:\n  - {name: a, weight: -1}\n", r"agents.yaml:2: agents\[0\].weight"),
        ("agents:\n  - weight: 1\n", r"agents.yaml:2: agents\[0\]"),
        ("agents:\n  - name: [a\n", r"agents.yaml:\d: not valid YAML"),
        ("who: []\n", r"agents.yaml"),
    ],
)
def test_broken_file_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_agents(text, "agents.yaml")


def test_configuration_takes_its_agents_from_the_file_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text(_TEXT)
    main = tmp_path / "tutti.yaml"
    main.write_text(f"agents_file: {tmp_path / 'agents.yaml'}\n")
    assert [each.name for each in load_config(main).agents] == list(_said(_TEXT))


def test_list_beside_a_file_of_it_is_refused(tmp_path: Path) -> None:
    main = tmp_path / "tutti.yaml"
    main.write_text("agents_file: agents.yaml\nagents: [{name: vpin}]\n")
    with pytest.raises(ConfigError, match=r"tutti.yaml:1: agents_file stands beside agents"):
        load_config(main)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.yaml: no such file; make it with tutti agents"):
        load_agents(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("agent", "key", "value", "line"),
    [
        ("momentum_hunter", "weight", 0.5, "    weight: 0.5"),
        ("momentum_hunter", "enabled", False, "    enabled: false"),
        ("vpin", "enabled", True, "  - {name: vpin, enabled: true}"),
        ("vpin", "weight", 3.0, "  - {name: vpin, weight: 3, enabled: false}"),
        ("mean_reversion", "weight", 1.25, "    weight: 1.25"),
    ],
)
def test_edit_changes_one_line_and_keeps_all_others(
    agent: str, key: str, value: float, line: str
) -> None:
    edited = with_setting(_TEXT, "agents.yaml", agent, key, value)
    assert line in edited.splitlines()
    kept = [each for each in _TEXT.splitlines() if each not in edited.splitlines()]
    assert len(kept) <= 1
    assert getattr(_said(edited)[agent], key) == value


def test_edit_of_an_agent_that_is_not_listed_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match="nobody is not listed; there are momentum_hunter, vpin"):
        with_setting(_TEXT, "agents.yaml", "nobody", "weight", 1.0)


def test_edit_to_an_impossible_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"agents\[0\].weight"):
        with_setting(_TEXT, "agents.yaml", "momentum_hunter", "weight", -1.0)


@given(weight=st.floats(0, 1000), enabled=st.booleans(), which=st.integers(0, 6))
def test_any_edit_of_the_default_panel_is_read_back(
    weight: float, enabled: bool, which: int
) -> None:
    weight = float(f"{weight:.12g}")
    name = Config().agents[which].name
    text = with_setting(written(Config().agents), "f", name, "weight", weight)
    text = with_setting(text, "f", name, "enabled", enabled)
    found = _said(text)
    assert (found[name].weight, found[name].enabled) == (weight, enabled)
    assert list(found) == [each.name for each in Config().agents]


def test_watch_wants_what_means_something_else_and_takes_what_does_not(tmp_path: Path) -> None:
    path = tmp_path / "agents.yaml"
    path.write_text(_TEXT)
    watch = AgentsWatch(Config(), path)
    path.write_text(_TEXT + "# a remark\n")
    watch.look()
    assert (watch.wanted, watch.file.sha256) == (None, watch.read)
    path.write_text(_TEXT.replace("weight: 2", "weight: 1"))
    watch.look()
    assert watch.wanted is not None
    assert difference(watch.file.agents, watch.wanted.agents) == "momentum_hunter.weight 1.0"


def test_broken_edit_keeps_the_last_good_list(tmp_path: Path) -> None:
    path = tmp_path / "agents.yaml"
    path.write_text(_TEXT)
    watch = AgentsWatch(Config(), path)
    good = watch.file
    path.write_text(_TEXT.replace("weight: 2", "weight: much"))
    watch.look()
    assert watch.file is good
    assert "agents.yaml:4: agents[0].weight" in watch.refused


def test_agent_that_nobody_makes_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "agents.yaml"
    path.write_text(_TEXT)
    watch = AgentsWatch(Config(), path)
    path.write_text(_TEXT.replace("momentum_hunter", "pundit"))
    watch.look()
    assert watch.wanted is not None
    with pytest.raises(ConfigError) as refused:
        watch.configured(watch.wanted)
    watch.refuse(refused.value)
    assert "agents.yaml:3: agents[0].name" in watch.refused
