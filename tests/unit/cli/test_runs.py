"""Which run a command means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tutti.cli.options import instant
from tutti.cli.runs import run_folder, usable
from tutti.model.errors import ConfigError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(folder: Path, *, age: float = 0.0) -> Path:
    folder.mkdir(parents=True)
    (folder / "ledger.sqlite").write_bytes(b"")
    os.utime(folder / "ledger.sqlite", (1e9 - age, 1e9 - age))
    return folder


def test_run_not_named_is_the_newest(here: Path) -> None:
    made(here / "runs" / "a", age=5)
    made(here / "runs" / "b", age=1)
    made(here / "runs" / "c", age=9)
    assert run_folder(None) == Path("runs/b")


def test_run_not_named_where_there_is_none_says_how_to_make_one(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"no run under runs/ here; .* tutti backtest"):
        run_folder(None)


@pytest.mark.parametrize("name", ["mine", "mine/ledger.sqlite"])
def test_run_is_named_by_its_folder_or_its_ledger(here: Path, name: str) -> None:
    made(here / "mine")
    assert run_folder(Path(name)) == Path("mine")


def test_run_that_is_none_says_what_is_missing(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere: no run here \(run.json is missing\)"):
        run_folder(Path("nowhere"), holding="run.json")


def test_folder_to_write_to_may_have_to_be_made(here: Path) -> None:
    assert usable(Path("a/b/c")) == Path("a/b/c")
    assert not (here / "a").exists()


def test_folder_to_write_to_that_is_a_file_is_refused(here: Path) -> None:
    (here / "file").write_text("")
    with pytest.raises(ConfigError, match="file: a file, not a folder; choose another --out"):
        usable(Path("file/below"))


def test_folder_that_may_not_be_written_to_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # root may write anywhere, so the answer of the system is what is replaced
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ConfigError, match="may not be written to; choose another --out"):
        usable(here)


@pytest.mark.parametrize(
    ("text", "ts"),
    [
        (None, None),
        ("1970-01-02", 86_400_000_000_000),
        ("1970-01-01T01:00", 3_600_000_000_000),
        ("1970-01-01T01:00+01:00", 0),
    ],
)
def test_instant_is_read_as_utc(text: str | None, ts: int | None) -> None:
    assert instant(text, "--start") == ts


def test_instant_that_is_none_names_its_option() -> None:
    with pytest.raises(ConfigError, match="--start must be a date or time, was 'noon'; write"):
        instant("noon", "--start")


def test_run_without_results_is_told_from_no_run(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_text("")
    with pytest.raises(ConfigError, match=r"no finished backtest here .*tutti status, why, ledger"):
        run_folder(tmp_path, holding="run.json")
