"""The hash of a segment is that of its content, whatever the file looks like."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.ledger.kinds import Segment
from tutti.ledger.records import decode
from tutti.ledger.segments import content_hash, describe, load
from tutti.model.errors import LedgerError

if TYPE_CHECKING:
    from tests.unit.ledger.conftest import Scribe

    from tutti.adapters.stores.sqlite_ledger import SqliteLedger
    from tutti.ledger.store import AnyArray

_TS = np.array([10, 20, 30], np.int64)


def _arrays(**changes: AnyArray) -> dict[str, AnyArray]:
    arrays: dict[str, AnyArray] = {
        "ts": _TS,
        "bias": np.arange(12.0).reshape(3, 2, 2),
        "regime": np.array([[0], [1], [-1]], np.int8),
        "active": np.array([True, False, True]),
    }
    return {**arrays, **changes}


def test_description_says_what_the_arrays_are() -> None:
    segment = describe("x.parquet", _arrays())
    assert (segment.file, segment.first_ts, segment.last_ts, segment.count) == (
        "x.parquet",
        10,
        30,
        3,
    )
    assert [(c.name, c.dtype, c.shape) for c in segment.columns] == [
        ("active", "bool", (3,)),
        ("bias", "float64", (3, 2, 2)),
        ("regime", "int8", (3, 1)),
        ("ts", "int64", (3,)),
    ]
    assert segment.content == content_hash(_arrays())


def test_content_hash_does_not_depend_on_the_order_of_the_names() -> None:
    arrays = _arrays()
    assert content_hash(dict(reversed(arrays.items()))) == content_hash(arrays)


def test_content_hash_does_not_depend_on_how_the_memory_is_laid_out() -> None:
    bias = np.arange(12.0).reshape(3, 2, 2)
    strided = np.arange(24.0).reshape(3, 2, 4)[:, :, ::2] / 2
    assert content_hash({"a": np.asfortranarray(bias)}) == content_hash({"a": bias})
    assert content_hash({"a": strided}) == content_hash({"a": bias})
    assert content_hash({"a": bias.astype(">f8")}) == content_hash({"a": bias})


@pytest.mark.parametrize(
    "other",
    [
        {"bias": np.arange(12.0).reshape(3, 4)},
        {"bias": np.arange(12).reshape(3, 2, 2)},
        {"bias": -np.arange(12.0).reshape(3, 2, 2)},
        {"more": np.zeros(3)},
    ],
    ids=["shape", "type", "values", "names"],
)
def test_content_hash_changes_with(other: dict[str, Any]) -> None:
    assert content_hash(_arrays(**other)) != content_hash(_arrays())


@pytest.mark.parametrize(
    "ts",
    [
        np.array([], np.int64),
        np.array([1.0, 2.0, 3.0]),
        np.array([[1], [2], [3]], np.int64),
        np.array([1, 3, 3], np.int64),
        np.array([3, 2, 1], np.int64),
    ],
    ids=["empty", "floats", "two axes", "repeated", "falling"],
)
def test_time_axis_that_does_not_rise_is_refused(ts: AnyArray) -> None:
    with pytest.raises(ValueError, match="ts must be rising int64"):
        describe("x", {"ts": ts})


@pytest.mark.parametrize("array", [np.zeros(()), np.zeros(2), np.zeros((4, 3))])
def test_array_of_another_length_is_refused(array: AnyArray) -> None:
    with pytest.raises(ValueError, match="bias has shape"):
        describe("x", _arrays(bias=array))


@pytest.mark.parametrize("dtype", ["float16", "complex128", "U3", "object", "datetime64[ns]"])
def test_array_of_a_type_that_files_change_is_refused(dtype: str) -> None:
    with pytest.raises(ValueError, match="bias is"):
        describe("x", _arrays(bias=np.zeros(3, dtype)))


def _segment(scribe: Scribe, store: SqliteLedger) -> Segment:
    scribe.segment()
    scribe.journal.commit()
    return decode(next(store.rows(kinds=("segment",))), Segment)


def test_segment_read_back_has_the_shapes_and_values_it_was_given(
    scribe: Scribe, store: SqliteLedger
) -> None:
    arrays = load(store, _segment(scribe, store))
    assert arrays["bias"].shape == (4, 1, 2)
    np.testing.assert_array_equal(arrays["bias"].ravel(), np.linspace(-1, 1, 8))
    assert arrays["regime"].dtype == np.int8
    np.testing.assert_array_equal(arrays["ts"], scribe.ts + np.arange(4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": ()}, "other columns"),
        ({"content": "00"}, "other values"),
    ],
)
def test_segment_that_differs_from_the_chain_is_refused(
    scribe: Scribe, store: SqliteLedger, change: dict[str, Any], message: str
) -> None:
    segment = dataclasses.replace(_segment(scribe, store), **change)
    with pytest.raises(LedgerError, match=message):
        load(store, segment)


def test_segment_of_other_shapes_is_refused(scribe: Scribe, store: SqliteLedger) -> None:
    segment = _segment(scribe, store)
    columns = tuple(dataclasses.replace(c, shape=(*c.shape, 7)) for c in segment.columns)
    with pytest.raises(LedgerError, match="arrays of other shapes"):
        load(store, dataclasses.replace(segment, columns=columns))
