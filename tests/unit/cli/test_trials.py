"""`tutti trials`, and what it does to `tutti backtest`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Told, Tutti


@pytest.fixture
def backtest(tutti: Tutti, bars: Path, config: Path) -> Any:
    def run(*more: str) -> Told:
        return tutti(
            "backtest", "--bars", bars, "--config", config, "--tier", "fast", "--out", "out",
            "--register", "trials.sqlite", *more,
        )  # fmt: skip

    return run


def _json(answer: Told) -> dict[str, Any]:
    assert answer.err == "", answer.err
    told: dict[str, Any] = json.loads(answer.out)
    return told


_HERE = ("--register", "trials.sqlite")


def test_trials_before_any_are_none(tutti: Tutti) -> None:
    assert _json(tutti("trials", "list", *_HERE, "--json")) == {
        "register": "trials.sqlite", "n_trials": 0, "trials": [], "seals": [],
    }  # fmt: skip
    assert "0 trials in trials.sqlite" in tutti("trials", "list", *_HERE).out


def test_backtest_prints_its_verdict_and_is_listed(tutti: Tutti, backtest: Any) -> None:
    answer = backtest()
    assert answer.code == 0, answer.err
    assert "give or take" in answer.out
    told = _json(tutti("trials", "list", *_HERE, "--json"))
    assert told["n_trials"] == 1
    assert told["trials"][0]["strategy"] == "ema_cross"
    assert told["trials"][0]["instruments"] == ["WALK-USDT-PERP.LOCAL"]
    listed = tutti("trials", "list", *_HERE).out
    assert "1 trials in" in listed
    assert "WALK-USDT-PERP" in listed
    assert "2024-01-17" in listed


def test_trial_is_shown_by_number_and_by_run(tutti: Tutti, backtest: Any) -> None:
    run_id = json.loads(backtest("--json").out)["run_id"]
    told = _json(tutti("trials", "show", "1", *_HERE, "--json"))
    assert told["run_id"] == run_id
    assert told["on_the_same_data"]["n_trials"] == 1
    assert "1 different trials on the same data" in tutti("trials", "show", run_id, *_HERE).out
    missing = tutti("trials", "show", "9", *_HERE)
    assert (missing.code, missing.err) == (
        2,
        "trials.sqlite: no trial '9'; see tutti trials list\n",
    )


def test_backtest_into_a_sealed_period_leaves_with_3_until_it_is_opened_once(
    tutti: Tutti, backtest: Any, bars: Path, config: Path
) -> None:
    backtest("--end", "2024-01-10")
    sealed = _json(
        tutti("trials", "seal", "last", "--start", "2024-01-10", "--bars", bars, *_HERE, "--json")
    )
    assert sealed["instruments"] == ["WALK-USDT-PERP.LOCAL"]
    assert (len(sealed["files"]), sealed["end"], sealed["seen_by"]) == (1, None, 0)
    refused = backtest()
    assert refused.code == 3
    assert "reach into 'last', which is sealed" in refused.err
    assert refused.err.count("\n") == 1
    opened = tutti("trials", "open", "last", "--config", config, "--reason", "best", *_HERE)
    assert (opened.code, opened.err) == (0, "")
    assert "open once for ema_cross" in opened.out
    again = tutti("trials", "open", "last", "--config", config, *_HERE)
    assert again.code == 3
    assert "opened for this candidate before and not used yet" in again.err
    assert backtest("--start", "2024-01-10").code == 0
    assert backtest("--start", "2024-01-11").code == 3
    listed = tutti("trials", "list", *_HERE)
    assert "sealed: last, WALK-USDT-PERP.LOCAL, from 2024-01-10 to further notice" in listed.out
    (seal,) = _json(tutti("trials", "list", *_HERE, "--json"))["seals"]
    assert seal["openings"][0]["reason"] == "best"
    assert seal["openings"][0]["run_id"].startswith("backtest-")


def test_open_with_the_seed_of_the_backtest_is_for_that_candidate(
    tutti: Tutti, backtest: Any, config: Path
) -> None:
    tutti("trials", "seal", "all", "--start", "2024-01-10", *_HERE)
    tutti("trials", "open", "all", "--config", config, "--seed", "5", *_HERE)
    assert backtest().code == 3
    assert backtest("--seed", "5").code == 0


def test_seal_that_trials_have_seen_into_says_so(tutti: Tutti, backtest: Any) -> None:
    backtest()
    answer = tutti("trials", "seal", "late", "--start", "2024-01-05", "--end", "2024-01-06", *_HERE)
    assert "sealed late: everything from 2024-01-05" in answer.out
    assert "1 earlier trials have seen into it" in answer.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("seal", "x", "--start", "soon"), 2, "--start must be a date or time"),
        (("seal", "x", "--start", "2024-02-01", "--end", "2024-01-01"), 2, "--end must be after"),
        (("seal", "x", "--start", "2024-01-01", "--instrument", "y"), 2, "--instrument"),
        (
            ("seal", "x", "--start", "2024-01-01", "--instrument", "y.z"),
            2,
            "y.z: no recorded trial",
        ),
        (("seal", "", "--start", "2024-01-01"), 2, "NAME must not be empty"),
        (("seal", "x", "--start", "2024-01-01", "--bars", "no/*.csv"), 2, "matches no file"),
        (("open", "x"), 3, "no seal is called 'x'; there are: none"),
        (("open", "x", "--config", "none.yaml"), 2, "none.yaml: no such file"),
        (("list", "--register", "off"), 2, "--register is off"),
    ],
)
def test_trials_that_can_not_be_are_one_line(
    tutti: Tutti, arguments: tuple[str, ...], code: int, says: str
) -> None:
    answer = tutti("trials", *arguments, *(() if "off" in arguments else _HERE))
    assert answer.code == code
    assert says in answer.err
    assert answer.err.count("\n") == 1


def test_register_is_verified(tutti: Tutti, backtest: Any) -> None:
    backtest()
    assert _json(tutti("trials", "verify", *_HERE, "--json"))["ok"] is True
    told = _json(tutti("trials", "verify", *_HERE, "--json"))
    assert told["n_rows"] == 1
    sound = tutti("trials", "verify", *_HERE).out
    assert f"trials.sqlite: sound up to row 1 {told['head']}" in sound
    connection = sqlite3.connect("trials.sqlite")
    connection.execute("DROP TRIGGER journal_no_update")
    connection.execute("UPDATE journal SET ref = 'other'")
    connection.commit()
    connection.close()
    answer = tutti("trials", "verify", *_HERE)
    assert answer.code == 1
    assert "BROKEN: row 1 (trial) doesn't follow" in answer.out


def test_register_that_can_not_be_written_stops_a_backtest_before_it_runs(
    tutti: Tutti, bars: Path, config: Path
) -> None:
    Path("file").write_text("")
    answer = tutti(
        "backtest",
        "--bars",
        bars,
        "--config",
        config,
        "--out",
        "out",
        "--register",
        "file/t.sqlite",
    )
    assert answer.code == 1
    assert "file/t.sqlite: can't be written to; name another --register" in answer.err
    assert not Path("out/run.json").exists()


def test_register_off_keeps_nothing(tutti: Tutti, bars: Path, config: Path) -> None:
    answer = tutti(
        "backtest", "--bars", bars, "--config", config, "--tier", "fast", "--register", "off"
    )
    assert answer.code == 0, answer.err
    assert not list(Path().rglob("*trials*"))


@pytest.mark.parametrize("arguments", [("seal", "two", "--start", "2024-01-01"), ("list",)])
def test_register_off_is_refused_also_where_another_one_has_seals(
    tutti: Tutti, arguments: tuple[str, ...]
) -> None:
    usual = ("--register", "runs/trials.sqlite")
    assert tutti("trials", "seal", "one", "--start", "2024-01-01", *usual).code == 0
    answer = tutti("trials", *arguments, "--register", "off")
    assert (answer.code, answer.out) == (2, "")
    assert "--register is off" in answer.err
