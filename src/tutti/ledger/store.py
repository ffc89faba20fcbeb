"""Where a journal is kept: the ports, and a row as they carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

AnyArray = NDArray[np.generic]


class Row(NamedTuple):
    """One record.

    Parameters
    ----------
    seq : int
        1 for the first row, then one more each.
    ts : int
        When it happened, ns UTC.
    ref : str
        What it is looked up by: the order's id, or the instrument for a position.
    body : str
        JSON.
    hash : bytes
        SHA-256 over the previous row's hash and this row.
    """

    seq: int
    ts: int
    kind: str
    ref: str
    body: str
    hash: bytes


class Head(NamedTuple):
    """Newest row of a journal: its number (0 when empty) and its hash in hexadecimal."""

    seq: int
    hash: str


class LedgerReader(Protocol):
    """Reads a journal, whoever writes it."""

    @property
    def run_id(self) -> str:
        """Run that the journal belongs to."""
        ...

    def rows(
        self,
        *,
        kinds: Collection[str] = (),
        ref: str | None = None,
        after: int = 0,
        before: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Row]:
        """Yield the rows of these kinds (any, when empty), of this ``ref``, between two numbers.

        Those with seq > ``after`` and seq < ``before``.

        Raises
        ------
        LedgerError
            If the store can't be read.
        """
        ...

    def refs(self, prefix: str, limit: int) -> list[str]:
        """Return up to ``limit`` order ids that start with ``prefix``, sorted."""
        ...

    def read_segment(self, file: str) -> dict[str, AnyArray]:
        """Return the arrays of a segment by name; raise LedgerError if it is missing or changed."""
        ...

    def witness(self) -> Head | None:
        """Return the head that was noted beside the journal; None if nothing was."""
        ...

    def fault(self) -> str:
        """Return what is wrong with the store itself, in words; empty when nothing is."""
        ...


class JournalStore(Protocol):
    """Keeps the rows of one journal; there is one writer at a time.

    Attributes
    ----------
    batch : int
        Rows that ``commit`` waits for before it hands them over; 1 when each commit is durable.
    """

    batch: int

    def begin(self, run_id: str) -> list[Row]:
        """Bind the store to ``run_id`` and return its newest rows, oldest first.

        Raises
        ------
        LedgerError
            If the store belongs to another run.
        """
        ...

    def write(self, rows: Sequence[Row]) -> None:
        """Append ``rows``, all or none; durable on return when the store is."""
        ...

    def write_segment(self, file: str, arrays: Mapping[str, AnyArray]) -> None:
        """Keep the arrays of a segment, all or none."""
        ...

    def witness(self) -> Head | None:
        """Return the head that was noted beside the journal; None if nothing was."""
        ...

    def close(self) -> None:
        """Make everything durable and let go of the store."""
        ...
