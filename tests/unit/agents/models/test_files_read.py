"""Files that a model reads while it predicts are held against it; its own weights are not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tutti.agents.models.files_read import FilesRead


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.json").write_text("1")
    (tmp_path / "next.csv").write_text("2")
    return folder


def test_weights_are_read_when_a_model_is_made_or_first_asked(own: Path) -> None:
    files = FilesRead(own)
    with files.making():
        (own / "weights.json").read_text()
    with files.predicting(is_first=True):
        (own / "weights.json").read_text()
    assert files.held == []
    with files.predicting(is_first=False):
        (own / "weights.json").read_text()
        (own / "weights.json").read_text()
    assert files.held == [str(own / "weights.json")]


def test_table_from_elsewhere_is_held_whenever_it_is_read(own: Path) -> None:
    files = FilesRead(own)
    with files.making():
        (own.parent / "next.csv").read_text()
    assert files.held == [str(own.parent / "next.csv")]


def test_cache_of_a_library_may_be_read_at_first(own: Path) -> None:
    cache = own.parent / "fontlist.json"
    cache.write_text("{}")
    files = FilesRead(own)
    with files.making():
        cache.read_text()
    with files.predicting(is_first=True):
        cache.read_text()
    assert files.held == []
    with files.predicting(is_first=False):
        cache.read_text()
    assert files.held == [str(cache)]


def test_what_is_written_or_belongs_to_the_system_is_not(own: Path) -> None:
    files = FilesRead(None)
    with files.predicting(is_first=False):
        (own / "log.txt").write_text("1")
        Path("/proc/self/stat").read_bytes()
        Path(np.__file__).read_text()
        packages = Path(np.__file__).parents[1]
        next(packages.glob("*.dist-info/entry_points.txt")).read_text()
    assert files.held == []
    (own.parent / "next.csv").read_text()
    assert files.held == []


def test_path_in_bytes_is_read_too(own: Path) -> None:
    files = FilesRead(own)
    with files.predicting(is_first=False):
        os.close(os.open(str(own.parent / "next.csv").encode(), os.O_RDONLY))
    assert files.held == [str(own.parent / "next.csv")]
