"""Reads a ledger folder, also while another process writes it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from tutti.adapters.stores.sqlite_ledger.schema import (
    APPLICATION,
    DATABASE,
    HEAD,
    LOCK,
    SEGMENTS,
    TRIGGERS,
    VERSION,
)
from tutti.adapters.stores.sqlite_ledger.segment_files import file_hash, read_arrays
from tutti.ledger.store import AnyArray, Head, Row
from tutti.model.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path
    from types import TracebackType

_COLUMNS = "seq, ts, kind, ref, body, hash"
_CHUNK = 2048
_OF_REF = """
seq IN (
    SELECT seq FROM row_of WHERE ref = ?
    UNION ALL SELECT seq FROM journal WHERE seq > (SELECT upto FROM indexed) AND ref = ?
)"""
_REFS = """
SELECT DISTINCT known.ref FROM (
    SELECT ref, seq FROM row_of WHERE ref >= :first AND ref < :beyond
    UNION ALL
    SELECT ref, seq FROM journal
    WHERE seq > (SELECT upto FROM indexed) AND ref >= :first AND ref < :beyond
) AS known JOIN journal USING (seq) WHERE journal.kind IN ('intent', 'order')
ORDER BY 1 LIMIT :limit
"""
_WRONGLY_INDEXED = """
SELECT EXISTS (
    SELECT 1 FROM row_of LEFT JOIN journal USING (seq) WHERE row_of.ref IS NOT journal.ref
) OR (SELECT count(*) FROM row_of) <> (
    SELECT count(*) FROM journal WHERE ref <> '' AND seq <= (SELECT upto FROM indexed)
)
"""
_REMEDIES = {
    "SQLITE_FULL": "the disk is full: free some space",
    "SQLITE_IOERR": "the disk failed: look at the system's log",
    "SQLITE_READONLY": "it can't be written to: check its permissions",
    "SQLITE_CANTOPEN": "it can't be opened: check that the folder is there and its permissions",
    "SQLITE_PERM": "it can't be opened: check its permissions",
    "SQLITE_BUSY": "another process holds it: stop that one first",
    "SQLITE_LOCKED": "another process holds it: stop that one first",
    "SQLITE_NOTADB": "it is not a ledger: name the folder of a run",
    "SQLITE_CORRUPT": "the file is damaged: restore it from a copy",
}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what SQLite and the system raise as a LedgerError with the remedy."""
    try:
        yield
    except sqlite3.Error as e:
        name = getattr(e, "sqlite_errorname", "")
        remedy = next((text for code, text in _REMEDIES.items() if name.startswith(code)), "")
        raise LedgerError(f"{path}: {remedy or 'SQLite refused'} ({e})") from e
    except OSError as e:
        raise LedgerError(f"{path}: {e.strerror or e}") from e


def is_being_written(folder: Path) -> bool:
    """Return whether a process holds the ledger in ``folder`` to write it."""
    path = folder / LOCK
    if not path.exists():
        return False
    with translated(path), path.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class SqliteLedgerReader:
    """Reader of the ledger in ``folder``.

    Raises
    ------
    LedgerError
        If there is none, it is something else, or a newer version wrote it.
    """

    _connection: sqlite3.Connection

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / DATABASE
        with ExitStack() as undo:
            with translated(self._path):
                self._open(undo)
            self._release = undo.pop_all()

    @property
    def run_id(self) -> str:
        """Run that the ledger belongs to; empty before the first start."""
        with translated(self._path):
            found = self._connection.execute("SELECT value FROM meta WHERE key = 'run_id'")
            row = found.fetchone()
        return "" if row is None else str(row[0])

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
            If the file can't be read.
        """
        conditions, values = ["TRUE"], list[str | int](kinds)
        if kinds:
            conditions.append(f"kind IN ({', '.join('?' * len(kinds))})")
        if ref is not None:
            conditions.append(_OF_REF if ref else "ref = ''")
            values.extend((ref, ref) if ref else ())
        if after:
            conditions.append("seq > ?")
            values.append(after)
        if before is not None:
            conditions.append("seq < ?")
            values.append(before)
        order = "DESC" if newest_first else "ASC"
        query = (
            f"SELECT {_COLUMNS} FROM journal WHERE {' AND '.join(conditions)} "  # noqa: S608 - only our own words
            f"ORDER BY seq {order}"
        )
        with translated(self._path):
            cursor = self._connection.execute(query, values)
            while chunk := cursor.fetchmany(_CHUNK):
                yield from map(Row._make, chunk)

    def refs(self, prefix: str, limit: int) -> list[str]:
        """Return up to ``limit`` order ids that start with ``prefix``, sorted."""
        with translated(self._path):
            found = self._connection.execute(
                _REFS, {"first": prefix, "beyond": f"{prefix}\U0010ffff", "limit": limit}
            )
            return [row[0] for row in found]

    def read_segment(self, file: str) -> dict[str, AnyArray]:
        """Return the arrays of a segment by name.

        Raises
        ------
        LedgerError
            If the file is missing or isn't the one that was written.
        """
        path = self._folder / SEGMENTS / file
        with translated(path):
            noted = self._connection.execute(
                "SELECT sha256 FROM segment_file WHERE file = ?", (file,)
            ).fetchone()
            found = file_hash(path)
        if noted is None or noted[0] != found:
            raise LedgerError(f"{path}: the file was changed after it was written")
        return read_arrays(path)

    def witness(self) -> Head | None:
        """Return the head that was noted beside the journal; None if nothing was."""
        path = self._folder / HEAD
        try:
            noted = path.read_text(encoding="ascii").split()
            return Head(int(noted[0]), noted[1]) if noted else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, IndexError) as e:
            raise LedgerError(f"{path}: can't be read ({e}); delete it to go on without") from e

    def fault(self) -> str:
        """Return what is wrong with the database itself, in words; empty when nothing is."""
        with translated(self._path):
            answer = self._connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            found = self._connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'")
            gone = sorted(TRIGGERS - {row[0] for row in found})
            is_wrongly_indexed = self._connection.execute(_WRONGLY_INDEXED).fetchone()[0]
        if answer != "ok":
            return f"the database is damaged: {answer}"
        if is_wrongly_indexed:
            return "the index of references differs from the rows"
        if gone:
            return f"what keeps the journal append-only was taken out: {', '.join(gone)}"
        return ""

    def close(self) -> None:
        """Let go of the files."""
        self._release.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self, undo: ExitStack) -> None:
        if not self._path.is_file():
            raise LedgerError(f"{self._folder}: no ledger here; name the folder of a run")
        # Reading a WAL database needs a shared-memory file beside it. Where none can be made and
        # no writer left a WAL, the file is whole as it is.
        wal = self._path.with_name(f"{DATABASE}-wal")
        alone = not os.access(self._folder, os.W_OK) and not wal.exists()
        options = "mode=ro&immutable=1" if alone else "mode=ro"
        self._connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?{options}", uri=True, isolation_level=None
        )
        undo.callback(self._connection.close)
        self._check_version()

    def _check_version(self) -> None:
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION:
            raise LedgerError(f"{self._path}: it is not a ledger; name the folder of a run")
        if version > VERSION:
            raise LedgerError(
                f"{self._path}: written by a newer Tutti (schema {version}, this one knows "
                f"{VERSION}); upgrade"
            )
