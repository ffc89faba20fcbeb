"""A ledger folder: written by one, read by many, changed by nobody."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import Command, Decision, DecisionItem, Objection
from tutti.ledger.verify import verify
from tutti.model.errors import LedgerError
from tutti.model.instrument import InstrumentId
from tutti.model.order import (
    Fill,
    Order,
    OrderIntent,
    OrderStatus,
    OrderType,
    Position,
    Reason,
    Side,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tutti.ledger.store import Head

_RUN = "run-1"
_BTC = InstrumentId("BTC-USDT", "SIM")
_TS = np.arange(3, dtype=np.int64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the ledger will be; nothing is there yet."""
    return tmp_path / "runs" / "ledger"


@pytest.fixture(params=list(Durability), ids=lambda durability: durability.value)
def durability(request: pytest.FixtureRequest) -> Durability:
    """Return each promise in turn."""
    assert isinstance(request.param, Durability)
    return request.param


@pytest.fixture
def written(folder: Path, durability: Durability) -> Path:
    """Return a ledger of 5 commands and a segment, closed."""
    _write(folder, durability, 5, segment=True)
    return folder


def _write(folder: Path, durability: Durability, count: int, *, segment: bool = False) -> Head:
    journal = Journal(SqliteLedger(folder, durability), _RUN)
    for n in range(count):
        journal.append("command", n, Command(name="pause", by="me", detail=str(n)), f"ref {n}")
        journal.commit()
    if segment:
        journal.segment(_TS, {"bias": np.linspace(-1, 1, 3)})
    head = journal.head()
    journal.close()
    return head


def test_ledger_written_and_closed_verifies(written: Path) -> None:
    with SqliteLedgerReader(written) as reader:
        found = verify(reader)
        assert (found.ok, found.problem, found.rows) == (True, "", 6)
        assert reader.run_id == _RUN
        assert reader.witness() == found.head


def test_ledger_that_is_closed_is_one_database_file_and_no_log(written: Path) -> None:
    assert sorted(path.name for path in written.iterdir()) == [
        "ledger.head",
        "ledger.lock",
        "ledger.sqlite",
        "segments",
    ]


def test_both_promises_give_the_same_rows(tmp_path: Path) -> None:
    heads = {_write(tmp_path / d.value, d, 20, segment=True) for d in Durability}
    assert len(heads) == 1


def test_ledger_opened_again_goes_on_with_its_chain(written: Path, durability: Durability) -> None:
    head = _write(written, durability, 3)
    with SqliteLedgerReader(written) as reader:
        assert (verify(reader).ok, verify(reader).head) == (True, head)
    assert head.seq == 9


def test_chain_that_is_longer_than_the_tail_goes_on(folder: Path) -> None:
    _write(folder, Durability.BATCHED, 2500)
    assert _write(folder, Durability.BATCHED, 1).seq == 2501
    with SqliteLedgerReader(folder) as reader:
        assert verify(reader).ok


def test_ledger_of_another_run_is_refused(written: Path, durability: Durability) -> None:
    store = SqliteLedger(written, durability)
    with store, pytest.raises(LedgerError, match="the ledger of run 'run-1', not of 'run-2'"):
        Journal(store, "run-2")


def test_second_writer_is_refused_and_told_who_writes(folder: Path, durability: Durability) -> None:
    with (
        SqliteLedger(folder, durability),
        pytest.raises(LedgerError, match=f"process {os.getpid()} writes this ledger"),
    ):
        SqliteLedger(folder, durability)
    SqliteLedger(folder, durability).close()


def test_second_writer_is_refused_before_the_first_gave_its_name(folder: Path) -> None:
    with SqliteLedger(folder, Durability.BATCHED):
        (folder / "ledger.lock").write_text("")
        with pytest.raises(LedgerError, match="another process writes this ledger"):
            SqliteLedger(folder, Durability.BATCHED)


def test_readers_see_what_is_committed_while_it_is_written(folder: Path) -> None:
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    journal = Journal(store, _RUN)
    with store, SqliteLedgerReader(folder) as reader:
        assert list(reader.rows()) == []
        for n in range(3):
            journal.append("command", n, Command(name="pause", by="me"))
            assert len(list(reader.rows())) == n
            journal.commit()
            assert len(list(reader.rows())) == n + 1
            assert reader.witness() == journal.head()


def test_batched_rows_reach_the_file_in_batches(folder: Path) -> None:
    store = SqliteLedger(folder, Durability.BATCHED)
    journal = Journal(store, _RUN)
    with SqliteLedgerReader(folder) as reader:
        for n in range(store.batch):
            journal.append("command", n, Command(name="pause", by="me"))
            assert n or not list(reader.rows())
            journal.commit()
        assert len(list(reader.rows())) == store.batch
    journal.close()


def test_checkpoint_moves_the_log_into_the_database_and_changes_nothing(folder: Path) -> None:
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    journal = Journal(store, _RUN)
    for n in range(50):
        journal.append("command", n, Command(name="pause", by="me", detail="x" * 500))
        journal.commit()
    before = (folder / "ledger.sqlite").stat().st_size
    store.checkpoint()
    assert (folder / "ledger.sqlite").stat().st_size > before
    journal.append("command", 50, Command(name="pause", by="me"))
    journal.close()
    with SqliteLedgerReader(folder) as reader:
        assert (verify(reader).ok, verify(reader).rows) == (True, 51)


def test_log_is_as_long_as_it_gets_from_the_start(folder: Path) -> None:
    log = folder / "ledger.sqlite-wal"
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    length = log.stat().st_size
    journal = Journal(store, _RUN)
    for n in range(300):
        journal.append("command", n, Command(name="pause", by="me", detail="x" * 5000))
        journal.commit()
    assert log.stat().st_size == length == 16 * 1024 * 1024
    journal.close()


def test_log_that_a_killed_writer_left_is_read(folder: Path, tmp_path: Path) -> None:
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    journal = Journal(store, _RUN)
    journal.append("command", 0, Command(name="pause", by="me"))
    journal.commit()
    copy = tmp_path / "as the disk was when the process died"
    shutil.copytree(folder, copy)
    journal.close()
    with SqliteLedgerReader(copy) as reader:
        assert verify(reader).ok
    assert _write(copy, Durability.EACH_COMMIT, 1).seq == 2


# ---- rows, by kind and reference ----


@pytest.mark.parametrize(
    ("asked", "seqs"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"newest_first": True}, [6, 5, 4, 3, 2, 1]),
        ({"kinds": ("segment",)}, [6]),
        ({"kinds": ("segment", "command")}, [1, 2, 3, 4, 5, 6]),
        ({"kinds": ("fill",)}, []),
        ({"ref": "ref 2"}, [3]),
        ({"ref": ""}, [6]),
        ({"before": 3}, [1, 2]),
        ({"kinds": ("command",), "before": 4, "newest_first": True}, [3, 2, 1]),
    ],
    ids=str,
)
def test_rows_are_those_asked_for(written: Path, asked: dict[str, object], seqs: list[int]) -> None:
    with SqliteLedgerReader(written) as reader:
        assert [row.seq for row in reader.rows(**asked)] == seqs  # type: ignore[arg-type]


def test_rows_of_a_reference_are_found_whether_indexed_or_not(folder: Path) -> None:
    journal = Journal(SqliteLedger(folder, Durability.EACH_COMMIT), _RUN)
    for n in range(6000):
        journal.append("command", n, Command(name="pause", by="me"), f"ref {n % 1500}")
        if n % 100 == 99:
            journal.commit()
    with SqliteLedgerReader(folder) as reader:
        assert _indexed(reader) == 4100
        assert [row.seq for row in reader.rows(ref="ref 7")] == [8, 1508, 3008, 4508]
        assert next(row.seq for row in reader.rows(ref="ref 7", newest_first=True)) == 4508
        assert reader.fault() == ""
    journal.close()
    with SqliteLedgerReader(folder) as reader:
        assert _indexed(reader) == 6000
        assert [row.seq for row in reader.rows(ref="ref 7")] == [8, 1508, 3008, 4508]
        assert reader.fault() == ""


def test_index_that_a_failed_commit_brought_up_to_date_is_as_before(folder: Path) -> None:
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    journal = Journal(store, _RUN)
    for n in range(5000):
        journal.append("command", n, Command(name="pause", by="me"), f"ref {n}")
    store._connection.execute(
        "CREATE TEMP TRIGGER stop BEFORE UPDATE ON indexed BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(LedgerError, match="no"):
        journal.commit()
    assert (list(store.rows()), _indexed(store)) == ([], 0)
    store._connection.execute("DROP TRIGGER stop")
    journal.commit()
    assert (_indexed(store), store.fault()) == (5000, "")
    journal.close()


def test_rows_of_a_reference_are_not_searched_for_one_by_one(written: Path) -> None:
    with SqliteLedgerReader(written) as reader:
        statements: list[str] = []
        reader._connection.set_trace_callback(statements.append)
        assert [row.seq for row in reader.rows(ref="ref 2")] == [3]
        reader._connection.set_trace_callback(None)
        plan = [
            step[-1] for step in reader._connection.execute(f"EXPLAIN QUERY PLAN {statements[0]}")
        ]
    assert not [step for step in plan if step.startswith("SCAN journal")]
    assert len(statements) == 1


def _indexed(reader: SqliteLedgerReader) -> int:
    (upto,) = reader._connection.execute("SELECT upto FROM indexed").fetchone()
    assert isinstance(upto, int)
    return upto


# ---- append-only ----


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE journal SET body = '{}' WHERE seq = 2",
        "DELETE FROM journal WHERE seq = 2",
        "UPDATE meta SET value = 'run-2'",
        "DELETE FROM meta",
        "INSERT INTO journal SELECT * FROM journal WHERE seq = 2",
    ],
)
def test_sql_that_changes_what_was_written_is_refused(written: Path, sql: str) -> None:
    with (
        closing(sqlite3.connect(written / "ledger.sqlite")) as connection,
        pytest.raises(sqlite3.IntegrityError),
    ):
        connection.execute(sql)


def test_reader_can_not_write(written: Path) -> None:
    with (
        SqliteLedgerReader(written) as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader._connection.execute("INSERT INTO meta VALUES ('a', 'b')")


# ---- views ----


@pytest.fixture
def tables(folder: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection to a ledger with two orders."""
    journal = Journal(SqliteLedger(folder, Durability.EACH_COMMIT), _RUN)
    item = DecisionItem(
        instrument=str(_BTC),
        context=None,
        features={},
        close=42.5,
        score=0.5,
        confidence=0.9,
        weight=0.25,
        reason=Reason.ENTRY,
        lead="vpin",
    )
    journal.append(
        "decision", 1, Decision(as_of=1, equity=100.0, mode="trading", items=(item, item))
    )
    for order_id in ("a", "b"):
        intent = OrderIntent(
            id=order_id,
            instrument=_BTC,
            as_of=1,
            side=Side.BUY,
            quantity=Decimal("0.10"),
            type=OrderType.MARKET,
            price=None,
            reference_price=Decimal("42.5"),
            reason=Reason.ENTRY,
            lead="vpin",
            reduces=False,
        )
        journal.append("intent", 1, intent, order_id)
    journal.append(
        "refusal", 1, Objection(intent="b", refused_at=1, rule="gross", reason="too large"), "b"
    )
    for ts, status in ((1, OrderStatus.SENT), (2, OrderStatus.FILLED)):
        order = Order(
            id="a",
            instrument=_BTC,
            side=Side.BUY,
            quantity=Decimal("0.10"),
            type=OrderType.MARKET,
            price=None,
            status=status,
            created_at=1,
            updated_at=ts,
        )
        journal.append("order", ts, order, "a")
    fill = Fill(
        id="f",
        order_id="a",
        instrument=_BTC,
        ts=2,
        side=Side.BUY,
        quantity=Decimal("0.10"),
        price=Decimal("42.60"),
        fee=Decimal("0.01"),
        is_maker=False,
        slippage_bps=1.5,
    )
    journal.append("fill", 2, fill, "a")
    for quantity in ("0.10", "0"):
        position = Position(
            instrument=_BTC,
            quantity=Decimal(quantity),
            average_price=Decimal("42.60"),
            opened_at=2,
            updated_at=2,
            realised=Decimal(0),
            fees=Decimal("0.01"),
            lead="vpin",
        )
        journal.append("position", 2, position, str(_BTC))
    journal.close()
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as connection:
        yield connection


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "SELECT seq, instrument, close, weight, reason, equity, bias FROM decisions",
            [(1, "BTC-USDT.SIM", 42.5, 0.25, "entry", 100.0, None)] * 2,
        ),
        (
            "SELECT seq, order_id, instrument, side, quantity, lead FROM intents",
            [
                (2, "a", "BTC-USDT.SIM", "buy", "0.10", "vpin"),
                (3, "b", "BTC-USDT.SIM", "buy", "0.10", "vpin"),
            ],
        ),
        ("SELECT order_id, rule, reason FROM refusals", [("b", "gross", "too large")]),
        ("SELECT seq, ts, order_id, status FROM orders", [(6, 2, "a", "filled")]),
        (
            "SELECT order_id, id, price, fee, is_maker, slippage_bps FROM fills",
            [("a", "f", "42.60", "0.01", 0, 1.5)],
        ),
        ("SELECT seq, instrument, quantity FROM positions", [(9, "BTC-USDT.SIM", "0")]),
    ],
    ids=["decisions", "intents", "refusals", "orders", "fills", "positions"],
)
def test_views_show(
    tables: sqlite3.Connection, query: str, expected: list[tuple[object, ...]]
) -> None:
    assert tables.execute(query).fetchall() == expected


# ---- segments ----


def test_segment_is_read_back(written: Path) -> None:
    with SqliteLedgerReader(written) as reader:
        arrays = reader.read_segment("000000000006.parquet")
    np.testing.assert_array_equal(arrays["ts"], _TS)
    np.testing.assert_array_equal(arrays["bias"], [-1.0, 0.0, 1.0])


def test_segment_that_was_edited_is_refused(written: Path) -> None:
    path = written / "segments" / "000000000006.parquet"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with SqliteLedgerReader(written) as reader, pytest.raises(LedgerError, match="was changed"):
        reader.read_segment(path.name)


def test_segment_without_a_row_is_refused(written: Path) -> None:
    source = written / "segments" / "000000000006.parquet"
    shutil.copy(source, source.with_name("7.parquet"))
    with SqliteLedgerReader(written) as reader, pytest.raises(LedgerError, match="was changed"):
        reader.read_segment("7.parquet")


def test_segment_left_by_a_killed_process_is_replaced(folder: Path) -> None:
    journal = Journal(SqliteLedger(folder, Durability.EACH_COMMIT), _RUN)
    (folder / "segments" / "000000000001.parquet").write_bytes(b"half")
    journal.segment(_TS, {})
    journal.close()
    with SqliteLedgerReader(folder) as reader:
        assert verify(reader).ok


def test_segment_that_can_not_be_written_is_one_clear_line(folder: Path) -> None:
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    journal = Journal(store, _RUN)
    (folder / "segments").rmdir()
    with store, pytest.raises(LedgerError, match=r"000000000001\.parquet: No such file"):
        journal.segment(_TS, {})
    assert journal.head().seq == 0


# ---- what can go wrong ----


def test_folder_without_a_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger here; name the folder of a run"):
        SqliteLedgerReader(tmp_path)


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(LedgerError, match="Not a directory"):
        SqliteLedger(path, Durability.BATCHED)


def test_file_that_is_no_database_is_refused_and_left_alone(
    folder: Path, durability: Durability
) -> None:
    content = b"nothing of the kind" * 100
    folder.mkdir(parents=True)
    path = folder / "ledger.sqlite"
    path.write_bytes(content)
    for opened in (SqliteLedgerReader, lambda f: SqliteLedger(f, durability)):
        with pytest.raises(LedgerError, match="it is not a ledger"):
            opened(folder)
    assert path.read_bytes() == content


def test_database_of_something_else_is_refused_and_left_alone(
    folder: Path, durability: Durability
) -> None:
    folder.mkdir(parents=True)
    path = folder / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    content = path.read_bytes()
    for opened in (SqliteLedgerReader, lambda f: SqliteLedger(f, durability)):
        with pytest.raises(LedgerError, match="it is not a ledger; name the folder of a run"):
            opened(folder)
    assert path.read_bytes() == content


def test_empty_file_that_a_killed_process_left_becomes_a_ledger(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "ledger.sqlite").touch()
    assert _write(folder, Durability.EACH_COMMIT, 2).seq == 2


def test_newer_schema_is_refused(written: Path, durability: Durability) -> None:
    with closing(sqlite3.connect(written / "ledger.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 99")
    for opened in (SqliteLedgerReader, lambda f: SqliteLedger(f, durability)):
        with pytest.raises(LedgerError, match=r"written by a newer Tutti \(schema 99, .* upgrade"):
            opened(written)


def test_full_disk_is_one_clear_line_and_writing_goes_on_when_there_is_room(folder: Path) -> None:
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    journal = Journal(store, _RUN)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    journal.append("command", 1, Command(name="pause", by="me", detail="x" * 100_000))
    with pytest.raises(LedgerError, match="the disk is full: free some space"):
        journal.commit()
    assert list(store.rows()) == []
    assert store.witness() is None
    store._connection.execute("PRAGMA max_page_count = 100000")
    journal.commit()
    assert [row.seq for row in store.rows()] == [1]
    journal.close()


def test_ledger_that_can_not_be_written_to_is_one_clear_line(folder: Path) -> None:
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    journal = Journal(store, _RUN)
    journal.append("command", 1, Command(name="pause", by="me"))
    store._connection.execute("PRAGMA query_only = ON")
    with store:
        with pytest.raises(LedgerError, match="it can't be written to: check its permissions"):
            journal.commit()
        store._connection.execute("PRAGMA query_only = OFF")


def test_database_that_another_program_holds_is_one_clear_line(folder: Path) -> None:
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    journal = Journal(store, _RUN)
    journal.append("command", 1, Command(name="pause", by="me"))
    store._connection.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="another process holds it: stop that one first"):
            journal.commit()
        other.execute("ROLLBACK")
    journal.close()
    with SqliteLedgerReader(folder) as reader:
        assert len(list(reader.rows())) == 1


def test_rows_out_of_order_are_refused_whole(folder: Path) -> None:
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    _, journal = store.begin(_RUN), Journal(store, _RUN)
    journal.append("command", 1, Command(name="pause", by="me"))
    journal.commit()
    (row,) = store.rows()
    with store, pytest.raises(LedgerError, match="UNIQUE constraint failed"):
        store.write([row._replace(seq=2), row])
    with SqliteLedgerReader(folder) as reader:
        assert [r.seq for r in reader.rows()] == [1]


def test_ledger_in_a_folder_that_can_not_be_written_to_is_read(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a stand-in for missing permissions, which a superuser does not feel
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with SqliteLedgerReader(written) as reader:
        assert verify(reader).ok
        assert not list(written.glob("*-shm"))


def test_damaged_database_is_a_problem_in_words(written: Path) -> None:
    path = written / "ledger.sqlite"
    content = bytearray(path.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 8] = b"\xff" * 8
    path.write_bytes(content)
    with SqliteLedgerReader(written) as reader:
        found = verify(reader)
    assert not found.ok
    assert "damaged" in found.problem


def test_damage_beside_the_rows_is_a_problem(written: Path) -> None:
    path = written / "ledger.sqlite"
    content = bytearray(path.read_bytes())
    place = content.rindex(b"ref 2")  # in the index: rows come first in the file
    assert place > content.index(b"ref 2")
    content[place + 4] = ord("9")
    path.write_bytes(content)
    with SqliteLedgerReader(written) as reader:
        assert reader.fault().startswith("the database is damaged: ")
        assert (verify(reader).ok, verify(reader).rows) == (False, 6)


@pytest.mark.parametrize(
    "change", ["UPDATE row_of SET ref = 'x' WHERE seq = 3", "DELETE FROM row_of WHERE seq = 3"]
)
def test_index_that_differs_from_the_rows_is_a_problem(written: Path, change: str) -> None:
    with closing(sqlite3.connect(written / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute(change)
    with SqliteLedgerReader(written) as reader:
        found = verify(reader)
    assert (found.ok, found.rows, found.first_bad_seq) == (False, 6, None)
    assert found.problem == "the index of references differs from the rows"


def test_close_twice_is_one(folder: Path, durability: Durability) -> None:
    store = SqliteLedger(folder, durability)
    store.close()
    store.close()


def test_sqlite_that_ends_the_transaction_by_itself_is_not_rolled_back_twice(folder: Path) -> None:
    store = SqliteLedger(folder, Durability.EACH_COMMIT)
    journal = Journal(store, _RUN)
    store._connection.execute(
        "CREATE TEMP TRIGGER stop BEFORE INSERT ON journal BEGIN SELECT RAISE(ROLLBACK, 'no'); END"
    )
    journal.append("command", 1, Command(name="pause", by="me"))
    with store, pytest.raises(LedgerError, match="no"):
        journal.commit()


@pytest.mark.parametrize("noted", ["nonsense", "12", "x y"])
def test_head_that_can_not_be_read_says_what_to_do(written: Path, noted: str) -> None:
    (written / "ledger.head").write_text(noted)
    with SqliteLedgerReader(written) as reader, pytest.raises(LedgerError, match="delete it"):
        reader.witness()


def test_head_that_is_not_there_vouches_for_nothing(written: Path) -> None:
    (written / "ledger.head").unlink()
    with SqliteLedgerReader(written) as reader:
        assert reader.witness() is None
        assert verify(reader).ok


def test_reader_of_a_ledger_that_nobody_started_has_no_run(folder: Path) -> None:
    with SqliteLedger(folder, Durability.BATCHED) as store:
        assert store.run_id == ""
        assert store.refs("", 5) == []


def test_use_after_close_is_a_ledger_error(written: Path) -> None:
    reader = SqliteLedgerReader(written)
    reader.close()
    reader.close()
    with pytest.raises(LedgerError, match="closed database"):
        list(reader.rows())


def test_rows_are_json_that_any_tool_reads(written: Path) -> None:
    with closing(sqlite3.connect(written / "ledger.sqlite")) as connection:
        bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM journal")]
    assert [body["detail"] for body in bodies[:5]] == ["0", "1", "2", "3", "4"]
