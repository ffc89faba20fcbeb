"""Memory that outlasts the process: situations in one SQLite file, searched in memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tutti.agents.memory.past import Likeness, PastSituations
from tutti.agents.memory.port import Memory
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId
from tutti.model.market import Situation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_APPLICATION = 0x5475746D  # "Tutm"
_VERSION = 1
_PATIENCE_S = 30.0
_CREATE = f"""BEGIN;
CREATE TABLE names (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);
CREATE TABLE situation (
    instrument TEXT NOT NULL,
    as_of INTEGER NOT NULL,
    known_at INTEGER NOT NULL,
    bias REAL,
    confidence REAL,
    decision TEXT NOT NULL,
    outcome REAL NOT NULL,
    names INTEGER NOT NULL REFERENCES names (id),
    features BLOB NOT NULL,
    PRIMARY KEY (instrument, as_of)
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""
_INSERT = "INSERT OR REPLACE INTO situation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT = """
SELECT instrument, as_of, known_at, bias, confidence, decision, outcome, names.names, features
FROM situation JOIN names ON names.id = situation.names
"""


class SqliteMemory(Memory):
    """Memory in a file, made when first written to; all of it is read when it is opened.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ConfigError
        If the file is something else, or can't be used.
    DataError
        If it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._past = PastSituations(self._read() if path.is_file() else ())

    def __len__(self) -> int:
        return len(self._past)

    @property
    def past(self) -> PastSituations:
        """The situations, to be searched with distances."""
        return self._past

    def nearest(
        self, instrument: InstrumentId, features: Mapping[str, float], as_of: int, k: int
    ) -> tuple[Situation, ...]:
        """Return the past situations most like the present; see the port."""
        return self._past.nearest(instrument, features, as_of, k)

    def likenesses(
        self, instrument: InstrumentId, features: Mapping[str, float], as_of: int, k: int
    ) -> tuple[Likeness, ...]:
        """Return what `nearest` does, each with its distance."""
        return self._past.likenesses(instrument, features, as_of, k)

    def remember(self, situation: Situation) -> None:
        """Keep a situation; it is in the file when it returns."""
        self.remember_all([situation])

    def remember_all(self, situations: Iterable[Situation]) -> None:
        """Keep many, all or none.

        Raises
        ------
        ConfigError, DataError
            If the file can't be written to.
        """
        kept = list(situations)
        with self._file() as connection, connection:
            ids: dict[tuple[str, ...], int] = {}
            connection.executemany(_INSERT, [_row(connection, each, ids) for each in kept])
        self._past.remember_all(kept)

    def _read(self) -> Iterator[Situation]:
        with self._file() as connection:
            names: dict[str, list[str]] = {}
            for row in connection.execute(_SELECT):
                if row[7] not in names:
                    names[row[7]] = msgspec.json.decode(row[7], type=list[str])
                values = np.frombuffer(row[8], np.float64).tolist()
                yield Situation(
                    instrument=InstrumentId.parse(row[0]),
                    as_of=row[1],
                    known_at=row[2],
                    bias=row[3],
                    confidence=row[4],
                    decision=row[5],
                    outcome=row[6],
                    features=dict(zip(names[row[7]], values, strict=True)),
                )

    def _file(self) -> _Connected:
        return _Connected(self._path)


class _Connected:
    # an open file, whose errors are told in our words

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=_PATIENCE_S)
            self._prepare(self._connection)
        except (sqlite3.Error, OSError) as error:
            self._close()
            raise self._told(error) from error
        except ConfigError:
            self._close()
            raise
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._close()
        if isinstance(error, sqlite3.Error):
            raise self._told(error) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application == 0 and objects == 0:
            connection.executescript(_CREATE)
        elif application != _APPLICATION:
            raise ConfigError(f"{self._path}: it is no memory of situations; name another file")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise ConfigError(f"{self._path}: a newer version of tutti keeps it; use that one")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    def _told(self, error: Exception) -> ConfigError | DataError:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            return DataError(f"{self._path}: it is no memory of situations, or damaged ({error})")
        return ConfigError(f"{self._path}: it can't be used as a memory ({error})")

    def _close(self) -> None:
        if self._connection is not None:
            with closing(self._connection):
                self._connection = None


def _row(
    connection: sqlite3.Connection, situation: Situation, ids: dict[tuple[str, ...], int]
) -> tuple[object, ...]:
    names = tuple(situation.features)
    if names not in ids:
        text = msgspec.json.encode(names).decode()
        connection.execute("INSERT OR IGNORE INTO names (names) VALUES (?)", (text,))
        (ids[names],) = connection.execute(
            "SELECT id FROM names WHERE names = ?", (text,)
        ).fetchone()
    return (
        str(situation.instrument),
        situation.as_of,
        situation.known_at,
        situation.bias,
        situation.confidence,
        situation.decision,
        situation.outcome,
        ids[names],
        np.array(list(situation.features.values()), np.float64).tobytes(),
    )
