"""Keeps every call to a language model, and what agents spent, in one SQLite file; append-only."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Self

from tutti.agents.llm.port import Call
from tutti.agents.llm.recorded import ANSWER, Outcome, RecordedCall
from tutti.model.errors import ConfigError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

FILE: Final = "llm.sqlite"
"""What a run calls it."""

APPLICATION: Final = 0x5475744D
"""``TutM``: marks the file as records of models."""

VERSION: Final = 1
"""Of the schema; a newer one is refused."""

_PATIENCE_S = 30.0
_CHUNK = 512
_REMEDIES = {
    "SQLITE_FULL": "the disk is full: free some space",
    "SQLITE_IOERR": "the disk failed: look at the system's log",
    "SQLITE_READONLY": "it can't be written to: check its permissions",
    "SQLITE_CANTOPEN": "it can't be opened: check that its folder is there, and its permissions",
    "SQLITE_BUSY": "another process holds it: wait for that one",
    "SQLITE_NOTADB": "it does not hold records of language models: name another file",
    "SQLITE_CORRUPT": "the file is damaged: restore it from a copy",
}

# A prompt is kept once, however often it is asked; `outcome` has a row for each time. `charge` is
# what budgets go by: the most a call can take before it is made, and the difference afterwards.
_CREATE: Final = f"""BEGIN IMMEDIATE;
CREATE TABLE call (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    system TEXT NOT NULL,
    user TEXT NOT NULL,
    schema TEXT NOT NULL,
    temperature REAL NOT NULL,
    max_output_tokens INTEGER NOT NULL,
    seed INTEGER
);
CREATE TABLE outcome (
    seq INTEGER PRIMARY KEY,
    ts INTEGER NOT NULL,
    agent TEXT NOT NULL,
    as_of INTEGER NOT NULL,
    key TEXT NOT NULL,
    prompt TEXT NOT NULL,
    is_reused INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    model TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_usd TEXT NOT NULL,
    is_priced INTEGER NOT NULL,
    latency INTEGER NOT NULL,
    retry_after_s REAL NOT NULL
);
CREATE INDEX outcome_of_call ON outcome (key, as_of);
CREATE TABLE charge (
    seq INTEGER PRIMARY KEY,
    ts INTEGER NOT NULL,
    agent TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    usd TEXT NOT NULL
);
CREATE INDEX charge_of_agent ON charge (agent, ts);
{
    "".join(
        f'''CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'records of language models are append-only'); END;
'''
        for table in ("call", "outcome", "charge")
        for verb in ("update", "delete")
    )
}
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
COMMIT;
"""

_OUTCOME = (
    "kind, text, latency, outcome.model, input_tokens, output_tokens, cost_usd, is_priced, "
    "retry_after_s"
)
_KEEP_CALL = "INSERT OR IGNORE INTO call VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_KEEP_OUTCOME = f"INSERT INTO outcome VALUES ({', '.join('?' * 16)})"  # noqa: S608 - only our own words
_EXACTLY = (
    f"SELECT {_OUTCOME} FROM outcome WHERE key = ? AND as_of = ? "  # noqa: S608
    "ORDER BY agent = ? DESC, seq DESC LIMIT 1"
)
_ANYWHERE = (
    f"SELECT {_OUTCOME} FROM outcome WHERE key = ? AND kind = '{ANSWER}' "  # noqa: S608
    "ORDER BY seq DESC LIMIT 1"
)
_ALL = (
    "SELECT seq, ts, agent, as_of, outcome.key, coalesce(call.model, ''), prompt, is_reused, "  # noqa: S608
    f"{_OUTCOME} FROM outcome LEFT JOIN call USING (key) WHERE seq > :after "
    "AND (:agent = '' OR agent = :agent) AND ts >= :since AND ts < :until ORDER BY seq LIMIT :n"
)
_FOREVER = 2**63 - 1


class SqliteCallRecords:
    """Records of calls in a file.

    Several processes may read and write one file; a thread may be any thread.

    Parameters
    ----------
    path : Path
        Created where it is missing, with its folder, unless it is only read.
    read_only : bool
        True for a replay: nothing is ever written then.

    Raises
    ------
    ConfigError
        If it is only read, and not there.
    LedgerError
        If it can't be used, or is something else.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        # guards the connection: it takes one statement at a time
        self._lock = threading.RLock()
        with self._translated():
            if read_only:
                self._connection = _opened_to_read(path)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._connection = _connected(str(path))
            try:
                self._prepare(writing=not read_only)
            except BaseException:
                self._connection.close()
                raise

    @property
    def where(self) -> str:
        """The file."""
        return str(self._path)

    # ---- calls and what came of them ----

    def keep(self, call: Call, outcome: Outcome, *, ts: int, is_reused: bool = False) -> None:
        """Add an outcome, known at ``ts`` (ns UTC of the wall).

        Raises
        ------
        LedgerError
            If it can't be written.
        """
        key = call.key
        asked = (
            key, call.model, call.system, call.user, call.schema, call.temperature,
            call.max_output_tokens, call.seed,
        )  # fmt: skip
        came = (
            None, ts, call.agent, call.as_of, key, call.prompt, is_reused, outcome.kind,
            outcome.text, outcome.model, outcome.input_tokens, outcome.output_tokens,
            str(outcome.cost_usd), outcome.is_priced, outcome.latency, outcome.retry_after_s,
        )  # fmt: skip
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.execute(_KEEP_CALL, asked)
                self._connection.execute(_KEEP_OUTCOME, came)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have ended it already
                    self._connection.execute("ROLLBACK")
                raise

    def find(self, call: Call, *, exactly: bool) -> Outcome | None:
        """Return the newest outcome of a call; see ``tutti.agents.llm.recorded.CallRecords``."""
        return self.heard(call.key, call.as_of, agent=call.agent, exactly=exactly)

    def heard(
        self, key: str, as_of: int, *, agent: str = "", exactly: bool = True
    ) -> Outcome | None:
        """Return what came of the call with this key that was about ``as_of`` (ns UTC)."""
        with self._lock, self._translated():
            row = self._connection.execute(_EXACTLY, (key, as_of, agent)).fetchone()
            if row is None and not exactly:
                row = self._connection.execute(_ANYWHERE, (key,)).fetchone()
        return None if row is None else _outcome(row)

    def has_answer(self, key: str) -> bool:
        """Return whether an answer to this key is kept, of any instant."""
        with self._lock, self._translated():
            return self._connection.execute(_ANYWHERE, (key,)).fetchone() is not None

    def call(self, key: str) -> Call | None:
        """Return what was asked under a key, without who asked and when."""
        with self._lock, self._translated():
            row = self._connection.execute("SELECT * FROM call WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        _, model, system, user, schema, temperature, most, seed = row
        return Call(
            agent="",
            as_of=0,
            model=model,
            system=system,
            user=user,
            schema=schema,
            temperature=temperature,
            max_output_tokens=most,
            seed=seed,
        )

    def outcomes(
        self, *, agent: str = "", since: int | None = None, until: int | None = None
    ) -> Iterator[RecordedCall]:
        """Yield what is kept, oldest first.

        Parameters
        ----------
        agent : str
            Whose; all for none.
        since, until : int or None
            When it was known, ns UTC, ``until`` itself left out.
        """
        after = 0
        terms = {
            "agent": agent,
            "since": -1 if since is None else since,
            "until": _FOREVER if until is None else until,
            "n": _CHUNK,
        }
        while True:
            with self._lock, self._translated():
                rows = self._connection.execute(_ALL, terms | {"after": after}).fetchall()
            for row in rows:
                seq, ts, who, as_of, key, asked, prompt, is_reused, *outcome = row
                yield RecordedCall(
                    seq=seq,
                    ts=ts,
                    agent=who,
                    as_of=as_of,
                    key=key,
                    asked=asked,
                    prompt=prompt,
                    is_reused=bool(is_reused),
                    outcome=_outcome(tuple(outcome)),
                )
                after = seq
            if len(rows) < _CHUNK:
                return

    # ---- what was spent ----

    def charge(self, agent: str, ts: int, tokens: int, usd: Decimal) -> None:
        """Add to what an agent spent at ``ts`` (ns UTC); negative where less was used.

        Raises
        ------
        LedgerError
            If it can't be written.
        """
        row = (None, ts, agent, tokens, str(usd))
        with self._lock, self._translated():
            self._connection.execute("INSERT INTO charge VALUES (?, ?, ?, ?, ?)", row)

    def charged(self, agent: str, since: int) -> tuple[int, Decimal]:
        """Return tokens and USD that an agent spent at or after ``since`` (ns UTC)."""
        with self._lock, self._translated():
            rows = self._connection.execute(
                "SELECT tokens, usd FROM charge WHERE agent = ? AND ts >= ?", (agent, since)
            ).fetchall()
        return sum(row[0] for row in rows), sum((Decimal(row[1]) for row in rows), Decimal(0))

    @contextmanager
    def alone(self) -> Iterator[int]:
        """Keep other processes from writing; gives a number that is new where one has written.

        Raises
        ------
        LedgerError
            If it can't be written to.
        """
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield _pragma(self._connection, "data_version")
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    # ---- the file ----

    def close(self) -> None:
        """Put everything into the one file; a second call does nothing."""
        with self._lock, self._translated():
            with suppress(sqlite3.OperationalError, sqlite3.ProgrammingError):
                # another process may hold it, or nothing may be written
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            remedy = next((text for code, text in _REMEDIES.items() if name.startswith(code)), "")
            raise LedgerError(f"{self._path}: {remedy or 'SQLite refused'} ({error})") from error
        except OSError as error:
            raise LedgerError(f"{self._path}: {error.strerror or error}") from error

    def _prepare(self, *, writing: bool) -> None:
        connection = self._connection
        application = _pragma(connection, "application_id")
        if application == 0 and not writing and _is_empty(connection):
            # whoever made it was killed before anything was in it
            connection.close()
            connection = self._connection = _connected(":memory:")
            connection.executescript(_CREATE)
            return
        if application == 0 and writing:
            connection.execute("PRAGMA journal_mode = WAL")
            try:
                connection.executescript(_CREATE)
            except sqlite3.OperationalError:
                # two processes may come first at once: the other has made it
                if not connection.in_transaction:
                    raise
                connection.execute("ROLLBACK")
            application = _pragma(connection, "application_id")
        if application != APPLICATION:
            raise LedgerError(f"{self._path}: {_REMEDIES['SQLITE_NOTADB']}")
        if _pragma(connection, "user_version") > VERSION:
            raise LedgerError(f"{self._path}: kept by a newer version of tutti; use that one")
        if writing:
            connection.execute("PRAGMA journal_mode = WAL")
            # after a power cut the last calls may be missing, and are asked again
            connection.execute("PRAGMA synchronous = NORMAL")


def _connected(where: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        where, isolation_level=None, timeout=_PATIENCE_S, check_same_thread=False, uri=uri
    )


def _opened_to_read(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise ConfigError(
            f"{path}: no records of language models; record some with --llm record, or name the "
            "file with --llm-records"
        )
    where = f"{path.absolute().as_uri()}?mode=ro"
    connection = _connected(where, uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # in a folder that can't be written to there is no room for a log; nobody writes there
        connection.close()
        connection = _connected(f"{where}&immutable=1", uri=True)
    return connection


def _is_empty(connection: sqlite3.Connection) -> bool:
    (count,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(count == 0)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _outcome(row: tuple[str, str, int, str, int, int, str, int, float]) -> Outcome:
    kind, text, latency, model, given, made, cost, is_priced, retry_after_s = row
    return Outcome(
        kind=kind,
        text=text,
        latency=latency,
        model=model,
        input_tokens=given,
        output_tokens=made,
        cost_usd=Decimal(cost),
        is_priced=bool(is_priced),
        retry_after_s=retry_after_s,
    )
