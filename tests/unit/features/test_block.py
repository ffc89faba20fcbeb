from __future__ import annotations

import numpy as np
import pytest

from tutti.features import FeatureBlock


def test_block_known_name_is_a_view_of_its_plane() -> None:
    block = FeatureBlock(("a", "b"), np.arange(12.0).reshape(2, 2, 3))
    assert block["b"].tolist() == [[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]
    assert np.shares_memory(block["b"], block.values)
    assert len(block) == 2


def test_block_unknown_name_names_the_known_ones() -> None:
    block = FeatureBlock(("a", "b"), np.zeros((2, 1, 1)))
    with pytest.raises(ValueError, match=r"no feature 'c' in this block; it holds a, b"):
        block["c"]


@pytest.mark.parametrize("shape", [(1, 4, 3), (2, 4)], ids=["planes", "axes"])
def test_block_shape_that_does_not_fit_the_names_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"values must have shape \(2, t, n\)"):
        FeatureBlock(("a", "b"), np.zeros(shape))


def test_block_row_is_every_feature_of_one_instrument_at_one_tick() -> None:
    block = FeatureBlock(("a", "b"), np.arange(12.0).reshape(2, 2, 3))
    assert block.row(1, 2) == {"a": 5.0, "b": 11.0}
