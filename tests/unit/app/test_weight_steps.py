"""Weights that follow worth in a running account count from what somebody gave them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.app.account_folder import CONFIGURATIONS
from tutti.app.weight_steps import Given, given_weights
from tutti.kernel.clock import DAY
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import Started, Stopped
from tutti.model.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def _ledger(folder: Path, *sessions: tuple[str, dict[str, float]]) -> Given:
    """Write sessions, a day each, with why the one before ended and the weights; read them."""
    journal = Journal(SqliteLedger(folder, Durability.BATCHED), "paper")
    (folder / CONFIGURATIONS).mkdir()
    for k, (reason, weights) in enumerate(sessions):
        ts, name = (k + 1) * DAY, f"c{k}"
        if reason:
            journal.append("stopped", ts, Stopped(reason=reason, totals={}))
        agents = [{"name": agent, "weight": weight} for agent, weight in weights.items()]
        text = json.dumps({"agents": agents})
        (folder / CONFIGURATIONS / f"{name}.json").write_text(text)
        started = Started(
            run_id="paper", configuration=name, seed=7, versions={}, instruments=(),
            agents=tuple(weights), balances={},
        )  # fmt: skip
        journal.append("started", ts, started)
    journal.commit()
    journal.close()
    with SqliteLedgerReader(folder) as reader:
        return given_weights(reader, folder)


def test_steps_leave_what_was_given_as_it_is(tmp_path: Path) -> None:
    found = _ledger(
        tmp_path,
        ("", {"a": 1.0, "b": 2.0}),
        ("worth: a.weight 1.1", {"a": 1.1, "b": 2.0}),
        ("worth: b.weight 1.8", {"a": 1.1, "b": 1.8}),
    )
    assert found == Given({"a": 1.0, "b": 2.0}, 3 * DAY)


def test_spoilt_configuration_is_named(tmp_path: Path) -> None:
    _ledger(tmp_path, ("", {"a": 1.0}))
    kept = tmp_path / CONFIGURATIONS / "c0.json"
    for text in ("{", '{"agents": [{"name": "a"}]}'):
        kept.write_text(text)
        with (
            SqliteLedgerReader(tmp_path) as reader,
            pytest.raises(DataError, match=r"c0\.json: no "),
        ):
            given_weights(reader, tmp_path)


def test_restart_and_kill_change_nothing_and_put_no_step_off(tmp_path: Path) -> None:
    stepped = {"a": 1.1}
    found = _ledger(
        tmp_path, ("", {"a": 1.0}), ("worth: a.weight 1.1", stepped), ("signal", stepped),
        ("", stepped),
    )  # fmt: skip
    assert found == Given({"a": 1.0}, 2 * DAY)


@pytest.mark.parametrize("reason", ["agents: a.weight 3.0", ""])
def test_weight_that_is_set_by_hand_is_what_steps_count_from(tmp_path: Path, reason: str) -> None:
    found = _ledger(
        tmp_path, ("", {"a": 1.0, "b": 1.0}), ("worth: b.weight 0.9", {"a": 1.0, "b": 0.9}),
        (reason, {"a": 3.0, "b": 0.9}),
    )  # fmt: skip
    assert found == Given({"a": 3.0, "b": 1.0}, 2 * DAY)


def test_agent_that_was_away_comes_back_within_its_bounds(tmp_path: Path) -> None:
    found = _ledger(
        tmp_path, ("", {"a": 1.0, "b": 1.0}), ("worth: b.weight 0.9", {"a": 1.0, "b": 0.9}),
        ("agents: -b", {"a": 1.0}), ("agents: +b, +c", {"a": 1.0, "b": 0.9, "c": 5.0}),
    )  # fmt: skip
    assert found.weights == {"a": 1.0, "b": 1.0, "c": 5.0}


def test_configuration_that_was_not_kept_says_nothing(tmp_path: Path) -> None:
    journal = Journal(SqliteLedger(tmp_path, Durability.BATCHED), "paper")
    started = Started(
        run_id="paper", configuration="gone", seed=7, versions={}, instruments=(), agents=(),
        balances={},
    )  # fmt: skip
    journal.append("started", DAY, started)
    journal.commit()
    journal.close()
    with SqliteLedgerReader(tmp_path) as reader:
        assert given_weights(reader, tmp_path) == Given({}, DAY)
