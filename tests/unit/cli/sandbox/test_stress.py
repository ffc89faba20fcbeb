"""`tutti sandbox stress` and `tutti sandbox scenarios`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tutti.sandbox.scenarios.catalogue import SCENARIOS

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Tutti

_EXAMPLE = Path(__file__).parents[4] / "examples" / "scenarios" / "bad_weekend.yaml"


def test_stress_as_json_is_baseline_and_stressed(
    tutti: Tutti, bars: Path, config: Path, tmp_path: Path
) -> None:
    answer = tutti(
        "sandbox", "stress", "--scenario", "market_crash", "--bars", bars, "--config", config,
        "--out", tmp_path / "out", "--both-tiers", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["scenario"]["name"] == "market_crash"
    for run in ("baseline", "stressed"):
        assert {"metrics", "refusals", "liquidations", "breakers", "during"} <= set(document[run])
    assert document["parity"]["fills_equal"]
    assert (tmp_path / "out" / "market_crash" / "ledger.sqlite").is_file()
    assert tutti("ledger", "verify", document["run"]).code == 0


def test_stress_all_tells_each_scenario_and_what_was_left_out(
    tutti: Tutti, bars: Path, config: Path
) -> None:
    answer = tutti("sandbox", "stress", "--all", "--bars", bars, "--config", config)
    assert answer.code == 0, answer.err
    for name in SCENARIOS:
        assert f"\n{name}: " in f"\n{answer.out}"
    assert "change of its worth while it lasted" in answer.out
    assert len(list(Path("runs").glob("stress-*/*/ledger.sqlite"))) == len(SCENARIOS) + 1


def test_stress_of_a_file_on_a_simulated_market_needs_no_bars(
    tutti: Tutti, config: Path, tmp_path: Path
) -> None:
    answer = tutti(
        "sandbox", "stress", "--scenario", _EXAMPLE, "--scenario", "funding_shock", "--config",
        config, "--simulated", "300", "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    names = [each["scenario"]["name"] for each in document["results"]]
    assert names == ["bad_weekend", "funding_shock"]
    assert document["skipped"] == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--scenario is missing: name a file, --all, or market_crash"),
        (("--scenario", "doom"), "no scenario is called 'doom'"),
        (("--scenario", "none.yaml"), "none.yaml: no such file"),
        (("--scenario", "market_crash"), "--bars is missing"),
        (("--scenario", "bad.yaml"), "bad.yaml:1: effects[0].shock.size must be between -1 and 10"),
        (("--scenario", "a.yaml", "--scenario", "b/a.yaml"), "two of them have one name"),
        (("--all", "--bars", "x.csv", "--simulated", "300"), "exclude each other"),
        (
            ("--all", "--bars", "x.csv", "--start", "2024-02-01", "--end", "2024-01-01"),
            "--end must be after --start",
        ),
    ],
)
def test_stress_without_what_it_needs_is_a_line_and_code_2(
    tutti: Tutti, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "bad.yaml").write_text("effects: [{shock: {size: -7}}]")
    (tmp_path / "b").mkdir()
    for name in ("a.yaml", "b/a.yaml"):
        (tmp_path / name).write_text("effects: [{shock: {size: -0.1}}]")
    answer = tutti("sandbox", "stress", *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("at", "starts"), [("0.25", "2024-01-05T04:00"), ("2024-01-10T06:00", "2024-01-10T06:00")]
)
def test_stress_strikes_when_it_is_told_to(
    tutti: Tutti, bars: Path, config: Path, at: str, starts: str
) -> None:
    options = ("--bars", bars, "--config", config, "--at", at, "--moments", "3")
    answer = tutti("sandbox", "stress", "--scenario", "market_crash", *options, "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["starts"].startswith(starts)
    assert document["moments"]["count"] == 3
    assert json.loads((Path(document["out"]) / "stress.json").read_text()) == document
    page = (Path(document["out"]) / "stress.html").read_text()
    assert "Equity with and without the scenario" in page
    assert "at 3 moments: worst" in page


def test_stress_tells_the_worst_moment(tutti: Tutti, bars: Path, config: Path) -> None:
    options = ("--bars", bars, "--config", config, "--moments", "3")
    answer = tutti("sandbox", "stress", "--scenario", "market_crash", *options)
    assert "\nat 3 moments: worst " in answer.out


@pytest.mark.parametrize("at", ["1", "-0.5", "soon"])
def test_stress_at_no_time_at_all_is_a_line_and_code_2(tutti: Tutti, bars: Path, at: str) -> None:
    answer = tutti("sandbox", "stress", "--all", "--bars", bars, f"--at={at}")
    assert answer.code == 2
    assert "--at must be a" in answer.err


def test_scenarios_are_listed(tutti: Tutti) -> None:
    answer = tutti("sandbox", "scenarios")
    assert answer.code == 0
    assert all(name in answer.out for name in SCENARIOS)
    listed = json.loads(tutti("sandbox", "scenarios", "--json").out)["scenarios"]
    assert [each["name"] for each in listed] == list(SCENARIOS)


def test_stress_comparison_and_attribution_are_told_on_one_line_each(tutti: Tutti) -> None:
    listed = tutti("sandbox", "--help").out.split("Commands:")[1].splitlines()
    for name in ("stress", "ab", "attribute", "scenarios"):
        (line,) = (each for each in listed if each.startswith(f"  {name} "))
        assert not line.endswith("...")
