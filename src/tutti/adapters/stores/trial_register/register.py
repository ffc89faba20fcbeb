"""The register itself: what is recorded, and what can be asked of it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tutti.adapters.stores.trial_register.database import (
    append,
    connected,
    fault,
    newest,
    rows,
)
from tutti.ledger.trials import (
    Dataset,
    Opening,
    RecordedTrial,
    Seal,
    Standing,
    Trial,
    refuse_second_opening,
)
from tutti.model.errors import ConfigError, LedgerError
from tutti.stats.selection import follow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tutti.kernel.clock import Clock
    from tutti.model.market import FloatArray

# Two spans are the same data where they share at least half of the shorter one.
_OF_SPAN = """
dataset IN (SELECT dataset FROM member WHERE name IN (SELECT value FROM json_each(:names)))
AND 2 * (min("end", :end) - max(start, :start)) >= min("end" - start, :end - :start)
"""


class SqliteTrialRegister:
    """Register of trials in a file, made when first written to.

    Parameters
    ----------
    path : Path
    clock : Clock
        Tells when something was recorded.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    @property
    def where(self) -> str:
        """Path of the file."""
        return str(self._path)

    def ready(self) -> None:
        """Raise LedgerError if it can't be written to: asked before a run, not after it."""
        place = self._path.parent
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise LedgerError(f"{self._path}: can't be written to; name another --register")

    def record(self, trials: Sequence[Trial]) -> None:
        """Append the trials, all or none; they are on the disk when it returns.

        Raises
        ------
        LedgerError
            If the register can't be written.
        """
        with connected(self._path, writing=True) as connection:
            for _, alike in groupby(trials, key=_stretch):
                _record_alike(connection, list(alike), self._clock.now())

    def standing(self, dataset: Dataset, start: int, end: int) -> Standing:
        """Return what was tried on any of these data over at least half of the shorter span."""
        if not self._path.exists():
            return Standing(n_trials=0, n_leaders=0, likeness=(), sharpes=())
        with connected(self._path, writing=False) as connection:
            values = _matching(dataset, start, end)
            # the same result again is the same trial
            found = connection.execute(
                "SELECT sharpe, alike IS NULL, alike = seq, likeness, min(seq) "  # noqa: S608
                f"FROM trial WHERE {_OF_SPAN} GROUP BY series ORDER BY min(seq)",
                values,
            ).fetchall()
        traded = [row for row in found if not row[1]]
        return Standing(
            n_trials=len(found),
            n_leaders=sum(leads for _, _, leads, *_ in traded),
            likeness=tuple(likeness for _, _, leads, likeness, _ in traded if not leads),
            sharpes=tuple(sharpe for sharpe, *_ in found if sharpe is not None),
        )

    def trials(self, *, newest_first: bool = False) -> Iterator[RecordedTrial]:
        """Yield all trials."""
        if not self._path.exists():
            return
        with connected(self._path, writing=False) as connection:
            datasets = _datasets(connection)
            for seq, ts, body, alike, key in connection.execute(
                "SELECT seq, ts, body, alike, dataset FROM journal JOIN trial USING (seq) "  # noqa: S608
                f"ORDER BY seq {'DESC' if newest_first else 'ASC'}"
            ):
                values = msgspec.json.decode(body)
                for name in ("dataset", "series", "first_day"):
                    del values[name]
                yield RecordedTrial(
                    seq=seq, ts=ts, like=alike, instruments=datasets[key].instruments, **values
                )

    def seals(self) -> list[Seal]:
        """Return all seals, oldest first."""
        if not self._path.exists():
            return []
        with connected(self._path, writing=False) as connection:
            return _seals(connection)

    def openings(self) -> list[Opening]:
        """Return all openings, oldest first, with the runs that used them."""
        if not self._path.exists():
            return []
        with connected(self._path, writing=False) as connection:
            return _openings(connection)

    def seal(self, seal: Seal) -> None:
        """Keep a seal.

        Raises
        ------
        ConfigError
            If there is one of that name.
        """
        with connected(self._path, writing=True) as connection:
            if any(row.ref == seal.name for row in rows(connection, "seal")):
                raise ConfigError(f"there is a seal called {seal.name!r} already; name another")
            append(connection, self._clock.now(), "seal", seal.name, asdict(seal))

    def open(self, opening: Opening) -> None:
        """Keep an opening.

        Raises
        ------
        GateClosed
            If the seal is not there, or was opened for that candidate before.
        """
        with connected(self._path, writing=True) as connection:
            refuse_second_opening(_seals(connection), _openings(connection), opening)
            body = asdict(opening)
            del body["run_id"]
            append(connection, self._clock.now(), "opening", opening.seal, body)

    def head(self) -> tuple[int, str]:
        """Return number and hash of the newest row; 0 and nothing as long as there is none.

        The chain shows what is missing between rows, and not what was cut off behind the last one:
        for that, somebody has to have kept the hash.
        """
        if not self._path.exists():
            return 0, ""
        with connected(self._path, writing=False) as connection:
            seq, digest = newest(connection)
            return seq, digest.hex()

    def fault(self) -> str:
        """Return what is wrong with the register, in words; empty when nothing is."""
        if not self._path.exists():
            return ""
        with connected(self._path, writing=False) as connection:
            return fault(connection) or _lost(connection)


def _stretch(trial: Trial) -> tuple[Dataset, int, int, int, int]:
    return trial.dataset, trial.start, trial.end, trial.first_day, len(trial.daily)


def _record_alike(connection: sqlite3.Connection, trials: Sequence[Trial], ts: int) -> None:
    # of one stretch of data, as a sweep has them: compared with each other all at once
    known, leaders = _leaders(connection, trials[0])
    found = follow([each.daily for each in trials], leaders)
    for trial, index, likeness in zip(trials, *(each.tolist() for each in found), strict=True):
        known.append(_record(connection, trial, ts, (index, likeness, known)))


def _record(
    connection: sqlite3.Connection,
    trial: Trial,
    ts: int,
    followed: tuple[int, float, Sequence[int]],
) -> int:
    dataset = msgspec.json.encode(trial.dataset)
    dataset_key = hashlib.sha256(dataset).hexdigest()
    daily = np.asarray(trial.daily, dtype="<f4").tobytes()
    series_key = _series_key(trial.first_day, daily)
    sharpe = trial.sharpe if np.isfinite(trial.sharpe) else None
    body = {
        "run_id": trial.run_id,
        "kind": trial.kind,
        "configuration": trial.configuration,
        "strategy": trial.strategy,
        "dataset": dataset_key,
        "start": trial.start,
        "end": trial.end,
        "sharpe": sharpe,
        "n_returns": trial.n_returns,
        "periods_per_year": trial.periods_per_year,
        "total_return": trial.total_return,
        "max_drawdown": trial.max_drawdown,
        "series": series_key,
        "first_day": trial.first_day,
    }
    seq = append(connection, ts, "trial", trial.run_id, body)
    index, likeness, known = followed
    # one that never traded resembles nothing, and can't be what luck picks either
    alike = None if index < 0 else known[index] if index < len(known) else seq
    made = connection.execute(
        "INSERT OR IGNORE INTO dataset VALUES (?, ?)", (dataset_key, dataset.decode())
    )
    if made.rowcount:
        members = [(name, dataset_key) for name in _members(trial.dataset)]
        connection.executemany("INSERT OR IGNORE INTO member VALUES (?, ?)", members)
    connection.execute(
        "INSERT OR IGNORE INTO series VALUES (?, ?, ?)", (series_key, trial.first_day, daily)
    )
    connection.execute(
        "INSERT INTO trial VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            seq, alike, likeness, trial.run_id, trial.configuration, dataset_key,
            trial.start, trial.end, series_key, sharpe,
        ),
    )  # fmt: skip
    return seq


def _series_key(first_day: int, daily: bytes) -> str:
    return hashlib.sha256(f"{first_day} ".encode() + daily).hexdigest()


def _leaders(connection: sqlite3.Connection, trial: Trial) -> tuple[list[int], FloatArray]:
    found = connection.execute(
        "SELECT trial.seq, first_day, daily FROM trial JOIN series ON series = series.key "  # noqa: S608
        f"WHERE seq = alike AND {_OF_SPAN} ORDER BY trial.seq",
        _matching(trial.dataset, trial.start, trial.end),
    ).fetchall()
    leaders = np.full((len(found), len(trial.daily)), np.nan, dtype=np.float64)
    for row, (_, first_day, daily) in zip(leaders, found, strict=True):
        _place(row, first_day - trial.first_day, np.frombuffer(daily, dtype="<f4"))
    return [seq for seq, *_ in found], leaders


def _place(row: FloatArray, offset: int, values: FloatArray) -> None:
    begin, end = max(offset, 0), min(offset + len(values), len(row))
    if begin < end:
        row[begin:end] = values[begin - offset : end - offset]


def _matching(dataset: Dataset, start: int, end: int) -> dict[str, Any]:
    names = msgspec.json.encode(_members(dataset)).decode()
    return {"names": names, "start": start, "end": end}


def _members(dataset: Dataset) -> list[str]:
    return [*dataset.instruments, *dataset.files]


def _datasets(connection: sqlite3.Connection) -> dict[str, Dataset]:
    return {
        key: msgspec.json.decode(body, type=Dataset)
        for key, body in connection.execute("SELECT key, body FROM dataset")
    }


def _seals(connection: sqlite3.Connection) -> list[Seal]:
    return [msgspec.json.decode(row.body, type=Seal) for row in rows(connection, "seal")]


def _openings(connection: sqlite3.Connection) -> list[Opening]:
    seals = {seal.name: seal for seal in _seals(connection)}
    datasets = _datasets(connection)
    openings = []
    for row in rows(connection, "opening"):
        opening = msgspec.json.decode(row.body, type=Opening)
        used = connection.execute(
            'SELECT run_id, dataset, start, "end" FROM trial '
            "WHERE configuration = ? AND seq > ? ORDER BY seq",
            (opening.configuration, row.seq),
        )
        run_id = next(
            (
                run_id
                for run_id, key, start, end in used
                if seals[opening.seal].covers(datasets[key], start, end)
            ),
            "",
        )
        openings.append(replace(opening, run_id=run_id))
    return openings


def _lost(connection: sqlite3.Connection) -> str:
    # what the chained rows name by its hash has to be there, unchanged
    kept = dict(connection.execute("SELECT key, body FROM dataset"))
    trials = {row.seq: msgspec.json.decode(row.body) for row in rows(connection, "trial")}
    listed = {
        seq: rest
        for seq, *rest in connection.execute(
            'SELECT seq, run_id, configuration, dataset, start, "end", series, sharpe FROM trial'
        )
    }
    names = ("run_id", "configuration", "dataset", "start", "end", "series", "sharpe")
    for seq, body in trials.items():
        if listed.get(seq) != [body[name] for name in names]:
            return f"row {seq} isn't listed as it was recorded"
        if hashlib.sha256(kept.get(body["dataset"], "").encode()).hexdigest() != body["dataset"]:
            return f"the data set of row {seq} is missing or was changed"
    if len(listed) != len(trials):
        return "trials are listed that were never recorded"
    held = {(name, key) for key, each in _datasets(connection).items() for name in _members(each)}
    if held != set(connection.execute("SELECT name, dataset FROM member")):
        return "what the data sets hold isn't listed as it was recorded"
    series = set()
    for key, first_day, daily in connection.execute("SELECT key, first_day, daily FROM series"):
        if _series_key(first_day, daily) != key:
            return "the returns of a trial were changed"
        series.add(key)
    gone = [seq for seq, body in trials.items() if body["series"] not in series]
    return f"the returns of row {gone[0]} are missing" if gone else ""
