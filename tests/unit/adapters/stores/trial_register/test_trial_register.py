from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.trial_register import SqliteTrialRegister
from tutti.kernel.clock import DAY, SimulatedClock
from tutti.ledger.trials import FOREVER, Dataset, Opening, Seal, Trial
from tutti.model.errors import ConfigError, GateClosed, LedgerError

if TYPE_CHECKING:
    from tutti.model.market import FloatArray

_BTC = Dataset(instruments=("BTC-USDT.SIM",), files=("aa",))


def _noise(seed: int, n: int = 100) -> FloatArray:
    return np.asarray(np.random.default_rng(seed).normal(0.0, 0.01, n))


def _trial(daily: FloatArray, *, first_day: int = 0, **changes: object) -> Trial:
    end = first_day + len(daily)
    values = {
        "run_id": "backtest-1", "kind": "backtest", "configuration": "c1", "strategy": "ema_cross",
        "dataset": _BTC, "start": first_day * DAY, "end": end * DAY, "sharpe": 0.05,
        "n_returns": len(daily), "periods_per_year": 365.0, "total_return": 0.1,
        "max_drawdown": 0.2, "first_day": first_day, "daily": daily,
    }  # fmt: skip
    return Trial(**values | changes)  # type: ignore[arg-type]


@pytest.fixture
def register(tmp_path: Path) -> SqliteTrialRegister:
    return SqliteTrialRegister(tmp_path / "new" / "trials.sqlite", SimulatedClock(7 * DAY))


def test_register_that_was_never_written_is_empty_and_not_made(
    register: SqliteTrialRegister,
) -> None:
    assert list(register.trials()) == []
    assert register.seals() == []
    assert register.openings() == []
    assert register.standing(_BTC, 0, DAY).n_trials == 0
    assert register.fault() == ""
    assert not Path(register.where).exists()


def test_trial_comes_back_as_it_was_recorded(register: SqliteTrialRegister) -> None:
    register.record([_trial(_noise(1)), _trial(_noise(2), sharpe=float("nan"), run_id="b2")])
    first, second = register.trials()
    assert (first.seq, first.ts, first.run_id, first.sharpe) == (1, 7 * DAY, "backtest-1", 0.05)
    assert (first.instruments, first.end, first.like) == (_BTC.instruments, 100 * DAY, 1)
    assert (second.run_id, second.sharpe, second.like) == ("b2", None, 2)
    assert [each.seq for each in register.trials(newest_first=True)] == [2, 1]
    assert register.fault() == ""


def test_standing_counts_the_same_result_once_and_the_like_as_one(
    register: SqliteTrialRegister,
) -> None:
    base = _noise(1)
    register.record([_trial(base), _trial(base)])
    register.record([_trial(base + 0.2 * _noise(2), sharpe=0.07), _trial(_noise(3), sharpe=-0.1)])
    found = register.standing(_BTC, 0, 100 * DAY)
    assert (found.n_trials, found.n_leaders, len(found.likeness)) == (3, 2, 1)
    assert found.likeness[0] == pytest.approx(1 / 1.04**0.5, abs=0.02)
    assert found.sharpes == (0.05, 0.07, -0.1)
    assert [each.like for each in register.trials()] == [1, 1, 1, 4]


def test_standing_of_a_batch_is_that_of_one_by_one(tmp_path: Path) -> None:
    trials = [_trial(_noise(k % 5) + 0.3 * _noise(100 + k), run_id=f"{k}") for k in range(30)]
    whole = SqliteTrialRegister(tmp_path / "whole.sqlite", SimulatedClock())
    whole.record(trials)
    single = SqliteTrialRegister(tmp_path / "single.sqlite", SimulatedClock())
    for each in trials:
        single.record([each])
    assert list(whole.trials()) == list(single.trials())
    found = whole.standing(_BTC, 0, 100 * DAY)
    assert (found.n_leaders, len(found.likeness)) == (5, 25)
    assert found.likeness == pytest.approx(single.standing(_BTC, 0, 100 * DAY).likeness)


def test_trial_that_never_traded_is_counted_and_stands_for_nothing(
    register: SqliteTrialRegister,
) -> None:
    register.record([_trial(np.zeros(100), sharpe=float("nan")), _trial(_noise(1))])
    found = register.standing(_BTC, 0, 100 * DAY)
    assert (found.n_trials, found.n_leaders, found.likeness) == (2, 1, ())
    assert found.sharpes == (0.05,)
    assert next(iter(register.trials())).like is None


def test_standing_is_of_shared_data_and_half_of_the_shorter_span(
    register: SqliteTrialRegister,
) -> None:
    register.record([_trial(_noise(1)), _trial(_noise(2), dataset=Dataset(files=("zz",)))])
    assert register.standing(_BTC, 0, 100 * DAY).n_trials == 1
    assert register.standing(_BTC, 50 * DAY, 250 * DAY).n_trials == 1
    assert register.standing(_BTC, 51 * DAY, 251 * DAY).n_trials == 0
    assert register.standing(_BTC, 0, 1000 * DAY).n_trials == 1
    assert register.standing(Dataset(instruments=("X.Y",)), 0, 100 * DAY).n_trials == 0
    assert register.standing(Dataset(files=("aa", "zz")), 0, 100 * DAY).n_trials == 2


def test_trials_over_other_days_are_compared_on_those_in_common(
    register: SqliteTrialRegister,
) -> None:
    long = _noise(1, 200)
    register.record([_trial(long[:120])])
    register.record([_trial(long[40:], first_day=40)])
    assert [each.like for each in register.trials()] == [1, 1]


def test_seal_is_kept_and_its_name_taken(register: SqliteTrialRegister) -> None:
    seal = Seal(name="2025", dataset=_BTC, start=200 * DAY, end=FOREVER)
    register.seal(seal)
    assert register.seals() == [seal]
    with pytest.raises(ConfigError, match="there is a seal called '2025' already"):
        register.seal(replace(seal, start=0))


def test_opening_is_used_by_the_first_run_that_sees_inside(register: SqliteTrialRegister) -> None:
    register.seal(Seal(name="2025", dataset=_BTC, start=200 * DAY, end=FOREVER))
    register.record([_trial(_noise(1), configuration="c1", run_id="before")])
    opening = Opening(seal="2025", configuration="c1", strategy="ema_cross", reason="last test")
    register.open(opening)
    assert register.openings() == [opening]
    register.record([_trial(_noise(2), configuration="c1", run_id="elsewhere")])
    register.record([_trial(_noise(2), configuration="c2", first_day=200, run_id="another")])
    assert register.openings() == [opening]
    register.record([_trial(_noise(3), configuration="c1", first_day=150, run_id="used")])
    assert register.openings() == [replace(opening, run_id="used")]
    with pytest.raises(GateClosed, match="used by used: it opens once"):
        register.open(opening)
    assert register.fault() == ""


@pytest.mark.parametrize("table", ["journal", "dataset", "member", "series", "trial"])
def test_register_can_only_be_added_to(register: SqliteTrialRegister, table: str) -> None:
    register.record([_trial(_noise(1))])
    connection = sqlite3.connect(register.where)
    column = {"dataset": "key", "series": "key", "member": "name"}.get(table, "seq")
    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET {column} = 9"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(change)
    connection.close()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE journal SET body = replace(body, '0.05', '0.50') WHERE seq = 1", "row 1 .trial."),
        ("DELETE FROM journal WHERE seq = 1", "row 1 is missing"),
        ("UPDATE trial SET sharpe = 9 WHERE seq = 2", "row 2 isn't listed as it was recorded"),
        ("DELETE FROM trial WHERE seq = 1", "row 1 isn't listed"),
        ("INSERT INTO trial SELECT 9, alike, likeness, run_id, configuration, dataset, start, \"end\","
         " series, sharpe FROM trial WHERE seq = 1", "trials are listed that were never recorded"),
        ("UPDATE dataset SET body = '{}'", "the data set of row 1 is missing or was changed"),
        ("DELETE FROM member", "what the data sets hold isn't listed as it was recorded"),
        ("UPDATE series SET daily = zeroblob(400)", "the returns of a trial were changed"),
        ("DELETE FROM series", "the returns of row 1 are missing"),
    ],
)  # fmt: skip
def test_change_past_the_triggers_is_found(
    register: SqliteTrialRegister, change: str, says: str
) -> None:
    register.record([_trial(_noise(1)), _trial(_noise(2))])
    connection = sqlite3.connect(register.where)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(change)
    connection.commit()
    connection.close()
    assert says.replace(".", "") in register.fault().replace("(", "").replace(")", "")


@pytest.mark.parametrize("content", [b"my notes, long enough for a header of a file", b""])
def test_something_else_in_its_place_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trials.sqlite"
    path.write_bytes(content)
    register = SqliteTrialRegister(path, SimulatedClock())
    if content:
        with pytest.raises(LedgerError, match="it is not a register of trials"):
            register.record([_trial(_noise(1))])
    with pytest.raises(LedgerError, match="it is not a register of trials"):
        register.standing(_BTC, 0, DAY)
    assert path.read_bytes() == content


def test_another_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    with pytest.raises(LedgerError, match="it is not a register of trials"):
        SqliteTrialRegister(path, SimulatedClock()).record([_trial(_noise(1))])


def test_newer_register_is_refused(register: SqliteTrialRegister) -> None:
    register.record([_trial(_noise(1))])
    connection = sqlite3.connect(register.where)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(LedgerError, match="a newer version of tutti keeps this register"):
        list(register.trials())


def test_place_that_can_not_be_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    register = SqliteTrialRegister(tmp_path / "file" / "trials.sqlite", SimulatedClock())
    with pytest.raises(LedgerError, match="name another --register"):
        register.record([_trial(_noise(1))])
    with pytest.raises(LedgerError, match="can't be written to; name another --register"):
        register.ready()
    SqliteTrialRegister(tmp_path / "some" / "where" / "t.sqlite", SimulatedClock()).ready()
    folder = SqliteTrialRegister(tmp_path, SimulatedClock())
    with pytest.raises(LedgerError, match="can't be opened: check its permissions"):
        folder.seals()


def test_failed_record_leaves_nothing(register: SqliteTrialRegister) -> None:
    register.record([_trial(_noise(1))])
    broken = _trial(_noise(2), total_return=object())
    with pytest.raises(TypeError):
        register.record([_trial(_noise(3)), broken])
    assert len(list(register.trials())) == 1
    assert register.fault() == ""


def _write_many(path: Path, first: int, n: int) -> None:
    register = SqliteTrialRegister(path, SimulatedClock())
    for k in range(n):
        register.record([_trial(_noise(first + k, 30), run_id=f"{first + k}")])


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "trials.sqlite"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(path, 100 * k, 10)) for k in range(3)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(60)
    register = SqliteTrialRegister(path, SimulatedClock())
    assert len(list(register.trials())) == 30
    assert register.fault() == ""


def test_killed_writer_leaves_a_sound_register(tmp_path: Path) -> None:
    path = tmp_path / "trials.sqlite"
    _write_many(path, 0, 1)
    writer = multiprocessing.get_context("fork").Process(target=_write_many, args=(path, 1, 10_000))
    writer.start()
    register = SqliteTrialRegister(path, SimulatedClock())
    while len(list(register.trials())) < 5:
        pass
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(60)
    kept = len(list(register.trials()))
    assert register.fault() == ""
    _write_many(path, 20_000, 1)
    assert len(list(register.trials())) == kept + 1
    assert register.fault() == ""
