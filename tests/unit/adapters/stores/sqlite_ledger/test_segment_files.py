"""Arrays come back from a file bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tutti.adapters.stores.sqlite_ledger.segment_files import (
    file_hash,
    read_arrays,
    sync,
    write_arrays,
)
from tutti.model.errors import LedgerError

if TYPE_CHECKING:
    from pathlib import Path

    from tutti.ledger.store import AnyArray

_ODD = np.array([0.0, -0.0, 1.5, np.inf, -np.inf, np.nan, -np.nan, 5e-324, 1.7976931348623157e308])
_NAN_WITH_PAYLOAD = np.array([0x7FF8000000000123], np.uint64).view(np.float64)


def _draw(shape: tuple[int, ...], values: AnyArray) -> AnyArray:
    random = np.random.default_rng(5)
    drawn: AnyArray = values[random.integers(0, len(values), shape)]
    return drawn


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("n_ticks", [1, 5000])
@pytest.mark.parametrize(
    "values",
    [
        np.concatenate([_ODD, _NAN_WITH_PAYLOAD]),
        np.array([0, -0.0, np.nan, np.inf], np.float32),
        np.array([-(2**63), 2**63 - 1, 0], np.int64),
        np.array([-(2**31), 2**31 - 1], np.int32),
        np.array([-(2**15), 2**15 - 1], np.int16),
        np.array([-128, 127], np.int8),
        np.array([0, 255], np.uint8),
        np.array([True, False]),
    ],
    ids=lambda values: values.dtype.name,
)
def test_arrays_read_back_are_those_written_bit_for_bit(
    tmp_path: Path, values: AnyArray, n_ticks: int, durable: bool
) -> None:
    path = tmp_path / "x.parquet"
    flat, deep = _draw((n_ticks,), values), _draw((n_ticks, 2, 3), values)
    size, digest = write_arrays(path, {"flat": flat, "deep": deep}, durable=durable)
    assert (path.stat().st_size, file_hash(path)) == (size, digest)
    read = read_arrays(path)
    assert (read["flat"].dtype, read["deep"].dtype) == (values.dtype, values.dtype)
    assert read["flat"].tobytes() == flat.tobytes()
    assert read["deep"].tobytes() == deep.tobytes()


def test_arrays_of_any_memory_layout_are_written_as_they_read(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    wide = np.arange(24.0).reshape(4, 6)
    given: dict[str, Any] = {
        "strided": wide[:, ::2],
        "column": wide[:, 1],
        "swapped": wide.astype(">f8"),
        "turned": np.asfortranarray(wide),
    }
    write_arrays(path, given, durable=False)
    for name, array in read_arrays(path).items():
        np.testing.assert_array_equal(array, given[name])


def test_file_that_was_finished_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_arrays(tmp_path / "x.parquet", {"a": np.zeros(2)}, durable=True)
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_same_arrays_give_the_same_file(tmp_path: Path) -> None:
    arrays = {"a": np.linspace(0, 1, 1000), "b": np.zeros((1000, 3))}
    digests = [write_arrays(tmp_path / f"{n}.parquet", arrays, durable=False)[1] for n in range(2)]
    assert digests[0] == digests[1]


def test_arrays_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="can't be written"):
        write_arrays(tmp_path / "x.parquet", {"a": np.zeros(2), "b": np.zeros(3)}, durable=False)


def test_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write_arrays(tmp_path / "gone" / "x.parquet", {"a": np.zeros(2)}, durable=False)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a segment at all" * 10])
def test_file_that_is_no_segment_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="can't be read as a segment"):
        read_arrays(path)


def test_sync_of_what_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "gone")
