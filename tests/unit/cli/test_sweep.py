"""`tutti sweep` as a person calls it."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Tutti


def test_sweep_as_json_ranks_and_leaves_a_table_and_trials(
    tutti: Tutti, bars: Path, config: Path, tmp_path: Path
) -> None:
    answer = tutti(
        "sweep", "--bars", bars, "--config", config, "--grid", "policy.fast=3..6", "--grid",
        "policy.slow=15,30", "--workers", "1", "--top", "2", "--out", tmp_path / "out", "--register", "trials.sqlite", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["n_tried"] == 8
    assert len(document["top"]) == 2
    assert document["best"] == document["top"][0]
    assert document["honest"]["n_trials"] == 8
    with (tmp_path / "out" / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {"policy.fast", "policy.slow", "sharpe", "configuration"} <= set(rows[0])
    listed = tutti("trials", "list", "--register", "trials.sqlite", "--json")
    assert listed.code == 0, listed.err
    assert '"sweep"' in listed.out


def test_sweep_tells_people_the_best_and_what_it_proves(
    tutti: Tutti, bars: Path, config: Path
) -> None:
    answer = tutti(
        "sweep", "--bars", bars, "--config", config, "--grid", "policy.fast=3,5,25", "--workers",
        "1", "--register", "off",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "2 combinations by sharpe" in answer.out
    assert "1 more can't be: policy.fast must be below slow" in answer.out
    assert "wrote runs/sweep-" in answer.out


def test_sweep_without_a_grid_is_refused(tutti: Tutti, bars: Path) -> None:
    answer = tutti("sweep", "--bars", bars, "--json")
    assert answer.code == 2
    assert "--grid is missing" in json.loads(answer.err)["error"]
