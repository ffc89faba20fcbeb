"""Records of calls: kept in order, found again, never changed, safe to share."""

from __future__ import annotations

import sqlite3
import threading
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from tutti.adapters.stores.llm_calls import SqliteCallRecords
from tutti.agents.llm.budget import Limits, Purse
from tutti.agents.llm.port import Call
from tutti.agents.llm.recorded import Outcome
from tutti.kernel.clock import LiveClock
from tutti.model.errors import BudgetSpent, ConfigError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALL = Call(
    agent="news", as_of=100, model="p:m", system="s", user="u", prompt="news@1", schema="{}", seed=3
)
SAID = Outcome(
    kind="answer",
    text='{"bias": 1}',
    latency=7,
    model="q:n",
    input_tokens=3,
    output_tokens=2,
    cost_usd=Decimal("0.00012"),
)


def late() -> Outcome:
    return Outcome(kind="late", text="no answer in 2 s", latency=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "llm.sqlite"


@pytest.fixture
def records(path: Path) -> Iterator[SqliteCallRecords]:
    with SqliteCallRecords(path) as records:
        yield records


def test_outcome_is_found_as_it_was_kept(records: SqliteCallRecords) -> None:
    busy = Outcome(kind="ModelBusy", text="429", latency=1, retry_after_s=2.5, is_priced=False)
    records.keep(CALL, SAID, ts=1)
    assert records.find(CALL, exactly=True) == SAID
    records.keep(CALL, busy, ts=2)
    assert records.find(CALL, exactly=True) == busy
    assert records.heard(CALL.key, 100) == busy


def test_other_instants_find_the_newest_answer_but_no_failure(records: SqliteCallRecords) -> None:
    elsewhere = msgspec.structs.replace(CALL, as_of=200)
    records.keep(CALL, SAID, ts=1)
    records.keep(CALL, late(), ts=2)
    assert records.find(elsewhere, exactly=True) is None
    assert records.find(elsewhere, exactly=False) == SAID
    assert records.has_answer(CALL.key)
    assert not records.has_answer("0" * 64)
    unknown = msgspec.structs.replace(CALL, user="else")
    assert records.find(unknown, exactly=False) is None


def test_agent_hears_its_own_outcome_where_two_asked_the_same(records: SqliteCallRecords) -> None:
    other = msgspec.structs.replace(CALL, agent="social")
    records.keep(CALL, SAID, ts=1)
    records.keep(other, late(), ts=2)
    assert records.find(CALL, exactly=True) == SAID
    assert records.find(other, exactly=True) == late()


def test_what_was_asked_is_kept_once_and_can_be_read(records: SqliteCallRecords) -> None:
    records.keep(CALL, SAID, ts=1)
    records.keep(msgspec.structs.replace(CALL, as_of=300), SAID, ts=2, is_reused=True)
    asked = records.call(CALL.key)
    assert asked is not None
    assert (asked.system, asked.user, asked.seed, asked.key) == ("s", "u", 3, CALL.key)
    assert records.call("0" * 64) is None


def test_outcomes_are_listed_oldest_first_by_agent_and_time(records: SqliteCallRecords) -> None:
    for k in range(1200):
        agent = "news" if k % 2 else "macro"
        call = msgspec.structs.replace(CALL, agent=agent, as_of=k)
        records.keep(call, SAID, ts=k, is_reused=k == 3)
    kept = list(records.outcomes())
    assert [each.ts for each in kept] == list(range(1200))
    assert (kept[3].is_reused, kept[3].asked, kept[3].prompt) == (True, "p:m", "news@1")
    assert kept[3].outcome == SAID
    some = [each.ts for each in records.outcomes(agent="news", since=10, until=16)]
    assert some == [11, 13, 15]


def test_charges_add_up_exactly_by_agent_and_time(records: SqliteCallRecords) -> None:
    for ts in range(10):
        records.charge("news", ts, 10, Decimal("0.1"))
    records.charge("news", 9, -4, Decimal("-0.05"))
    records.charge("macro", 9, 1000, Decimal(1))
    assert records.charged("news", 7) == (26, Decimal("0.25"))
    assert records.charged("nobody", 0) == (0, Decimal(0))


def test_nothing_that_is_kept_can_be_changed(records: SqliteCallRecords, path: Path) -> None:
    records.keep(CALL, SAID, ts=1)
    records.charge("news", 1, 1, Decimal(1))
    with sqlite3.connect(path) as connection:
        for words in ("DELETE FROM outcome", "UPDATE call SET user = ''", "DELETE FROM charge"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(words)
    connection.close()


def test_two_writers_and_many_threads_lose_nothing(path: Path) -> None:
    with SqliteCallRecords(path) as one, SqliteCallRecords(path) as two:

        def write(records: SqliteCallRecords, first: int) -> None:
            for k in range(first, first + 25):
                records.keep(msgspec.structs.replace(CALL, as_of=k), SAID, ts=k)

        threads = [
            threading.Thread(target=write, args=(records, 100 * k))
            for k, records in enumerate((one, two, one, two))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(list(one.outcomes())) == 100
        assert two.find(msgspec.structs.replace(CALL, as_of=311), exactly=True) == SAID


def test_closed_file_stands_alone_and_opens_again(path: Path) -> None:
    records = SqliteCallRecords(path)
    records.keep(CALL, SAID, ts=1)
    records.close()
    records.close()
    assert [each.name for each in path.parent.iterdir()] == ["llm.sqlite"]
    with SqliteCallRecords(path) as again:
        assert again.find(CALL, exactly=True) == SAID
        assert again.where == str(path)


def test_reader_never_writes_not_even_where_nobody_may(path: Path) -> None:
    with SqliteCallRecords(path) as records:
        records.keep(CALL, SAID, ts=1)
        with SqliteCallRecords(path, read_only=True) as reading:
            assert reading.find(CALL, exactly=True) == SAID
            with pytest.raises(LedgerError, match="can't be written"):
                reading.keep(CALL, SAID, ts=2)
            with pytest.raises(LedgerError):
                reading.charge("a", 1, 1, Decimal(0))
    before = path.read_bytes()
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with SqliteCallRecords(path, read_only=True) as reading:
            assert reading.find(CALL, exactly=True) == SAID
    finally:
        path.parent.chmod(0o700)
    assert path.read_bytes() == before


def test_file_that_is_missing_or_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--llm record"):
        SqliteCallRecords(tmp_path / "none.sqlite", read_only=True)
    text = tmp_path / "text"
    text.write_text("no database at all, but long enough to look at" * 9)
    with pytest.raises(LedgerError, match="another file"):
        SqliteCallRecords(text)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("PRAGMA application_id = 7")
        connection.execute("CREATE TABLE call (x)")
    connection.close()
    with pytest.raises(LedgerError, match="another file"):
        SqliteCallRecords(other)
    newer = tmp_path / "newer.sqlite"
    SqliteCallRecords(newer).close()
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(LedgerError, match="newer version"):
        SqliteCallRecords(newer)
    with pytest.raises(LedgerError):
        SqliteCallRecords(text / "llm.sqlite")


def test_file_with_tables_of_its_own_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE call (x)")
    connection.close()
    with pytest.raises(LedgerError, match="another file"):
        SqliteCallRecords(path)
    with sqlite3.connect(path) as connection:
        names = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert names == [("call",)]


def test_records_whose_maker_was_killed_before_they_were_made_are_empty(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()
    with SqliteCallRecords(path, read_only=True) as records:
        assert records.find(CALL, exactly=False) is None
        assert list(records.outcomes()) == []
    assert path.stat().st_size == 0
    with SqliteCallRecords(path) as records:
        records.keep(CALL, SAID, ts=1)
    with SqliteCallRecords(path, read_only=True) as records:
        assert records.find(CALL, exactly=True) == SAID


def test_who_charges_alone_sees_whether_another_has_charged(path: Path) -> None:
    with SqliteCallRecords(path) as ours, SqliteCallRecords(path) as theirs:
        with ours.alone() as before:
            ours.charge("news", 1, 10, Decimal(1))
        with ours.alone() as own:
            assert own == before
        with theirs.alone(), pytest.raises(LedgerError, match="another process holds it"):
            _impatient(ours).charge("news", 1, 10, Decimal(1))
        theirs.charge("news", 2, 5, Decimal(1))
        with ours.alone() as after:
            assert after != own
            assert ours.charged("news", 0) == (15, Decimal(2))
        with pytest.raises(ZeroDivisionError), ours.alone():
            ours.charge("news", 3, 1 // 0, Decimal(1))
        assert ours.charged("news", 0) == (15, Decimal(2))


def _impatient(records: SqliteCallRecords) -> SqliteCallRecords:
    records._connection.execute("PRAGMA busy_timeout = 10")
    return records


async def test_two_processes_together_keep_to_one_budget(path: Path) -> None:
    limits = Limits(tokens_per_day=1000)
    with SqliteCallRecords(path) as ours, SqliteCallRecords(path) as theirs:
        purses = [Purse("news", limits, clock=LiveClock(), charges=each) for each in (ours, theirs)]
        spent = 0
        for turn in range(40):
            try:
                held = await purses[turn % 2].reserve(100, Decimal(0))
            except BudgetSpent:
                continue
            purses[turn % 2].settle(held, 60, Decimal(0))
            spent += 60
        assert 900 < spent <= 1000
        assert ours.charged("news", 0)[0] == spent
