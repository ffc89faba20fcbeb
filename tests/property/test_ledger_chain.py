"""Whatever is written verifies; whatever is changed afterwards is found."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis.extra.numpy as arrays_of
import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from tutti.adapters.stores.sqlite_ledger import Durability, SqliteLedger, SqliteLedgerReader
from tutti.ledger.fold import fold
from tutti.ledger.journal import Journal
from tutti.ledger.kinds import Body, Command, Kind, ModeChange, Segment, Started, Stopped
from tutti.ledger.records import decode
from tutti.ledger.segments import load
from tutti.ledger.verify import verify
from tutti.model.instrument import InstrumentId
from tutti.model.order import Fill, FundingPaid, Side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tutti.ledger.store import Head

_RUN = "run-1"
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_BTC = InstrumentId("BTC-USDT", "SIM")

_BODY: st.SearchStrategy[tuple[Kind, Body]] = st.one_of(
    st.builds(Command, name=_TEXT, by=_TEXT, detail=_TEXT).map(lambda body: ("command", body)),
    st.builds(ModeChange, mode=_TEXT, reason=_TEXT).map(lambda body: ("mode", body)),
    st.builds(
        Stopped, reason=_TEXT, totals=st.dictionaries(_TEXT, st.integers(-(2**63), 2**63 - 1))
    ).map(lambda body: ("stopped", body)),
)
_RECORD = st.tuples(_BODY, st.integers(-(2**62), 2**62), _TEXT, st.booleans())
_Record = tuple[tuple[Kind, Body], int, str, bool]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _write(folder: Path, records: list[_Record], durability: Durability) -> Head:
    journal = Journal(SqliteLedger(folder, durability), _RUN)
    for (kind, body), ts, ref, commits in records:
        journal.append(kind, ts, body, ref)
        if commits:
            journal.commit()
    head = journal.head()
    journal.close()
    return head


@given(records=st.lists(_RECORD, max_size=15), durability=st.sampled_from(Durability))
def test_any_sequence_of_records_verifies_and_is_read_back(
    records: list[_Record], durability: Durability
) -> None:
    with _folder() as folder:
        head = _write(folder, records, durability)
        with SqliteLedgerReader(folder) as reader:
            found = verify(reader)
            rows = list(reader.rows())
            assert (found.ok, found.problem, found.head.seq) == (True, "", len(records))
            assert found.head == head or not records
            assert [(r.kind, r.ts, r.ref) for r in rows] == [
                (kind, ts, ref) for (kind, _), ts, ref, _ in records
            ]
            assert [decode(r, type(b)) for r, ((_, b), *_) in zip(rows, records, strict=True)] == [
                body for (_, body), *_ in records
            ]


@given(records=st.lists(_RECORD, min_size=2, max_size=15), data=st.data())
def test_ledger_written_by_two_processes_is_that_of_one(
    records: list[_Record], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(records)))
    with _folder() as folder:
        whole = _write(folder / "whole", records, Durability.BATCHED)
        _write(folder / "parts", records[:cut], Durability.EACH_COMMIT)
        assert _write(folder / "parts", records[cut:], Durability.BATCHED) == whole


@given(records=st.lists(_RECORD, min_size=1, max_size=10), data=st.data())
def test_any_byte_of_any_row_that_is_changed_is_found(
    records: list[_Record], data: st.DataObject
) -> None:
    with _folder() as folder:
        _write(folder, records, Durability.BATCHED)
        seq = data.draw(st.integers(1, len(records)))
        column = data.draw(st.sampled_from(["ts", "kind", "ref", "body", "hash"]))
        with closing(SqliteLedgerReader(folder)) as reader:
            before = next(row for row in reader.rows() if row.seq == seq)
        value = getattr(before, column)
        raw = (
            value.to_bytes(8, "big", signed=True)
            if isinstance(value, int)
            else value.encode()
            if isinstance(value, str)
            else value
        )
        changed = bytearray(raw or b"\x00")
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place] ^= data.draw(st.integers(1, 127))
        if bytes(changed) == raw:
            return
        _tamper(folder, seq, column, bytes(changed))
        with SqliteLedgerReader(folder) as reader:
            found = verify(reader)
        assert not found.ok
        # text that is no text any more stops the reader before it can say in which row
        assert found.first_bad_seq == seq or "UTF-8" in found.problem


def _tamper(folder: Path, seq: int, column: str, raw: bytes) -> None:
    with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER journal_no_update")
        if column == "ts":
            value: object = int.from_bytes(raw, "big", signed=True)
            form = "?"
        else:
            value, form = raw, "?" if column == "hash" else "CAST(? AS TEXT)"
        connection.execute(f"UPDATE journal SET {column} = {form} WHERE seq = ?", (value, seq))
        connection.execute(
            "CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal "
            "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
        )


@given(records=st.lists(_RECORD, min_size=1, max_size=8), data=st.data())
def test_any_rows_that_are_taken_out_are_found(records: list[_Record], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(1, len(records)), min_size=1))
    with _folder() as folder:
        _write(folder, records, Durability.BATCHED)
        with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as connection:
            connection.execute("DROP TRIGGER journal_no_delete")
            connection.executemany("DELETE FROM journal WHERE seq = ?", [(seq,) for seq in gone])
        with SqliteLedgerReader(folder) as reader:
            found = verify(reader)
        assert (found.ok, found.first_bad_seq) == (False, min(gone))


_DTYPES = st.sampled_from(
    [np.dtype(name) for name in ("f8", "f4", "i8", "i4", "i2", "i1", "u1", "?")]
)


@given(
    n_ticks=st.integers(1, 30),
    values=st.dictionaries(
        st.text("abcdefgh_", min_size=1, max_size=8).filter(lambda name: name != "ts"),
        st.tuples(_DTYPES, arrays_of.array_shapes(min_dims=0, max_dims=2, max_side=4)),
        max_size=4,
    ),
    data=st.data(),
)
def test_any_segment_is_read_back_bit_for_bit(
    n_ticks: int,
    values: dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]],
    data: st.DataObject,
) -> None:
    arrays = {
        name: data.draw(arrays_of.arrays(dtype, (n_ticks, *shape)))
        for name, (dtype, shape) in values.items()
    }
    ts = np.cumsum(data.draw(arrays_of.arrays(np.int64, n_ticks, elements=st.integers(1, 2**40))))
    with _folder() as folder:
        journal = Journal(SqliteLedger(folder, Durability.BATCHED), _RUN)
        journal.segment(ts, arrays)
        journal.close()
        with SqliteLedgerReader(folder) as reader:
            assert verify(reader).ok
            read = load(reader, decode(next(reader.rows()), Segment))
    assert read.keys() == {*arrays, "ts"}
    for name, array in {**arrays, "ts": ts}.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        assert read[name].tobytes() == array.tobytes()


@settings(max_examples=25)
@given(data=st.data())
def test_any_byte_of_a_segment_file_that_is_changed_is_found(data: st.DataObject) -> None:
    with _folder() as folder:
        journal = Journal(SqliteLedger(folder, Durability.BATCHED), _RUN)
        journal.segment(np.arange(5, dtype=np.int64), {"bias": np.linspace(-1, 1, 5)})
        journal.close()
        (path,) = (folder / "segments").iterdir()
        written = path.read_bytes()
        for _ in range(20):
            changed = bytearray(written)
            changed[data.draw(st.integers(0, len(written) - 1))] ^= data.draw(st.integers(1, 255))
            path.write_bytes(changed)
            with SqliteLedgerReader(folder) as reader:
                found = verify(reader)
            assert (found.ok, found.first_bad_seq) == (False, 1)


_AMOUNT = st.decimals("-1000", "1000", places=4)
_POSITIVE = st.decimals("0.0001", "1000", places=4)


@given(
    moves=st.lists(
        st.one_of(_AMOUNT, st.tuples(st.sampled_from(Side), _POSITIVE, _POSITIVE, _AMOUNT)),
        max_size=20,
    ),
    repeats=st.booleans(),
)
def test_cash_of_a_ledger_is_the_sum_of_what_moved_it(
    moves: list[Decimal | tuple[Side, Decimal, Decimal, Decimal]], repeats: bool
) -> None:
    expected = Decimal(1000)
    with _folder() as folder:
        store = SqliteLedger(folder, Durability.BATCHED)
        journal = Journal(store, _RUN)
        start = Started(
            run_id=_RUN,
            configuration="",
            seed=0,
            versions={},
            instruments=(str(_BTC),),
            agents=(),
            balances={"SIM": expected},
        )
        journal.append("started", 0, start)
        for n, move in enumerate(moves):
            if isinstance(move, Decimal):
                paid = FundingPaid(instrument=_BTC, ts=n, rate=0.0, amount=move)
                journal.append("funding", n, paid, str(_BTC))
                expected += move
                continue
            side, quantity, price, fee = move
            fill = Fill(
                id=f"f{n}",
                order_id=f"o{n}",
                instrument=_BTC,
                ts=n,
                side=side,
                quantity=quantity,
                price=price,
                fee=fee,
                is_maker=False,
                slippage_bps=0.0,
            )
            for _ in range(1 + repeats):  # a venue may report a fill twice
                journal.append("fill", n, fill, fill.order_id)
            expected -= side.sign * quantity * price + fee
        journal.close()
        with SqliteLedgerReader(folder) as reader:
            assert fold(reader).cash == {"SIM": expected}
