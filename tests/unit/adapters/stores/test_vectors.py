"""Vectors of texts in a folder: nearest by cosine, point in time, the same when opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tutti.adapters.stores.vectors import FolderOfVectors
from tutti.agents.text.port import EmbeddedText
from tutti.model.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.agents.text.port import VectorArray

_EVER = 2**62


def _store(folder: Path) -> FolderOfVectors:
    return FolderOfVectors(folder, embedder="test", dimensions=4)


def _text(name: str, vector: VectorArray, at: int, symbol: str = "X") -> EmbeddedText:
    return EmbeddedText(id=name, symbol=symbol, known_at=at, text=f"text of {name}", vector=vector)


def _filled(folder: Path, n: int = 200) -> tuple[FolderOfVectors, VectorArray]:
    vectors = np.random.default_rng(1).normal(size=(n, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    store = _store(folder)
    texts = [
        _text(f"t{row}", vector, row, "ETH" if row % 10 else "BTC")
        for row, vector in enumerate(vectors)
    ]
    assert store.add(texts) == n
    return store, vectors


def test_nearest_are_those_of_the_largest_cosine(tmp_path: Path) -> None:
    store, vectors = _filled(tmp_path)
    found = store.nearest(vectors[7], _EVER, 5)
    expected = np.argsort(-(vectors @ vectors[7]))[:5]
    assert [each.id for each in found] == [f"t{row}" for row in expected]
    assert found[0].likeness == pytest.approx(1.0)
    assert found[0].text == "text of t7"
    assert store.nearest(vectors[7], _EVER, 0) == ()


def test_nearest_keep_to_the_symbol_and_to_what_was_known(tmp_path: Path) -> None:
    store, vectors = _filled(tmp_path)
    found = store.nearest(vectors[7], 50, 100, "BTC")
    assert {each.id for each in found} == {f"t{row}" for row in range(0, 51, 10)}
    assert all(each.known_at <= 50 and each.symbol == "BTC" for each in found)
    assert store.nearest(vectors[7], -1, 5) == ()
    assert store.nearest(vectors[7], _EVER, 5, "SOL") == ()


def test_nearest_of_equals_are_those_known_first(tmp_path: Path) -> None:
    store = _store(tmp_path)
    same = np.tile(np.array([1, 0, 0, 0], np.float32), (4, 1))
    store.add([_text(name, same[0], at) for name, at in zip("dcba", (4, 3, 2, 1), strict=True)])
    assert [each.id for each in store.nearest(same[0], _EVER, 3)] == ["a", "b", "c"]


def test_vectors_opened_again_are_the_same(tmp_path: Path) -> None:
    store, vectors = _filled(tmp_path / "deep" / "folder")
    more = [_text(name, vectors[0], 1) for name in ("t3", "new", "new")]
    assert store.add(more) == 1
    assert store.add(more[1:]) == 0
    again = _store(tmp_path / "deep" / "folder")
    assert len(again) == len(store) == 201
    assert "new" in again
    assert again.nearest(vectors[0], _EVER, 9) == store.nearest(vectors[0], _EVER, 9)


def test_vectors_of_another_embedder_are_refused(tmp_path: Path) -> None:
    _filled(tmp_path)
    with pytest.raises(ConfigError, match="are of test, not of other"):
        FolderOfVectors(tmp_path, embedder="other", dimensions=4)


def test_file_that_holds_no_vectors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match="remove it"):
        _store(tmp_path)


def test_vectors_of_the_wrong_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be of 4, were of 3"):
        _store(tmp_path).add([_text("a", np.zeros(3, np.float32), 1)])
