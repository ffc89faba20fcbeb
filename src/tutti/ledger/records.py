"""Rows of a journal as typed records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from tutti.ledger.kinds import BODIES
from tutti.model.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tutti.ledger.store import Row

T_co = TypeVar("T_co", covariant=True)
_T = TypeVar("_T")

_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {
    body: msgspec.json.Decoder(body) for body in BODIES.values()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Generic[T_co]):
    """Row with its body decoded; ``ts`` in ns UTC."""

    seq: int
    ts: int
    kind: str
    ref: str
    body: T_co


def decode(row: Row, body: type[_T]) -> _T:
    """Return the body of a row whose kind holds ``body``.

    Raises
    ------
    LedgerError
        If the text doesn't have that form.
    """
    if BODIES.get(row.kind) is not body:
        raise LedgerError(f"row {row.seq} is a {row.kind}, not a {body.__name__}")
    try:
        decoded: _T = _DECODERS[body].decode(row.body)
    except (msgspec.DecodeError, ArithmeticError) as e:
        raise LedgerError(f"row {row.seq} ({row.kind}) can't be read: {e}") from e
    return decoded


def entry(row: Row, body: type[_T]) -> Entry[_T]:
    """Return the row with its body decoded as ``body``; raise LedgerError as `decode` does."""
    return Entry(seq=row.seq, ts=row.ts, kind=row.kind, ref=row.ref, body=decode(row, body))


def entries(rows: Iterable[Row], body: type[_T]) -> Iterator[Entry[_T]]:
    """Yield the rows with their bodies decoded as ``body``; raise LedgerError as `decode` does."""
    for row in rows:
        yield entry(row, body)
