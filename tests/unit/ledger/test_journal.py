"""The journal chains what it is given and hands it on when told to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.ledger.chain import broken_link, genesis
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import AccountState, Command, ModeChange, Started, Stopped
from tutti.model.errors import InvariantBroken, LedgerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tutti.ledger.store import AnyArray, Head, Row

_RUN = "run-1"
_PAUSE = Command(name="pause", by="operator")


class MemoryStore:
    """Store that keeps rows in a list and fails when told to."""

    def __init__(self, batch: int = 1, rows: Sequence[Row] = (), head: Head | None = None) -> None:
        self.batch = batch
        self.kept: list[Row] = list(rows)
        self.segments: dict[str, dict[str, AnyArray]] = {}
        self.head = head
        self.is_full = False
        self.is_closed = False

    def begin(self, run_id: str) -> list[Row]:
        return self.kept[-3:]

    def write(self, rows: Sequence[Row]) -> None:
        if self.is_full:
            raise LedgerError("the disk is full")
        self.kept.extend(rows)

    def write_segment(self, file: str, arrays: Mapping[str, AnyArray]) -> None:
        self.segments[file] = dict(arrays)

    def witness(self) -> Head | None:
        return self.head

    def close(self) -> None:
        self.is_closed = True


def _journal(count: int) -> tuple[MemoryStore, Journal]:
    store = MemoryStore()
    journal = Journal(store, _RUN)
    for ts in range(count):
        journal.append("command", ts, _PAUSE, f"ref {ts}")
    journal.commit()
    return store, journal


def test_head_of_an_empty_journal_is_the_run_itself() -> None:
    assert Journal(MemoryStore(), _RUN).head() == (0, genesis(_RUN).hex())


def test_rows_are_numbered_from_one_and_form_a_chain() -> None:
    store, journal = _journal(4)
    assert [(row.seq, row.ts, row.ref) for row in store.kept] == [
        (n + 1, n, f"ref {n}") for n in range(4)
    ]
    assert broken_link(None, _RUN, store.kept) is None
    assert journal.head() == (4, store.kept[-1].hash.hex())


def test_append_returns_the_number_of_the_row() -> None:
    journal = Journal(MemoryStore(), _RUN)
    assert [journal.append("command", 0, _PAUSE) for _ in range(3)] == [1, 2, 3]


def test_rows_reach_the_store_with_commit_only() -> None:
    store = MemoryStore()
    journal = Journal(store, _RUN)
    journal.append("command", 0, _PAUSE)
    assert store.kept == []
    journal.commit()
    journal.commit()
    assert len(store.kept) == 1


def test_commit_waits_for_the_batch_that_the_store_asks_for() -> None:
    store = MemoryStore(batch=3)
    journal = Journal(store, _RUN)
    sizes = []
    for ts in range(7):
        journal.append("command", ts, _PAUSE)
        journal.commit()
        sizes.append(len(store.kept))
    assert sizes == [0, 0, 3, 3, 3, 6, 6]
    journal.close()
    assert len(store.kept) == 7
    assert store.is_closed


def test_commit_that_failed_loses_nothing_and_can_be_tried_again() -> None:
    store = MemoryStore()
    journal = Journal(store, _RUN)
    journal.append("command", 0, _PAUSE)
    store.is_full = True
    with pytest.raises(LedgerError):
        journal.commit()
    store.is_full = False
    journal.append("command", 1, _PAUSE)
    journal.commit()
    assert [row.seq for row in store.kept] == [1, 2]
    assert broken_link(None, _RUN, store.kept) is None


def test_close_with_nothing_waiting_writes_nothing() -> None:
    store, journal = _journal(2)
    journal.close()
    assert (len(store.kept), store.is_closed) == (2, True)


def test_close_lets_go_of_the_store_when_the_last_commit_fails() -> None:
    store = MemoryStore()
    journal = Journal(store, _RUN)
    journal.append("command", 0, _PAUSE)
    store.is_full = True
    with pytest.raises(LedgerError):
        journal.close()
    assert store.is_closed


@pytest.mark.parametrize("length", [2, 6])
def test_journal_of_an_existing_store_goes_on_with_its_chain(length: int) -> None:
    store, _ = _journal(length)
    again = Journal(store, _RUN)
    assert again.head() == (length, store.kept[-1].hash.hex())
    again.append("stopped", 9, Stopped(reason="done", totals={}))
    again.commit()
    assert broken_link(None, _RUN, store.kept) is None


def test_same_records_give_the_same_hash() -> None:
    assert _journal(5)[1].head() == _journal(5)[1].head()


def test_journal_on_a_broken_end_is_refused() -> None:
    store, _ = _journal(6)
    store.kept[-2] = store.kept[-2]._replace(body="{}")
    with pytest.raises(LedgerError, match=r"the ledger is broken: row 5 .* `tutti ledger verify`"):
        Journal(store, _RUN)


def test_journal_whose_end_was_cut_off_is_refused() -> None:
    store, journal = _journal(6)
    store.head = journal.head()
    del store.kept[-1]
    with pytest.raises(LedgerError, match="its end was cut off; restore it from a copy"):
        Journal(store, _RUN)


def test_body_of_another_kind_is_refused() -> None:
    journal = Journal(MemoryStore(), _RUN)
    with pytest.raises(InvariantBroken, match="kind 'mode' can't hold a Command"):
        journal.append("mode", 0, _PAUSE)
    assert journal.head().seq == 0


def test_kind_that_nobody_knows_is_refused() -> None:
    kind: Any = "gossip"
    with pytest.raises(InvariantBroken, match="kind 'gossip'"):
        Journal(MemoryStore(), _RUN).append(kind, 0, _PAUSE)


@pytest.mark.parametrize(("value", "ref"), [(object(), ""), ("\ud800", ""), ("fine", "\ud800")])
def test_body_that_can_not_be_written_is_refused_and_leaves_no_trace(value: Any, ref: str) -> None:
    store = MemoryStore()
    journal = Journal(store, _RUN)
    with pytest.raises(InvariantBroken, match="mode can't be written to the ledger"):
        journal.append("mode", 0, ModeChange(mode="trading", reason=value), ref)
    assert journal.head() == (0, genesis(_RUN).hex())
    journal.append("command", 0, _PAUSE)
    journal.commit()
    assert broken_link(None, _RUN, store.kept) is None


def test_numpy_scalars_are_written_as_plain_numbers() -> None:
    store = MemoryStore()
    journal = Journal(store, _RUN)
    plain: Any = {"fees": 1.5, "funding": 0.0, "turnover": 2.0, "agent_day": {"a": 3.0}}
    numpy: Any = {"fees": np.float64(1.5), "funding": np.float32(0.0), "turnover": np.float64(2)}
    common: Any = {"equity": 1.0, "peak_equity": 1.0, "day": 3, "day_start_equity": 1.0}
    ts: Any = np.int64(5)
    journal.append("account", ts, AccountState(**common, **plain))
    journal.append("account", ts, AccountState(**common, **numpy, agent_day={"a": np.float64(3)}))
    journal.commit()
    assert store.kept[0].body == store.kept[1].body
    assert [type(row.ts) for row in store.kept] == [int, int]


def test_maps_are_written_in_the_order_of_their_keys() -> None:
    def head(balances: dict[str, Decimal]) -> Head:
        journal = Journal(MemoryStore(), _RUN)
        journal.append(
            "started",
            0,
            Started(
                run_id=_RUN,
                configuration="",
                seed=1,
                versions={},
                instruments=(),
                agents=(),
                balances=balances,
            ),
        )
        return journal.head()

    a, b = Decimal(1), Decimal("2.50")
    assert head({"A": a, "B": b}) == head({"B": b, "A": a})
    assert head({"A": a, "B": b}) != head({"A": b, "B": a})


def test_segment_is_kept_before_the_row_that_names_it() -> None:
    store = MemoryStore()
    journal = Journal(store, _RUN)
    journal.append("command", 0, _PAUSE)
    seq = journal.segment(np.array([3, 5], np.int64), {"bias": np.zeros((2, 1))})
    assert (seq, store.kept) == (2, [])
    assert set(store.segments) == {"000000000002.parquet"}
    journal.commit()
    assert (store.kept[1].kind, store.kept[1].ts) == ("segment", 5)
    assert '"file":"000000000002.parquet"' in store.kept[1].body
