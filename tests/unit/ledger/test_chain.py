"""Each hash covers its row and all before it; a break is found and named."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tutti.ledger.chain import broken_link, contradiction, genesis, link
from tutti.ledger.store import Head, Row

_RUN = "run-1"


def _rows(count: int) -> list[Row]:
    rows: list[Row] = []
    digest = genesis(_RUN)
    for seq in range(1, count + 1):
        digest = link(digest, seq, seq * 10, "fill", f"order {seq}", b"{}")
        rows.append(Row(seq, seq * 10, "fill", f"order {seq}", "{}", digest))
    return rows


def test_link_is_sha256_over_the_previous_hash_and_the_row() -> None:
    expected = hashlib.sha256(b"before" + b"3 50 order 2 ab " + b'{"x":1}').digest()
    assert link(b"before", 3, 50, "order", "ab", b'{"x":1}') == expected


def test_link_tells_apart_rows_whose_texts_run_together() -> None:
    one = link(b"", 1, 2, "order", "a {}", b"")
    other = link(b"", 1, 2, "order", "a", b"{}")
    assert one != other


def test_genesis_of_two_runs_differs() -> None:
    assert genesis("a") != genesis("b")


def test_whole_chain_has_no_broken_link() -> None:
    assert broken_link(None, _RUN, _rows(5)) is None
    assert broken_link(None, _RUN, []) is None


def test_later_part_of_a_chain_follows_from_the_row_before_it() -> None:
    rows = _rows(5)
    assert broken_link(rows[1], _RUN, rows[2:]) is None
    assert broken_link(rows[0], _RUN, rows[2:]) == (2, "row 2 is missing")


def test_chain_of_another_run_breaks_at_its_first_row() -> None:
    found = broken_link(None, "run-2", _rows(3))
    assert found is not None
    assert found[0] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("ts", 31), ("kind", "order"), ("ref", "x"), ("body", "[]"), ("hash", b"x" * 32)],
)
def test_edited_row_is_found_at_its_place(field: str, value: Any) -> None:
    rows = _rows(5)
    rows[2] = rows[2]._replace(**{field: value})
    found = broken_link(None, _RUN, rows)
    assert found is not None
    assert found[0] == 3
    assert "was changed" in found[1]


@pytest.mark.parametrize("field", ["kind", "ref", "body"])
def test_bytes_in_the_place_of_text_are_found(field: str) -> None:
    rows = _rows(2)
    not_text: Any = b"{}"
    rows[1] = rows[1]._replace(**{field: not_text})
    assert broken_link(None, _RUN, rows) == (
        2,
        "row 2 holds something that was never written there",
    )


@pytest.mark.parametrize(
    ("gone", "text"), [([2], "row 3 is missing"), ([1, 2], "rows 2 to 3 are missing")]
)
def test_removed_rows_are_named(gone: list[int], text: str) -> None:
    rows = [row for i, row in enumerate(_rows(5)) if i not in gone]
    assert broken_link(None, _RUN, rows) == (gone[0] + 1, text)


def test_row_that_was_put_in_is_found() -> None:
    rows = _rows(3)
    rows.insert(1, rows[0])
    assert broken_link(None, _RUN, rows) == (2, "row 1 stands where row 2 belongs")


def test_row_put_in_with_a_hash_of_its_own_breaks_the_row_after() -> None:
    rows = _rows(3)
    digest = link(rows[0].hash, 2, 20, "fill", "forged", b"{}")
    rows[1] = Row(2, 20, "fill", "forged", "{}", digest)
    found = broken_link(None, _RUN, rows)
    assert found is not None
    assert found[0] == 3


@pytest.mark.parametrize("witness", [None, Head(0, ""), Head(1, "older"), Head(3, "")])
def test_witness_of_nothing_newer_contradicts_nothing(witness: Head | None) -> None:
    rows = _rows(3)
    if witness is not None and witness.seq == 3:
        witness = Head(3, rows[2].hash.hex())
    assert contradiction(witness, rows[1:]) is None


def test_witness_of_rows_that_are_gone_names_the_first_of_them() -> None:
    found = contradiction(Head(5, "00"), _rows(3))
    assert found == (4, "the ledger ends at row 3, but row 5 was written: its end was cut off")


def test_witness_of_rows_of_an_empty_ledger_names_the_first() -> None:
    found = contradiction(Head(5, "00"), [])
    assert found is not None
    assert found[0] == 1


def test_witness_of_another_row_contradicts() -> None:
    assert contradiction(Head(3, "00"), _rows(3)) == (3, "row 3 isn't the one that was written")
