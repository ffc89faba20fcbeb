"""`tutti agents`, on a file and with a real service on a simulated market."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.unit.cli.test_service import started

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Tutti

_SMALL = """\
feed: {warm_up_bars: 60, speed: 600}
agents_file: agents.yaml
api: {port: 0}
"""
_AGENTS = """\
# ours
agents:
  - name: momentum_hunter
  - {name: vpin, weight: 2}
"""


@pytest.fixture
def small(tutti: Tutti) -> Path:
    del tutti  # it works in a folder of its own
    Path("agents.yaml").write_text(_AGENTS)
    Path("small.yaml").write_text(_SMALL)
    return Path("small.yaml")


def test_first_edit_writes_the_configured_agents_into_a_file(tutti: Tutti) -> None:
    answer = tutti("agents", "disable", "vpin", "--json")
    assert answer.code == 0, answer.err
    rows = json.loads(tutti("agents", "list", "--json").out)["agents"]
    assert {row["name"]: row["state"] for row in rows}["vpin"] == "off"
    assert len(rows) == 7


def test_agents_are_weighed_and_switched_in_their_file(tutti: Tutti, small: Path) -> None:
    assert tutti("agents", "weight", "vpin", "0.5", "--config", small).code == 0
    assert tutti("agents", "disable", "momentum_hunter", "--config", small).code == 0
    assert tutti("agents", "enable", "momentum_hunter", "--config", small).code == 0
    assert Path("agents.yaml").read_text() == (
        "# ours\nagents:\n  - name: momentum_hunter\n    enabled: true\n"
        "  - {name: vpin, weight: 0.5}\n"
    )


def test_agent_that_is_not_listed_is_named_with_those_that_are(tutti: Tutti, small: Path) -> None:
    answer = tutti("agents", "weight", "nobody", "1", "--config", small)
    assert answer.code == 2
    assert "agents.yaml: nobody is not listed; there are momentum_hunter, vpin" in answer.err


@pytest.mark.parametrize("value", ["1e308", "1000.5", "inf", "nan", "WORD"])
def test_weight_that_is_none_is_refused_in_one_line_and_changes_nothing(
    tutti: Tutti, small: Path, value: str
) -> None:
    before = Path("agents.yaml").read_text()
    answer = tutti("agents", "weight", "vpin", value, "--config", small)
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert Path("agents.yaml").read_text() == before


def test_weight_over_the_bound_is_told_the_bound(tutti: Tutti, small: Path) -> None:
    answer = tutti("agents", "weight", "vpin", "1e308", "--config", small)
    assert "agents[1].weight must be between 0 and 1000, was 1e+308" in answer.err


def test_running_service_follows_and_shows_its_agents(tutti: Tutti, small: Path) -> None:
    with started("--config", small):
        changed = tutti("agents", "weight", "vpin", "3", "--config", small, "--json")
        assert changed.code == 0, changed.err
        assert json.loads(changed.out)["in_force"] is True
        rows = json.loads(tutti("agents", "list", "--config", small, "--json").out)["agents"]
        assert [(row["name"], row["weight"]) for row in rows][1] == ("vpin", 3.0)
        assert rows[0]["state"] == "speaks"
        shown = tutti("agents", "list", "--config", small)
        assert "vpin" in shown.out
        assert "speaks" in shown.out
