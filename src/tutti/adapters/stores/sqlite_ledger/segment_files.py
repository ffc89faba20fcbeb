"""Arrays to a Parquet file and back, bit for bit."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tutti.model.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tutti.ledger.store import AnyArray


def write_arrays(path: Path, arrays: Mapping[str, AnyArray], *, durable: bool) -> tuple[int, str]:
    """Write the arrays as columns of ``path``, all or nothing; return its size and SHA-256.

    An array of shape (t, ...) becomes a column of fixed-size lists; its shape is on the chain.

    Raises
    ------
    LedgerError
        If they can't be packed.
    OSError
        If the file can't be written.
    """
    columns = {}
    for name, array in arrays.items():
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
        columns[name] = pl.Series(name, plain if plain.ndim == 1 else plain.reshape(len(plain), -1))
    unfinished = path.with_suffix(".unfinished")
    try:
        pl.DataFrame(columns).write_parquet(
            unfinished, compression="zstd", compression_level=1, statistics=False
        )
    except pl.exceptions.PolarsError as e:
        raise LedgerError(f"{path}: can't be written ({e})") from e
    digest = file_hash(unfinished)
    size = unfinished.stat().st_size
    if durable:
        sync(unfinished)
    unfinished.replace(path)
    if durable:
        sync(path.parent)
    return size, digest


def read_arrays(path: Path) -> dict[str, AnyArray]:
    """Return the columns of ``path`` by name, of shape (t,) or (t, k).

    Raises
    ------
    LedgerError
        If it isn't a Parquet file.
    """
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as e:
        raise LedgerError(f"{path}: can't be read as a segment ({e})") from e
    return {name: frame[name].to_numpy() for name in frame.columns}


def file_hash(path: Path) -> str:
    """Return SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Return once the file, or the entries of the folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
