"""Scenarios in files: what is read, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tutti.app.studies.scenario_file import parse_scenario, scenario_of
from tutti.kernel.clock import parse_instant
from tutti.model.errors import ConfigError
from tutti.sandbox.scenarios.catalogue import SCENARIOS
from tutti.sandbox.scenarios.effects import (
    Depeg,
    Funding,
    Outage,
    Shock,
    Spread,
    Volatility,
    Volume,
)
from tutti.sandbox.scenarios.span import Span

_EXAMPLES = Path(__file__).parents[4] / "examples" / "scenarios"

_WHOLE = """\
name: everything
about: all at once
start: 2024-03-01T12:00
effects:
  - shock: {size: -0.2, over: 4h, hold: 1d, recover: 0.5, recovery: 2d, after: 1h, on: [BTC-*]}
  - volatility: {factor: 3, lasts: 7d}
  - spread: {factor: 5, lasts: 3d, on: ["*.X", "*.Y"]}
  - volume: {factor: 0.2, lasts: 3 bars}
  - outage: {lasts: 6h, venue: X, prices: shown}
  - depeg: {low: 0.88, currency: USDT, over: 1d}
  - funding: {rate: 0.003, lasts: 7d, every: 4h}
"""


def test_file_with_every_effect_is_read_whole() -> None:
    found = parse_scenario(_WHOLE, "x.yaml")
    assert (found.name, found.about) == ("everything", "all at once")
    assert found.start == parse_instant("2024-03-01T12:00")
    assert found.effects == (
        Shock(
            size=-0.2, over=Span("4h"), hold=Span("1d"), recover=0.5, recovery=Span("2d"),
            after=Span("1h"), on=("BTC-*",),
        ),
        Volatility(factor=3.0, lasts=Span("7d")),
        Spread(factor=5.0, lasts=Span("3d"), on=("*.X", "*.Y")),
        Volume(factor=0.2, lasts=Span("3 bars")),
        Outage(lasts=Span("6h"), venue="X", prices="shown"),
        Depeg(low=0.88, currency="USDT", over=Span("1d")),
        Funding(rate=0.003, lasts=Span("7d"), every=Span("4h")),
    )  # fmt: skip


def test_file_without_a_name_is_called_after_itself() -> None:
    found = parse_scenario("effects: [{shock: {size: -0.1}}]", "folder/bad_day.yaml")
    assert (found.name, found.at, found.start) == ("bad_day", 0.5, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x.yaml: effects is missing; add it"),
        ("effects: []", "x.yaml:1: effects is empty; write for example"),
        ("effects: [{shok: {size: -0.1}}]", "effects[0].shok is not a known key; did you mean shock?"),
        ("effekts: []", "x.yaml:1: effekts is not a known key; did you mean effects?"),
        (
            "effects:\n  - shock: {size: -1.2}",
            "x.yaml:2: effects[0].shock.size must be between -1 and 10, -1 excluded, was -1.2; "
            "write a number such as -0.2",
        ),
        ("effects: [{shock: {}}]", "effects[0].shock.size is missing; write for example -0.2"),
        ("effects: [{shock: {size: big}}]", "effects[0].shock.size must be a number"),
        ("effects: [{shock: {size: -0.1, sise: 1}}]", "shock.sise is not a known key; did you mean size?"),
        ("effects: [{shock: {size: -0.1, over: 4}}]", "shock.over must be a length such as"),
        ("effects: [{shock: {size: -0.1, over: -4h}}]", "shock.over must be a length such as"),
        ("effects: [{spread: {factor: -5, lasts: 3d}}]", "spread.factor must be between 0 and 1000, 0 excluded, was -5"),
        ("effects: [{volume: {factor: 0, lasts: 3d}}]", "volume.factor must be between 0 and 1000, 0 excluded"),
        ("effects: [{outage: {lasts: 3d, prices: hidden}}]", "must be one of missing, shown"),
        ("effects: [{depeg: {low: 1.2}}]", "depeg.low must be above 0 and below 1"),
        ("effects: [{funding: {rate: 2, lasts: 1d}}]", "funding.rate must be above -1 and below 1"),
        ("effects: [{}]", "effects[0].shock must be one of shock, volatility"),
        (
            "effects: [{shock: {size: -0.1}, volume: {factor: 2, lasts: 1d}}]",
            "effects[0].volume must be one of",
        ),
        ("effects: [shock]", "effects[0] must be a mapping of keys, was 'shock'"),
        ("at: 1\neffects: [{shock: {size: -0.1}}]", "x.yaml:1: at must be 0 or more and below 1"),
        ("start: soon\neffects: [{shock: {size: -0.1}}]", "start is wrong: 'soon' is no date"),
        ("name: My Crash\neffects: [{shock: {size: -0.1}}]", "name must be small letters, digits"),
        ("name: 7\neffects: [{shock: {size: -0.1}}]", "name must be text, was 7"),
        ("effects: [", "not valid YAML"),
    ],
)  # fmt: skip
def test_mistake_in_a_file_is_one_line_with_place_and_remedy(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_scenario(text, "x.yaml")
    line = str(error.value)
    assert line.startswith("x.yaml")
    assert said in line
    assert "\n" not in line


def test_several_mistakes_are_counted_and_the_first_is_told() -> None:
    with pytest.raises(ConfigError, match=r"x.yaml:1: at must be .* \(1 more problem in this file"):
        parse_scenario("at: -1\neffects: [{shock: {size: -2}}]", "x.yaml")


def test_name_of_a_scenario_is_the_one_that_comes_with_tutti() -> None:
    assert scenario_of("market_crash") is SCENARIOS["market_crash"]


def test_name_of_none_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="no scenario is called 'crash'; there are market_crash"):
        scenario_of("crash")


def test_file_that_is_absent_or_unreadable_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; write one"):
        scenario_of(str(tmp_path / "none.yaml"))
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ConfigError, match="can't be read"):
        scenario_of(str(tmp_path / "folder.yaml"))
    (tmp_path / "latin.yml").write_bytes(b"about: \xe9")
    with pytest.raises(ConfigError, match="not text in UTF-8"):
        scenario_of(str(tmp_path / "latin.yml"))


def test_examples_are_scenarios() -> None:
    paths = sorted(_EXAMPLES.glob("*.yaml"))
    assert len(paths) >= 3
    for path in paths:
        found = scenario_of(str(path))
        assert found.about
        assert found.name == path.stem
