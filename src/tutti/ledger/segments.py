"""Blocks of arrays beside the journal, tied to it by the hash of their content."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from tutti.ledger.kinds import Column, Segment
from tutti.model.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tutti.ledger.store import AnyArray, LedgerReader

TIME: Final = "ts"
"""Name of a segment's time axis: int64, ns UTC, rising."""

_DTYPES = frozenset({"float64", "float32", "int64", "int32", "int16", "int8", "uint8", "bool"})


def describe(file: str, arrays: Mapping[str, AnyArray]) -> Segment:
    """Return what goes on the chain for these arrays, the time axis `TIME` among them.

    Raises
    ------
    ValueError
        If the time axis doesn't rise, an array has another length, or a type that files can't
        carry unchanged.
    """
    ts = arrays[TIME]
    if ts.ndim != 1 or ts.dtype != np.int64 or len(ts) == 0 or not (np.diff(ts) > 0).all():
        raise ValueError(f"{file}: a segment's ts must be rising int64 of shape (t,), t > 0")
    for name, array in arrays.items():
        if array.ndim == 0 or len(array) != len(ts):
            raise ValueError(f"{file}: {name} has shape {array.shape}, not ({len(ts)}, ...)")
        if array.dtype.name not in _DTYPES:
            raise ValueError(f"{file}: {name} is {array.dtype}, not one of {sorted(_DTYPES)}")
    return Segment(
        file=file,
        first_ts=int(ts[0]),
        last_ts=int(ts[-1]),
        count=len(ts),
        content=content_hash(arrays),
        columns=tuple(
            Column(name=name, dtype=arrays[name].dtype.name, shape=arrays[name].shape)
            for name in sorted(arrays)
        ),
    )


def content_hash(arrays: Mapping[str, AnyArray]) -> str:
    """Return SHA-256 over name, type, shape and bytes of the arrays, in the order of their names.

    It doesn't depend on how a file packs them, so the same run gives the same ledger with any
    version of the Parquet library. Bytes are little-endian, C order.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{len(name)} {name} {array.dtype.name} {array.shape}\n".encode())
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(plain.data)
    return digest.hexdigest()


def load(reader: LedgerReader, segment: Segment) -> dict[str, AnyArray]:
    """Return the arrays of a segment, in the shapes that they were given in.

    Raises
    ------
    LedgerError
        If the file is missing or its content isn't what the chain says.
    """
    stored = reader.read_segment(segment.file)
    expected = {column.name: column for column in segment.columns}
    if stored.keys() != expected.keys():
        raise LedgerError(f"segment {segment.file} holds other columns than the ledger says")
    try:
        arrays = {name: array.reshape(expected[name].shape) for name, array in stored.items()}
    except ValueError as e:
        raise LedgerError(f"segment {segment.file} holds arrays of other shapes: {e}") from e
    if content_hash(arrays) != segment.content:
        raise LedgerError(f"segment {segment.file} holds other values than the ledger says")
    return arrays
