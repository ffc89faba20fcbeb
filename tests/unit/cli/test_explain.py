"""`tutti why` and `tutti replay`: from the ledger alone."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Backtested, Tutti


def order_of(run: Backtested) -> str:
    with (run.folder / "orders.csv").open() as file:
        return next(csv.DictReader(file))["order_id"]


def test_why_tells_the_chain_from_fill_to_data(tutti: Tutti, backtested: Backtested) -> None:
    answer = tutti("why", order_of(backtested), "--run", backtested.folder)
    assert answer.code == 0
    links = [line.split()[0] for line in answer.out.splitlines()]
    assert links[0] == "order"
    assert links.index("fill") < links.index("intent") < links.index("target") < links.index("data")


def test_why_for_a_machine_has_every_link(tutti: Tutti, backtested: Backtested) -> None:
    order = order_of(backtested)
    told = json.loads(tutti("why", order, "--run", backtested.folder, "--json").out)
    assert told["order_id"] == order
    assert {"fill", "intent", "target", "bar", "data"} <= {row["link"] for row in told["story"]}
    assert told["trace"]["intent"]["body"]["id"] == order


def test_why_of_an_unknown_order_names_some_near(tutti: Tutti, backtested: Backtested) -> None:
    answer = tutti("why", f"{order_of(backtested)[:6]}zzz", "--run", backtested.folder)
    assert answer.code == 1
    assert answer.err.startswith("no order ")
    assert order_of(backtested)[:6] in answer.err


def test_why_without_a_run_says_how_to_make_one(tutti: Tutti) -> None:
    answer = tutti("why", "abc")
    assert answer.code == 2
    assert "tutti backtest" in answer.err


def test_replay_of_a_backtest_gives_the_same_hash(tutti: Tutti, backtested: Backtested) -> None:
    answer = tutti("replay", backtested.folder, "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["equal"] is True
    assert told["recorded_hash"] == told["replayed_hash"] == backtested.document["ledger_hash"]
    assert "equal: " in tutti("replay", backtested.folder).out


def test_replay_of_an_edited_ledger_does_not_pass(tutti: Tutti, edited_ledger: Path) -> None:
    answer = tutti("replay", edited_ledger)
    assert answer.code == 1
    assert "nothing to compare with" in answer.err
