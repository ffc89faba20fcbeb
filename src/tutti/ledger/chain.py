"""The chain of hashes: each row's covers the row and the hash before it.

``hash(n) = SHA-256(hash(n-1) + "seq ts kind length-of-ref ref " + body)``, and ``hash(0)`` covers
the run's id, so no row can be changed, taken out, put in or moved to another run unseen. The
length makes the text before the hash unambiguous whatever ``ref`` holds.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tutti.ledger.store import Head, Row


def genesis(run_id: str) -> bytes:
    """Return the hash that the first row of a run links to."""
    return sha256(b"tutti ledger 1\n" + run_id.encode()).digest()


def link(previous: bytes, seq: int, ts: int, kind: str, ref: str, body: bytes) -> bytes:
    """Return the hash of the row after the one with hash ``previous``."""
    head = f"{seq} {ts} {kind} {len(ref)} {ref} ".encode()
    return sha256(b"".join((previous, head, body))).digest()


def broken_link(previous: Row | None, run_id: str, rows: Iterable[Row]) -> tuple[int, str] | None:
    """Return number and problem of the first row that doesn't follow, None if all do.

    Parameters
    ----------
    previous : Row or None
        The row before the first of ``rows``; None where the journal begins.
    """
    seq, digest = (previous.seq, previous.hash) if previous else (0, genesis(run_id))
    for row in rows:
        seq += 1
        if row.seq > seq:
            missing = f"row {seq} is" if row.seq == seq + 1 else f"rows {seq} to {row.seq - 1} are"
            return seq, f"{missing} missing"
        if row.seq != seq:
            return seq, f"row {row.seq} stands where row {seq} belongs"
        if {type(row.kind), type(row.ref), type(row.body)} != {str}:  # SQL lets bytes stand there
            return seq, f"row {seq} holds something that was never written there"
        digest = link(digest, seq, row.ts, row.kind, row.ref, row.body.encode())
        if row.hash != digest:
            return seq, f"row {seq} ({row.kind}) doesn't follow from the one before: it was changed"
    return None


def contradiction(witness: Head | None, tail: Sequence[Row]) -> tuple[int, str] | None:
    """Return number and problem of a row that the witness saw and the tail lacks, else None.

    A chain whose last rows were cut off is a chain still: only a head that was noted elsewhere
    tells. A witness older than the tail says nothing.
    """
    last = tail[-1].seq if tail else 0
    if witness is None or witness.seq == 0:
        return None
    if witness.seq > last:
        return last + 1, (
            f"the ledger ends at row {last}, but row {witness.seq} was written: its end was cut off"
        )
    seen = [row for row in tail if row.seq == witness.seq]
    if seen and seen[0].hash.hex() != witness.hash:
        return witness.seq, f"row {witness.seq} isn't the one that was written"
    return None
