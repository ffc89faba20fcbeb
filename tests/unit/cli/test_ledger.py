"""The ledger from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Backtested, Tutti


def test_verify_of_a_sound_ledger_says_its_hash(tutti: Tutti, backtested: Backtested) -> None:
    answer = tutti("ledger", "verify", backtested.folder)
    assert answer.code == 0
    assert backtested.document["ledger_hash"] in answer.out


def test_verify_for_a_machine(tutti: Tutti, backtested: Backtested) -> None:
    found = json.loads(tutti("ledger", "verify", backtested.folder, "--json").out)
    assert found["ok"] is True
    assert found["hash"] == backtested.document["ledger_hash"]
    assert found["problem"] == ""


def test_verify_of_an_edited_ledger_fails_and_says_where(tutti: Tutti, edited_ledger: Path) -> None:
    answer = tutti("ledger", "verify", edited_ledger)
    assert answer.code == 1
    assert "BROKEN at row 3" in answer.out
    found = json.loads(tutti("ledger", "verify", edited_ledger, "--json").out)
    assert (found["ok"], found["first_bad_seq"]) == (False, 3)


def test_verify_without_a_witness_says_what_that_means(
    tutti: Tutti, backtested: Backtested, copied_run: Path
) -> None:
    (copied_run / "ledger.head").unlink()
    answer = tutti("ledger", "verify", copied_run)
    assert answer.code == 0
    assert "nothing outside the chain vouches for its end" in answer.out


def test_verify_where_there_is_no_ledger_says_what_to_name(tutti: Tutti) -> None:
    answer = tutti("ledger", "verify", "nowhere")
    assert answer.code == 2
    assert "name the folder of one" in answer.err


@pytest.mark.parametrize("name", ["show", "tail"])
def test_show_ends_with_the_last_record(tutti: Tutti, backtested: Backtested, name: str) -> None:
    answer = tutti("ledger", name, backtested.folder, "--last", "3", "--json")
    rows = json.loads(answer.out)["rows"]
    assert len(rows) == 3
    assert rows[-1]["kind"] == "stopped"
    assert rows[-1]["hash"] == backtested.document["ledger_hash"]
    assert rows[0]["seq"] < rows[1]["seq"] < rows[2]["seq"]


def test_show_of_one_kind_for_people(tutti: Tutti, backtested: Backtested) -> None:
    answer = tutti("ledger", "show", backtested.folder, "--kind", "fill", "-n", "2")
    assert answer.code == 0
    assert " fill " in answer.out
    assert " stopped " not in answer.out


def test_show_of_a_kind_that_is_none_lists_them(tutti: Tutti, backtested: Backtested) -> None:
    answer = tutti("ledger", "show", backtested.folder, "--kind", "fills")
    assert answer.code == 2
    assert "--kind must be one of started, opinion, decision, intent" in answer.err


def test_show_of_an_edited_record_shows_what_is_there(tutti: Tutti, edited_ledger: Path) -> None:
    answer = tutti("ledger", "show", edited_ledger, "-n", "100000", "--json")
    bodies = {row["seq"]: row["body"] for row in json.loads(answer.out)["rows"]}
    assert bodies[3] == "edited"


def test_export_writes_every_record(tutti: Tutti, backtested: Backtested) -> None:
    answer = tutti("ledger", "export", backtested.folder, "--out", "all.jsonl", "--json")
    told = json.loads(answer.out)
    rows = [json.loads(line) for line in Path("all.jsonl").read_text().splitlines()]
    assert told["records"] == len(rows)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["kind"] == "started"


def test_export_to_standard_output_is_only_the_records(
    tutti: Tutti, backtested: Backtested
) -> None:
    answer = tutti("ledger", "export", backtested.folder, "--kind", "fill")
    fills = [json.loads(line) for line in answer.out.splitlines()]
    assert len(fills) == backtested.document["n_fills"]


def test_export_for_a_machine_is_one_object(tutti: Tutti, backtested: Backtested) -> None:
    told = json.loads(tutti("ledger", "export", backtested.folder, "--kind", "fill", "--json").out)
    assert told["records"] == len(told["rows"]) == backtested.document["n_fills"]
    assert {row["kind"] for row in told["rows"]} == {"fill"}


def test_ledger_alone_shows_its_commands(tutti: Tutti) -> None:
    for command in ("verify", "show", "export"):
        assert command in tutti("ledger", "--help").out
