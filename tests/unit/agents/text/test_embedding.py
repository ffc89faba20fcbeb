"""Vectors of texts: near where they share words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutti.agents.text.embedding import DIMENSIONS, HashedEmbedder

_EMBEDDER = HashedEmbedder()


def test_vectors_of_texts_that_share_words_are_near() -> None:
    apple, china, tesla = _EMBEDDER.embed(
        ["Apple sales rise", "Apple sales rise in China", "Tesla recalls cars"]
    )
    assert apple @ china > 0.6
    assert abs(apple @ tesla) < 0.2


def test_vectors_know_the_order_of_neighbours() -> None:
    one, same, other = _EMBEDDER.embed(["dog bites man", "dog bites man", "man bites dog"])
    assert one @ same == pytest.approx(1.0)
    assert one @ other < 0.95


@given(st.lists(st.text(max_size=80), max_size=6))
def test_vectors_have_length_one_or_nothing(texts: list[str]) -> None:
    found = _EMBEDDER.embed(texts)
    assert found.shape == (len(texts), DIMENSIONS)
    assert found.dtype == np.float32
    length = np.linalg.norm(found, axis=1)
    assert all(abs(each) < 1e-6 or abs(each - 1.0) < 1e-5 for each in length)


def test_vectors_of_one_text_do_not_depend_on_the_others() -> None:
    np.testing.assert_array_equal(
        _EMBEDDER.embed(["a b c rally", "slump"])[1], _EMBEDDER.embed(["slump"])[0]
    )


def test_embedder_of_too_few_dimensions_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        HashedEmbedder(7)
    assert HashedEmbedder(8).embed(["words"]).shape == (1, 8)
    assert HashedEmbedder(8).name == "hashed-8"
