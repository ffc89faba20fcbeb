"""The journal: appends rows, chains them, and hands them to a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tutti.ledger.chain import broken_link, contradiction, genesis, link
from tutti.ledger.kinds import BODIES, Body, Kind
from tutti.ledger.segments import TIME, describe
from tutti.ledger.store import AnyArray, Head, JournalStore, Row
from tutti.model.errors import InvariantBroken, LedgerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.model.market import IntArray


# what Row() comes down to; a journal makes eight an order
_as_row = tuple.__new__


def _plain(value: Any) -> Any:
    # a NumPy scalar among the fields; anything else is a mistake of the caller
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a record can't hold {type(value).__name__}")


class Journal:
    """Append-only record of one run.

    Rows wait in memory until ``commit``; what the store has committed is never written again.

    Parameters
    ----------
    store : JournalStore
        Empty, or holding an earlier part of the same run: then the chain goes on.
    run_id : str
        Enters the first hash.

    Raises
    ------
    LedgerError
        If the store belongs to another run, or the end of its chain is broken.
    """

    def __init__(self, store: JournalStore, run_id: str) -> None:
        self._store = store
        self._encode = msgspec.json.Encoder(
            decimal_format="string", order="deterministic", enc_hook=_plain
        ).encode
        self._waiting: list[Row] = []
        tail = store.begin(run_id)
        _refuse_broken(tail, run_id, store.witness())
        self._seq = tail[-1].seq if tail else 0
        self._hash = tail[-1].hash if tail else genesis(run_id)

    def append(self, kind: Kind, ts: int, body: Body, ref: str = "") -> int:
        """Add a row and return its number; it is safe once ``commit`` has returned.

        Parameters
        ----------
        ts : int
            When it happened, ns UTC.
        ref : str
            What it is looked up by: the order's id for intent, approval, refusal, order and fill;
            the instrument for position, funding and liquidation.

        Raises
        ------
        InvariantBroken
            If the body isn't the kind's, or can't be written down.
        """
        if type(body) is not BODIES.get(kind):
            raise InvariantBroken(f"a row of kind {kind!r} can't hold a {type(body).__name__}")
        if type(ts) is not int:  # a NumPy integer would fail in the store, far from its cause
            ts = int(ts)
        seq = self._seq + 1
        try:
            text = self._encode(body)
            digest = link(self._hash, seq, ts, kind, ref, text)
        except (TypeError, ValueError) as e:
            raise InvariantBroken(f"{kind} can't be written to the ledger: {e}") from e
        self._waiting.append(_as_row(Row, (seq, ts, kind, ref, text.decode(), digest)))
        self._seq = seq
        self._hash = digest
        return seq

    def segment(self, ts: IntArray, arrays: Mapping[str, AnyArray]) -> int:
        """Keep a block of arrays over ``ts`` in a file and put its hash on the chain.

        Parameters
        ----------
        ts : ndarray of int64, shape (t,)
            Rising, ns UTC, t > 0.
        arrays : dict of str to ndarray, shape (t, ...)
            float64, float32, int64, int32, int16, int8, uint8 or bool.

        Returns
        -------
        int
            Number of the row.

        Raises
        ------
        ValueError
            If shapes or types don't fit.
        LedgerError
            If the file can't be written.
        """
        everything: dict[str, AnyArray] = {**arrays, TIME: ts}
        body = describe(f"{self._seq + 1:012d}.parquet", everything)
        self._store.write_segment(body.file, everything)
        return self.append("segment", body.last_ts, body)

    def commit(self) -> None:
        """Hand the rows to the store, when it has waited for enough of them.

        Raises
        ------
        LedgerError
            If they can't be written; they stay waiting, and the journal is as before.
        """
        if len(self._waiting) >= self._store.batch:
            self._flush()

    def head(self) -> Head:
        """Return number and hash of the newest row, committed or not."""
        return Head(self._seq, self._hash.hex())

    def close(self) -> None:
        """Commit what waits and close the store."""
        try:
            self._flush()
        finally:
            self._store.close()

    def _flush(self) -> None:
        if self._waiting:
            self._store.write(self._waiting)
            self._waiting = []


def _refuse_broken(tail: list[Row], run_id: str, witness: Head | None) -> None:
    if tail:
        whole = tail[0].seq == 1
        problem = broken_link(None if whole else tail[0], run_id, tail if whole else tail[1:])
        if problem is not None:
            raise LedgerError(f"the ledger is broken: {problem[1]}; run `tutti ledger verify`")
    problem = contradiction(witness, tail)
    if problem:
        raise LedgerError(f"{problem[1]}; restore it from a copy")
