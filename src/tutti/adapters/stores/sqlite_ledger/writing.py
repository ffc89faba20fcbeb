"""Writes a ledger folder; one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import sqlite3
from enum import Enum
from typing import TYPE_CHECKING

from tutti.adapters.stores.sqlite_ledger import schema
from tutti.adapters.stores.sqlite_ledger.reading import SqliteLedgerReader, translated
from tutti.adapters.stores.sqlite_ledger.schema import HEAD, LOCK, SEGMENTS
from tutti.adapters.stores.sqlite_ledger.segment_files import sync, write_arrays
from tutti.model.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tutti.ledger.store import AnyArray, Row

_INSERT = "INSERT INTO journal (seq, ts, kind, ref, body, hash) VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_FILE = "INSERT OR REPLACE INTO segment_file VALUES (?, ?, ?)"
_BATCH = 16_384
# A commit of a few rows writes whole pages: small ones. A batch fills large ones, a sixth faster.
_BATCH_PAGE = 16_384
_TAIL = 1000
_UNINDEXED = 4096
# The write-ahead log is as long as this from the start and used in a circle: a commit that has to
# lengthen the file waits for the file system's journal, too, and costs twice as much.
_LOG_BYTES = 16 * 1024 * 1024
# What it may hold less before it is emptied: room for the commit that finds it full.
_LOG_ROOM = 96


class Durability(Enum):
    """What ``commit`` promises."""

    EACH_COMMIT = "each_commit"
    """On the disk when it returns: for paper and live, before anything leaves the process."""

    BATCHED = "batched"
    """On the disk after ``close``; for backtests, where nothing leaves the process."""


class SqliteLedger(SqliteLedgerReader):
    """Ledger in ``folder``, opened for writing; reads what it has written, too.

    Parameters
    ----------
    folder : Path
        Created when missing.
    durability : Durability
        What ``commit`` promises.

    Raises
    ------
    LedgerError
        If another process writes it, the folder can't be written to, or what is there is no
        ledger of this version.
    """

    _head: int
    _indexed: int

    def __init__(self, folder: Path, durability: Durability) -> None:
        self._durability = durability
        # nobody looks up the rows of a backtest before it ends
        self._keeps_up = durability is Durability.EACH_COMMIT
        self.batch = 1 if durability is Durability.EACH_COMMIT else _BATCH
        self._files: list[tuple[str, int, str]] = []
        self._is_closed = False
        super().__init__(folder)

    def begin(self, run_id: str) -> list[Row]:
        """Bind the ledger to ``run_id`` and return its newest rows, oldest first.

        Raises
        ------
        LedgerError
            If the ledger belongs to another run.
        """
        mine = self.run_id
        if mine and mine != run_id:
            raise LedgerError(f"{self._folder}: the ledger of run {mine!r}, not of {run_id!r}")
        if not mine:
            with translated(self._path):
                self._connection.execute("INSERT INTO meta VALUES ('run_id', ?)", (run_id,))
        newest = list(itertools.islice(self.rows(newest_first=True), _TAIL))
        return newest[::-1]

    def write(self, rows: Sequence[Row]) -> None:
        """Append ``rows``, all or none.

        Raises
        ------
        LedgerError
            If they can't be written.
        """
        connection = self._connection
        with translated(self._path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(_INSERT, _bindable(rows))
                if self._files:
                    connection.executemany(_INSERT_FILE, self._files)
                if indexes := self._keeps_up and rows[-1].seq - self._indexed >= _UNINDEXED:
                    self._index()
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                raise
            self._files.clear()
            if indexes:
                self._indexed = rows[-1].seq
            # After the commit, so that the head is never ahead of the rows; one small write in
            # place, which no kill can tear.
            os.pwrite(self._head, f"{rows[-1].seq:020d} {rows[-1].hash.hex()}\n".encode(), 0)

    def write_segment(self, file: str, arrays: Mapping[str, AnyArray]) -> None:
        """Keep the arrays of a segment, all or none; its row must follow.

        Raises
        ------
        LedgerError
            If the file can't be written.
        """
        path = self._folder / SEGMENTS / file
        with translated(path):
            durable = self._durability is Durability.EACH_COMMIT
            size, digest = write_arrays(path, arrays, durable=durable)
        self._files.append((file, size, digest))

    def checkpoint(self) -> None:
        """Move committed rows from the write-ahead log into the database.

        Takes longer than a commit and delays none: call it between ticks, from any thread. Without
        it the commit that finds 16 MiB in the log moves them by itself, and is a slow one.
        """
        with (
            translated(self._path),
            contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as connection,
        ):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Put everything on the disk and let another process write; a second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._release, translated(self._path):
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("BEGIN IMMEDIATE")
            self._index()
            self._connection.execute("COMMIT")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            os.fsync(self._head)
            sync(self._folder)

    def _open(self, undo: contextlib.ExitStack) -> None:
        (self._folder / SEGMENTS).mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        undo.callback(os.close, lock)
        try:
            # guards against a second writer; the system lets go when the process ends, however
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            owner = os.pread(lock, 20, 0).decode().strip() or "another process"
            raise LedgerError(
                f"{self._folder}: process {owner} writes this ledger; stop it first"
            ) from e
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        undo.callback(self._connection.close)
        each = self._durability is Durability.EACH_COMMIT
        if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            if not each:
                self._connection.execute(f"PRAGMA page_size = {_BATCH_PAGE}")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.executescript(schema.CREATE)
        self._check_version()
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {'FULL' if each else 'OFF'}")
        (page,) = self._connection.execute("PRAGMA page_size").fetchone()
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_BYTES // page - _LOG_ROOM}")
        (self._indexed,) = self._connection.execute("SELECT upto FROM indexed").fetchone()
        if each:
            _lengthen(self._path.with_name(f"{self._path.name}-wal"))
            sync(self._folder)
        self._head = os.open(self._folder / HEAD, os.O_RDWR | os.O_CREAT, 0o644)
        undo.callback(os.close, self._head)

    def _index(self) -> None:
        for statement in schema.INDEX:
            self._connection.execute(statement)


def _bindable(rows: Sequence[Row]) -> Iterable[tuple[object, ...]]:
    # bytes are looked up among the driver's adapters, value by value, at a third of the cost of
    # the whole insertion; a bytearray goes straight in
    *columns, hashes = zip(*rows, strict=True)
    return zip(*columns, map(bytearray, hashes), strict=True)


def _lengthen(log: Path) -> None:
    # SQLite reads the log up to the first frame that isn't its own, so zeros are no frames
    descriptor = os.open(log, os.O_WRONLY)
    try:
        length = os.fstat(descriptor).st_size
        if length < _LOG_BYTES:
            os.pwrite(descriptor, bytes(_LOG_BYTES - length), length)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
