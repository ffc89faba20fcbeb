"""Verification finds whatever was done to a ledger after it was written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tutti.ledger.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.ledger.conftest import Scribe

    from tutti.adapters.stores.sqlite_ledger import SqliteLedger

Tamper = Callable[..., None]


@pytest.fixture
def story(scribe: Scribe) -> Scribe:
    """Return a ledger of 13 rows; row 9 is a segment."""
    scribe.started()
    scribe.filled_order()
    scribe.segment()
    scribe.funding("-1")
    scribe.quiet_rows()
    scribe.journal.commit()
    assert scribe.journal.head().seq == 13
    return scribe


def test_ledger_as_written_verifies(story: Scribe, store: SqliteLedger) -> None:
    found = verify(store)
    assert (found.ok, found.rows, found.problem, found.first_bad_seq) == (True, 13, "", None)
    assert found.head == story.journal.head()
    assert found.witnessed


def test_empty_ledger_verifies(scribe: Scribe, store: SqliteLedger) -> None:
    found = verify(store)
    assert (found.ok, found.rows, found.witnessed) == (True, 0, False)


@pytest.mark.parametrize("seq", [1, 7, 13])
@pytest.mark.parametrize(
    "change",
    ["ts = ts + 1", "kind = 'fill '", "ref = ref || ' '", "body = body || ' '"],
)
def test_edited_row_is_named(
    story: Scribe, store: SqliteLedger, tamper: Tamper, seq: int, change: str
) -> None:
    tamper(f"UPDATE journal SET {change} WHERE seq = ?", seq)
    found = verify(store)
    assert (found.ok, found.first_bad_seq, found.rows) == (False, seq, seq - 1)


def test_row_whose_text_became_bytes_is_named(
    story: Scribe, store: SqliteLedger, tamper: Tamper
) -> None:
    tamper("UPDATE journal SET body = CAST(body AS BLOB) WHERE seq = 5")
    assert verify(store).first_bad_seq == 5


def test_removed_row_is_named(story: Scribe, store: SqliteLedger, tamper: Tamper) -> None:
    tamper("DELETE FROM journal WHERE seq = 5")
    found = verify(store)
    assert (found.ok, found.first_bad_seq, found.problem) == (False, 5, "row 5 is missing")


def test_row_put_in_at_the_end_is_named(story: Scribe, store: SqliteLedger, tamper: Tamper) -> None:
    tamper("INSERT INTO journal SELECT 14, ts, kind, ref, body, hash FROM journal WHERE seq = 13")
    assert verify(store).first_bad_seq == 14


def test_end_that_was_cut_off_is_named(story: Scribe, store: SqliteLedger, tamper: Tamper) -> None:
    tamper("DELETE FROM journal WHERE seq > 11")
    found = verify(store)
    assert (found.ok, found.first_bad_seq, found.rows) == (False, 12, 11)
    assert "its end was cut off" in found.problem


def test_end_that_was_cut_off_is_not_seen_without_a_witness_and_that_is_said(
    story: Scribe, store: SqliteLedger, tamper: Tamper, tmp_path: Path
) -> None:
    tamper("DELETE FROM journal WHERE seq > 11")
    (tmp_path / "ledger" / "ledger.head").unlink()
    found = verify(store)
    assert (found.witnessed, found.rows) == (False, 11)
    assert "append-only" in found.problem  # what is left to see: the triggers are gone


def test_chain_written_anew_differs_from_the_witness(
    story: Scribe, store: SqliteLedger, tamper: Tamper, tmp_path: Path
) -> None:
    head = tmp_path / "ledger" / "ledger.head"
    head.write_text(f"{13:020d} {'00' * 32}\n")
    found = verify(store)
    assert (found.ok, found.first_bad_seq) == (False, 13)


def test_older_witness_is_held_against_its_own_row(
    story: Scribe, store: SqliteLedger, tmp_path: Path
) -> None:
    head = tmp_path / "ledger" / "ledger.head"
    row = next(row for row in store.rows() if row.seq == 4)
    head.write_text(f"{4:020d} {row.hash.hex()}\n")
    assert verify(store).ok
    head.write_text(f"{4:020d} {'00' * 32}\n")
    assert verify(store).first_bad_seq == 4


def test_witness_that_can_not_be_read_is_a_problem(
    story: Scribe, store: SqliteLedger, tmp_path: Path
) -> None:
    (tmp_path / "ledger" / "ledger.head").write_text("nonsense")
    found = verify(store)
    assert (found.ok, found.first_bad_seq) == (False, None)
    assert "ledger.head" in found.problem


def test_run_renamed_breaks_the_first_row(
    story: Scribe, store: SqliteLedger, tamper: Tamper
) -> None:
    tamper("DROP TRIGGER meta_no_update")
    tamper("UPDATE meta SET value = 'run-2'")
    assert verify(store).first_bad_seq == 1


def test_segment_file_that_is_gone_names_its_row(
    story: Scribe, store: SqliteLedger, tmp_path: Path
) -> None:
    (file,) = (tmp_path / "ledger" / "segments").iterdir()
    file.unlink()
    found = verify(store)
    assert (found.ok, found.first_bad_seq, found.rows) == (False, 9, 13)
    assert "No such file" in found.problem


def test_segment_file_that_was_edited_names_its_row(
    story: Scribe, store: SqliteLedger, tmp_path: Path
) -> None:
    (file,) = (tmp_path / "ledger" / "segments").iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    found = verify(store)
    assert (found.ok, found.first_bad_seq) == (False, 9)


def test_triggers_that_were_taken_out_are_a_problem(
    story: Scribe, store: SqliteLedger, tamper: Tamper
) -> None:
    tamper("SELECT 1")
    found = verify(store)
    assert (found.ok, found.first_bad_seq, found.rows) == (False, None, 13)
    assert "journal_no_delete, journal_no_update" in found.problem
