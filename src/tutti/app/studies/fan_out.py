"""The same work on many parts: in this process, in several, or on a cluster."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any, TypeVar

from tutti.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_Part = TypeVar("_Part")
_Found = TypeVar("_Found")

_PATIENCE_S = 5
"""For a scheduler to answer."""


def fan_out(
    work: Callable[[_Part], _Found],
    parts: Sequence[_Part],
    *,
    workers: int = 0,
    cluster: str = "",
) -> Iterator[_Found]:
    """Yield what ``work`` makes of each part, as they are done, in any order.

    Parameters
    ----------
    work : callable
        A function of a module, so that other processes find it.
    parts : sequence
        Values that can be pickled.
    workers : int
        Processes on this machine; 1 works in this one, 0 uses as many as there are cores.
    cluster : str
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, that is used instead.

    Raises
    ------
    ConfigError
        If the cluster can't be reached, or what it takes is not installed.
    """
    if cluster:
        yield from _on_cluster(work, parts, cluster)
        return
    count = min(workers or len(os.sched_getaffinity(0)), len(parts))
    if count <= 1:
        yield from map(work, parts)
        return
    # not above: it starts slowly, and one process does without
    from joblib import Parallel, delayed

    # large arrays of a part are shared through the file system, once each
    pool = Parallel(n_jobs=count, return_as="generator_unordered", max_nbytes="1M")
    yield from pool(delayed(work)(part) for part in parts)


def _on_cluster(
    work: Callable[[_Part], _Found], parts: Sequence[_Part], address: str
) -> Iterator[_Found]:
    try:
        dask: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise ConfigError(
            "--cluster takes Dask, which is not installed; pip install 'tutti[cluster]'"
        ) from error
    try:
        client = dask.Client(address, timeout=_PATIENCE_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise ConfigError(
            f"--cluster {address}: no Dask scheduler answers there; start one with `dask scheduler`"
        ) from error
    with client:
        for future in dask.as_completed([client.submit(work, part, pure=False) for part in parts]):
            yield future.result()


def cut(count: int, workers: int, most: int) -> list[range]:
    """Return ``range(count)`` in pieces: several for each worker, none longer than ``most``."""
    cores = workers or len(os.sched_getaffinity(0))
    size = max(1, min(most, -(-count // (4 * cores))))
    return [range(start, min(start + size, count)) for start in range(0, count, size)]
