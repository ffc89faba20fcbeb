"""Memory in a file: the same after it is opened again, and one clear error for what is none."""

from __future__ import annotations

import math
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tutti.adapters.stores.memory import SqliteMemory
from tutti.kernel.clock import DAY
from tutti.model.errors import ConfigError, DataError
from tutti.model.instrument import InstrumentId
from tutti.model.market import Situation

if TYPE_CHECKING:
    from pathlib import Path

_BTC = InstrumentId("BTC-USDT", "SIM")
_LATE = 10**6 * DAY


def _situation(day: int, outcome: float = 0.01, **features: float) -> Situation:
    return Situation(
        instrument=_BTC,
        as_of=day * DAY,
        features=features,
        bias=None if day % 2 else 0.25,
        confidence=None if day % 2 else 0.5,
        decision="entry",
        outcome=outcome,
        known_at=(day + 1) * DAY,
    )


def test_memory_opened_again_tells_the_same(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "memory.sqlite"
    memory = SqliteMemory(path)
    assert memory.nearest(_BTC, {"x": 1.0}, _LATE, 3) == ()
    memory.remember_all([_situation(day, x=float(day), y=1.0 / 3.0) for day in range(5)])
    memory.remember(_situation(7, x=2.2, z=math.pi))
    again = SqliteMemory(path)
    assert len(again) == len(memory) == 6
    asked = {"x": 2.1, "z": 3.0}
    assert again.likenesses(_BTC, asked, _LATE, 6) == memory.likenesses(_BTC, asked, _LATE, 6)
    assert again.past.situations(_BTC, _LATE)[-1] == _situation(7, x=2.2, z=math.pi)


def test_memory_keeps_features_that_are_not_known(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    SqliteMemory(path).remember(_situation(1, x=math.nan, y=2.0))
    (kept,) = SqliteMemory(path).past.situations(_BTC, _LATE)
    assert math.isnan(kept.features["x"])


def test_memory_of_the_same_instant_again_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    memory = SqliteMemory(path)
    memory.remember(_situation(1, x=1.0))
    memory.remember(_situation(1, outcome=-0.5, x=1.0))
    assert [each.outcome for each in SqliteMemory(path).past.situations(_BTC, _LATE)] == [-0.5]


def test_memory_that_is_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(DataError, match=r"memory\.sqlite"):
        SqliteMemory(path)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(ConfigError, match="no memory of situations"):
        SqliteMemory(other)


def test_memory_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    SqliteMemory(path).remember(_situation(1, x=1.0))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigError, match="newer version"):
        SqliteMemory(path)


def test_memory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "memory.sqlite"
    folder.mkdir()
    with pytest.raises(ConfigError, match="can't be used"):
        SqliteMemory(folder).remember(_situation(1, x=1.0))
