"""A row is read as the body that its kind holds, or not at all."""

from __future__ import annotations

import pytest

from tutti.ledger.kinds import Command, ModeChange
from tutti.ledger.records import decode, entries, entry
from tutti.ledger.store import Row
from tutti.model.errors import LedgerError
from tutti.model.order import FundingPaid

_ROW = Row(3, 9, "command", "ref", '{"name":"pause","by":"me","detail":""}', b"")


def test_row_is_read_as_its_body() -> None:
    assert decode(_ROW, Command) == Command(name="pause", by="me")


def test_entry_carries_the_row_beside_the_body() -> None:
    found = entry(_ROW, Command)
    assert (found.seq, found.ts, found.kind, found.ref) == (3, 9, "command", "ref")
    assert [e.body for e in entries([_ROW, _ROW], Command)] == [found.body] * 2


@pytest.mark.parametrize("kind", ["command", "unknown"])
def test_row_of_another_kind_is_refused(kind: str) -> None:
    with pytest.raises(LedgerError, match=f"row 3 is a {kind}, not a ModeChange"):
        decode(_ROW._replace(kind=kind), ModeChange)


@pytest.mark.parametrize("body", ["", "{}", "[1]", '{"name":1,"by":"me"}'])
def test_body_of_another_form_is_refused(body: str) -> None:
    with pytest.raises(LedgerError, match=r"row 3 \(command\) can't be read"):
        decode(_ROW._replace(body=body), Command)


def test_number_that_is_none_is_refused() -> None:
    body = '{"instrument":{"symbol":"A","venue":"X"},"ts":1,"rate":0.1,"amount":"much"}'
    with pytest.raises(LedgerError, match=r"row 3 \(funding\) can't be read"):
        decode(_ROW._replace(kind="funding", body=body), FundingPaid)


def test_instrument_that_can_not_be_is_refused() -> None:
    body = '{"instrument":{"symbol":"A","venue":""},"ts":1,"rate":0.1,"amount":"1"}'
    with pytest.raises(LedgerError, match=r"row 3 \(funding\) can't be read"):
        decode(_ROW._replace(kind="funding", body=body), FundingPaid)
