"""Opens the register's file, and appends chained rows to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from tutti.adapters.stores.trial_register import schema
from tutti.ledger.chain import broken_link, genesis, link
from tutti.ledger.store import Row
from tutti.model.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NAME = "trials"
_PATIENCE_S = 30.0
_REMEDIES = {
    "SQLITE_FULL": "the disk is full: free some space",
    "SQLITE_READONLY": "it can't be written to: check its permissions, or name another --register",
    "SQLITE_CANTOPEN": "it can't be opened: check its permissions, or name another --register",
    "SQLITE_BUSY": "another process holds it: wait for that one",
    "SQLITE_NOTADB": "it is not a register of trials: name another --register",
    "SQLITE_CORRUPT": "the file is damaged: restore it from a copy",
}


@contextmanager
def connected(path: Path, *, writing: bool) -> Iterator[sqlite3.Connection]:
    """Open the register; in one transaction that holds if nothing is raised, when ``writing``.

    Raises
    ------
    LedgerError
        If the file can't be used, or is something else.
    """
    try:
        if writing:
            path.parent.mkdir(parents=True, exist_ok=True)
        with closing(
            sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE_S)
        ) as connection:
            _prepare(connection, path, writing=writing)
            connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        remedy = next((text for code, text in _REMEDIES.items() if name.startswith(code)), "")
        raise LedgerError(f"{path}: {remedy or 'SQLite refused'} ({error})") from error
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror or error}; name another --register") from error


def append(
    connection: sqlite3.Connection, ts: int, kind: str, ref: str, body: Mapping[str, Any]
) -> int:
    """Append a row to the journal and return its number."""
    seq, previous = newest(connection)
    previous = previous or genesis(_NAME)
    text = msgspec.json.encode(body)
    digest = link(previous, seq + 1, ts, kind, ref, text)
    connection.execute(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)",
        (seq + 1, ts, kind, ref, text.decode(), digest),
    )
    return seq + 1


def newest(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Return number and hash of the newest row; 0 and nothing where there is none."""
    row = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    return (0, b"") if row is None else (int(row[0]), bytes(row[1]))


def rows(connection: sqlite3.Connection, kind: str | None = None) -> Iterator[Row]:
    """Yield the journal's rows, oldest first."""
    where, values = ("", ()) if kind is None else ("WHERE kind = ?", (kind,))
    for row in connection.execute(
        f"SELECT seq, ts, kind, ref, body, hash FROM journal {where} ORDER BY seq",  # noqa: S608
        values,
    ):
        yield Row._make(row)


def fault(connection: sqlite3.Connection) -> str:
    """Return what is wrong with the chain of rows, in words; empty when nothing is."""
    found = broken_link(None, _NAME, rows(connection))
    return "" if found is None else found[1]


def _prepare(connection: sqlite3.Connection, path: Path, *, writing: bool) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == 0 and writing:
        # two processes may come first at once
        connection.execute("BEGIN EXCLUSIVE")
        (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("ROLLBACK")
        if objects == 0:
            _create(connection)
        (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != schema.APPLICATION:
        raise LedgerError(f"{path}: it is not a register of trials; name another --register")
    if version > schema.VERSION:
        raise LedgerError(f"{path}: a newer version of tutti keeps this register; use that one")
    # a log of its own would be put away at each close, which costs more than it saves
    connection.execute("PRAGMA journal_mode = TRUNCATE")
    connection.execute("PRAGMA synchronous = FULL")


def _create(connection: sqlite3.Connection) -> None:
    try:
        connection.executescript(schema.CREATE)
    except sqlite3.OperationalError:
        # another process was faster; what it made is checked like any other
        if connection.in_transaction:
            connection.execute("ROLLBACK")
