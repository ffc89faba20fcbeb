"""Checks that a ledger is what was written: every row, every segment, and the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tutti.ledger.chain import broken_link, contradiction
from tutti.ledger.kinds import Segment
from tutti.ledger.records import decode
from tutti.ledger.segments import load
from tutti.ledger.store import Head, LedgerReader, Row
from tutti.model.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a check of a whole ledger found.

    Parameters
    ----------
    rows : int
        Rows that follow one another from the first, up to the first bad one.
    head : Head
        The last of those.
    witnessed : bool
        True when a head noted outside the chain vouches for its end. A chain whose last rows were
        cut off is a chain still, so without a witness nobody can tell.
    first_bad_seq : int or None
        None when all is well, or the problem lies outside the rows.
    problem : str
        Empty when all is well.
    """

    ok: bool
    rows: int
    head: Head
    witnessed: bool
    first_bad_seq: int | None
    problem: str


def verify(reader: LedgerReader) -> Verification:
    """Read the whole ledger and return whether anything was edited, removed, added or lost.

    The chain is checked first, then its end against the witness, then each segment's file against
    the hash on the chain, then the store's own soundness.
    """
    walk = _Walk()
    try:
        problem = _first_problem(reader, walk)
    except LedgerError as e:
        problem = (None, str(e))
    return Verification(
        ok=problem is None,
        rows=walk.head.seq,
        head=walk.head,
        witnessed=walk.witness is not None,
        first_bad_seq=problem[0] if problem else None,
        problem=problem[1] if problem else "",
    )


class _Walk:
    # remembers what is needed later of rows that are read once

    def __init__(self) -> None:
        self.head = Head(0, "")
        self.witness: Head | None = None
        self.segments: list[Row] = []
        self.tail: list[Row] = []

    def over(self, rows: Iterator[Row]) -> Iterator[Row]:
        newest: Row | None = None
        for row in rows:
            yield row
            # here the row has been found to follow from the one before
            newest = row
            self.head = Head(row.seq, row.hash.hex())
            if row.kind == "segment":
                self.segments.append(row)
            if self.witness is not None and row.seq == self.witness.seq:
                self.tail.append(row)
        if newest is not None:
            self.tail.append(newest)


def _first_problem(reader: LedgerReader, walk: _Walk) -> tuple[int | None, str] | None:
    walk.witness = reader.witness()
    broken = broken_link(None, reader.run_id, walk.over(reader.rows()))
    if broken is None:
        broken = contradiction(walk.witness, walk.tail)
    if broken is not None:
        return broken
    for row in walk.segments:
        try:
            load(reader, decode(row, Segment))
        except LedgerError as e:
            return row.seq, str(e)
    fault = reader.fault()
    return (None, fault) if fault else None
